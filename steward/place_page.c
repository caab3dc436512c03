/* SPDX-License-Identifier: MIT */
/*
 * place_page.c - checked records into the guest's memory
 *
 * How this works: all of memory is populated, in large pages, before the first
 * frame comes.  Few blocks ever have holes; a bit says which, and only for
 * those Xen is asked what is there, once for each visit.
 */
#include "place_page.h"

#include <string.h>

#include "import.h"

#define BLOCK_MASK (RAM_BLOCK_PAGES - 1u)

static bool is_holed(const struct import *m, uint64_t block)
{
    return m->holed[block / 64] >> (block % 64) & 1;
}

static int look(struct import *m, uint64_t block)
{
    long rc;

    if (m->looked && m->looked_block == block)
        return 0;
    m->looked = false;
    rc = m->world->present(m->world->arg, block, m->present);
    if (rc < 0)
        return mig_fail(&m->why, FH_MIG_ERR_XEN,
                        "which pages are there: Xen says %ld", rc);
    m->looked_block = block;
    m->looked = true;
    return 0;
}

static bool is_present(const struct import *m, uint64_t gfn)
{
    uint32_t i = gfn & BLOCK_MASK;

    return m->present[i / 64] >> (i % 64) & 1;
}

static void set_present(struct import *m, uint64_t gfn, uint32_t nr, bool on)
{
    for (uint64_t i = gfn & BLOCK_MASK; nr > 0; i++, nr--)
        if (on)
            m->present[i / 64] |= 1ull << (i % 64);
        else
            m->present[i / 64] &= ~(1ull << (i % 64));
}

/*
 * Make [gfn, gfn + nr), in one block, all present or all absent, run by run of
 * those that are not.
 */
static int make(struct import *m, uint64_t gfn, uint32_t nr, bool present)
{
    const struct mig_world *w = m->world;
    int rc = look(m, gfn / RAM_BLOCK_PAGES);

    while (rc == 0 && nr > 0) {
        uint32_t run = 0;
        long r;

        while (run < nr && is_present(m, gfn + run) != present)
            run++;
        if (run > 0) {
            r = present ? w->populate(w->arg, gfn, run)
                        : w->give_back(w->arg, gfn, run);
            if (r < 0)
                return mig_fail(&m->why, FH_MIG_ERR_XEN,
                                "memory: Xen does not %s it: %ld",
                                present ? "give" : "take", r);
            set_present(m, gfn, run, present);
        } else {
            run = 1;
        }
        gfn += run;
        nr -= run;
    }
    return rc;
}

static uint8_t *address(const struct import *m, uint64_t gfn)
{
    return m->world->block(m->world->arg, gfn / RAM_BLOCK_PAGES) +
           (gfn & BLOCK_MASK) * FH_MIG_PAGE_BYTES;
}

int place_data(struct import *m, uint64_t gfn, const uint8_t *page)
{
    if (is_holed(m, gfn / RAM_BLOCK_PAGES)) {
        int rc = make(m, gfn, 1, true);

        if (rc < 0)
            return rc;
    }
    memcpy(address(m, gfn), page, FH_MIG_PAGE_BYTES);
    return 0;
}

int place_zero(struct import *m, uint64_t gfn, uint32_t nr)
{
    if (m->epoch == 0)
        return 0; /* the first time it is named */
    if (is_holed(m, gfn / RAM_BLOCK_PAGES)) {
        int rc = make(m, gfn, nr, true);

        if (rc < 0)
            return rc;
    }
    memset(address(m, gfn), 0, (size_t)nr * FH_MIG_PAGE_BYTES);
    return 0;
}

int place_hole(struct import *m, uint64_t gfn, uint32_t nr)
{
    uint64_t block = gfn / RAM_BLOCK_PAGES;

    m->holed[block / 64] |= 1ull << (block % 64);
    return make(m, gfn, nr, false);
}
