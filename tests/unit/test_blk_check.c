/* SPDX-License-Identifier: MIT */
/*
 * test_blk_check.c - what a guest may ask of its disk, edge by edge
 */
#include <errno.h>

#include "backends/blk/blk_check.h"
#include "common/checked.h"
#include "tests/unit/test.h"

#define SECTORS 1000u /* of the disk */
#define HUGE_SECTOR (UINT64_MAX / 512)

static struct blk_seg seg[BLK_INDIRECT_SEGS_MAX + 1];
static struct blk_req req = { .seg = seg };
static struct blk_disk_rules disk;
static struct blk_wire_seg pages[512];

/* A guest's request of nr segments, whole pages, the last one shorter. */
static struct blk_wire rw(uint8_t op, uint64_t sector, uint16_t nr,
                          uint8_t last)
{
    struct blk_wire w = { .op = op, .sector = sector, .nr_segs = nr };

    for (uint32_t i = 0; i < MIN_OF(nr, 11); i++)
        w.u.seg[i] = (struct blk_wire_seg){ 40 + i, 0, i + 1 == nr ? last : 7 };
    return w;
}

static struct blk_wire indirect(uint8_t inner, uint64_t sector, uint16_t nr)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(pages); i++)
        pages[i] = (struct blk_wire_seg){ 1000 + i, 0, 7 };
    return (struct blk_wire){
        .op = BLKIF_OP_INDIRECT, .inner = inner, .sector = sector, .nr_segs = nr
    };
}

static void fresh(void)
{
    disk = (struct blk_disk_rules){ .size_bytes = SECTORS * 512ull,
                                    .flush = true,
                                    .discard = true,
                                    .secure_discard = true };
    memset(seg, 0xee, sizeof(seg));
}

static int check(struct blk_wire w)
{
    return blk_check(&disk, &w, &req);
}

TEST(what_is_checked_is_what_was_asked)
{
    struct blk_wire w = rw(BLKIF_OP_WRITE, 17, 3, 4);

    fresh();
    w.u.seg[0].first = 6;
    CHECK_EQ(check(w), 0);
    CHECK_EQ(req.op, BLK_WRITE);
    CHECK_EQ(req.off, 17 * 512);
    CHECK_EQ(req.len, (2 + 8 + 5) * 512);
    CHECK_EQ(req.nr_segs, 3);
    CHECK_EQ(req.nr_indirect, 0);
    CHECK(req.seg == seg);
    CHECK_EQ(seg[0].ref, 40);
    CHECK_EQ(seg[0].off, 6 * 512);
    CHECK_EQ(seg[0].len, 2 * 512);
    CHECK_EQ(seg[2].ref, 42);
    CHECK_EQ(seg[2].off, 0);
    CHECK_EQ(seg[2].len, 5 * 512);
}

TEST(a_request_has_1_to_11_segments)
{
    static const struct {
        uint16_t nr;
        int rc;
    } rows[] = {
        { 0, -EINVAL }, { 1, 0 }, { 11, 0 }, { 12, -EINVAL }, { 255, -EINVAL }
    };

    fresh();
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CHECK_EQ(check(rw(BLKIF_OP_READ, 0, rows[i].nr, 7)), rows[i].rc);
        CHECK_EQ(check(rw(BLKIF_OP_WRITE, 0, rows[i].nr, 7)), rows[i].rc);
    }
    CHECK_EQ(seg[11].ref, 0xeeeeeeee);
}

TEST(a_segment_is_a_part_of_one_page)
{
    static const struct {
        uint8_t first, last;
        int rc;
    } rows[] = {
        { 0, 0, 0 },       { 0, 7, 0 },           { 7, 7, 0 },
        { 3, 2, -EINVAL }, { 7, 0, -EINVAL },     { 0, 8, -EINVAL },
        { 8, 8, -EINVAL }, { 8, 7, -EINVAL },     { 0, 255, -EINVAL },
        { 1, 0, -EINVAL }, { 255, 255, -EINVAL }, { 255, 0, -EINVAL },
    };

    fresh();
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++)
        for (uint32_t at = 0; at < 11; at++) {
            struct blk_wire w = rw(BLKIF_OP_READ, 0, 11, 7);

            w.u.seg[at].first = rows[i].first;
            w.u.seg[at].last = rows[i].last;
            CHECK_EQ(check(w), rows[i].rc);
            w = indirect(BLKIF_OP_READ, 0, 11);
            pages[at].first = rows[i].first;
            pages[at].last = rows[i].last;
            CHECK_EQ(check(w), 1);
            CHECK_EQ(blk_check_indirect(&disk, pages, &req), rows[i].rc);
        }
}

/* One segment of `sectors`, or a discard of as many. */
static const struct edge {
    uint64_t size_sectors, sector, sectors;
    int rc;
} edges[] = {
    { SECTORS, 0, 8, 0 },
    { SECTORS, SECTORS - 8, 8, 0 },
    { SECTORS, SECTORS - 1, 1, 0 },
    { SECTORS, SECTORS - 7, 8, -ERANGE },
    { SECTORS, SECTORS, 1, -ERANGE },
    { SECTORS, SECTORS + 1, 1, -ERANGE },
    { 0, 0, 1, -ERANGE },
    { SECTORS, HUGE_SECTOR, 1, -ERANGE }, /* the end wraps, or nearly */
    { SECTORS, HUGE_SECTOR - 1, 2, -ERANGE },
    { SECTORS, HUGE_SECTOR + 1, 1, -ERANGE }, /* the offset wraps: to 0 */
    { SECTORS, HUGE_SECTOR + 2, 1, -ERANGE },
    { SECTORS, UINT64_MAX, 1, -ERANGE },
    { SECTORS, 1ull << 63, 1, -ERANGE },
    { HUGE_SECTOR, HUGE_SECTOR - 8, 8, 0 }, /* the largest disk */
    { HUGE_SECTOR, HUGE_SECTOR - 7, 8, -ERANGE },
};

TEST(nothing_reaches_beyond_the_disk)
{
    fresh();
    for (const struct edge *t = edges; t < edges + ARRAY_SIZE(edges); t++) {
        uint8_t last = (uint8_t)(t->sectors - 1);
        struct blk_wire w;
        int rc;

        disk.size_bytes = t->size_sectors * 512;
        CHECK_EQ(check(rw(BLKIF_OP_READ, t->sector, 1, last)), t->rc);
        CHECK_EQ(check(rw(BLKIF_OP_WRITE, t->sector, 1, last)), t->rc);
        w = (struct blk_wire){ .op = BLKIF_OP_DISCARD,
                               .sector = t->sector,
                               .nr_sectors = t->sectors };
        CHECK_EQ(check(w), t->rc);
        w = indirect(BLKIF_OP_WRITE, t->sector, 1);
        pages[0].last = last;
        rc = check(w);
        if (rc == 1)
            rc = blk_check_indirect(&disk, pages, &req);
        CHECK_EQ(rc, t->rc);
    }
}

TEST(a_discard_is_of_something_and_of_this_disk)
{
    static const struct {
        uint64_t sector, nr;
        int rc;
    } rows[] = {
        { 0, SECTORS, 0 },
        { 0, SECTORS + 1, -ERANGE },
        { 1, SECTORS, -ERANGE },
        { 0, 0, -EINVAL },
        { SECTORS, 0, -EINVAL },
        { 0, HUGE_SECTOR, -ERANGE },
        { 0, HUGE_SECTOR + 1, -ERANGE }, /* its bytes wrap: to 0 */
        { 0, HUGE_SECTOR + 2, -ERANGE },
        { 0, UINT64_MAX, -ERANGE },
        { 8, HUGE_SECTOR - 7, -ERANGE }, /* its end wraps: to 0 */
        { 16, HUGE_SECTOR - 7, -ERANGE },
    };

    fresh();
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct blk_wire w = { .op = BLKIF_OP_DISCARD,
                              .sector = rows[i].sector,
                              .nr_sectors = rows[i].nr };

        CHECK_EQ(check(w), rows[i].rc);
    }
    CHECK_EQ(req.op, BLK_DISCARD);
}

TEST(a_secure_discard_is_one_where_the_store_has_it)
{
    struct blk_wire w = { .op = BLKIF_OP_DISCARD, .nr_sectors = 8 };

    fresh();
    CHECK_EQ(check(w), 0);
    CHECK_EQ(req.len, 4096);
    CHECK_EQ(req.nr_segs, 0);
    CHECK(!req.secure);
    w.flag = 0xfe;
    CHECK_EQ(check(w), 0);
    CHECK(!req.secure);
    w.flag = 0xff;
    CHECK_EQ(check(w), 0);
    CHECK(req.secure);
    disk.secure_discard = false; /* ignored, says blkif.h */
    CHECK_EQ(check(w), 0);
    CHECK(!req.secure);
}

TEST(a_flush_has_no_data_and_no_place)
{
    fresh();
    CHECK_EQ(check(rw(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0)), 0);
    CHECK_EQ(req.op, BLK_FLUSH);
    CHECK_EQ(req.len, 0);
    CHECK_EQ(check(rw(BLKIF_OP_FLUSH_DISKCACHE, UINT64_MAX, 0, 0)), 0);
    CHECK_EQ(req.off, 0);
    CHECK_EQ(check(rw(BLKIF_OP_FLUSH_DISKCACHE, 0, 1, 7)), -EINVAL);
    CHECK_EQ(check(rw(BLKIF_OP_FLUSH_DISKCACHE, 0, 255, 7)), -EINVAL);
}

TEST(an_operation_that_is_not_offered_is_not_supported)
{
    fresh();
    disk.flush = disk.discard = false;
    for (uint32_t op = 0; op < 256; op++) {
        int rc = check(rw((uint8_t)op, 0, 1, 7));

        if (op == BLKIF_OP_READ || op == BLKIF_OP_WRITE)
            CHECK_EQ(rc, 0);
        else if (op == BLKIF_OP_INDIRECT) /* of a read, as inner is 0 */
            CHECK_EQ(rc, 1);
        else
            CHECK_EQ(rc, -EOPNOTSUPP);
    }
    fresh();
    CHECK_EQ(check(rw(BLKIF_OP_WRITE_BARRIER, 0, 1, 7)), -EOPNOTSUPP);
}

TEST(a_read_only_disk_is_only_read)
{
    struct blk_wire w = { .op = BLKIF_OP_DISCARD, .nr_sectors = 8 };

    fresh();
    disk.readonly = true;
    CHECK_EQ(check(rw(BLKIF_OP_READ, 0, 1, 7)), 0);
    CHECK_EQ(check(indirect(BLKIF_OP_READ, 0, 1)), 1);
    CHECK_EQ(check(rw(BLKIF_OP_WRITE, 0, 1, 7)), -EROFS);
    CHECK_EQ(check(indirect(BLKIF_OP_WRITE, 0, 1)), -EROFS);
    CHECK_EQ(check(rw(BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0)), 0); /* offered */
    CHECK_EQ(check(w), -EROFS);
}

TEST(an_indirect_request_has_1_to_256_segments_in_one_page)
{
    static const struct {
        uint16_t nr;
        int rc;
    } rows[] = { { 0, -EINVAL },   { 1, 1 },          { 255, 1 },
                 { 256, 1 },       { 257, -EINVAL },  { 512, -EINVAL },
                 { 513, -EINVAL }, { 65535, -EINVAL } };

    fresh();
    disk.size_bytes = 1 << 20;
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        CHECK_EQ(check(indirect(BLKIF_OP_READ, 0, rows[i].nr)), rows[i].rc);
        if (rows[i].rc != 1)
            continue;
        CHECK_EQ(req.nr_indirect, 1);
        CHECK_EQ(blk_check_indirect(&disk, pages, &req), 0);
        CHECK_EQ(req.op, BLK_READ);
        CHECK_EQ(req.nr_indirect, 0);
        CHECK_EQ(req.nr_segs, rows[i].nr);
        CHECK_EQ(req.len, rows[i].nr * 4096u);
        CHECK_EQ(seg[rows[i].nr - 1].ref, 1000 + rows[i].nr - 1);
        CHECK_EQ(seg[rows[i].nr].ref, 0xeeeeeeee);
        memset(seg, 0xee, sizeof(seg));
    }
    CHECK_EQ(check(indirect(BLKIF_OP_READ, 1, 256)), 1);
    CHECK_EQ(blk_check_indirect(&disk, pages, &req), -ERANGE);
}

TEST(an_indirect_request_is_a_read_or_a_write)
{
    fresh();
    for (uint32_t op = 2; op < 256; op++)
        CHECK_EQ(check(indirect((uint8_t)op, 0, 1)), -EINVAL);
    CHECK_EQ(check(indirect(BLKIF_OP_WRITE, 0, 1)), 1);
    CHECK_EQ(req.op, BLK_WRITE);
}

/* blkfront disables a disk whose response names another operation. */
TEST(an_answer_names_the_inner_operation)
{
    for (uint32_t op = 0; op < 256; op++) {
        struct blk_wire w = { .op = (uint8_t)op };

        CHECK_EQ(blk_answer_op(&w), op == BLKIF_OP_INDIRECT ? 0 : op);
        w = indirect((uint8_t)op, 0, 1);
        CHECK_EQ(blk_answer_op(&w), op <= 1 ? op : BLKIF_OP_INDIRECT);
    }
}

TEST(a_status_is_one_of_three)
{
    CHECK_EQ(blk_status(0), BLKIF_RSP_OKAY);
    CHECK_EQ(blk_status(-EOPNOTSUPP), BLKIF_RSP_EOPNOTSUPP);
    CHECK_EQ(blk_status(-EIO), BLKIF_RSP_ERROR);
    CHECK_EQ(blk_status(-EROFS), BLKIF_RSP_ERROR);
    CHECK_EQ(blk_status(-1), BLKIF_RSP_ERROR);
}

RUN_TESTS(RULE(what_is_checked_is_what_was_asked),
          RULE(a_request_has_1_to_11_segments),
          RULE(a_segment_is_a_part_of_one_page),
          RULE(nothing_reaches_beyond_the_disk),
          RULE(a_discard_is_of_something_and_of_this_disk),
          RULE(a_secure_discard_is_one_where_the_store_has_it),
          RULE(a_flush_has_no_data_and_no_place),
          RULE(an_operation_that_is_not_offered_is_not_supported),
          RULE(a_read_only_disk_is_only_read),
          RULE(an_indirect_request_has_1_to_256_segments_in_one_page),
          RULE(an_indirect_request_is_a_read_or_a_write),
          RULE(an_answer_names_the_inner_operation),
          RULE(a_status_is_one_of_three))
