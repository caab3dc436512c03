/* SPDX-License-Identifier: MIT */
/*
 * hc.h - hypercalls as they are, without the checks of the libraries above
 *
 * Every function returns what Xen returned, or a negative errno.  Buffers
 * come from hc_buf() and live until hc_close(): each attempt is a process of
 * its own, so nothing is ever given back earlier.
 */
#ifndef HC_H
#define HC_H

#include <stddef.h>
#include <stdint.h>

#include <xenctrl.h>
#include <xenforeignmemory.h>

struct hc {
    struct xencall_handle *call;
    xenforeignmemory_handle *fmem;
    xc_interface *xc;
    uint8_t *arena; /* HC_ARENA_BYTES, safe to hand to Xen */
    size_t used_bytes;
};

#define HC_ARENA_BYTES (256u * 4096u)

int hc_open(struct hc *h);
void hc_close(struct hc *h); /* all zero: no-op */

/* Zeroed memory that Xen can read and write; NULL when the arena is full. */
void *hc_buf(struct hc *h, size_t len_bytes);

/* d->cmd and d->domain are set here, the rest is the caller's. */
long hc_domctl(struct hc *h, uint32_t cmd, uint16_t domid,
               struct xen_domctl *d);
long hc_sysctl(struct hc *h, uint32_t cmd, struct xen_sysctl *s);
long hc_platform(struct hc *h, void *op, size_t len_bytes);

/* The plain hypercalls: arg is copied in, and back out. */
long hc_op(struct hc *h, unsigned call, uint64_t cmd, void *arg,
           size_t len_bytes);
/* The same with arg in the middle: hypercall(cmd, arg, count). */
long hc_op_count(struct hc *h, unsigned call, uint64_t cmd, void *arg,
                 size_t len_bytes, uint64_t count);
long hc_raw(struct hc *h, unsigned call, uint64_t a, uint64_t b, uint64_t c,
            uint64_t d, uint64_t e);

/* dm_op with one buffer, and with two (second may be NULL). */
long hc_dm(struct hc *h, uint16_t domid, void *op, size_t op_bytes,
           void *second, size_t second_bytes);

#endif
