/* SPDX-License-Identifier: MIT */
/*
 * seat.c - a transfer's place at Xen: page, doorbell and granted buffers
 */
#include "migrate/seat.h"

#include <errno.h>
#include <string.h>
#include <sys/ioctl.h>

#include <xengnttab.h>

#include <xen/evtchn.h>
#include <xen/gntalloc.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/xtl.h"

const unsigned long seat_ioctls[] = {
    IOCTL_GNTALLOC_ALLOC_GREF, IOCTL_GNTALLOC_DEALLOC_GREF,
    IOCTL_EVTCHN_RESTRICT_DOMID, FIONBIO, /* libuv's, of each connection */
};
const uint32_t seat_nr_ioctls = ARRAY_SIZE(seat_ioctls);

int seat_open(struct seat *s, struct err *e)
{
    int rc;

    *s = (struct seat){ 0 };
    rc = gnt_open(&s->gnt, e);
    if (rc == 0)
        rc = evt_open_any(&s->evt, e);
    if (rc < 0)
        goto out;
    s->share = xengntshr_open(xtl_logger(), 0);
    if (!s->share)
        rc = fail(e, -errno,
                  "gntalloc: open /dev/xen/gntalloc: %s; is the xen-gntalloc "
                  "module loaded?",
                  strerror(errno));
out:
    if (rc < 0)
        seat_close(s);
    return rc;
}

void seat_close(struct seat *s)
{
    if (s->slots)
        xengntshr_unshare(s->share, s->slots, s->nr_slots * FH_SLOT_PAGES);
    if (s->share)
        xengntshr_close(s->share);
    if (s->gnt)
        gnt_unmap(s->gnt, &s->page);
    evt_close(s->evt);
    gnt_close(s->gnt);
    *s = (struct seat){ 0 };
}

int seat_attach(struct seat *s, uint16_t domid, struct err *e)
{
    int rc;

    if (s->page.va)
        return fail(e, -EBUSY, "domain %u: %u is attached already", domid,
                    s->domid);
    rc = evt_restrict(s->evt, domid, e);
    if (rc == 0)
        rc = gnt_map(s->gnt, domid, XEN_STEWARD_CONTROL_REF, &s->page, e);
    if (rc == 0)
        rc = evt_bind(s->evt, XEN_STEWARD_DOORBELL_PORT, &s->port, e);
    if (rc < 0)
        gnt_unmap(s->gnt, &s->page);
    else
        s->domid = domid;
    return rc;
}

struct fh_control *seat_page(const struct seat *s)
{
    return s->page.va;
}

int seat_grant(struct seat *s, uint32_t nr_slots, struct err *e)
{
    uint32_t nr = nr_slots * FH_SLOT_PAGES;

    if (s->slots)
        return fail(e, -EBUSY, "domain %u: its buffers are granted already",
                    s->domid);
    s->slots =
        xengntshr_share_pages(s->share, s->domid, (int)nr, s->refs[0], 1);
    if (!s->slots)
        return fail(e, -errno,
                    "domain %u: granting %u pages to it: %s; see the module's "
                    "limit in /sys/module/xen_gntalloc/parameters",
                    s->domid, nr, strerror(errno));
    s->nr_slots = nr_slots;
    return 0;
}

int seat_fd(const struct seat *s)
{
    return evt_fd(s->evt);
}

void seat_hear(struct seat *s)
{
    uint32_t port;

    for (uint32_t i = 0; i < SEAT_RINGS_MAX; i++)
        if (evt_take(s->evt, &port) != 1)
            return;
}

void seat_ring(struct seat *s)
{
    evt_notify(s->evt, s->port);
}
