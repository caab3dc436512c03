/* SPDX-License-Identifier: MIT */
/*
 * blk_limit.h - so many requests and bytes a second, of all queues of a disk
 *
 * A request may start when nothing is owed, and then owes what it takes; so a
 * large one passes whole, and the next waits for longer.  What was not used is
 * kept for BLK_LIMIT_BURST_NS.
 */
#ifndef BLK_LIMIT_H
#define BLK_LIMIT_H

#include <pthread.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"

#define BLK_LIMIT_BURST_NS 100000000ull

struct blk_limit {
    pthread_mutex_t lock;
    struct blk_limits rate;
    /* When all that was taken is paid for, CLOCK_MONOTONIC. */
    uint64_t iops_paid_ns, bps_paid_ns;
};

void blk_limit_init(struct blk_limit *l, const struct blk_limits *rate);
void blk_limit_set(struct blk_limit *l, const struct blk_limits *rate);
/* 0: it may start; else how long it has to wait, ns. */
uint64_t blk_limit_take(struct blk_limit *l, uint64_t bytes, uint64_t now_ns);

#endif
