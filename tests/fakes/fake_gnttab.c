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

void *xengnttab_map_grant_ref(xengnttab_handle *xgt, uint32_t domid,
                              uint32_t ref, int prot)
{
    struct fake_domain *d = fake_find(domid);

    (void)xgt, (void)prot;
    if (fake_fails() || !d || ref >= FAKE_PAGES || !d->granted[ref]) {
        errno = EINVAL;
        say("mmap failed");
        return NULL;
    }
    fake.nr_maps++;
    return d->page[ref];
}

int xengnttab_unmap(xengnttab_handle *xgt, void *start_address, uint32_t count)
{
    (void)xgt, (void)start_address;
    fake.nr_maps -= count;
    return 0;
}

/* As the kernel does: 0, with each segment's own status. */
int xengnttab_grant_copy(xengnttab_handle *xgt, uint32_t count,
                         xengnttab_grant_copy_segment_t *segs)
{
    (void)xgt;
    if (fake_fails()) {
        errno = EFAULT;
        return -1;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct fake_domain *d = fake_find(segs[i].dest.foreign.domid);
        uint8_t *page = d ? fake_load_page(d, segs[i].dest.foreign.ref) : NULL;

        segs[i].status = page ? GNTST_okay : GNTST_bad_gntref;
        if (page)
            memcpy(page + segs[i].dest.foreign.offset, segs[i].source.virt,
                   segs[i].len);
    }
    return 0;
}
