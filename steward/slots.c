/* SPDX-License-Identifier: MIT */
/*
 * slots.c - dom0's buffers for sealed frames, reached by Xen's grant copy alone
 */
#include "slots.h"

#include <string.h>
#include <xen/xen.h>

#include <xen/grant_table.h>

#include "hyper.h"

#define DOM0 0u

int slots_check(const struct slots_wire *w, struct slots *out, struct st_err *e)
{
    if (w->nr_streams < 1 || w->nr_streams > FH_MOVE_STREAMS ||
        w->nr_slots < w->nr_streams || w->nr_slots > FH_MOVE_SLOTS ||
        w->nr_slots % w->nr_streams)
        return st_fail(e, FH_ERR_PROTOCOL,
                       "buffers: %u slots for %u streams, want a multiple of 1 "
                       "to %u, at most %u",
                       w->nr_slots, w->nr_streams, FH_MOVE_STREAMS,
                       FH_MOVE_SLOTS);
    if (w->flags & ~FH_MOVE_CHECK)
        return st_fail(e, FH_ERR_PROTOCOL,
                       "transfer: flags 0x%x, want only 0x%x", w->flags,
                       FH_MOVE_CHECK);
    out->nr_streams = (uint16_t)w->nr_streams;
    out->nr_a_stream = w->nr_slots / w->nr_streams;
    out->check = w->flags & FH_MOVE_CHECK;
    memcpy(out->ref, w->ref, sizeof(out->ref));
    return 0;
}

uint32_t slots_of(const struct slots *s, uint16_t stream, uint32_t n)
{
    return n % s->nr_a_stream * s->nr_streams + stream;
}

/* A piece a page, in one hypercall. */
static long copy(const struct slots *s, uint32_t slot, uint64_t gfn,
                 uint32_t bytes, bool to_slot)
{
    struct gnttab_copy piece[FH_SLOT_PAGES];
    uint32_t nr = 0;

    for (; bytes > 0 && nr < FH_SLOT_PAGES; nr++) {
        struct gnttab_copy *p = &piece[nr];
        uint32_t len = bytes < PAGE_BYTES ? bytes : PAGE_BYTES;

        memset(p, 0, sizeof(*p));
        if (to_slot) {
            p->source.u.gmfn = gfn + nr;
            p->source.domid = DOMID_SELF;
            p->dest.u.ref = s->ref[slot][nr];
            p->dest.domid = DOM0;
            p->flags = GNTCOPY_dest_gref;
        } else {
            p->source.u.ref = s->ref[slot][nr];
            p->source.domid = DOM0;
            p->dest.u.gmfn = gfn + nr;
            p->dest.domid = DOMID_SELF;
            p->flags = GNTCOPY_source_gref;
        }
        p->len = (uint16_t)len;
        bytes -= len;
    }
    return hyper_grant_copy(piece, nr);
}

long slots_put(const struct slots *s, uint32_t slot, uint64_t gfn,
               uint32_t bytes)
{
    return copy(s, slot, gfn, bytes, true);
}

long slots_get(const struct slots *s, uint32_t slot, uint64_t gfn,
               uint32_t bytes)
{
    return copy(s, slot, gfn, bytes, false);
}
