/* SPDX-License-Identifier: MIT */
/*
 * blk_pool.c - the buffers of one queue, a fixed number of pages
 *
 * How this works: one bit a page, first fit from the low end, so that a queue
 * with little to do stays within few pages.
 */
#include "backends/blk/blk_pool.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>

#include "common/checked.h"
#include "common/err.h"

#define POOL_BYTES ((size_t)BLK_POOL_PAGES * PAGE_BYTES)

int blk_pool_open(struct blk_pool *p, struct err *e)
{
    void *va = mmap(NULL, POOL_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (va == MAP_FAILED)
        return fail(e, -errno, "buffers: map %u pages: %s", BLK_POOL_PAGES,
                    strerror(errno));
    *p = (struct blk_pool){ .base = va, .nr_free = BLK_POOL_PAGES };
    return 0;
}

void blk_pool_close(struct blk_pool *p)
{
    if (p->base)
        munmap(p->base, POOL_BYTES);
    *p = (struct blk_pool){ 0 };
}

static bool is_taken(const struct blk_pool *p, uint32_t page)
{
    return p->taken[page / 64] >> (page % 64) & 1;
}

static void mark(struct blk_pool *p, uint32_t first, uint32_t nr, bool taken)
{
    for (uint32_t i = first; i < first + nr; i++) {
        uint64_t bit = 1ull << (i % 64);

        if (taken)
            p->taken[i / 64] |= bit;
        else
            p->taken[i / 64] &= ~bit;
    }
}

/* The first of nr free pages side by side, or BLK_POOL_PAGES. */
static uint32_t find(const struct blk_pool *p, uint32_t nr)
{
    uint32_t run = 0;

    for (uint32_t i = 0; i < BLK_POOL_PAGES; i++) {
        if (i % 64 == 0 && p->taken[i / 64] == UINT64_MAX) {
            run = 0;
            i += 63;
            continue;
        }
        run = is_taken(p, i) ? 0 : run + 1;
        if (run == nr)
            return i + 1 - nr;
    }
    return BLK_POOL_PAGES;
}

void *blk_pool_get(struct blk_pool *p, uint32_t nr)
{
    uint32_t first;

    assert(nr > 0);
    if (nr > p->nr_free)
        return NULL;
    first = find(p, nr);
    if (first == BLK_POOL_PAGES)
        return NULL;
    mark(p, first, nr, true);
    p->nr_free -= nr;
    p->touched = MAX_OF(p->touched, first + nr);
    return p->base + (size_t)first * PAGE_BYTES;
}

void blk_pool_put(struct blk_pool *p, void *buf, uint32_t nr)
{
    uint32_t first = (uint32_t)(((uint8_t *)buf - p->base) / PAGE_BYTES);

    assert(first + nr <= BLK_POOL_PAGES && is_taken(p, first));
    mark(p, first, nr, false);
    p->nr_free += nr;
}

void blk_pool_trim(struct blk_pool *p, uint32_t keep)
{
    if (p->nr_free < BLK_POOL_PAGES || p->touched <= keep)
        return;
    madvise(p->base + (size_t)keep * PAGE_BYTES,
            (size_t)(p->touched - keep) * PAGE_BYTES, MADV_DONTNEED);
    p->touched = keep;
}
