/* SPDX-License-Identifier: MIT */
/*
 * fuzz_blk_ring.c - a guest that writes anything into its ring, its indices and
 * its indirect pages, before and while we look
 *
 * Input: how the disk and the ring are, then steps, each of them what the guest
 * does before the backend's next pass.  What is checked must be inside the
 * disk and inside the pages; what is answered must be where the guest looks.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/blk_check.h"
#include "backends/blk/blk_journal.h"
#include "backends/blk/blk_ring.h"
#include "common/checked.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

struct setup {
    uint8_t abi, ring_order, flags, size_shift;
    uint32_t first_index;
    uint64_t size_bytes;
};

struct step {
    uint32_t req_prod_by; /* how far it moves; mostly little */
    uint32_t rsp_event;
    uint16_t at, len; /* bytes that follow go to the ring from here on */
    uint8_t keep;     /* of 8 slots each, those this pass leaves open */
    uint8_t flags;    /* 1: the bytes go to the indirect page; 2: resume */
};

static struct {
    struct blk_ring ring;
    struct blk_disk_rules rules;
    struct blk_journal_queue journal;
    uint8_t shared[BLK_RING_PAGES_MAX * PAGE_BYTES]
        __attribute__((aligned(4096)));
    uint8_t indirect[PAGE_BYTES] __attribute__((aligned(4096)));
    struct blk_seg seg[BLK_INDIRECT_SEGS_MAX];
    uint32_t nr_slots;
    bool broken;
} t;

static uint32_t *word(uint32_t at)
{
    return (uint32_t *)(t.shared + at);
}

static void check_transfer(const struct blk_req *q)
{
    uint64_t sum = 0;

    MUST(q->nr_segs > 0 && q->nr_segs <= BLK_INDIRECT_SEGS_MAX);
    for (uint32_t i = 0; i < q->nr_segs; i++) {
        MUST(q->seg[i].len >= BLK_SECTOR && q->seg[i].len % BLK_SECTOR == 0);
        MUST(q->seg[i].off % BLK_SECTOR == 0);
        MUST(q->seg[i].off + q->seg[i].len <= PAGE_BYTES);
        sum += q->seg[i].len;
    }
    MUST(sum == q->len);
}

/* What a store may rely on. */
static void check_checked(const struct blk_req *q)
{
    MUST(q->op < BLK_OPS && q->nr_indirect == 0);
    MUST(q->op == BLK_READ || q->op == BLK_FLUSH || !t.rules.readonly);
    MUST(q->op != BLK_FLUSH || t.rules.flush);
    MUST(q->op != BLK_DISCARD || t.rules.discard);
    MUST(!q->secure || (q->op == BLK_DISCARD && t.rules.secure_discard));
    MUST(q->off <= t.rules.size_bytes && q->len <= t.rules.size_bytes - q->off);
    MUST(q->off % BLK_SECTOR == 0 && q->len % BLK_SECTOR == 0);
    if (q->op == BLK_READ || q->op == BLK_WRITE)
        check_transfer(q);
    else
        MUST(q->nr_segs == 0);
    MUST((q->op == BLK_FLUSH) == (q->len == 0));
}

static int check(const struct blk_wire *w)
{
    struct blk_req q = { .seg = t.seg };
    int rc = blk_check(&t.rules, w, &q);

    MUST(q.seg == t.seg);
    if (rc == 1) {
        MUST(q.nr_indirect == 1 && w->op == BLKIF_OP_INDIRECT);
        rc = blk_check_indirect(&t.rules, t.indirect, &q);
        MUST(rc <= 0);
    }
    MUST(rc <= 0);
    if (rc == 0)
        check_checked(&q);
    return rc;
}

static uint32_t free_slot(void)
{
    uint32_t i = 0;

    while (t.journal.slot[i].mark)
        i++;
    MUST(i < t.nr_slots);
    return i;
}

static void take_all(void)
{
    struct blk_wire w;
    uint32_t at;
    int rc;

    while ((rc = blk_ring_take(&t.ring, &w, &at)) == 1) {
        MUST(at == t.journal.req_cons);
        blk_journal_take(&t.journal, free_slot(), at, &w);
        MUST(t.journal.req_cons - t.journal.rsp_prod <= t.nr_slots);
    }
    t.broken = rc < 0;
}

/* From any slot: as a store finishes them. */
static void answer(uint32_t slot)
{
    const struct blk_wire *w = &t.journal.slot[slot].wire;
    int16_t status = blk_status(check(w));
    uint32_t index = t.journal.rsp_prod & (t.nr_slots - 1);
    const uint8_t *at = t.shared + 64 + index * t.ring.slot_bytes;

    blk_journal_answering(&t.journal, slot, status);
    blk_ring_answer(&t.ring, w->id, blk_answer_op(w), status);
    MUST(memcmp(at, &w->id, sizeof(w->id)) == 0);
    MUST(at[8] == blk_answer_op(w) && at[9] == 0);
    MUST(memcmp(at + 10, &status, sizeof(status)) == 0);
    blk_journal_answered(&t.journal, slot);
}

/* The last slots first, so that answers overtake. */
static void answer_but(uint8_t keep)
{
    for (uint32_t i = t.nr_slots; i-- > 0;)
        if (t.journal.slot[i].mark && !(keep & BIT(i % 8)))
            answer(i);
}

static void resume(uint8_t abi, uint32_t ring_pages)
{
    uint16_t again[BLK_RING_SLOTS_MAX];
    uint32_t used = t.journal.req_cons - t.journal.rsp_prod;
    int slot;

    MUST(blk_journal_recover(&t.journal, t.nr_slots, again, &slot) == used);
    MUST(slot == -1);
    for (uint32_t i = 1; i < used; i++)
        MUST((uint32_t)t.journal.slot[again[i - 1]].mark !=
             (uint32_t)t.journal.slot[again[i]].mark);
    t.broken = blk_ring_attach(&t.ring, t.shared, ring_pages, abi, &t.journal,
                               true) < 0;
}

static void one_step(const struct step *s, const struct setup *how)
{
    uint32_t ring_bytes = (1u << how->ring_order) * PAGE_BYTES;
    uint8_t *to = s->flags & 1 ? t.indirect : t.shared;
    uint32_t room = s->flags & 1 ? PAGE_BYTES : ring_bytes;
    uint32_t at = s->at % room, len = MIN_OF(s->len, room - at);

    *word(0) += s->req_prod_by;
    *word(12) = s->rsp_event;
    if (!input(to + at, MIN_OF(len, left)))
        return;
    if (s->flags & 2)
        resume(how->abi, 1u << how->ring_order);
    if (t.broken)
        return;
    take_all();
    answer_but(s->keep);
    blk_ring_push(&t.ring);
    MUST(*word(8) == t.journal.rsp_prod);
    blk_ring_arm(&t.ring);
}

static bool start(struct setup *how)
{
    memset(&t, 0, sizeof(t));
    if (!input(how, sizeof(*how)))
        return false;
    how->abi %= BLK_ABIS;
    how->ring_order %= BLK_RING_ORDER_MAX + 1;
    t.rules = (struct blk_disk_rules){
        .size_bytes = (how->size_bytes >> (how->size_shift % 64)) & ~511ull,
        .readonly = how->flags & 1,
        .flush = how->flags & 2,
        .discard = how->flags & 4,
        .secure_discard = how->flags & 8,
    };
    t.nr_slots = blk_ring_slots(how->abi, 1u << how->ring_order);
    *word(0) = *word(8) = how->first_index;
    blk_ring_begin(t.shared, &t.journal);
    return blk_ring_attach(&t.ring, t.shared, 1u << how->ring_order, how->abi,
                           &t.journal, false) == 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    struct setup how;
    struct step s;

    in = data;
    left = data_bytes;
    if (!start(&how))
        return 0;
    while (!t.broken && input(&s, sizeof(s)))
        one_step(&s, &how);
    return 0;
}
