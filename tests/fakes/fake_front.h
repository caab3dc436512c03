/* SPDX-License-Identifier: MIT */
/*
 * fake_front.h - a small block frontend in a fake guest
 *
 * It lays out requests by itself, not by the backend's code, and checks every
 * response as Linux's blkfront does: an id in flight, the operation asked for,
 * no more responses than requests; and that padding is zero.  Nothing is
 * allocated per request, so that it can also drive a benchmark.
 *
 * A queue is used by one thread; queues may be used by several.
 */
#ifndef FAKE_FRONT_H
#define FAKE_FRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"
#include "backends/blk/blk_wire.h"

struct fake_front;

struct fake_answer {
    uint32_t slot;   /* what fake_front_put() returned */
    uint8_t op;      /* BLKIF_OP_* */
    int16_t status;  /* BLKIF_RSP_* */
    uint64_t cookie; /* as it was given */
};

/*
 * Rings and event channels of a domain that is there.  first_index: where the
 * rings' indices begin, so that a test need not wait for them to wrap.
 */
struct fake_front *fake_front_new(uint32_t domid, enum blk_abi abi,
                                  uint32_t nr_queues, uint32_t ring_pages,
                                  uint32_t first_index);
/* Revokes nothing: the guest's memory goes with it.  NULL: no-op. */
void fake_front_free(struct fake_front *f);

/* What the guest has written to xenstore. */
const struct blk_wiring *fake_front_wiring(const struct fake_front *f);

/* Requests that a ring holds, and how many are in flight now. */
uint32_t fake_front_size(const struct fake_front *f);
uint32_t fake_front_busy(const struct fake_front *f, uint32_t queue);

/*
 * Put a request, whose id is the frontend's own, on the ring.  For an indirect
 * one w->nr_segs segments are in seg[], and are written to a page that the
 * frontend grants for it; otherwise, and for seg == NULL, all is in *w.
 * Returns its slot, or -1 when the ring is full.  It is published later.
 */
int fake_front_put(struct fake_front *f, uint32_t queue,
                   const struct blk_wire *w, const struct blk_wire_seg *seg,
                   uint64_t cookie);

/*
 * The same for a read or write of whole pages that are granted as first_ref,
 * first_ref + 1, ...; the last one perhaps in part.  Indirect from 12 pages on.
 * off, len_bytes: multiples of 512; at most 256 pages.
 */
int fake_front_io(struct fake_front *f, uint32_t queue, bool write,
                  uint64_t off, uint32_t len_bytes, uint32_t first_ref,
                  uint64_t cookie);
int fake_front_flush(struct fake_front *f, uint32_t queue, uint64_t cookie);
int fake_front_discard(struct fake_front *f, uint32_t queue, uint64_t off,
                       uint64_t len_bytes, bool secure, uint64_t cookie);

/* Let the backend see what was put; true when it wants an event for it. */
bool fake_front_publish(struct fake_front *f, uint32_t queue);
/* The same, and ring if it wants that; true if it was rung. */
bool fake_front_kick(struct fake_front *f, uint32_t queue);
/* Ring in any case. */
void fake_front_ring(struct fake_front *f, uint32_t queue);

/*
 * Take a response.  Returns 1 and fills *out; 0 when there is none; -EPROTO
 * when the backend did what blkfront disables a disk for: fake_front_why().
 */
int fake_front_take(struct fake_front *f, uint32_t queue,
                    struct fake_answer *out);
/* Ask for an event with the next response; true when there is one already. */
bool fake_front_arm(struct fake_front *f, uint32_t queue);
const char *fake_front_why(const struct fake_front *f, uint32_t queue);

/* Events that the backend sent to this queue. */
uint32_t fake_front_rung(const struct fake_front *f, uint32_t queue);

/*
 * For a guest that lies: the shared ring itself, and the slot of an index.  The
 * frontend's own cursors are not moved.
 */
struct fake_sring {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t pad[48];
};
struct fake_sring *fake_front_shared(struct fake_front *f, uint32_t queue);
uint8_t *fake_front_slot(struct fake_front *f, uint32_t queue, uint32_t index);
uint32_t fake_front_slot_bytes(const struct fake_front *f);
/* Write a request as this ABI has it, id and all; slot is aligned to 8. */
void fake_front_encode(enum blk_abi abi, const struct blk_wire *w, void *slot);

#endif
