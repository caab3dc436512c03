/* SPDX-License-Identifier: MIT */
/*
 * import.h - a guest comes: the destination steward's part of a migration
 *
 *   IDLE ─H1─▶ ANSWERED ─H3─▶ KEYED ─H5─▶ IMPORT ─FINAL─▶ READY ─START:
 * commit─▶ DONE └──── error, cancel
 * ──┴────────────┴──────────┴─────────────┴──▶ POISONED
 *
 * Every function is one event, legal in every state: it returns 0; 1 when the
 * event means nothing in this state and nothing changed; or a negative
 * enum fh_mig_error, with words in ->why.  The first error is the last: then
 * the domain is POISONED, no byte of guest memory is written any more, and
 * ->token is the ABORT.  Messages, frames and tokens are private copies.
 *
 * Source: migrate/stream.md, section 6 and 8.4.
 */
#ifndef STEWARD_IMPORT_H
#define STEWARD_IMPORT_H

#include "hand.h"
#include "ram.h"
#include "state_in.h"
#include "totals.h"
#include "unpack.h"

enum import_state {
    IMPORT_IDLE,
    IMPORT_ANSWERED,
    IMPORT_KEYED,
    IMPORT_IMPORT,
    IMPORT_READY,
    IMPORT_DONE,
    IMPORT_POISONED,
    IMPORT_STATES
};

struct import { /* zero it, then set the first eight */
    const struct mig_world *world;
    const struct mig_machine *me;
    uint64_t *holed; /* a bit a block: has it, or had it, holes? all zero */
    uint64_t holed_blocks; /* as many as there is room for */
    void *context;
    uint32_t context_room;
    bool soft; /* hand.h */
    struct drbg *drbg;

    enum import_state state;
    struct st_err why;
    struct ram ram;
    struct hand hand;
    struct totals totals;
    struct state_in in;
    struct unpack_order order[FH_MIG_STREAMS_MAX];
    uint32_t epoch;
    bool between;             /* epochs: the next frame starts the next one */
    bool ending;              /* its EPOCH came; streams may be behind */
    struct fh_mig_epoch said; /* that EPOCH */
    uint64_t looked_block;    /* the block that present is of */
    bool looked;
    uint64_t present[RAM_BLOCK_WORDS];

    bool have_answer; /* an EPOCH_ACK or READY to send: take it, clear it */
    struct fh_mig_short answer;
    struct fh_mig_token token; /* in DONE: DONE; in POISONED: ABORT */
};

int import_h1(struct import *m, const struct fh_mig_side *h1,
              struct fh_mig_h2 *h2);
int import_h3(struct import *m, const struct fh_mig_h3 *h3,
              struct fh_mig_finished *h4);
int import_h5(struct import *m, const struct fh_mig_finished *h5);

/* A DATA frame that dom0 says is of that stream.  Decrypted in place. */
int import_long(struct import *m, uint16_t stream, struct fh_mig_long *frame);

/* EPOCH.  Decrypted in place. */
int import_short(struct import *m, struct fh_mig_short *frame);

/*
 * START.  What Xen refuses changes nothing: -error, and READY stays.  After 0
 * Xen lets the guest's vCPUs run.
 */
int import_token(struct import *m, const struct fh_mig_token *t);

/*
 * ASK.  give_up (1): in READY, too, this side says ABORT; else (2) only what
 * is true.  Afterwards ->token or, in READY, ->answer is to be sent.
 */
int import_ask(struct import *m, bool give_up);

int import_cancel(struct import *m);

/* Something beside it went wrong: POISONED, with these words. */
int import_broken(struct import *m, enum fh_mig_error code, const char *words);

#endif
