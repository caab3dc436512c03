/* SPDX-License-Identifier: MIT */
/*
 * dest.h - dom0's side of a guest that arrives: what happens, and when
 *
 *   HELLO ─▶ PLAN ─▶ MAKING ─▶ HAND ─▶ IMPORT ─▶ READY ─▶ RUNS ─▶ ENDED
 *     │        └───────┴─▶ ENDED └───────┴──────────┴─▶ POISONING ──▲
 *     └ RESOLVE: ASKING ─▶ READY, or what is true
 *
 * Pure, as source.h is.  A connection that breaks before READY poisons the
 * domain; in READY it ends this process, and changes nothing: the domain waits
 * for START, ASK 1 or the operator.
 *
 * DONE is read off a page that is the guest's from then on.  It wrote its own
 * token there, at worst: then its source stays fenced, which is what it gets.
 *
 * Source: migrate/stream.md, sections 8.5 and 8.6.
 */
#ifndef MIGRATE_DEST_H
#define MIGRATE_DEST_H

#include "migrate/move.h"
#include "migrate/words.h"

enum dest_state {
    DEST_HELLO,
    DEST_PLAN,
    DEST_MAKING, /* the supervisor builds the domain */
    DEST_HAND,
    DEST_IMPORT,
    DEST_READY,
    DEST_POISONING,
    DEST_RUNS,   /* DONE was made: said until the source has it */
    DEST_ASKING, /* RESOLVE: the supervisor looks for the session */
    DEST_ENDED,
    DEST_STATES
};

/* What the supervisor found of the session of a RESOLVE. */
enum dest_found {
    DEST_NOTHING,
    DEST_DOMAIN, /* it is attached */
    DEST_TOKEN,  /* its ABORT or DONE, off a file; the domain is gone */
};

struct dest {
    const struct move_io *io;
    enum dest_state state;
    enum move_end end; /* in ENDED */
    struct move_timer timer;
    struct move_line line;
    struct chan_view view;
    uint64_t bytes;  /* of frames that came */
    uint64_t done;   /* of what comes: it has to change */
    bool check;      /* a dry run */
    bool attached;   /* a steward is there */
    bool started;    /* START is with the steward */
    uint64_t ask;    /* what the peer asked while nothing was known */
    bool have_start; /* the same */
    uint8_t start[FH_TOKEN_BYTES];
    char why[WORDS_BYTES];
};

void dest_open(struct dest *d, const struct move_io *io, uint64_t now_ms);

void dest_hello(struct dest *d, enum wire_purpose purpose, uint64_t now_ms);
void dest_unit(struct dest *d, const struct wire_unit *u, const void *p,
               uint64_t now_ms);
void dest_mail(struct dest *d, const struct fh_mail *m, uint64_t now_ms);
void dest_steward(struct dest *d, const struct chan_view *v, uint64_t now_ms);
void dest_steward_fails(struct dest *d, const char *why, bool dead,
                        uint64_t now_ms);
void dest_lost(struct dest *d, const char *why, uint64_t now_ms);
void dest_came(struct dest *d, uint32_t len_bytes); /* a frame */
void dest_tick(struct dest *d, uint64_t now_ms);
uint64_t dest_due_ms(const struct dest *d);

/* The supervisor's answer to MOVE_PLAN: ANSWER's bytes; ok: attached. */
void dest_answer(struct dest *d, bool ok, const void *json, uint32_t len_bytes,
                 uint64_t now_ms);
/* Its answer to RESOLVE; token: of DEST_TOKEN; v: of DEST_DOMAIN. */
void dest_resolve(struct dest *d, enum dest_found found, const uint8_t *token,
                  const struct chan_view *v, uint64_t now_ms);
/* The operator's, here: START off a file, or ABORT. */
void dest_start(struct dest *d, const uint8_t token[FH_TOKEN_BYTES],
                uint64_t now_ms);
void dest_cancel(struct dest *d, const char *why, uint64_t now_ms);
/* Its supervisor is gone.  One that is READY is kept, for the next one. */
void dest_alone(struct dest *d, uint64_t now_ms);

const char *dest_state_name(enum dest_state state);

#endif
