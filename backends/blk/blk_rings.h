/* SPDX-License-Identifier: MIT */
/*
 * blk_rings.h - the rings and event channels of all queues of a disk
 *
 * The main thread's alone: it maps and binds while queues are idle, and takes
 * back when they are idle again.
 */
#ifndef BLK_RINGS_H
#define BLK_RINGS_H

#include <stdint.h>

#include "backends/blk/blk_ctl.h"
#include "backends/blk/blk_queue.h"
#include "common/gnt.h"

struct err;
struct evt;

struct blk_rings { /* all zero: closed */
    struct gnt *gnt;
    uint16_t domid;
    uint32_t nr_queues; /* that were offered */
    uint32_t nr_linked; /* that the guest uses; 0: not linked */
    struct evt *evt[BLK_QUEUES_MAX];
    struct gnt_map map[BLK_QUEUES_MAX];
    struct blk_link link[BLK_QUEUES_MAX]; /* of nr_linked */
};

/* gntdev, and an evtchn handle for each queue that knows this guest alone. */
int blk_rings_open(struct blk_rings *r, uint16_t domid, uint32_t nr_queues,
                   struct err *e);
void blk_rings_close(struct blk_rings *r); /* twice: no-op */

/*
 * Map and bind as the guest wrote it.  All or nothing.
 *
 *   -EINVAL     a number that was not offered
 *   -ENOENT     a grant or a port that the guest has not made for us
 */
int blk_rings_link(struct blk_rings *r, const struct blk_wiring *w,
                   struct err *e);
/*
 * They are new: each queue of the journal starts where its ring stands, and
 * then the journal, which has the wiring, is in force.  Before the queues hear
 * of their links.
 */
void blk_rings_begin(const struct blk_rings *r, struct blk_journal *j);
void blk_rings_unlink(struct blk_rings *r); /* twice: no-op */

#endif
