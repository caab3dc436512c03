/* SPDX-License-Identifier: MIT */
/*
 * blk_parts.h - what serves one disk: its store, its rings, its queues
 *
 * The main thread's alone, but for what is atomic.
 */
#ifndef BLK_PARTS_H
#define BLK_PARTS_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"
#include "backends/blk/blk_queue.h"
#include "backends/blk/blk_rings.h"

struct err;

struct blk_parts {        /* all zero: none */
    struct blk_disk disk; /* name, journal, news and domid are the caller's */
    uint32_t nr_queues;
    struct blk_queue *queue[BLK_QUEUES_MAX];
    struct blk_rings rings;
    _Atomic uint32_t wanted; /* NBD sockets, one bit a queue; news tells */
};

/*
 * Open the store (fd, which is taken: the file, or the first socket), gntdev
 * and evtchn; then leave the host; then start the queues, and seal.
 *
 *   other       as whatever could not be had; close() what there is
 */
int blk_parts_open(struct blk_parts *p, const struct blk_open *o, int fd,
                   struct err *e);
/* All queues are idle.  What was never opened: a no-op. */
void blk_parts_close(struct blk_parts *p);

/* The rings are linked: their queues serve them, until they are idle again. */
void blk_parts_connect(struct blk_parts *p, bool resume);
void blk_parts_disconnect(struct blk_parts *p);
bool blk_parts_idle(struct blk_parts *p);

#endif
