/* SPDX-License-Identifier: MIT */
/*
 * ram.c - which frames are the guest's memory
 */
#include "ram.h"

#include <string.h>

#define PAGE_SHIFT 12
#define PAGE_MASK 4095ull

static bool add_range(struct ram *r, uint64_t first, uint64_t end)
{
    struct ram_range *last = r->nr ? &r->range[r->nr - 1] : NULL;

    if (last && first < last->end)
        return false; /* overlaps, or is not in order */
    r->pages += end - first;
    if (last && first == last->end)
        last->end = end;
    else
        r->range[r->nr++] = (struct ram_range){ first, end };
    return true;
}

bool ram_open(struct ram *r, const struct fh_map_entry *map, uint32_t nr)
{
    memset(r, 0, sizeof(*r));
    if (nr > FH_MAP_MAX)
        return false;
    for (uint32_t i = 0; i < nr; i++) {
        uint64_t end;

        if (map[i].type != FH_MAP_RAM && map[i].type != FH_MAP_ACPI)
            continue;
        if (__builtin_add_overflow(map[i].gpa, map[i].len_bytes, &end) ||
            ((map[i].gpa | end) & PAGE_MASK) || map[i].len_bytes == 0 ||
            (end - 1) >> (PAGE_SHIFT + FH_MIG_GFN_BITS))
            return false;
        if (!add_range(r, map[i].gpa >> PAGE_SHIFT, end >> PAGE_SHIFT))
            return false;
    }
    return r->nr > 0;
}

bool ram_has(const struct ram *r, uint64_t gfn, uint64_t nr)
{
    for (uint32_t i = 0; i < r->nr; i++)
        if (gfn >= r->range[i].first && gfn < r->range[i].end)
            return nr <= r->range[i].end - gfn;
    return false;
}

void ram_mask(const struct ram *r, uint64_t block,
              uint64_t mask[RAM_BLOCK_WORDS])
{
    uint64_t first = block * RAM_BLOCK_PAGES, end = first + RAM_BLOCK_PAGES;

    memset(mask, 0, RAM_BLOCK_WORDS * sizeof(*mask));
    for (uint32_t i = 0; i < r->nr; i++) {
        const struct ram_range *g = &r->range[i];
        uint64_t from = g->first > first ? g->first : first;
        uint64_t to = g->end < end ? g->end : end;

        if (from == first && to == end) {
            memset(mask, 0xff, RAM_BLOCK_WORDS * sizeof(*mask));
            return;
        }
        for (; from < to; from++)
            mask[(from - first) / 64] |= 1ull << (from % 64);
    }
}

uint64_t ram_end_block(const struct ram *r)
{
    return (r->range[r->nr - 1].end + RAM_BLOCK_PAGES - 1) / RAM_BLOCK_PAGES;
}
