/* SPDX-License-Identifier: MIT */
/*
 * xswire.h - many xenstore requests in one go
 *
 * libxenstore waits for each answer before the next request goes out, which
 * costs two process switches a request.  Here requests are gathered and sent
 * together; xenstored answers them in their order.
 *
 * Source: Xen 4.20, docs/misc/xenstore.txt, xen/include/public/io/xs_wire.h.
 */
#ifndef XSWIRE_H
#define XSWIRE_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct xswire; /* owns one connection to xenstored */

struct xswire_batch { /* all zero: empty */
    char *bytes;
    size_t used, room;
    uint32_t nr; /* requests in it */
    int rc;      /* sticky: -ENOMEM, -E2BIG */
};

int xswire_open(struct xswire **out, struct err *e);
void xswire_close(struct xswire *w); /* NULL: no-op */

/*
 * Add one request: type is enum xsd_sockmsg_type; its payload is path and its
 * NUL, then more.  A request that does not fit shows in batch->rc.
 */
void xswire_add(struct xswire_batch *b, uint32_t type, uint32_t tx,
                const char *path, const void *more, size_t more_bytes);
void xswire_batch_free(struct xswire_batch *b); /* twice: no-op */

/*
 * Send the batch and read every answer.  Returns 0, or the negative errno of
 * the first request that failed, and its number in *failed.  first (may be
 * NULL) gets the first answer's text, cut to first_bytes.
 *
 *   -EIO        the connection broke; it must be closed
 */
int xswire_exchange(struct xswire *w, const struct xswire_batch *b,
                    uint32_t *failed, char *first, size_t first_bytes);

#endif
