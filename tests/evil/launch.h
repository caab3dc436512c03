/* SPDX-License-Identifier: MIT */
/*
 * launch.h - the honest loader that every case lies through
 */
#ifndef EVIL_LAUNCH_H
#define EVIL_LAUNCH_H

#include "tests/evil/evil.h"

#define LAUNCH_QUIET_MS 3000u /* so long a steward must do nothing */
#define LAUNCH_END_MS 120000u /* emulated hosts are slow */

/*
 * Build a domain and play v->c through it, until v->end says how it ended.
 * Returns 0 then; a negative errno when the case could not be played.
 */
int launch_run(struct evil *v, struct err *e);

/* Look at the steward's half once more: v->seen. */
void launch_look(struct evil *v);

/* Wait at most timeout_ms until the guest has printed words: 1, or 0. */
int launch_printed(struct evil *v, const char *words, uint32_t timeout_ms);

/* Wait until the steward rings, at most timeout_ms. */
void launch_wait(struct evil *v, uint32_t timeout_ms);

/* What hooks do when they do the right thing. */
int launch_fill(struct evil *v, const struct evil_batch *b, struct err *e);
void launch_answer(struct evil *v, uint32_t window, uint32_t seq);
void launch_ring(struct evil *v);

/* Close the doorbell; bind it again. */
void launch_close_bell(struct evil *v);
int launch_open_bell(struct evil *v, struct err *e);

/*
 * Destroy the domain and all that was made for it.  Returns 0 when nothing of
 * it is left, a negative errno when something is.  Twice: no-op.
 */
int launch_end(struct evil *v, struct err *e);

/* Milliseconds of a clock that only goes forward. */
uint64_t launch_now_ms(void);

#endif
