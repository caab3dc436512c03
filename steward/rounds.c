/* SPDX-License-Identifier: MIT */
/*
 * rounds.c - one epoch's pages, stream by stream, as the source sends them
 */
#include "rounds.h"

#include "zero.h"

static bool bit(const uint64_t *words, uint32_t i)
{
    return words[i / 64] >> (i % 64) & 1;
}

/* The first bit from i on that is set; RAM_BLOCK_PAGES: none. */
static uint32_t next_bit(const uint64_t *words, uint32_t i)
{
    uint64_t word;

    if (i >= RAM_BLOCK_PAGES)
        return RAM_BLOCK_PAGES;
    word = words[i / 64] & ~0ull << (i % 64);
    for (i = i / 64; word == 0; word = words[i])
        if (++i == RAM_BLOCK_WORDS)
            return RAM_BLOCK_PAGES;
    return i * 64 + (uint32_t)__builtin_ctzll(word);
}

static uint64_t *window_of(struct rounds *r, uint64_t block)
{
    return r->window + (block - r->first) * RAM_BLOCK_WORDS;
}

/* A window of the blocks from first on. */
static int load_window(struct rounds *r, uint64_t first, struct st_err *e)
{
    uint64_t end = ram_end_block(r->ram), nr = end - first;

    if (nr > r->window_blocks)
        nr = r->window_blocks;
    r->first = first;
    r->end = first + nr;
    if (!r->all) {
        long rc = r->world->take_dirty(r->world->arg, first, nr, r->window);

        if (rc < 0)
            return mig_fail(e, FH_MIG_ERR_XEN,
                            "log of changed pages: Xen says %ld", rc);
    }
    for (uint64_t b = first; b < r->end; b++) {
        uint64_t mask[RAM_BLOCK_WORDS], *w = window_of(r, b);

        ram_mask(r->ram, b, mask);
        for (unsigned i = 0; i < RAM_BLOCK_WORDS; i++)
            w[i] = r->all ? mask[i] : w[i] & mask[i];
    }
    for (uint16_t i = 0; i < r->nr_streams; i++) {
        uint64_t ahead = (i + r->nr_streams - first % r->nr_streams);

        r->lane[i].block = first + ahead % r->nr_streams;
        r->lane[i].page = 0;
        r->lane[i].looked = false;
    }
    return 0;
}

int rounds_begin(struct rounds *r, bool all, struct st_err *e)
{
    r->all = all;
    return load_window(r, 0, e);
}

static void next_block(const struct rounds *r, struct rounds_lane *l)
{
    l->block += r->nr_streams;
    l->page = 0;
    l->looked = false;
}

/* Past the blocks that have nothing.  Whether one has something. */
static bool has_more(struct rounds *r, struct rounds_lane *l)
{
    while (l->block < r->end) {
        if (next_bit(window_of(r, l->block), l->page) < RAM_BLOCK_PAGES)
            return true;
        next_block(r, l);
    }
    return false;
}

int rounds_next(struct rounds *r, struct st_err *e)
{
    for (;;) {
        int rc;

        for (uint16_t i = 0; i < r->nr_streams; i++)
            if (has_more(r, &r->lane[i]))
                return 1;
        if (r->end == ram_end_block(r->ram))
            return 0;
        rc = load_window(r, r->end, e);
        if (rc < 0)
            return rc;
    }
}

/* false: it does not fit any more. */
static bool pack_frame(const struct rounds_lane *l, uint32_t page,
                       const uint8_t *base, struct pack *p, struct totals *t)
{
    uint64_t gfn = l->block * RAM_BLOCK_PAGES + page;
    const uint8_t *at = base + (uint64_t)page * FH_MIG_PAGE_BYTES;

    if (!bit(l->present, page)) {
        if (!pack_run(p, FH_MIG_HOLE_RUN, gfn))
            return false;
        t->hole_pages++;
    } else if (zero_page(at)) {
        if (!pack_run(p, FH_MIG_ZERO_RUN, gfn))
            return false;
        t->zero_pages++;
    } else {
        if (!pack_page(p, gfn, at))
            return false;
        t->data_pages++;
    }
    t->epoch_pages++;
    return true;
}

static int fill_block(struct rounds *r, struct rounds_lane *l, struct pack *p,
                      struct totals *t, struct st_err *e)
{
    const uint64_t *dirty = window_of(r, l->block);
    uint32_t page = next_bit(dirty, l->page);
    const uint8_t *base;

    if (page == RAM_BLOCK_PAGES)
        return 0;
    if (!l->looked) {
        long rc = r->world->present(r->world->arg, l->block, l->present);

        if (rc < 0)
            return mig_fail(e, FH_MIG_ERR_XEN,
                            "which pages are there: Xen says %ld", rc);
        l->looked = true;
    }
    base = r->world->block(r->world->arg, l->block);
    for (; page < RAM_BLOCK_PAGES; page = next_bit(dirty, page + 1)) {
        l->page = page;
        if (!pack_frame(l, page, base, p, t))
            return 1;
    }
    l->page = RAM_BLOCK_PAGES;
    return 0;
}

int rounds_fill(struct rounds *r, uint16_t stream, struct pack *p,
                struct totals *t, struct st_err *e)
{
    struct rounds_lane *l = &r->lane[stream];

    while (l->block < r->end) {
        int rc = fill_block(r, l, p, t, e);

        if (rc != 0)
            return rc;
        next_block(r, l);
    }
    return 0;
}
