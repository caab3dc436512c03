/* SPDX-License-Identifier: MIT */
/*
 * fake_evtchn.c - libxenevtchn's names, over the fake host
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

#define PORTS 16u

struct xenevtchn_handle {
    int fd;
    uint32_t domid;
    struct {
        uint32_t remote;
        bool bound, pending;
    } port[PORTS];
    struct xenevtchn_handle *next;
};

static struct xenevtchn_handle *handles;

static void make_pending(struct xenevtchn_handle *h, uint32_t port)
{
    uint64_t one = 1;

    h->port[port].pending = true;
    if (write(h->fd, &one, sizeof(one)) < 0)
        abort();
}

xenevtchn_handle *xenevtchn_open(struct xentoollog_logger *logger,
                                 unsigned int flags)
{
    struct xenevtchn_handle *h;

    (void)logger, (void)flags;
    if (fake_fails()) {
        errno = ENOENT;
        return NULL;
    }
    h = fake_calloc(1, sizeof(*h));
    h->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    h->next = handles;
    handles = h;
    fake.nr_handles++;
    return h;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    struct xenevtchn_handle **at = &handles;

    while (*at != xce)
        at = &(*at)->next;
    *at = xce->next;
    close(xce->fd);
    free(xce);
    fake.nr_handles--;
    return 0;
}

int xenevtchn_fd(xenevtchn_handle *xce)
{
    return xce->fd;
}

int xenevtchn_restrict(xenevtchn_handle *xce, domid_t domid)
{
    xce->domid = domid;
    return 0;
}

/* As Xen does: a port that is bound from dom0 is pending at once. */
xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce,
                                                     uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    struct fake_domain *d = fake_find(domid);

    if (fake_fails() || !d || domid != xce->domid ||
        remote_port >= d->next_port) {
        errno = EINVAL;
        return -1;
    }
    for (uint32_t i = 1; i < PORTS; i++)
        if (!xce->port[i].bound) {
            xce->port[i].bound = true;
            xce->port[i].remote = remote_port;
            make_pending(xce, i);
            return (int)i;
        }
    errno = ENOSPC;
    return -1;
}

int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    struct fake_domain *d = fake_find(xce->domid);

    if (d && xce->port[port].remote == XEN_STEWARD_DOORBELL_PORT)
        fake_steward_ring(d);
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    uint64_t count;

    for (uint32_t i = 1; i < PORTS; i++)
        if (xce->port[i].pending) {
            xce->port[i].pending = false;
            return (int)i;
        }
    if (read(xce->fd, &count, sizeof(count)) < 0)
        errno = EAGAIN;
    return -1;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    fake.nr_unmasks++;
    if (fake.storms)
        make_pending(xce, port);
    return 0;
}

void fake_ring(uint32_t domid, uint32_t remote_port)
{
    for (struct xenevtchn_handle *h = handles; h; h = h->next)
        for (uint32_t i = 1; i < PORTS; i++)
            if (h->domid == domid && h->port[i].bound &&
                h->port[i].remote == remote_port)
                make_pending(h, i);
}
