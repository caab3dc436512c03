/* SPDX-License-Identifier: MIT */
/*
 * consring.h - the PV console's two byte rings
 *
 * Source: Xen 4.20, xen/include/public/io/console.h.
 */
#ifndef CONSRING_H
#define CONSRING_H

#include <stddef.h>
#include <stdint.h>

struct xencons_interface;

struct consring {
    struct xencons_interface *shared;
    uint32_t out_cons, in_prod; /* ours; never read back */
    uint32_t nr_lies;           /* impossible indices seen */
};

/*
 * Attach to a ring that may have a past (an adopted guest): the only time
 * that our own indices are read from it.
 */
void consring_attach(struct consring *r, struct xencons_interface *shared);

/*
 * Take what the guest wrote, at most out_bytes.  Returns the number of bytes;
 * 0 when there are none.  An out_prod that is impossible is counted, and what
 * it pretends to say is dropped.  The bytes stay in the ring until
 * consring_release(): who dies before that leaves them to the next one.
 */
size_t consring_take(struct consring *r, char *out, size_t out_bytes);
void consring_release(struct consring *r);

/* Give bytes to the guest.  Returns how many found room. */
size_t consring_give(struct consring *r, const char *in, size_t in_bytes);

#endif
