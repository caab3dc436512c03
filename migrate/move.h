/* SPDX-License-Identifier: MIT */
/*
 * move.h - what dom0's two state machines ask of the world around them
 *
 * source.c and dest.c decide; relay.c carries out, or a test.  Nothing here
 * calls back into the machine that asked: what comes of it comes as an event.
 */
#ifndef MIGRATE_MOVE_H
#define MIGRATE_MOVE_H

#include "migrate/chan.h"
#include "migrate/wire.h"

enum move_tell {               /* the supervisor; text as said */
                 MOVE_PLAN,    /* D: text is the peer's PLAN; it answers by an
                                  order */
                 MOVE_SUSPEND, /* S: have the guest suspend itself */
                 MOVE_DRAIN,   /* S: no request may stay in flight; text NULL */
                 MOVE_STATE,   /* text: the machine's state's name */
                 MOVE_ROUND,   /* S: an epoch is over; source.rule has the
                                  figures */
                 MOVE_NOTE,    /* text: for the log */
                 MOVE_TELLS
};

enum move_end {                /* how it ended, and so what is to be done now */
                MOVE_END_NONE, /* it has not */
                /* source */
                MOVE_END_MOVED,   /* RETIRED: the domain may go */
                MOVE_END_STAYED,  /* CANCELLED: resume it if it is suspended */
                MOVE_END_CHECKED, /* CHECK went well; the guest runs on */
                MOVE_END_FENCED,  /* resolve */
                MOVE_END_STUCK, /* the steward does not answer: as it said last
                                 */
                /* destination */
                MOVE_END_RUNS,     /* DONE: the guest is here */
                MOVE_END_READY,    /* it waits for START, ASK or the operator */
                MOVE_END_POISONED, /* ABORT was made: the domain may go */
                MOVE_END_REFUSED,  /* nothing was begun; the domain, if any, may
                                      go */
                MOVE_ENDS
};

const char *move_end_name(enum move_end end);

struct move_io {
    void *arg;
    /* To the peer, on stream 0; one that is gone gets nothing. */
    void (*say)(void *arg, uint32_t kind, uint64_t n, const void *p,
                uint32_t len_bytes);
    /* To the steward. */
    void (*begin)(void *arg, uint32_t flags); /* SEND or RECEIVE */
    void (*command)(void *arg, enum fh_op op);
    void (*mail)(void *arg, enum fh_mail_kind kind, uint32_t n, const void *p,
                 uint32_t len_bytes);
    void (*slow)(void *arg, uint32_t percent); /* S: the guest */
    /* Off the control page: 0, or a negative errno. */
    int (*token)(void *arg, uint8_t token[FH_TOKEN_BYTES]);
    int (*last_mail)(void *arg, struct fh_mail *out);
    /* To the supervisor. */
    void (*tell)(void *arg, enum move_tell what, const char *text);
    /* It is to write a token's file; what is sent does not wait for it. */
    void (*keep)(void *arg, const uint8_t token[FH_TOKEN_BYTES]);
};

/* How long somebody may take, ms; stream.md section 8.6. */
#define MOVE_HELLO_MS 30000u
#define MOVE_ANSWER_MS 60000u
#define MOVE_HAND_MS 30000u
#define MOVE_SILENCE_MS 30000u
#define MOVE_ALIVE_MS 5000u
#define MOVE_STEWARD_MS 30000u
#define MOVE_SUSPEND_MS 60000u
#define MOVE_STILL_MS 30000u   /* of a guest that stands still, nothing */
#define MOVE_STALL_MS 60000u   /* of one that runs, nothing */
#define MOVE_IMPORT_MS 180000u /* there: the source may suspend meanwhile */
#define MOVE_DONE_MS 30000u
#define MOVE_NEVER UINT64_MAX

/* A deadline and whose it is. */
struct move_timer {
    uint64_t at_ms; /* MOVE_NEVER: none */
    const char *what;
};

/* What both say of the connection: silence, and ALIVE against it. */
struct move_line {
    bool up;
    uint64_t heard_ms, said_ms;
};

#endif
