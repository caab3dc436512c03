/* SPDX-License-Identifier: MIT */
/*
 * gnt.h - map, read and fill pages that another domain granted to us
 *
 * The only caller of libxengnttab.  One thread at a time, but for gnt_copy(),
 * which several may call at once.  Every mapping must be dropped before
 * gnt_close(), which aborts if one is left.
 */
#ifndef GNT_H
#define GNT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct err;
struct gnt; /* owns one open /dev/xen/gntdev */

struct gnt_map { /* all zero: nothing is mapped */
    void *va;
    uint32_t nr_pages;
};

int gnt_open(struct gnt **out, struct err *e);
void gnt_close(struct gnt *g); /* NULL: no-op */

/*
 * Map one granted page, readable and writable.
 *
 *   -ENOENT     the domain has no such grant (or gntdev refused for another
 *               reason that it does not tell)
 */
int gnt_map(struct gnt *g, uint16_t domid, uint32_t ref, struct gnt_map *out,
            struct err *e);
/* The same for several pages, side by side in our memory: all, or -ENOENT. */
int gnt_map_pages(struct gnt *g, uint16_t domid, const uint32_t *refs,
                  uint32_t nr, struct gnt_map *out, struct err *e);
void gnt_unmap(struct gnt *g, struct gnt_map *m); /* twice: no-op */

/*
 * Fill the pages granted as first_ref, first_ref + 1, ... from our own
 * memory, the last one perhaps in part.  Nothing is mapped: Xen copies.
 *
 * from        page aligned; may be a mapped file, whose pages need not be in
 *             memory yet
 * len_bytes   at most GNT_COPY_PAGES_MAX pages
 *
 *   -EIO        a page could not be filled; others may have been
 *
 * Source: Xen 4.20, tools/include/xengnttab.h, xengnttab_grant_copy().
 */
#define GNT_COPY_PAGES_MAX 512u
int gnt_fill(struct gnt *g, uint16_t domid, uint32_t first_ref,
             const void *from, size_t len_bytes, struct err *e);

/*
 * Copy pieces of granted pages to or from our memory, all in one call.  Nothing
 * is mapped: Xen copies.
 *
 * off_bytes + len_bytes <= 4096, or it aborts; a piece of ours should not cross
 * a page, or it is done in two.  The call may take seconds when a page was
 * paged out.  No other member of struct gnt is touched, so several threads may
 * copy.
 *
 * Returns 0, with each piece's own status; or a negative errno, and then all
 * statuses say failed: what was copied, if anything, nobody knows.
 *
 * Source: Xen 4.20, tools/include/xengnttab.h, xengnttab_grant_copy().
 */
struct gnt_piece {
    uint32_t ref;
    uint16_t off_bytes, len_bytes;
    bool to_guest;
    bool failed; /* out */
    void *ours;
};
/* scratch: room for nr segments, gnt_copy_scratch_bytes(nr) of it. */
size_t gnt_copy_scratch_bytes(uint32_t nr);
int gnt_copy(struct gnt *g, uint16_t domid, struct gnt_piece *piece,
             uint32_t nr, void *scratch, struct err *e);

#endif
