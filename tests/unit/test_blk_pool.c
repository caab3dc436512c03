/* SPDX-License-Identifier: MIT */
/*
 * test_blk_pool.c - buffers and limits of a disk
 */
#include <stdlib.h>

#include "backends/blk/blk_limit.h"
#include "backends/blk/blk_pool.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"

static struct blk_pool pool;
static struct err err;

TEST(pieces_are_whole_and_apart)
{
    uint8_t *a, *b, *c;

    CHECK_EQ(blk_pool_open(&pool, &err), 0);
    a = blk_pool_get(&pool, 3);
    b = blk_pool_get(&pool, 256);
    c = blk_pool_get(&pool, 1);
    CHECK(b == a + 3 * PAGE_BYTES);
    CHECK(c == b + 256 * PAGE_BYTES);
    memset(a, 1, 3 * PAGE_BYTES);
    memset(b, 2, 256 * PAGE_BYTES);
    CHECK_EQ(a[3 * PAGE_BYTES - 1], 1);
    CHECK_EQ(pool.nr_free, BLK_POOL_PAGES - 260);
    blk_pool_put(&pool, a, 3);
    CHECK(blk_pool_get(&pool, 2) == a); /* the lowest that fits */
    CHECK(blk_pool_get(&pool, 2) == c + PAGE_BYTES);
    blk_pool_close(&pool);
    blk_pool_close(&pool);
}

TEST(an_empty_pool_says_so)
{
    void *all[BLK_POOL_PAGES / 256];

    CHECK_EQ(blk_pool_open(&pool, &err), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(all); i++) {
        all[i] = blk_pool_get(&pool, 256);
        CHECK(all[i]);
    }
    CHECK(!blk_pool_get(&pool, 1));
    blk_pool_put(&pool, all[1], 256);
    CHECK(!blk_pool_get(&pool, 257));
    CHECK(blk_pool_get(&pool, 256) == all[1]);
    blk_pool_close(&pool);
}

/* Free pages, but no two side by side. */
TEST(what_is_free_in_crumbs_is_no_piece)
{
    uint8_t *page[BLK_POOL_PAGES];

    CHECK_EQ(blk_pool_open(&pool, &err), 0);
    for (uint32_t i = 0; i < BLK_POOL_PAGES; i++)
        page[i] = blk_pool_get(&pool, 1);
    for (uint32_t i = 0; i < BLK_POOL_PAGES; i += 2)
        blk_pool_put(&pool, page[i], 1);
    CHECK_EQ(pool.nr_free, BLK_POOL_PAGES / 2);
    CHECK(!blk_pool_get(&pool, 2));
    CHECK(blk_pool_get(&pool, 1) == page[0]);
    blk_pool_close(&pool);
}

TEST(memory_goes_back_when_nothing_is_taken)
{
    uint8_t *a, *b;

    CHECK_EQ(blk_pool_open(&pool, &err), 0);
    a = blk_pool_get(&pool, 200);
    memset(a, 7, 200 * PAGE_BYTES);
    blk_pool_trim(&pool, 64); /* not while somebody has it */
    CHECK_EQ(a[199 * PAGE_BYTES], 7);
    blk_pool_put(&pool, a, 200);
    blk_pool_trim(&pool, 64);
    CHECK_EQ(pool.touched, 64);
    b = blk_pool_get(&pool, 200);
    CHECK_EQ(b[0], 7);
    CHECK_EQ(b[64 * PAGE_BYTES], 0);
    blk_pool_close(&pool);
}

#define S 1000000000ull

/* How many requests of so many bytes start in 10 s, looked at each ms. */
static uint32_t starts_in_10_s(const struct blk_limits *rate, uint64_t bytes)
{
    struct blk_limit l;
    uint32_t nr = 0;

    blk_limit_init(&l, rate);
    for (uint64_t t = 100 * S; t < 110 * S; t += S / 1000)
        while (nr < 1000000 && blk_limit_take(&l, bytes, t) == 0)
            nr++;
    return nr;
}

TEST(a_rate_is_kept)
{
    static const struct {
        struct blk_limits rate;
        uint64_t bytes;
        uint32_t least, most;
    } row[] = {
        { { 100, 0 }, 4096, 1000, 1020 },
        { { 100, 0 }, 0, 1000, 1020 }, /* flushes count */
        { { 0, 1000000 }, 100000, 100, 103 },
        { { 50, 1000000 }, 1000, 500, 510 },      /* the first is the tighter */
        { { 5000, 1000000 }, 10000, 1000, 1020 }, /* the second */
        { { 0, 1000 }, 1048576, 1, 1 }, /* whole, and then a long wait */
        { { 0, 0 }, 4096, 1000000, 1000000 },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        uint32_t nr = starts_in_10_s(&row[i].rate, row[i].bytes);

        CHECK(nr >= row[i].least && nr <= row[i].most);
    }
}

TEST(the_wait_that_is_told_is_enough)
{
    struct blk_limit l;
    uint64_t wait_ns;

    blk_limit_init(&l, &(struct blk_limits){ .iops = 10 });
    while ((wait_ns = blk_limit_take(&l, 0, 100 * S)) == 0)
        ;
    CHECK(wait_ns <= S / 10);
    CHECK(blk_limit_take(&l, 0, 100 * S + wait_ns - 1) > 0);
    CHECK_EQ(blk_limit_take(&l, 0, 100 * S + wait_ns), 0);
    blk_limit_set(&l, &(struct blk_limits){ 0 }); /* at once */
    CHECK_EQ(blk_limit_take(&l, 1ull << 40, 100 * S), 0);
    CHECK_EQ(blk_limit_take(&l, 1ull << 40, 100 * S), 0);
}

RUN_TESTS(RULE(pieces_are_whole_and_apart), RULE(an_empty_pool_says_so),
          RULE(what_is_free_in_crumbs_is_no_piece),
          RULE(memory_goes_back_when_nothing_is_taken), RULE(a_rate_is_kept),
          RULE(the_wait_that_is_told_is_enough))
