/* SPDX-License-Identifier: MIT */
/*
 * source.h - dom0's side of a guest that leaves: what happens, and when
 *
 *   HELLO ─▶ PLAN ─▶ HAND ─▶ PRECOPY ─▶ SUSPENDING ─▶ LAST ─▶ FENCED ─▶ ENDED
 *     │        │       └────────┴───────────┴───────────┴▶ CANCELLING ▲│ ▲
 *     └────────┴──────────────────────────────────────────────────────┼┼─┘
 *                                             the steward fenced first┘└
 * RESOLVE
 *
 * Pure: events in, requests out by struct move_io, the time with each event.
 * A guest that is not migrated live suspends before its first epoch.
 *
 * What the steward and the peer say may be lies.  A lie can end a transfer, in
 * the wrong state even (RETIRED that is none, by a guest whose kernel speaks
 * for its steward): then dom0 ends that guest's own domain.  In FENCED nothing
 * ends but by the steward's word, and dom0 keeps the domain otherwise.
 *
 * Source: migrate/stream.md, sections 8.2 and 8.6.
 */
#ifndef MIGRATE_SOURCE_H
#define MIGRATE_SOURCE_H

#include "migrate/move.h"
#include "migrate/rule.h"
#include "migrate/words.h"

enum source_state {
    SOURCE_HELLO,
    SOURCE_PLAN,
    SOURCE_HAND,
    SOURCE_PRECOPY,
    SOURCE_SUSPENDING,
    SOURCE_LAST,
    SOURCE_FENCED,
    SOURCE_CANCELLING,
    SOURCE_ENDED,
    SOURCE_STATES
};

enum source_order {                   /* the supervisor's */
                    SOURCE_SUSPENDED, /* the guest is */
                    SOURCE_DRAINED,
                    SOURCE_CANCEL,
};

struct source_opts {
    const void *plan; /* JSON; the caller's for as long as the transfer is */
    uint32_t plan_bytes;
    bool check, live;
    uint32_t max_downtime_ms;
    bool strict; /* rather stay than stand still for longer */
    uint64_t timeout_ms;
    bool force;
    /* A transfer that was cut: no PLAN. */
    bool resolve;
    bool want_abort; /* resolve: rather the guest stays */
    bool have_start; /* resolve: its page or file had it */
    uint8_t start[FH_TOKEN_BYTES];
    bool no_domain; /* resolve: it is gone from here */
};

struct source {
    const struct move_io *io;
    struct source_opts opts;
    enum source_state state;
    enum move_end end; /* in ENDED */
    struct move_timer timer;
    struct move_line line;
    struct rule rule;
    struct chan_view view; /* the last */
    uint64_t bytes;        /* of frames that went, all so far */
    uint64_t epoch_bytes;  /* when the epoch began */
    uint64_t epoch_sent;   /* pages, the same */
    uint32_t acked;        /* epochs */
    uint64_t done;         /* of what moves: it has to change */
    bool round_out;        /* an epoch is being sent */
    bool h5_said, paused_said, drained, drained_said, suspended, asked;
    bool token_mailed; /* the peer's ABORT or DONE is with the steward */
    bool have_early;   /* the peer's ABORT came before our fence */
    uint8_t early[FH_TOKEN_BYTES];
    uint8_t start[FH_TOKEN_BYTES];
    char why[WORDS_BYTES]; /* it did not go as wanted; the first reason */
};

void source_open(struct source *s, const struct move_io *io,
                 const struct source_opts *opts, uint64_t now_ms);

void source_hello(struct source *s, uint64_t now_ms); /* was answered */
void source_unit(struct source *s, const struct wire_unit *u, const void *p,
                 uint64_t now_ms);
void source_mail(struct source *s, const struct fh_mail *m, uint64_t now_ms);
/* The page was looked at, mail behind it taken. */
void source_steward(struct source *s, const struct chan_view *v,
                    uint64_t now_ms);
/* It refused a command, said what cannot be, or does not answer at all. */
void source_steward_fails(struct source *s, const char *why, bool dead,
                          uint64_t now_ms);
void source_order(struct source *s, enum source_order order, uint64_t now_ms);
void source_lost(struct source *s, const char *why, uint64_t now_ms);
void source_sent(struct source *s, uint32_t len_bytes); /* a frame */
/* Time went by. */
void source_tick(struct source *s, uint64_t now_ms);
/* When source_tick() is due at the latest. */
uint64_t source_due_ms(const struct source *s);

/* May frames be held back to keep to the bandwidth?  Not when it is down. */
bool source_is_limited(const struct source *s);
const char *source_state_name(enum source_state state);

#endif
