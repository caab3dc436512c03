/* SPDX-License-Identifier: MIT */
/*
 * control.h - the control page, from the steward's side
 *
 * The only file that touches the page (abi/steward_abi.h).  Each side writes
 * its half and reads the other's; nothing written here is ever read back.
 */
#ifndef STEWARD_CONTROL_H
#define STEWARD_CONTROL_H

#include <stdbool.h>

#include "err.h"
#include "layout.h"

struct control {
    volatile struct fh_control *page; /* NULL: not there yet */
    enum fh_state state;              /* ours; the page has a copy */
    uint32_t answered[FH_WINDOWS];    /* the last done[] that was accepted */
};

/* Take an empty page into use. */
void control_open(struct control *c, const uint8_t guest_id[16]);

/* Move on, and ring.  A move that the table in control.c forbids traps. */
void control_move(struct control *c, enum fh_state to);

/* Say why it failed; then FAILED, from any state. */
void control_fail(struct control *c, const struct st_err *e);

void control_progress(struct control *c, uint64_t loaded_bytes,
                      uint64_t total_bytes);
/* The guest that comes is this one. */
void control_guest(struct control *c, const uint8_t guest_id[16],
                   const uint8_t measurement[32]);

void control_measurement(struct control *c, const uint8_t m[32]);

/* Ask for a batch, and ring.  b->seq tells batches apart, 0 excluded. */
void control_want(struct control *c, unsigned window, const struct fh_batch *b);

bool control_introduced(const struct control *c);
bool control_aborted(const struct control *c);

/* dom0 took the measurement down; from here on the guest can forge it. */
bool control_noted(const struct control *c);

/* Copy dom0's offer, once. */
void control_fetch_offer(const struct control *c, struct fh_offer *out);

/* dom0's command, fetched once; seq is the one done last where there is none.
 */
struct fh_command control_fetch_command(const struct control *c);

/* Answer it, and ring.  a->seq is written behind everything else. */
void control_answer(struct control *c, const struct fh_answer *a);

/*
 * Whether dom0 says that the batch seq, wanted in this window, is filled: 1
 * yes, 0 not yet.  See control.c for every other answer it can give.
 */
int control_done(struct control *c, unsigned window, uint32_t seq,
                 struct st_err *e);

#endif
