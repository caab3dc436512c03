/* SPDX-License-Identifier: MIT */
/*
 * test_blk_ring.c - one queue's shared ring, against a frontend that may lie
 */
#include <errno.h>
#include <stdlib.h>

#include "backends/blk/blk_journal.h"
#include "backends/blk/blk_ring.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/gnt.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_front.h"
#include "tests/fakes/fake_io.h"
#include "tests/unit/test.h"

#define GUEST 7u

static struct err err;
static struct gnt *gnt;
static struct gnt_map map;
static struct fake_front *front;
static struct fake_sring *shared;
static struct blk_journal_queue *journal;
static struct blk_ring ring;
static struct blk_wire wire;
static uint32_t indx;

/* A guest with a frontend, whose ring is mapped and not attached yet. */
static void fresh(enum blk_abi abi, uint32_t ring_pages, uint32_t first_index)
{
    fake_reset();
    fake.domain[0] =
        (struct fake_domain){ .there = true, .domid = GUEST, .next_port = 4 };
    front = fake_front_new(GUEST, abi, 1, ring_pages, first_index);
    shared = fake_front_shared(front, 0);
    journal = calloc(1, sizeof(*journal));
    CHECK_EQ(gnt_open(&gnt, &err), 0);
    CHECK_EQ(gnt_map_pages(gnt, GUEST, fake_front_wiring(front)->queue[0].ref,
                           ring_pages, &map, &err),
             0);
}

static int attach(bool resume)
{
    const struct blk_wiring *w = fake_front_wiring(front);

    if (!resume)
        blk_ring_begin(map.va, journal);
    return blk_ring_attach(&ring, map.va, w->ring_pages, w->abi, journal,
                           resume);
}

static void finish(void)
{
    gnt_unmap(gnt, &map);
    gnt_close(gnt);
    free(journal);
    fake_front_free(front);
    fake.domain[0].there = false;
    CHECK_EQ(fake_left(), 0);
    fake_reset();
}

/* What blk_queue.c does with what it took. */
static int take(void)
{
    int rc = blk_ring_take(&ring, &wire, &indx);

    if (rc == 1)
        journal->req_cons = indx + 1;
    return rc;
}

static void answer(const struct blk_wire *w, int16_t status)
{
    blk_ring_answer(&ring, w->id, w->op, status);
    journal->rsp_prod++;
}

/* RING_SIZE() of blkif.h's rings: 108 or 112 bytes behind 64, rounded down. */
TEST(a_ring_has_as_many_slots_as_in_linux)
{
    static const struct {
        uint32_t pages, slots;
    } rows[] = { { 1, 32 }, { 2, 64 }, { 4, 128 }, { 8, 256 }, { 16, 512 } };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (uint32_t abi = 0; abi < BLK_ABIS; abi++)
            CHECK_EQ(blk_ring_slots(abi, rows[i].pages), rows[i].slots);
    CHECK_EQ(blk_ring_slots(BLK_ABI_NATIVE, BLK_RING_PAGES_MAX),
             BLK_RING_SLOTS_MAX);
}

/* A guest that rewrites its request once we have it changes nothing. */
TEST(take_reads_the_slot_once)
{
    for (uint32_t abi = 0; abi < BLK_ABIS; abi++) {
        fresh(abi, 1, 0);
        CHECK_EQ(attach(false), 0);
        fake_front_io(front, 0, false, 4096, 4096, 99, 0);
        CHECK_EQ(take(), 0); /* put, and not published */
        fake_front_publish(front, 0);
        CHECK_EQ(take(), 1);
        CHECK_EQ(indx, 0);
        CHECK_EQ(wire.op, BLKIF_OP_READ);
        CHECK_EQ(wire.sector, 8);
        CHECK_EQ(wire.u.seg[0].ref, 99);
        for (uint32_t i = 0; i < ring.slot_bytes; i++)
            CHECK_EQ(fake_front_slot(front, 0, 0)[i], FAKE_POISON);
        CHECK_EQ(take(), 0);
        finish();
    }
}

/* Every slot of every size, over both edges: the ring's and the index's. */
TEST(requests_and_responses_wrap)
{
    struct fake_answer a;

    for (uint32_t abi = 0; abi < BLK_ABIS; abi++) {
        for (uint32_t pages = 1; pages <= BLK_RING_PAGES_MAX; pages *= 2) {
            fresh(abi, pages, UINT32_MAX - 700);
            CHECK_EQ(attach(false), 0);
            for (uint32_t i = 0; i < 1500; i++) {
                int slot =
                    fake_front_io(front, 0, i & 1, i * 512ull, 512, i, i);

                fake_front_publish(front, 0);
                CHECK_EQ(take(), 1);
                CHECK_EQ(indx, UINT32_MAX - 700 + i);
                CHECK_EQ(wire.sector, i);
                answer(&wire, (int16_t)-(int)(i % 3));
                blk_ring_push(&ring);
                CHECK_EQ(fake_front_take(front, 0, &a), 1);
                CHECK_EQ(a.slot, slot);
                CHECK_EQ(a.cookie, i);
                CHECK_EQ(a.status, -(int)(i % 3));
            }
            finish();
        }
    }
}

/* As many as it holds can be out, and then the guest cannot put any more. */
TEST(a_full_ring_is_taken_whole)
{
    fresh(BLK_ABI_NATIVE, 1, UINT32_MAX - 3);
    CHECK_EQ(attach(false), 0);
    for (uint32_t i = 0; i < 32; i++)
        CHECK(fake_front_flush(front, 0, i) >= 0);
    CHECK_EQ(fake_front_flush(front, 0, 0), -1);
    fake_front_publish(front, 0);
    for (uint32_t i = 0; i < 32; i++)
        CHECK_EQ(take(), 1);
    CHECK_EQ(take(), 0);
    CHECK(!blk_ring_has(&ring));
    shared->req_prod++; /* one more than fits */
    CHECK(blk_ring_has(&ring));
    CHECK_EQ(take(), -EPROTO);
    finish();
}

/* used: requests out; ahead: what the guest claims beyond those. */
TEST(an_index_that_cannot_be_is_refused)
{
    static const struct {
        uint32_t used;
        int64_t ahead;
        int rc;
    } rows[] = {
        { 0, 0, 0 },
        { 0, 1, 1 },
        { 0, 32, 1 },
        { 0, 33, -EPROTO },
        { 0, 64, -EPROTO },
        { 0, -1, -EPROTO },
        { 0, 1ll << 31, -EPROTO },
        { 0, UINT32_MAX, -EPROTO },
        { 31, 1, 1 },
        { 31, 2, -EPROTO },
        { 31, -1, -EPROTO },
        { 31, -31, -EPROTO },
        { 32, 0, 0 },
        { 32, 1, -EPROTO },
        { 32, -32, -EPROTO },
    };
    static const uint32_t starts[] = {
        0, 1, 31, 32, UINT32_MAX - 40, UINT32_MAX - 31, UINT32_MAX, 1u << 31
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (uint32_t k = 0; k < ARRAY_SIZE(starts); k++) {
            fresh(BLK_ABI_X86_64, 1, starts[k]);
            CHECK_EQ(attach(false), 0);
            shared->req_prod = starts[k] + rows[i].used;
            for (uint32_t n = 0; n < rows[i].used; n++)
                CHECK_EQ(take(), 1);
            shared->req_prod += (uint32_t)rows[i].ahead;
            CHECK_EQ(blk_ring_take(&ring, &wire, &indx), rows[i].rc);
            CHECK_EQ(journal->req_cons, starts[k] + rows[i].used);
            finish();
        }
}

TEST(attaching_starts_where_the_last_backend_left)
{
    fresh(BLK_ABI_NATIVE, 1, 1000);
    fake_front_flush(front, 0, 1);
    fake_front_publish(front, 0);
    CHECK_EQ(attach(false), 0);
    CHECK_EQ(journal->req_cons, 1000);
    CHECK_EQ(journal->rsp_prod, 1000);
    CHECK_EQ(take(), 1);
    finish();
}

TEST(attaching_to_a_ring_that_is_too_full_is_refused)
{
    fresh(BLK_ABI_NATIVE, 1, UINT32_MAX);
    shared->req_prod = shared->rsp_prod + 32;
    CHECK_EQ(attach(false), 0);
    shared->req_prod++;
    CHECK_EQ(attach(false), -EPROTO);
    shared->req_prod = shared->rsp_prod - 1;
    CHECK_EQ(attach(false), -EPROTO);
    finish();
}

/* Only our own cursors count, whatever the guest has made of the shared one. */
TEST(resuming_believes_nothing_that_is_shared)
{
    fresh(BLK_ABI_NATIVE, 1, 50);
    journal->req_cons = 60;
    journal->rsp_prod = 55;
    shared->req_prod = 61;
    shared->rsp_prod = 0xdeadbeef;
    CHECK_EQ(attach(true), 0);
    CHECK_EQ(take(), 1);
    CHECK_EQ(indx, 60);
    CHECK_EQ(take(), 0);
    answer(&wire, 0);
    blk_ring_push(&ring);
    CHECK_EQ(shared->rsp_prod, 56);
    shared->req_prod = 60; /* moved back */
    CHECK_EQ(attach(true), -EPROTO);
    shared->req_prod = 56 + 33;
    CHECK_EQ(attach(true), -EPROTO);
    finish();
}

/* Nobody knows whether the dead backend had told, so the guest is told. */
TEST(the_first_push_after_a_resume_notifies)
{
    for (uint32_t told = 0; told < 2; told++) {
        fresh(BLK_ABI_NATIVE, 1, 0);
        CHECK_EQ(attach(false), 0);
        fake_front_flush(front, 0, 0);
        fake_front_publish(front, 0);
        CHECK_EQ(take(), 1);
        answer(&wire, 0);
        if (told)
            CHECK(blk_ring_push(&ring));
        CHECK_EQ(attach(true), 0);
        CHECK(blk_ring_push(&ring));
        CHECK_EQ(shared->rsp_prod, 1);
        CHECK(!blk_ring_push(&ring));
        finish();
    }
}

/* RING_PUSH_RESPONSES_AND_CHECK_NOTIFY: did we pass what it waits for? */
TEST(the_guest_is_notified_when_it_asked_to_be)
{
    static const struct {
        uint32_t nr, event;
        bool notify;
    } rows[] = {
        { 1, 1, true },  { 1, 2, false },          { 3, 1, true },
        { 3, 2, true },  { 3, 3, true },           { 3, 4, false },
        { 3, 0, false }, { 3, UINT32_MAX, false }, { 3, 1u << 31, false },
        { 0, 1, false }, { 0, 0, false },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (uint32_t start = UINT32_MAX - 2; start != 3; start++) {
            fresh(BLK_ABI_NATIVE, 1, start);
            CHECK_EQ(attach(false), 0);
            for (uint32_t n = 0; n < rows[i].nr; n++)
                fake_front_flush(front, 0, 0);
            fake_front_publish(front, 0);
            shared->rsp_event = start + rows[i].event;
            while (take() == 1)
                answer(&wire, 0);
            CHECK_EQ(shared->rsp_prod, start); /* nothing before the push */
            CHECK_EQ(blk_ring_push(&ring), rows[i].notify);
            CHECK_EQ(shared->rsp_prod, start + rows[i].nr);
            CHECK_EQ(shared->rsp_event, start + rows[i].event);
            finish();
        }
}

/* The ring's own index is ours: what the guest writes there is not read. */
TEST(what_we_published_is_not_read_back)
{
    fresh(BLK_ABI_NATIVE, 1, 0);
    CHECK_EQ(attach(false), 0);
    fake_front_flush(front, 0, 0);
    fake_front_publish(front, 0);
    CHECK_EQ(take(), 1);
    shared->rsp_prod = 12345;
    answer(&wire, 0);
    blk_ring_push(&ring);
    CHECK_EQ(shared->rsp_prod, 1);
    finish();
}

TEST(arming_asks_for_an_event_and_looks_again)
{
    fresh(BLK_ABI_NATIVE, 1, UINT32_MAX);
    CHECK_EQ(attach(false), 0);
    shared->req_event = 77;
    fake_front_flush(front, 0, 0);
    CHECK(fake_front_publish(front, 0) == false); /* nobody asked */
    CHECK(blk_ring_arm(&ring)); /* there is one: no event is asked for */
    CHECK_EQ(shared->req_event, 77);
    CHECK_EQ(take(), 1);
    CHECK(!blk_ring_arm(&ring));
    CHECK_EQ(shared->req_event, journal->req_cons + 1);
    fake_front_flush(front, 0, 0);
    CHECK(fake_front_publish(front, 0));
    CHECK(blk_ring_arm(&ring));
    finish();
}

/* XSA-216, as the guest sees it: it had 0xff all over the slot before. */
TEST(a_response_on_the_ring_has_no_byte_of_ours_too_many)
{
    static const uint32_t len_bytes[BLK_ABIS] = {
        [BLK_ABI_NATIVE] = 16, [BLK_ABI_X86_32] = 12, [BLK_ABI_X86_64] = 16
    };

    for (uint32_t abi = 0; abi < BLK_ABIS; abi++) {
        uint8_t *slot;

        fresh(abi, 1, 1);
        CHECK_EQ(attach(false), 0);
        slot = fake_front_slot(front, 0, 1);
        memset(shared + 1, 0xff, 4096 - sizeof(*shared));
        blk_ring_answer(&ring, 0x0807060504030201, 3, -1);
        for (uint32_t i = 0; i < 8; i++)
            CHECK_EQ(slot[i], i + 1);
        CHECK_EQ(slot[8], 3);
        CHECK_EQ(slot[9], 0);
        CHECK_EQ(slot[10], 0xff);
        CHECK_EQ(slot[11], 0xff);
        for (uint32_t i = 12; i < len_bytes[abi]; i++)
            CHECK_EQ(slot[i], 0);
        for (uint8_t *p = slot + len_bytes[abi]; p < (uint8_t *)shared + 4096;
             p++)
            CHECK_EQ(*p, 0xff);
        CHECK_EQ(slot[-1], 0xff);
        finish();
    }
}

RUN_TESTS(RULE(a_ring_has_as_many_slots_as_in_linux),
          RULE(take_reads_the_slot_once), RULE(requests_and_responses_wrap),
          RULE(a_full_ring_is_taken_whole),
          RULE(an_index_that_cannot_be_is_refused),
          RULE(attaching_starts_where_the_last_backend_left),
          RULE(attaching_to_a_ring_that_is_too_full_is_refused),
          RULE(resuming_believes_nothing_that_is_shared),
          RULE(the_first_push_after_a_resume_notifies),
          RULE(the_guest_is_notified_when_it_asked_to_be),
          RULE(what_we_published_is_not_read_back),
          RULE(arming_asks_for_an_event_and_looks_again),
          RULE(a_response_on_the_ring_has_no_byte_of_ours_too_many))
