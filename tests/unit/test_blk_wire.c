/* SPDX-License-Identifier: MIT */
/*
 * test_blk_wire.c - requests and responses in each ABI's layout
 */
#include "backends/blk/blk_wire.h"
#include "common/checked.h"
#include "tests/fakes/fake_front.h"
#include "tests/unit/test.h"

static uint64_t slot[14]; /* 112 bytes */
static struct blk_wire got;

static void put(uint32_t at, uint64_t value, uint32_t len_bytes)
{
    memcpy((uint8_t *)slot + at, &value, len_bytes);
}

static uint64_t at(uint32_t off, uint32_t len_bytes)
{
    uint64_t value = 0;

    memcpy(&value, (uint8_t *)slot + off, len_bytes);
    return value;
}

/* Offsets as in Linux's drivers/block/xen-blkback/common.h. */
static const struct layout {
    enum blk_abi abi;
    uint32_t slot_bytes, id, sector, rest, refs, answer_bytes;
} layouts[] = {
    { BLK_ABI_X86_32, 108, 4, 12, 20, 24, 12 },
    { BLK_ABI_X86_64, 112, 8, 16, 24, 28, 16 },
    { BLK_ABI_NATIVE, 112, 8, 16, 24, 28, 16 },
};

#define EACH_LAYOUT(l)                                                         \
    for (const struct layout *l = layouts; l < layouts + ARRAY_SIZE(layouts);  \
         l++)

TEST(a_slot_is_as_large_as_the_larger_of_its_two)
{
    EACH_LAYOUT(l)
    CHECK_EQ(blk_wire_slot_bytes(l->abi), l->slot_bytes);
}

TEST(a_read_is_found_at_its_offsets)
{
    EACH_LAYOUT(l)
    {
        memset(slot, 0xee, sizeof(slot));
        put(0, BLKIF_OP_WRITE, 1);
        put(1, 11, 1);
        put(l->id, 0x1122334455667788, 8);
        put(l->sector, 0x99aabbccddeeff00, 8);
        for (uint32_t i = 0; i < 11; i++) {
            put(l->rest + 8 * i, 0x1000 + i, 4);
            put(l->rest + 8 * i + 4, i, 1);
            put(l->rest + 8 * i + 5, i + 100, 1);
        }
        blk_wire_read(l->abi, slot, &got);
        CHECK_EQ(got.op, BLKIF_OP_WRITE);
        CHECK_EQ(got.nr_segs, 11);
        CHECK(got.id == 0x1122334455667788);
        CHECK(got.sector == 0x99aabbccddeeff00);
        for (uint32_t i = 0; i < 11; i++) {
            CHECK_EQ(got.u.seg[i].ref, 0x1000 + i);
            CHECK_EQ(got.u.seg[i].first, i);
            CHECK_EQ(got.u.seg[i].last, i + 100);
        }
    }
}

/* The count is what the guest said; the segments are those there can be. */
TEST(too_many_segments_are_told_and_not_read)
{
    EACH_LAYOUT(l)
    {
        memset(slot, 0, sizeof(slot));
        put(1, 255, 1);
        put(l->rest + 80, 77, 4);
        blk_wire_read(l->abi, slot, &got);
        CHECK_EQ(got.nr_segs, 255);
        CHECK_EQ(got.u.seg[10].ref, 77);
    }
}

TEST(a_discard_is_found_at_its_offsets)
{
    EACH_LAYOUT(l)
    {
        memset(slot, 0xee, sizeof(slot));
        put(0, BLKIF_OP_DISCARD, 1);
        put(1, BLKIF_DISCARD_SECURE, 1);
        put(l->id, 5, 8);
        put(l->sector, 6, 8);
        put(l->rest, 0x7000000000000008, 8);
        blk_wire_read(l->abi, slot, &got);
        CHECK_EQ(got.op, BLKIF_OP_DISCARD);
        CHECK_EQ(got.flag, BLKIF_DISCARD_SECURE);
        CHECK_EQ(got.id, 5);
        CHECK_EQ(got.sector, 6);
        CHECK_EQ(got.nr_sectors, 0x7000000000000008);
        CHECK_EQ(got.nr_segs, 0);
    }
}

TEST(an_indirect_request_is_found_at_its_offsets)
{
    EACH_LAYOUT(l)
    {
        memset(slot, 0xee, sizeof(slot));
        put(0, BLKIF_OP_INDIRECT, 1);
        put(1, BLKIF_OP_WRITE, 1);
        put(2, 0x1ff, 2);
        put(l->id, 5, 8);
        put(l->sector, 6, 8);
        for (uint32_t i = 0; i < 8; i++)
            put(l->refs + 4 * i, 0x2000 + i, 4);
        blk_wire_read(l->abi, slot, &got);
        CHECK_EQ(got.op, BLKIF_OP_INDIRECT);
        CHECK_EQ(got.inner, BLKIF_OP_WRITE);
        CHECK_EQ(got.nr_segs, 0x1ff);
        CHECK_EQ(got.id, 5);
        CHECK_EQ(got.sector, 6);
        for (uint32_t i = 0; i < 8; i++)
            CHECK_EQ(got.u.indirect[i], 0x2000 + i);
    }
}

/* Whoever answers it needs its id. */
TEST(an_unknown_operation_has_its_id_where_all_have_it)
{
    EACH_LAYOUT(l)
    {
        memset(slot, 0xff, sizeof(slot));
        put(l->id, 0xabcdef0123456789, 8);
        blk_wire_read(l->abi, slot, &got);
        CHECK_EQ(got.op, 0xff);
        CHECK(got.id == 0xabcdef0123456789);
    }
}

/* XSA-216: what is not said is zero, and not what lay on our stack. */
TEST(a_response_is_zero_where_it_says_nothing)
{
    EACH_LAYOUT(l)
    {
        memset(slot, 0xee, sizeof(slot));
        CHECK_EQ(blk_wire_answer(l->abi, 0x1122334455667788, 5, -2, slot),
                 l->answer_bytes);
        CHECK_EQ(at(0, 8), 0x1122334455667788);
        CHECK_EQ(at(8, 1), 5);
        CHECK_EQ(at(9, 1), 0);
        CHECK_EQ((int16_t)at(10, 2), -2);
        for (uint32_t i = 12; i < l->slot_bytes; i++)
            CHECK_EQ(at(i, 1), 0);
    }
}

/* The fake frontend lays out on its own; the two must mean the same. */
TEST(the_fake_frontend_speaks_the_same_abi)
{
    struct blk_wire said = { .id = 7,
                             .sector = 9,
                             .op = BLKIF_OP_INDIRECT,
                             .inner = 1,
                             .nr_segs = 256,
                             .u.indirect = { 1, 2, 3, 4, 5, 6, 7, 8 } };

    EACH_LAYOUT(l)
    {
        fake_front_encode(l->abi, &said, slot);
        blk_wire_read(l->abi, slot, &got);
        assert_memory_equal(&got, &said, sizeof(got));
    }
}

RUN_TESTS(RULE(a_slot_is_as_large_as_the_larger_of_its_two),
          RULE(a_read_is_found_at_its_offsets),
          RULE(too_many_segments_are_told_and_not_read),
          RULE(a_discard_is_found_at_its_offsets),
          RULE(an_indirect_request_is_found_at_its_offsets),
          RULE(an_unknown_operation_has_its_id_where_all_have_it),
          RULE(a_response_is_zero_where_it_says_nothing),
          RULE(the_fake_frontend_speaks_the_same_abi))
