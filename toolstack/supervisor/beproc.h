/* SPDX-License-Identifier: MIT */
/*
 * beproc.h - one backend's process, and the connection to it
 *
 * How this works: the process is started with exactly the descriptors that
 * backends/blk/blk_ctl.h and backends/net/net_ctl.h name, and connected to by
 * its socket's name, as the next supervisor will.  It is known by its pidfd; a
 * process that we did not start ourselves, by number and start time, as they
 * were written down.
 *
 * A guest may have taken its backend over, so a message that is not one, or
 * too many of them, ends the process.
 *
 * Loop thread only.
 */
#ifndef BEPROC_H
#define BEPROC_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

struct beproc;
struct err;

/* "/run/freehold/NAME/vbd-DEVID": what all of a device's files begin with. */
#define BE_BASE_BYTES 96u
/* Of the largest message that any kind of backend has. */
#define BE_MESSAGE_BYTES_MAX 2048u

enum be_what { /* what a message is, whatever its kind calls it */
               BE_HELLO,
               BE_OPENED,
               BE_FAILED,
               BE_EARLY, /* one that may come before OPENED */
               BE_OTHER,
};

struct be_word { /* a message, as far as all kinds have the same */
    enum be_what what;
    const char *text; /* FAILED: why; of the message itself */
    struct {          /* HELLO */
        uint32_t pid;
        bool same; /* of our version and build */
        bool opened, connected;
        const char *build; /* of the message itself */
    } hello;
};

struct beproc_kind {
    const char *what;    /* "disk": for words */
    const char *program; /* the one that is installed */
    const char *argv0;
    uint32_t message_bytes; /* of each, and no other; a u32, its type, first */
    uint32_t quit;          /* the type of the one that has it end */
    /*
     * Is it one that a backend of this kind sends?  Its texts are made
     * printable by be_clean().
     */
    bool (*read)(void *message, struct be_word *out);
};

struct beproc_id { /* all zero: not known */
    int32_t pid;
    uint64_t start_ticks; /* since boot: numbers are used again */
};

struct beproc_events {
    void (*message)(void *arg, const struct be_word *w, const void *message);
    /* Once: the process is gone; beproc_close() is what remains to do. */
    void (*ended)(void *arg, const char *why);
    void *arg;
};

/*
 * Start program (NULL: the one that is installed) as `ARGV0 NAME` with
 * base.journal, and connect to base.sock.
 *
 *   -ENOENT ..  as posix_spawn(3), of the program
 */
int beproc_start(uv_loop_t *loop, const struct beproc_kind *kind,
                 const char *program, const char *name, const char *base,
                 const struct beproc_events *events, struct beproc **out,
                 struct err *e);

/*
 * Connect to one that an earlier supervisor started.  If id is not known, it
 * can be asked to quit and not be killed; ended() then comes by its hanging
 * up.
 *
 *   -ESRCH      it is gone, or ends: it was killed if it was there
 */
int beproc_adopt(uv_loop_t *loop, const struct beproc_kind *kind,
                 const char *base, const struct beproc_id *id,
                 const struct beproc_events *events, struct beproc **out,
                 struct err *e);

/* A message of its kind; fd (-1: none) stays the caller's.  One that does not
   read is killed. */
void beproc_send(struct beproc *p, const void *message, int fd);

/* SIGKILL; ended() comes from the loop.  why is a constant. */
void beproc_kill(struct beproc *p, const char *why);

/*
 * Hang up; a process that runs goes on, and one that was killed is waited for,
 * so that none is left a zombie: the loop has a handle until then.  NULL:
 * no-op.
 */
void beproc_close(struct beproc *p);

struct beproc_id beproc_id(const struct beproc *p);

/* End one that nobody will adopt; a no-op if it is gone. */
void beproc_kill_left(const struct beproc_id *id);

/* End a text that a backend wrote, and make what is not printable a '?'. */
void be_clean(char *text, uint32_t text_bytes);

#endif
