/* SPDX-License-Identifier: MIT */
/*
 * blk_ring.c - the shared ring of one queue
 *
 * Source: Xen 4.20, xen/include/public/io/ring.h.
 */
#include "backends/blk/blk_ring.h"

#include <errno.h>
#include <stddef.h>

#include "backends/blk/blk_journal.h"
#include "common/checked.h"
#include "common/shm.h"

struct sring { /* the same for all ABIs */
    uint32_t req_prod, req_event;
    uint32_t rsp_prod, rsp_event;
    uint8_t pad[48];
    uint8_t slots[];
};

#define SLOT_BYTES_MAX sizeof(union blkif_sring_entry)

/* clang-format off */
_Static_assert(offsetof(struct sring, req_event) ==
               offsetof(struct blkif_sring, req_event), "");
_Static_assert(offsetof(struct sring, rsp_prod) ==
               offsetof(struct blkif_sring, rsp_prod), "");
_Static_assert(offsetof(struct sring, rsp_event) ==
               offsetof(struct blkif_sring, rsp_event), "");
_Static_assert(offsetof(struct sring, slots) ==
               offsetof(struct blkif_sring, ring), "");
/* clang-format on */

/* The largest power of two of slots that fits, as __RD32() has it. */
uint32_t blk_ring_slots(enum blk_abi abi, uint32_t ring_pages)
{
    uint32_t room = ring_pages * PAGE_BYTES - sizeof(struct sring);
    uint32_t fit = room / blk_wire_slot_bytes(abi);

    return 1u << (31 - __builtin_clz(fit));
}

static struct sring *shared(const struct blk_ring *r)
{
    return r->shared;
}

static uint8_t *slot_at(const struct blk_ring *r, uint32_t index)
{
    return shared(r)->slots + (size_t)(index & (r->size - 1)) * r->slot_bytes;
}

/* Requests that the guest says are there, and how many there can be. */
static uint32_t waiting(const struct blk_ring *r)
{
    return shm_u32(&shared(r)->req_prod) - r->journal->req_cons;
}

static uint32_t room(const struct blk_ring *r)
{
    return r->size - (r->journal->req_cons - r->journal->rsp_prod);
}

void blk_ring_begin(const void *pages, struct blk_journal_queue *journal)
{
    const struct sring *s = pages;

    journal->rsp_prod = shm_u32(&s->rsp_prod);
    journal->req_cons = journal->rsp_prod;
}

int blk_ring_attach(struct blk_ring *r, void *pages, uint32_t ring_pages,
                    enum blk_abi abi, struct blk_journal_queue *journal,
                    bool resume)
{
    *r = (struct blk_ring){
        .shared = pages,
        .journal = journal,
        .abi = abi,
        .size = blk_ring_slots(abi, ring_pages),
        .slot_bytes = blk_wire_slot_bytes(abi),
    };
    r->pushed = journal->rsp_prod;
    if (resume)
        /* Nobody knows what was published last.  An event too many does no
           harm, one too few would. */
        r->pushed -= r->size;
    return waiting(r) > room(r) ? -EPROTO : 0;
}

int blk_ring_take(struct blk_ring *r, struct blk_wire *out, uint32_t *index)
{
    uint64_t slot[SLOT_BYTES_MAX / sizeof(uint64_t)];
    uint32_t nr = waiting(r);

    if (nr > room(r))
        return -EPROTO;
    if (nr == 0)
        return 0;
    shm_rmb(); /* index, then slot */
    *index = r->journal->req_cons;
    shm_fetch(slot, slot_at(r, *index), r->slot_bytes);
    blk_wire_read(r->abi, slot, out);
    return 1;
}

bool blk_ring_has(const struct blk_ring *r)
{
    return waiting(r) != 0;
}

bool blk_ring_arm(struct blk_ring *r)
{
    if (blk_ring_has(r))
        return true;
    shm_set_u32(&shared(r)->req_event, r->journal->req_cons + 1);
    shm_mb(); /* the guest reads it after it has put its request */
    return blk_ring_has(r);
}

void blk_ring_answer(struct blk_ring *r, uint64_t id, uint8_t op,
                     int16_t status)
{
    uint64_t slot[SLOT_BYTES_MAX / sizeof(uint64_t)];
    uint32_t len_bytes = blk_wire_answer(r->abi, id, op, status, slot);

    shm_put(slot_at(r, r->journal->rsp_prod), slot, len_bytes);
}

bool blk_ring_push(struct blk_ring *r)
{
    uint32_t now = r->journal->rsp_prod, before = r->pushed;

    shm_wmb(); /* responses, then index */
    shm_set_u32(&shared(r)->rsp_prod, now);
    r->pushed = now;
    shm_mb(); /* the guest looks again after it has set its event */
    return now - shm_u32(&shared(r)->rsp_event) < now - before;
}
