/* SPDX-License-Identifier: MIT */
/*
 * gnt.c - map and fill pages that another domain granted to us
 */
#include "common/gnt.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include <xengnttab.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/xtl.h"

struct gnt {
    xengnttab_handle *handle;
    uint32_t nr_maps;
    /* Too large for a stack, and one copy runs at a time. */
    xengnttab_grant_copy_segment_t seg[GNT_COPY_PAGES_MAX];
};

int gnt_open(struct gnt **out, struct err *e)
{
    struct gnt *g = calloc(1, sizeof(*g));

    if (!g)
        return fail(e, -ENOMEM, "gntdev: no memory");
    g->handle = xengnttab_open(xtl_logger(), 0);
    if (!g->handle) {
        int rc = fail(e, -errno,
                      "gntdev: open /dev/xen/gntdev: %s; is the xen-gntdev "
                      "module loaded?",
                      strerror(errno));

        free(g);
        return rc;
    }
    *out = g;
    return 0;
}

void gnt_close(struct gnt *g)
{
    if (!g)
        return;
    assert(g->nr_maps == 0);
    xengnttab_close(g->handle);
    free(g);
}

int gnt_map(struct gnt *g, uint16_t domid, uint32_t ref, struct gnt_map *out,
            struct err *e)
{
    void *va;

    va = xengnttab_map_grant_ref(g->handle, domid, ref, PROT_READ | PROT_WRITE);
    if (!va)
        return fail(e, -ENOENT, "domain %u: map grant %u: %s", domid, ref,
                    strerror(errno));
    out->va = va;
    out->nr_pages = 1;
    g->nr_maps++;
    return 0;
}

void gnt_unmap(struct gnt *g, struct gnt_map *m)
{
    if (!m->va)
        return;
    xengnttab_unmap(g->handle, m->va, m->nr_pages);
    g->nr_maps--;
    *m = (struct gnt_map){ 0 };
}

/* The call succeeds even when a segment failed, so look at each of them. */
static int check_segments(const struct gnt *g, uint16_t domid, uint32_t nr,
                          struct err *e)
{
    for (uint32_t i = 0; i < nr; i++)
        if (g->seg[i].status != GNTST_okay)
            return fail(e, -EIO, "domain %u: fill grant %u: grant status %d",
                        domid, g->seg[i].dest.foreign.ref, g->seg[i].status);
    return 0;
}

int gnt_fill(struct gnt *g, uint16_t domid, uint32_t first_ref,
             const void *from, size_t len_bytes, struct err *e)
{
    uint64_t nr = pages_of(len_bytes);

    assert(nr > 0 && nr <= GNT_COPY_PAGES_MAX);
    for (uint32_t i = 0; i < nr; i++) {
        size_t off = (size_t)i * PAGE_BYTES;
        xengnttab_grant_copy_segment_t *s = &g->seg[i];

        memset(s, 0, sizeof(*s));
        s->source.virt = (char *)from + off;
        s->dest.foreign.ref = first_ref + i;
        s->dest.foreign.offset = 0;
        s->dest.foreign.domid = domid;
        s->len = MIN_OF(len_bytes - off, PAGE_BYTES);
        s->flags = GNTCOPY_dest_gref;
        s->status = GNTST_general_error;
    }
    if (xengnttab_grant_copy(g->handle, nr, g->seg))
        return fail(e, -errno, "domain %u: fill %u grants from %u on: %s",
                    domid, (unsigned)nr, first_ref, strerror(errno));
    return check_segments(g, domid, nr, e);
}
