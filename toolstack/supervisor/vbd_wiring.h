/* SPDX-License-Identifier: MIT */
/*
 * vbd_wiring.h - what a guest's block frontend writes, checked
 *
 * Each key as xbkeys.h has it.
 */
#ifndef VBD_WIRING_H
#define VBD_WIRING_H

#include "backends/blk/blk_ctl.h"
#include "toolstack/supervisor/xbkeys.h"

struct err;

struct vbd_offer {           /* what the backend's directory offers */
    uint32_t nr_queues;      /* 1..BLK_QUEUES_MAX */
    uint32_t ring_order_max; /* at most BLK_RING_ORDER_MAX */
};

/*
 * Read protocol, multi-queue-num-queues, ring-page-order, and of each queue
 * its ring-ref (or ring-ref0..) and event-channel; of more than one queue they
 * are below queue-N.
 *
 * No protocol is x86_32-abi, as Linux's backend has it on x86.
 *
 *   -EINVAL     `KEY: got ..., want ...`; *out is all zero
 *
 * Source: Xen 4.20, xen/include/public/io/blkif.h; Linux 6.12,
 * drivers/block/xen-blkback/xenbus.c, connect_ring().
 */
int vbd_wiring_parse(xbkeys_read *read, void *arg,
                     const struct vbd_offer *offer, struct blk_wiring *out,
                     struct err *e);

#endif
