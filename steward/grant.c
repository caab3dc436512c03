/* SPDX-License-Identifier: MIT */
/*
 * grant.c - give pages to dom0, and take them back for certain
 *
 * How this works: in version 1 of the table an entry's flags and domid share
 * one 32-bit word, which Xen changes by compare-and-swap when a page is
 * mapped or copied (GTF_reading, GTF_writing) and clears again only after the
 * last use and its TLB flush.  So one compare-and-swap of that word from
 * exactly "granted, unused" to 0 says both that nobody has the page and that
 * nobody can get it any more.
 *
 * Source: Xen, public/grant_table.h; common/grant_table.c, _set_status_v1().
 */
#include "grant.h"

#include <string.h>
#include <xen/xen.h>

#include <xen/grant_table.h>

#include "hyper.h"
#include "pages.h"

#define FRAME_REFS (PAGE_BYTES / (uint32_t)sizeof(struct grant_entry_v1))
#define FIRST_REF GNTTAB_NR_RESERVED_ENTRIES
#define DOM0 0u
#define FRAMES_WANTED                                                          \
    ((FIRST_REF + FH_WINDOWS * FH_BATCH_PAGES + FRAME_REFS - 1) / FRAME_REFS)

/* Flags in the low half, domid in the high half: little endian. */
#define WORD_GRANTED (GTF_permit_access | DOM0 << 16)

static uint32_t *word_of(struct grant *g, uint32_t ref)
{
    return (uint32_t *)(void *)&g->table[ref];
}

int grant_open(struct grant *g, uint32_t visible_frames, struct st_err *e)
{
    uint32_t nr =
        visible_frames < FRAMES_WANTED ? visible_frames : FRAMES_WANTED;

    for (uint32_t i = 0; i < nr; i++) {
        long rc = hyper_map_grant_frame(i, LAYOUT_GRANT_GPA / PAGE_BYTES + i);

        if (rc < 0)
            return st_fail(e, FH_ERR_XEN,
                           "grant table: mapping frame %u of %u: Xen says %ld",
                           i, nr, rc);
    }
    if (nr == 0)
        return st_fail(e, FH_ERR_XEN, "grant table: no frames, want some");
    g->table = pages_at(gpa(LAYOUT_GRANT_GPA));
    g->nr_frames = nr;
    g->nr_refs = nr * FRAME_REFS;
    return 0;
}

uint32_t grant_window_refs(const struct grant *g)
{
    uint32_t n = (g->nr_refs - FIRST_REF) / FH_WINDOWS;

    return n < FH_BATCH_PAGES ? n : FH_BATCH_PAGES;
}

uint32_t grant_window_ref(const struct grant *g, unsigned window)
{
    return FIRST_REF + window * grant_window_refs(g);
}

void grant_give(struct grant *g, uint32_t ref, uint64_t gfn)
{
    g->table[ref].frame = (uint32_t)gfn;
    __atomic_store_n(word_of(g, ref), WORD_GRANTED, __ATOMIC_RELEASE);
}

int grant_take(struct grant *g, uint32_t ref, struct st_err *e)
{
    uint32_t word = WORD_GRANTED;

    if (!__atomic_compare_exchange_n(word_of(g, ref), &word, 0, false,
                                     __ATOMIC_SEQ_CST, __ATOMIC_SEQ_CST))
        return st_fail(e, FH_ERR_GRANT,
                       "grant %u: taking page 0x%x back: dom0 still holds it "
                       "(flags 0x%x, want 0x%x)",
                       ref, g->table[ref].frame, word, WORD_GRANTED);
    g->table[ref].frame = 0;
    return 0;
}

int grant_close(struct grant *g, struct st_err *e)
{
    for (uint32_t ref = XEN_STEWARD_CONTROL_REF + 1; ref < g->nr_refs; ref++) {
        if (*word_of(g, ref) != 0) {
            int rc = grant_take(g, ref, e);

            if (rc < 0)
                return rc;
        }
        g->table[ref].frame = 0;
    }
    for (uint32_t i = 0; i < g->nr_frames; i++) {
        long rc = hyper_remove(LAYOUT_GRANT_GPA / PAGE_BYTES + i);

        if (rc < 0)
            return st_fail(e, FH_ERR_XEN,
                           "grant table: unmapping frame %u of %u: Xen says "
                           "%ld",
                           i, g->nr_frames, rc);
    }
    *g = (struct grant){ 0 };
    return 0;
}
