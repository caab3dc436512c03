/* SPDX-License-Identifier: MIT */
/*
 * belink.h - a backend's process, kept alive
 *
 *   NONE ──start──▶ HELLO ──▶ OPENING ──▶ OPENED
 *     ▲  ──adopt──▶  │ ▲         │           │
 *     │              ▼ │◀──it died, at once──┘
 *     │            PAUSE (died before)
 *     └── ended ◀── QUITTING ◀── end, from any; or FAILED, and it stays so
 *
 * The process is this file's; what it opens is the caller's (blklink.c,
 * vif_link.c), and what the guest and xenstore have to do with it is xbdev.c's.
 * A backend that dies is started again: at once, then after 100 ms, 200 ms ..
 * 10 s; after more than BELINK_DEATHS_MAX in a minute it is given up.
 */
#ifndef BELINK_H
#define BELINK_H

#include <stdbool.h>

#include <uv.h>

#include "toolstack/supervisor/beproc.h"

struct belink;
struct err;

#define BELINK_DEATHS_MAX 10u

enum belink_opened {                 /* what is known of the guest's rings */
                     BELINK_UNWIRED, /* not connected */
                     BELINK_RESUMES, /* CONNECTED or BROKEN follows */
                     BELINK_WIRED,   /* connected: it was never away */
};

struct belink_ops {
    /* base: where the device's files are, now; a rename moves them. */
    void (*base)(void *arg, char out[BE_BASE_BYTES]);
    /* A process is about to be started: does it go on by the journal? */
    bool (*resumes)(void *arg);
    void (*started)(void *arg); /* belink_id() is another */
    /* It waits for what it is to open: belink_open(), now or later, or
       belink_cannot_open(). */
    void (*open)(void *arg, bool resumes);
    /* NULL, or why this one says what makes no sense (a constant). */
    const char *(*check)(void *arg, const struct be_word *w,
                         const void *message);
    /* All is open; again after each restart.  Of OPENED, or of HELLO. */
    void (*opened)(void *arg, const void *message, enum belink_opened how);
    void (*message)(void *arg, const void *message); /* EARLY, OTHER */
    void (*dropped)(void *arg); /* the process: what is on its way is stale */
    void (*died)(void *arg, const char *why); /* another one comes */
    /* It never opened, or died too often; nothing comes any more. */
    void (*failed)(void *arg, const struct err *e);
    void (*ended)(void *arg); /* after belink_end(), once */
    /* After belink_hold(): nothing of it is in flight.  NULL: not asked for. */
    void (*held)(void *arg);
};

struct belink_spec { /* copied, but for what it points to */
    const struct beproc_kind *kind;
    const char *program; /* NULL: the one that is installed */
    char name[96];       /* GUEST/DEVICE */
};

int belink_new(uv_loop_t *loop, const struct belink_spec *spec,
               const struct belink_ops *ops, void *arg, struct belink **out,
               struct err *e);

/* Start the first one.  After an error nothing runs. */
int belink_start(struct belink *l, struct err *e);

/*
 * Go on with the one that an earlier supervisor started; if it is gone, or of
 * another build, with another in its place.  What fails is told by failed().
 */
void belink_adopt(struct belink *l, const struct beproc_id *id);

/* The message that has it open what it is to serve; fd stays the caller's.  A
   no-op when it does not wait for it. */
void belink_open(struct belink *l, const void *message, int fd);
/* Its restart cannot help: failed() with these words if it never served; else
   another try.  A no-op when nothing is to be opened. */
void belink_cannot_open(struct belink *l, const struct err *e);

/* To a backend that is asked to open, or has; a no-op at any other time. */
void belink_send(struct belink *l, const void *message, int fd);
/* To one that is OPENED; a no-op at any other time. */
void belink_tell(struct belink *l, const void *message);

/* One that is no good: another one follows.  why is a constant. */
void belink_kill(struct belink *l, const char *why);

/*
 * Have it finish what it took and quit, however long that takes; held()
 * comes from the loop, also when there is none, and nothing is started until
 * belink_go_on() or belink_end().  What follows goes on by the journal.
 */
void belink_hold(struct belink *l);
void belink_go_on(struct belink *l); /* not held: a no-op */

/*
 * Have it quit; after 2 s it is killed.  ended() comes from the loop, also
 * when there is none.
 */
void belink_end(struct belink *l);

/* Free it; a process that runs goes on.  NULL: no-op. */
void belink_close(struct belink *l);

bool belink_opened_once(const struct belink *l);
struct beproc_id belink_id(const struct belink *l); /* all zero: none */
uint32_t belink_restarts(const struct belink *l);

#endif
