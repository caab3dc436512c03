/* SPDX-License-Identifier: MIT */
/*
 * fake_gnttab.c - libxengnttab's names, over the fake host
 */
#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <xengnttab.h>
#include <xentoollog.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"

static xentoollog_logger *opened_with;

/* As the library does: on stderr, unless it was given a logger. */
static void say(const char *format, ...)
{
    int error = errno;
    va_list al;

    va_start(al, format);
    if (opened_with)
        opened_with->vmessage(opened_with, XTL_ERROR, error, "gnttab", format,
                              al);
    else
        fprintf(stderr, "gnttab: error: %s: %s\n", format, strerror(error));
    va_end(al);
    errno = error;
}

xengnttab_handle *xengnttab_open(struct xentoollog_logger *logger,
                                 unsigned open_flags)
{
    (void)open_flags;
    if (fake_fails()) {
        errno = ENOENT;
        return NULL;
    }
    opened_with = logger;
    fake.nr_handles++;
    return (xengnttab_handle *)&fake;
}

int xengnttab_close(xengnttab_handle *xgt)
{
    (void)xgt;
    fake.nr_handles--;
    return 0;
}

/* A page of the steward's, or pages that the guest grants for I/O. */
static void *map(uint32_t domid, const uint32_t *refs, uint32_t nr, int prot)
{
    struct fake_domain *d = fake_find(domid);

    if (d && nr == 1 && refs[0] < FAKE_PAGES)
        return d->granted[refs[0]] ? d->page[refs[0]] : NULL;
    return fake_io_map(domid, refs, nr, prot);
}

void *xengnttab_map_domain_grant_refs(xengnttab_handle *xgt, uint32_t count,
                                      uint32_t domid, uint32_t *refs, int prot)
{
    void *va = fake_fails() ? NULL : map(domid, refs, count, prot);

    (void)xgt;
    if (!va) {
        errno = EINVAL;
        say("mmap failed");
        return NULL;
    }
    __atomic_add_fetch(&fake.nr_maps, count, __ATOMIC_RELAXED);
    return va;
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
    (void)xgt;
    fake_io_unmap(start_address, count);
    __atomic_sub_fetch(&fake.nr_maps, count, __ATOMIC_RELAXED);
    return 0;
}

/* Xen's answer to one piece. */
static int16_t copy(const xengnttab_grant_copy_segment_t *s)
{
    bool write = s->flags == GNTCOPY_dest_gref;
    const union xengnttab_copy_ptr *theirs = write ? &s->dest : &s->source;
    struct fake_domain *d = fake_find(theirs->foreign.domid);
    uint32_t ref = theirs->foreign.ref;
    uint8_t *page = NULL;

    if (d && write)
        page = fake_load_page(d, ref);
    if (d && !page)
        page = fake_io_page(d, ref, write);
    if (!page || fake_io_copy_fails())
        return GNTST_bad_gntref;
    if (write)
        memcpy(page + theirs->foreign.offset, s->source.virt, s->len);
    else
        memcpy(s->dest.virt, page + theirs->foreign.offset, s->len);
    return GNTST_okay;
}

/* As the kernel: no piece is copied when one of them is no piece of a page. */
static bool sound(const xengnttab_grant_copy_segment_t *s)
{
    uint32_t off;

    if (s->flags == GNTCOPY_dest_gref)
        off = s->dest.foreign.offset;
    else if (s->flags == GNTCOPY_source_gref)
        off = s->source.foreign.offset;
    else
        return false;
    return off + s->len <= 4096;
}

/* As the kernel does: 0, with each segment's own status. */
int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
                         xengnttab_grant_copy_segment_t *segs)
{
    (void)xgt;
    if (fake_fails()) {
        /* What it wrote before it failed is there, and means nothing. */
        for (uint32_t i = 0; i < count; i++)
            segs[i].status = GNTST_okay;
        errno = EFAULT;
        return -1;
    }
    for (uint32_t i = 0; i < count; i++)
        if (!sound(&segs[i])) {
            errno = EINVAL;
            return -1;
        }
    for (uint32_t i = 0; i < count; i++)
        segs[i].status = copy(&segs[i]);
    return 0;
}
