/* SPDX-License-Identifier: MIT */
/*
 * offer.c - check what dom0 offers to launch
 *
 * How this works: control_fetch_offer() copies the offer once, offer_check()
 * judges the copy field by field, and nothing else ever reads it.
 */
#include "offer.h"

static int check_memory(const struct fh_offer *w, uint64_t max_pages,
                        uint64_t own_pages, struct offer *out, struct st_err *e)
{
    uint64_t need_pages = w->ram_bytes / PAGE_BYTES + own_pages;

    out->nr_map = fh_memory_map(w->ram_bytes, out->map);
    if (out->nr_map == 0)
        return st_fail(e, FH_ERR_OFFER,
                       "memory: %lu bytes, want a multiple of 4096 from %lu "
                       "MiB to %lu MiB",
                       (unsigned long)w->ram_bytes, st_mib(FH_RAM_MIN),
                       st_mib(FH_RAM_MAX));
    if (need_pages > max_pages)
        return st_fail(e, FH_ERR_OFFER,
                       "memory: %lu pages with the steward's %lu, the domain "
                       "may own %lu",
                       (unsigned long)need_pages, (unsigned long)own_pages,
                       (unsigned long)max_pages);
    out->ram_bytes = w->ram_bytes;
    out->low_ram_bytes =
        w->ram_bytes < FH_LOW_RAM_END ? w->ram_bytes : FH_LOW_RAM_END;
    return 0;
}

static int check_lengths(const struct fh_offer *w, struct offer *out,
                         struct st_err *e)
{
    uint64_t cmdline = w->len_bytes[FH_BLOB_CMDLINE];
    uint64_t kernel = w->len_bytes[FH_BLOB_KERNEL];
    uint64_t initrd = w->len_bytes[FH_BLOB_INITRD];

    if (cmdline >= FH_CMDLINE_MAX)
        return st_fail(e, FH_ERR_CMDLINE,
                       "command line: %lu bytes, want at most %u",
                       (unsigned long)cmdline, FH_CMDLINE_MAX - 1);
    if (kernel == 0)
        return st_fail(e, FH_ERR_KERNEL, "kernel: the file is empty");
    if (kernel > FH_KERNEL_MAX)
        return st_fail(e, FH_ERR_OFFER, "kernel: %lu MiB, want at most %lu MiB",
                       st_mib(kernel), st_mib(FH_KERNEL_MAX));
    /* Each is checked alone first, so that the sum cannot overflow. */
    if (initrd > out->low_ram_bytes || kernel > out->low_ram_bytes ||
        kernel + initrd > out->low_ram_bytes - LAYOUT_LOAD_GPA)
        return st_fail(e, FH_ERR_MEMORY,
                       "initrd: %lu MiB and a kernel of %lu MiB do not fit "
                       "%lu MiB of memory below 2 GiB",
                       st_mib(initrd), st_mib(kernel),
                       st_mib(out->low_ram_bytes));
    out->cmdline_bytes = cmdline;
    out->kernel_bytes = kernel;
    out->initrd_bytes = initrd;
    return 0;
}

/* A guest that comes brings its own. */
static int check_nothing(const struct fh_offer *w, struct st_err *e)
{
    for (unsigned i = 0; i < FH_BLOBS; i++)
        if (w->len_bytes[i])
            return st_fail(e, FH_ERR_OFFER,
                           "offer: image %u is of %lu bytes, want none for a "
                           "guest that comes",
                           i, (unsigned long)w->len_bytes[i]);
    return 0;
}

int offer_check(const struct fh_offer *w, uint64_t max_pages,
                uint64_t own_pages, struct offer *out, struct st_err *e)
{
    int rc;

    *out = (struct offer){ 0 };
    if ((w->flags & ~FH_OFFER_TRUST_BACKENDS) && w->flags != FH_OFFER_RECEIVE)
        return st_fail(e, FH_ERR_OFFER, "offer: flags 0x%x, want 0x%x or 0x%x",
                       w->flags, FH_OFFER_TRUST_BACKENDS, FH_OFFER_RECEIVE);
    if (w->pad)
        return st_fail(e, FH_ERR_OFFER, "offer: pad 0x%x, want 0", w->pad);
    rc = check_memory(w, max_pages, own_pages, out, e);
    if (rc < 0)
        return rc;
    out->receives = w->flags & FH_OFFER_RECEIVE;
    rc = out->receives ? check_nothing(w, e) : check_lengths(w, out, e);
    if (rc < 0)
        return rc;
    out->trust_backends = w->flags & FH_OFFER_TRUST_BACKENDS;
    return 0;
}
