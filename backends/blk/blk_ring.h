/* SPDX-License-Identifier: MIT */
/*
 * blk_ring.h - the shared ring of one queue
 *
 * Shared memory is touched here alone.  Both cursors live in our journal, and
 * what we published is never read back.
 */
#ifndef BLK_RING_H
#define BLK_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"
#include "backends/blk/blk_wire.h"

struct blk_journal_queue;

struct blk_ring { /* all zero: not attached */
    void *shared; /* mapped, ring_pages of it */
    struct blk_journal_queue *journal;
    enum blk_abi abi;
    uint32_t size; /* slots, a power of two */
    uint32_t slot_bytes;
    uint32_t pushed; /* rsp_prod as the guest was told last */
};

uint32_t blk_ring_slots(enum blk_abi abi, uint32_t ring_pages);

/*
 * A ring that nobody has served: the journal's cursors start from the shared
 * rsp_prod, as Linux's backend does (a frontend that reconnects without its
 * rings set to zero).
 */
void blk_ring_begin(const void *shared, struct blk_journal_queue *journal);

/*
 * Attach to a ring, at the journal's cursors: blk_ring_begin() has set them, or
 * (resume) blk_journal_recover() has brought them into order.  Nothing shared
 * is believed.  After a resume the first push notifies, for nobody knows what
 * was published last, so push even if nothing was answered.
 *
 *   -EPROTO     the guest's req_prod is more than a ring ahead
 */
int blk_ring_attach(struct blk_ring *r, void *shared, uint32_t ring_pages,
                    enum blk_abi abi, struct blk_journal_queue *journal,
                    bool resume);

/*
 * Take the next request.  Returns 1, fills *out and *index, its place on the
 * ring; 0 when there is none, or when as many are out as the ring can hold;
 * -EPROTO when req_prod claims more than the ring can hold, or moved back.
 * The caller puts it into the journal, which moves req_cons.
 */
int blk_ring_take(struct blk_ring *r, struct blk_wire *out, uint32_t *index);

/* Is there one?  Does not ask for an event. */
bool blk_ring_has(const struct blk_ring *r);
/*
 * Ask for an event when the next request comes, and look again: true when one
 * came meanwhile, so take it instead of waiting.
 */
bool blk_ring_arm(struct blk_ring *r);

/* Write a response at our rsp_prod; the caller's journal moves that on. */
void blk_ring_answer(struct blk_ring *r, uint64_t id, uint8_t op,
                     int16_t status);
/* Publish; true when the guest wants an event for it. */
bool blk_ring_push(struct blk_ring *r);

#endif
