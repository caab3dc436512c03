/* SPDX-License-Identifier: MIT */
/*
 * rounds.h - one epoch's pages, stream by stream, as the source sends them
 *
 * How this works: the guest's blocks go by in windows, as many as there is
 * room for their bitmap.  A window is all of the guest's memory in the first
 * epoch, and what Xen's log has of it in the others.  Each stream has its own
 * blocks of a window and its own place among them, so a stream that is slow
 * holds up the others by one window at most.
 */
#ifndef STEWARD_ROUNDS_H
#define STEWARD_ROUNDS_H

#include "mig.h"
#include "pack.h"
#include "ram.h"
#include "totals.h"

struct rounds { /* zero it, then set the first five */
    const struct mig_world *world;
    const struct ram *ram;
    uint64_t *window;       /* RAM_BLOCK_WORDS a block */
    uint64_t window_blocks; /* at least 1 */
    uint16_t nr_streams;

    bool all;            /* the first epoch */
    uint64_t first, end; /* blocks of the window */
    struct rounds_lane {
        uint64_t block;
        uint32_t page; /* in the block: the next one */
        bool looked;   /* present is that of block */
        uint64_t present[RAM_BLOCK_WORDS];
    } lane[FH_MIG_STREAMS_MAX];
};

/* Start an epoch: all of memory, or what the log has. */
int rounds_begin(struct rounds *r, bool all, struct st_err *e);

/*
 * Pack what that stream has in this window: 1 when the frame is full, 0 when
 * there is no more; whatever was packed counts in *t.
 */
int rounds_fill(struct rounds *r, uint16_t stream, struct pack *p,
                struct totals *t, struct st_err *e);

/*
 * 1: some stream has something in this window, or, when none had, in the one
 * that is there now.  0: the epoch is over.
 */
int rounds_next(struct rounds *r, struct st_err *e);

#endif
