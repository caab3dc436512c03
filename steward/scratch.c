/* SPDX-License-Identifier: MIT */
/*
 * scratch.c - memory that the steward has while its guest is moved
 */
#include "scratch.h"

#include "pages.h"

static const struct {
    uint64_t gpa, room_bytes;
} place[] = {
    [SCRATCH_FRAME] = { LAYOUT_FRAME_GPA,
                        LAYOUT_POLICY_GPA - LAYOUT_FRAME_GPA },
    [SCRATCH_POLICY] = { LAYOUT_POLICY_GPA,
                         LAYOUT_HOLED_GPA - LAYOUT_POLICY_GPA },
    [SCRATCH_HOLED] = { LAYOUT_HOLED_GPA,
                        LAYOUT_WINDOW_GPA - LAYOUT_HOLED_GPA },
    [SCRATCH_WINDOW] = { LAYOUT_WINDOW_GPA, LAYOUT_WINDOW_BYTES_MAX },
    [SCRATCH_CONTEXT] = { LAYOUT_CONTEXT_GPA, LAYOUT_CONTEXT_BYTES_MAX },
};
_Static_assert(sizeof(place) / sizeof(*place) == SCRATCH_PARTS, "place");

int scratch_take(struct scratch *s, enum scratch_part part, uint64_t bytes,
                 struct st_err *e)
{
    uint64_t pages = page_round_up(bytes) / PAGE_BYTES;
    int rc;

    if (bytes == 0 || bytes > place[part].room_bytes || s->pages[part])
        return st_fail(e, FH_ERR_MEMORY,
                       "the steward's pages: %lu bytes, want at most %lu",
                       (unsigned long)bytes,
                       (unsigned long)place[part].room_bytes);
    rc = pages_populate(scratch_gfn(part), pages, e);
    if (rc == 0)
        s->pages[part] = pages;
    return rc;
}

void *scratch_at(enum scratch_part part)
{
    return pages_at(gpa(place[part].gpa));
}

uint64_t scratch_gfn(enum scratch_part part)
{
    return place[part].gpa / PAGE_BYTES;
}

void scratch_drop(struct scratch *s)
{
    for (unsigned i = 0; i < SCRATCH_PARTS; i++) {
        if (s->pages[i] == 0)
            continue;
        pages_clear(gpa(place[i].gpa), s->pages[i] * PAGE_BYTES);
        pages_depopulate(place[i].gpa / PAGE_BYTES, s->pages[i]);
        s->pages[i] = 0;
    }
}
