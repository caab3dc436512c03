/* SPDX-License-Identifier: MIT */
/*
 * fake_evtchn.c - libxenevtchn's names, over the fake host
 *
 * As the kernel's driver: a port that rings is disabled and queued, and enabled
 * again when it is unmasked; what rings meanwhile is kept.  Threads may ring
 * and take at once.
 */
#include <errno.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include <xenevtchn.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

#define PORTS 32u

struct xenevtchn_handle {
    int fd;
    uint32_t domid;
    struct {
        uint32_t remote;
        bool bound, pending, masked, kept;
    } port[PORTS];
    struct xenevtchn_handle *next;
};

static struct xenevtchn_handle *handles;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

static void make_pending(struct xenevtchn_handle *h, uint32_t port)
{
    uint64_t one = 1;

    if (h->port[port].masked) {
        h->port[port].kept = true;
        return;
    }
    h->port[port].masked = h->port[port].pending = true;
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
    pthread_mutex_lock(&lock);
    h->next = handles;
    handles = h;
    fake.nr_handles++;
    pthread_mutex_unlock(&lock);
    return h;
}

int xenevtchn_close(xenevtchn_handle *xce)
{
    struct xenevtchn_handle **at = &handles;

    pthread_mutex_lock(&lock);
    while (*at != xce)
        at = &(*at)->next;
    *at = xce->next;
    fake.nr_handles--;
    pthread_mutex_unlock(&lock);
    close(xce->fd);
    free(xce);
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

static bool bound_already(uint32_t domid, uint32_t remote)
{
    for (struct xenevtchn_handle *h = handles; h; h = h->next)
        for (uint32_t i = 1; i < PORTS; i++)
            if (h->domid == domid && h->port[i].bound &&
                h->port[i].remote == remote)
                return true;
    return false;
}

/* As Xen does: a port that is bound from dom0 is pending at once. */
static int bind_port(struct xenevtchn_handle *h, uint32_t remote)
{
    if (bound_already(h->domid, remote)) {
        errno = EINVAL;
        return -1;
    }
    for (uint32_t i = 1; i < PORTS; i++)
        if (!h->port[i].bound) {
            memset(&h->port[i], 0, sizeof(h->port[i]));
            h->port[i].bound = true;
            h->port[i].remote = remote;
            make_pending(h, i);
            return (int)i;
        }
    errno = ENOSPC;
    return -1;
}

xenevtchn_port_or_error_t xenevtchn_bind_interdomain(xenevtchn_handle *xce,
                                                     uint32_t domid,
                                                     evtchn_port_t remote_port)
{
    struct fake_domain *d = fake_find(domid);
    int port;

    if (fake_fails() || !d || domid != xce->domid ||
        remote_port >= d->next_port) {
        errno = EINVAL;
        return -1;
    }
    pthread_mutex_lock(&lock);
    port = bind_port(xce, remote_port);
    pthread_mutex_unlock(&lock);
    return port;
}

/* The lock is not held while the guest acts: it may ring back. */
int xenevtchn_notify(xenevtchn_handle *xce, evtchn_port_t port)
{
    struct fake_domain *d = fake_find(xce->domid);
    uint32_t remote;

    if (port >= PORTS || !xce->port[port].bound) {
        errno = EINVAL;
        return -1;
    }
    if (!d)
        return 0;
    remote = xce->port[port].remote;
    if (remote < FAKE_PORTS)
        __atomic_add_fetch(&d->nr_rung[remote], 1, __ATOMIC_RELAXED);
    if (remote == XEN_STEWARD_DOORBELL_PORT)
        fake_steward_ring(d);
    else if (d->on_rung)
        d->on_rung(d, remote, d->on_rung_arg);
    return 0;
}

xenevtchn_port_or_error_t xenevtchn_pending(xenevtchn_handle *xce)
{
    uint64_t count;
    int port = -1;

    pthread_mutex_lock(&lock);
    for (uint32_t i = 1; i < PORTS && port < 0; i++)
        if (xce->port[i].pending) {
            xce->port[i].pending = false;
            port = (int)i;
        }
    if (port < 0 && read(xce->fd, &count, sizeof(count)) < 0)
        errno = EAGAIN;
    pthread_mutex_unlock(&lock);
    return port;
}

int xenevtchn_unmask(xenevtchn_handle *xce, evtchn_port_t port)
{
    bool again;

    if (port >= PORTS || !xce->port[port].bound) {
        errno = ENOTCONN;
        return -1;
    }
    pthread_mutex_lock(&lock);
    fake.nr_unmasks++;
    again = xce->port[port].kept || fake.storms;
    xce->port[port].masked = xce->port[port].kept = false;
    if (again)
        make_pending(xce, port);
    pthread_mutex_unlock(&lock);
    return 0;
}

int xenevtchn_unbind(xenevtchn_handle *xce, evtchn_port_t port)
{
    if (port >= PORTS || !xce->port[port].bound) {
        errno = ENOTCONN;
        return -1;
    }
    pthread_mutex_lock(&lock);
    memset(&xce->port[port], 0, sizeof(xce->port[port]));
    pthread_mutex_unlock(&lock);
    return 0;
}

void fake_ring(uint32_t domid, uint32_t remote_port)
{
    pthread_mutex_lock(&lock);
    for (struct xenevtchn_handle *h = handles; h; h = h->next)
        for (uint32_t i = 1; i < PORTS; i++)
            if (h->domid == domid && h->port[i].bound &&
                h->port[i].remote == remote_port)
                make_pending(h, i);
    pthread_mutex_unlock(&lock);
}
