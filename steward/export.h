/* SPDX-License-Identifier: MIT */
/*
 * export.h - a guest leaves: the source steward's part of a migration
 *
 *   IDLE ─begin─▶ HELLO ─H2─▶ KEYED ─H4─▶ PRECOPY ─paused─▶ LAST ─FINAL─▶
 * WAIT_READY ▲             └───────────┴───────────┴─ error, cancel ─┴────┐ │
 * READY └──────── CANCELLED (keys wiped, log off) ◀──────────────────┴─────
 * AGREED ▲ ABORT: unfence                                          │ drained:
 * fence └──────────────────────────────────────────────────── FENCED ─DONE:
 * retire─▶ RETIRED
 *
 * Every function is one event, legal in every state: it returns 0; 1 when the
 * event means nothing in this state and nothing changed; or a negative
 * enum fh_mig_error, with words in ->why, when the transfer ended by it
 * (CANCELLED).  Messages, frames and tokens are private copies.
 *
 * Source: migrate/stream.md, section 8.1.
 */
#ifndef STEWARD_EXPORT_H
#define STEWARD_EXPORT_H

#include "hand.h"
#include "rounds.h"
#include "state_out.h"

enum export_state {
    EXPORT_IDLE,
    EXPORT_HELLO,
    EXPORT_KEYED,
    EXPORT_PRECOPY,
    EXPORT_LAST,
    EXPORT_WAIT_READY,
    EXPORT_AGREED,
    EXPORT_FENCED,
    EXPORT_CANCELLED,
    EXPORT_RETIRED,
    EXPORT_STATES
};

enum export_frame { EXPORT_NONE, EXPORT_LONG, EXPORT_SHORT };

struct export
{ /* zero it, then set the first eight */
    const struct mig_world *world;
    const struct mig_machine *me;
    uint64_t *window; /* for rounds.h */
    uint64_t window_blocks;
    void *context; /* for the vCPUs' state */
    uint32_t context_room;
    bool soft; /* hand.h */
    struct drbg *drbg;

    enum export_state state;
    struct st_err why;
    struct ram ram;
    struct hand hand;
    struct rounds rounds;
    struct totals totals;
    struct state_out out;
    uint32_t epoch;    /* that is being sent, or was sent last */
    uint32_t nr_acked; /* epochs */
    bool sending;      /* an epoch has begun and not yet ended */
    bool logging, paused, drained;
    uint32_t suspension;
    uint32_t slow_percent; /* as Xen was told last */
    struct fh_mig_epoch last_epoch;
    struct fh_mig_token start; /* from FENCED on */
};

/* SEND.  Only in IDLE or CANCELLED; h1 goes to the peer. */
int export_begin(struct export *x, uint16_t nr_streams, bool check,
                 struct fh_mig_side *h1);
int export_h2(struct export *x, const struct fh_mig_h2 *h2,
              struct fh_mig_h3 *h3);
int export_h4(struct export *x, const struct fh_mig_finished *h4,
              struct fh_mig_finished *h5);

/* ROUND: the next epoch; ignored while the last one has no answer. */
int export_round(struct export *x);

/*
 * PAUSED: the last epoch, as soon as the one before has its answer.  Ignored
 * while Xen says that the guest is not suspended.
 */
int export_paused(struct export *x);

/*
 * What dom0's page says of the guest's speed.  Ignored unless an epoch was
 * begun, the guest runs for all we know, and it is news.
 */
int export_slow(struct export *x, uint32_t percent);

/* DRAINED: no disk request is in flight. */
int export_drained(struct export *x);

/*
 * The next frame of a stream into *frame, sealed: *kind is EXPORT_LONG, or
 * EXPORT_SHORT (in frame's first bytes; stream 0 only), or EXPORT_NONE when
 * that stream has nothing now: it has come to the end of a window, or of the
 * epoch, and some other stream has not.
 */
int export_next(struct export *x, uint16_t stream, struct fh_mig_long *frame,
                enum export_frame *kind);

/* EPOCH_ACK or READY.  The frame is decrypted in place. */
int export_short(struct export *x, struct fh_mig_short *frame);

/* ABORT or DONE.  -error: Xen refused it, and nothing changed. */
int export_token(struct export *x, const struct fh_mig_token *t);

int export_cancel(struct export *x);

/* Something beside it went wrong: the transfer ends, with these words. */
int export_broken(struct export *x, enum fh_mig_error code, const char *words);

#endif
