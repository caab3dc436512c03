/* SPDX-License-Identifier: MIT */
/*
 * moveproc.h - a transfer's process, freehold-migrate, and the line to it
 *
 * It is started with a socket to us as its descriptor 3 and the connections
 * behind it; migrate/main.c says what its first line holds, migrate/relay.h
 * which orders and events follow.  When we hang up it cancels what can still
 * be cancelled, and ends.
 *
 * It reads what another host sends, and may have been taken over: a line that
 * is none, or endless, ends it.
 */
#ifndef MOVEPROC_H
#define MOVEPROC_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct err;
struct json_object;
struct moveproc;

#define MOVEPROC_CONNECTIONS_MAX 4u

struct moveproc_fds { /* all stay the caller's */
    uint32_t nr;
    int fd[MOVEPROC_CONNECTIONS_MAX][2]; /* to read, to write */
    int listen_fd;                       /* for more of them; -1: none */
};

struct moveproc_events {
    void (*event)(void *arg, const char *name, struct json_object *o);
    /* Once: it is gone; moveproc_close() is what remains to do. */
    void (*ended)(void *arg);
    void *arg;
};

/*
 * Start program (NULL: the one that is installed) and tell it first, which
 * stays the caller's and gets "connections" and "listen".
 *
 *   -EINVAL     no connection, or too many
 *   -ENOENT ..  as posix_spawn(3), of the program
 */
int moveproc_start(const char *program, struct json_object *first,
                   const struct moveproc_fds *fds, struct moveproc **out,
                   struct err *e);

/*
 * Go on with one that another process started; fd, its end of the line, is
 * taken, also after an error.
 */
int moveproc_take(int fd, int32_t pid, struct moveproc **out, struct err *e);

/*
 * Before moveproc_watch(): the next event, the caller's to put.
 *
 *   -ETIMEDOUT  none came
 *   -EPIPE      it is gone
 */
int moveproc_wait(struct moveproc *p, int timeout_ms, struct json_object **out,
                  struct err *e);

/* From here on events come from the loop. */
int moveproc_watch(struct moveproc *p, uv_loop_t *loop,
                   const struct moveproc_events *events, struct err *e);

/* An order; takes it.  One that does not read is killed. */
void moveproc_say(struct moveproc *p, struct json_object *order);
/* One without more words. */
void moveproc_order(struct moveproc *p, const char *name);

void moveproc_kill(struct moveproc *p); /* ended() comes from the loop */

int32_t moveproc_pid(const struct moveproc *p);
int moveproc_fd(const struct moveproc *p); /* our end of the line */

/* Hang up.  NULL: no-op. */
void moveproc_close(struct moveproc *p);

#endif
