/* SPDX-License-Identifier: MIT */
/*
 * gnt.c - map, read and fill pages that another domain granted to us
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

int gnt_map_pages(struct gnt *g, uint16_t domid, const uint32_t *refs,
                  uint32_t nr, struct gnt_map *out, struct err *e)
{
    /* The library does not write to refs[]. */
    void *va = xengnttab_map_domain_grant_refs(
        g->handle, nr, domid, (uint32_t *)refs, PROT_READ | PROT_WRITE);

    if (!va && nr == 1)
        return fail(e, -ENOENT, "domain %u: map grant %u: %s", domid, refs[0],
                    strerror(errno));
    if (!va)
        return fail(e, -ENOENT, "domain %u: map grants %u, %u, ... (%u): %s",
                    domid, refs[0], refs[1], nr, strerror(errno));
    out->va = va;
    out->nr_pages = nr;
    g->nr_maps++;
    return 0;
}

int gnt_map(struct gnt *g, uint16_t domid, uint32_t ref, struct gnt_map *out,
            struct err *e)
{
    return gnt_map_pages(g, domid, &ref, 1, out, e);
}

void gnt_unmap(struct gnt *g, struct gnt_map *m)
{
    if (!m->va)
        return;
    xengnttab_unmap(g->handle, m->va, m->nr_pages);
    g->nr_maps--;
    *m = (struct gnt_map){ 0 };
}

/* One copy of at most a page; not done, until Xen says otherwise. */
static void segment_set(xengnttab_grant_copy_segment_t *s, uint16_t domid,
                        const struct gnt_piece *p)
{
    union xengnttab_copy_ptr *theirs = p->to_guest ? &s->dest : &s->source;

    memset(s, 0, sizeof(*s));
    if (p->to_guest)
        s->source.virt = p->ours;
    else
        s->dest.virt = p->ours;
    theirs->foreign.ref = p->ref;
    theirs->foreign.offset = p->off_bytes;
    theirs->foreign.domid = domid;
    s->len = p->len_bytes;
    s->flags = p->to_guest ? GNTCOPY_dest_gref : GNTCOPY_source_gref;
    s->status = GNTST_general_error;
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
        struct gnt_piece p = {
            .ref = first_ref + i,
            .len_bytes = (uint16_t)MIN_OF(len_bytes - off, PAGE_BYTES),
            .to_guest = true,
            .ours = (char *)from + off,
        };

        segment_set(&g->seg[i], domid, &p);
    }
    if (xengnttab_grant_copy(g->handle, nr, g->seg))
        return fail(e, -errno, "domain %u: fill %u grants from %u on: %s",
                    domid, (unsigned)nr, first_ref, strerror(errno));
    return check_segments(g, domid, nr, e);
}

size_t gnt_copy_scratch_bytes(uint32_t nr)
{
    return nr * sizeof(xengnttab_grant_copy_segment_t);
}

int gnt_copy(struct gnt *g, uint16_t domid, struct gnt_piece *piece,
             uint32_t nr, void *scratch, struct err *e)
{
    xengnttab_grant_copy_segment_t *seg = scratch;
    int rc = 0;

    /* One piece over a page's end would be refused with all the others. */
    for (uint32_t i = 0; i < nr; i++) {
        assert(piece[i].off_bytes + piece[i].len_bytes <= PAGE_BYTES);
        segment_set(&seg[i], domid, &piece[i]);
    }
    if (xengnttab_grant_copy(g->handle, nr, seg))
        rc = fail(e, -errno, "domain %u: copy %u pieces of its pages: %s",
                  domid, nr, strerror(errno));
    for (uint32_t i = 0; i < nr; i++)
        piece[i].failed = rc < 0 || seg[i].status != GNTST_okay;
    return rc;
}
