/* SPDX-License-Identifier: MIT */
/*
 * blk_wire.h - a request as the guest wrote it, in one shape for all ABIs
 *
 * Wire: a private copy that still lies (STYLE.md, section 3).  blk_check.c
 * makes the checked one of it.
 *
 * Source: Xen 4.20, xen/include/public/io/blkif.h; the two layouts that differ
 * in padding: Linux 6.12, drivers/block/xen-blkback/common.h.
 */
#ifndef BLK_WIRE_H
#define BLK_WIRE_H

#include <stdint.h>

#include <xen/io/blkif.h>

#include "backends/blk/blk_ctl.h"

#define BLK_WIRE_INDIRECT_PAGES_MAX BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST

struct blk_wire_seg {
    uint32_t ref;
    uint8_t first, last; /* sectors in the page */
};

struct blk_wire {
    uint64_t id;
    uint64_t sector;     /* of 512 bytes */
    uint64_t nr_sectors; /* discard alone */
    uint8_t op;          /* BLKIF_OP_*, as on the ring */
    uint8_t inner;       /* of BLKIF_OP_INDIRECT */
    uint8_t flag;        /* discard: BLKIF_DISCARD_SECURE */
    uint16_t nr_segs;    /* as the guest says */
    union {
        struct blk_wire_seg seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
        uint32_t indirect[BLK_WIRE_INDIRECT_PAGES_MAX]; /* grants */
    } u;
};

/* Bytes of a ring's slot: request or response, whichever is larger. */
uint32_t blk_wire_slot_bytes(enum blk_abi abi);

/* slot: a private copy of blk_wire_slot_bytes(abi). */
void blk_wire_read(enum blk_abi abi, const void *slot, struct blk_wire *out);

/*
 * Make a whole response, padding zero, in slot of blk_wire_slot_bytes(abi).
 * Returns how many of its bytes are to be written to the ring.
 */
uint32_t blk_wire_answer(enum blk_abi abi, uint64_t id, uint8_t op,
                         int16_t status, void *slot);

#endif
