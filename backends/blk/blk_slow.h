/* SPDX-License-Identifier: MIT */
/*
 * blk_slow.h - calls that take long and that io_uring does not know
 *
 * One thread a disk, that does one after the other: BLKDISCARD and
 * BLKSECDISCARD of block devices.
 */
#ifndef BLK_SLOW_H
#define BLK_SLOW_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/base/loop.h"

struct err;
struct blk_slow;

struct blk_slow_done { /* one queue's end: jobs that are done come back here */
    struct blk_slow *slow;
    struct loop *loop;
    struct loop_event ev;
    int fd;
    struct blk_slow_job *first;
};

struct blk_slow_job { /* the caller's, until done() */
    void (*done)(struct blk_slow_job *job, int rc); /* in its queue's thread */
    int fd;
    unsigned long request;
    uint64_t range[2];
    struct blk_slow_done *to;
    struct blk_slow_job *next;
    int rc;
};

int blk_slow_open(struct blk_slow **out, struct err *e);
/* NULL: no-op.  Nothing is under way. */
void blk_slow_close(struct blk_slow *s);

int blk_slow_attach(struct blk_slow *s, struct loop *loop,
                    struct blk_slow_done *d, struct err *e);
void blk_slow_detach(struct blk_slow_done *d); /* the loop turns no more */
void blk_slow_start(struct blk_slow_done *d, struct blk_slow_job *job);

#endif
