/* SPDX-License-Identifier: MIT */
/* hc.c - raw hypercalls through privcmd */
#include "hc.h"

#include <errno.h>
#include <string.h>

#include <xencall.h>

int hc_open(struct hc *h)
{
    *h = (struct hc){ 0 };
    h->call = xencall_open(NULL, 0);
    h->fmem = xenforeignmemory_open(NULL, 0);
    h->xc = xc_interface_open(NULL, NULL, 0);
    if (h->call)
        h->arena = xencall_alloc_buffer(h->call, HC_ARENA_BYTES);
    if (h->call && h->fmem && h->xc && h->arena)
        return 0;
    hc_close(h);
    return -ENODEV;
}

void hc_close(struct hc *h)
{
    if (h->arena)
        xencall_free_buffer(h->call, h->arena);
    if (h->xc)
        xc_interface_close(h->xc);
    if (h->fmem)
        xenforeignmemory_close(h->fmem);
    if (h->call)
        xencall_close(h->call);
    *h = (struct hc){ 0 };
}

void *hc_buf(struct hc *h, size_t len_bytes)
{
    uint8_t *buf = h->arena + h->used_bytes;

    len_bytes = (len_bytes + 63) & ~(size_t)63;
    if (len_bytes > HC_ARENA_BYTES - h->used_bytes)
        return NULL;
    h->used_bytes += len_bytes;
    memset(buf, 0, len_bytes);
    return buf;
}

long hc_raw(struct hc *h, unsigned call, uint64_t a, uint64_t b, uint64_t c,
            uint64_t d, uint64_t e)
{
    long r = xencall5(h->call, call, a, b, c, d, e);

    return r < 0 ? -errno : r;
}

/* Give Xen a bounce copy of arg, and arg what Xen left there. */
static long hc_bounced(struct hc *h, unsigned call, int count_last,
                       uint64_t cmd, void *arg, size_t len_bytes,
                       uint64_t count)
{
    size_t mark = h->used_bytes;
    void *buf = hc_buf(h, len_bytes);
    long rc;

    if (!buf)
        return -ENOBUFS;
    memcpy(buf, arg, len_bytes);
    rc = count_last ? hc_raw(h, call, cmd, (uintptr_t)buf, count, 0, 0)
                    : hc_raw(h, call, cmd, (uintptr_t)buf, 0, 0, 0);
    memcpy(arg, buf, len_bytes);
    h->used_bytes = mark;
    return rc;
}

long hc_op(struct hc *h, unsigned call, uint64_t cmd, void *arg,
           size_t len_bytes)
{
    return hc_bounced(h, call, 0, cmd, arg, len_bytes, 0);
}

long hc_op_count(struct hc *h, unsigned call, uint64_t cmd, void *arg,
                 size_t len_bytes, uint64_t count)
{
    return hc_bounced(h, call, 1, cmd, arg, len_bytes, count);
}

/* For the calls whose only argument is a structure. */
static long hc_struct(struct hc *h, unsigned call, void *op, size_t len_bytes)
{
    size_t mark = h->used_bytes;
    void *buf = hc_buf(h, len_bytes);
    long rc;

    if (!buf)
        return -ENOBUFS;
    memcpy(buf, op, len_bytes);
    rc = hc_raw(h, call, (uintptr_t)buf, 0, 0, 0, 0);
    memcpy(op, buf, len_bytes);
    h->used_bytes = mark;
    return rc;
}

long hc_domctl(struct hc *h, uint32_t cmd, uint16_t domid, struct xen_domctl *d)
{
    d->cmd = cmd;
    d->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    d->domain = domid;
    return hc_struct(h, __HYPERVISOR_domctl, d, sizeof(*d));
}

long hc_sysctl(struct hc *h, uint32_t cmd, struct xen_sysctl *s)
{
    s->cmd = cmd;
    s->interface_version = XEN_SYSCTL_INTERFACE_VERSION;
    return hc_struct(h, __HYPERVISOR_sysctl, s, sizeof(*s));
}

long hc_platform(struct hc *h, void *op, size_t len_bytes)
{
    return hc_struct(h, __HYPERVISOR_platform_op, op, len_bytes);
}

long hc_dm(struct hc *h, uint16_t domid, void *op, size_t op_bytes,
           void *second, size_t second_bytes)
{
    size_t mark = h->used_bytes;
    struct xen_dm_op_buf *bufs = hc_buf(h, 2 * sizeof(*bufs));
    void *op_buf = hc_buf(h, op_bytes);
    void *second_buf = hc_buf(h, second_bytes);
    long rc;

    if (!bufs || !op_buf || !second_buf)
        return -ENOBUFS;
    memcpy(op_buf, op, op_bytes);
    if (second)
        memcpy(second_buf, second, second_bytes);
    set_xen_guest_handle_raw(bufs[0].h, op_buf);
    bufs[0].size = op_bytes;
    set_xen_guest_handle_raw(bufs[1].h, second_buf);
    bufs[1].size = second_bytes;
    rc = hc_raw(h, __HYPERVISOR_dm_op, domid, second ? 2 : 1, (uintptr_t)bufs,
                0, 0);
    memcpy(op, op_buf, op_bytes);
    h->used_bytes = mark;
    return rc;
}
