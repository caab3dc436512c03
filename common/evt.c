/* SPDX-License-Identifier: MIT */
/*
 * evt.c - event channels to one guest
 */
#include "common/evt.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>

#include <xenevtchn.h>

#include "common/err.h"
#include "common/log.h"
#include "common/xtl.h"

struct evt {
    xenevtchn_handle *handle;
    uint16_t domid;
};

int evt_open_any(struct evt **out, struct err *e)
{
    struct evt *v = calloc(1, sizeof(*v));
    int fd, rc;

    if (!v)
        return fail(e, -ENOMEM, "evtchn: no memory");
    v->handle = xenevtchn_open(xtl_logger(), 0);
    if (!v->handle) {
        rc = fail(e, -errno,
                  "evtchn: open /dev/xen/evtchn: %s; is the xen-evtchn "
                  "module loaded?",
                  strerror(errno));
        free(v);
        return rc;
    }
    fd = xenevtchn_fd(v->handle);
    fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) | O_NONBLOCK);
    *out = v;
    return 0;
}

int evt_restrict(struct evt *v, uint16_t domid, struct err *e)
{
    v->domid = domid;
    if (xenevtchn_restrict(v->handle, domid))
        return fail(e, -errno,
                    "domain %u: evtchn: bind the handle to it alone: %s; "
                    "dom0's kernel must be Linux 4.8 or later",
                    domid, strerror(errno));
    return 0;
}

int evt_open(uint16_t domid, struct evt **out, struct err *e)
{
    struct evt *v = NULL;
    int rc = evt_open_any(&v, e);

    if (rc == 0)
        rc = evt_restrict(v, domid, e);
    if (rc < 0) {
        evt_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

void evt_close(struct evt *v)
{
    if (!v)
        return;
    xenevtchn_close(v->handle);
    free(v);
}

int evt_fd(const struct evt *v)
{
    return xenevtchn_fd(v->handle);
}

int evt_bind(struct evt *v, uint32_t remote_port, uint32_t *local_port,
             struct err *e)
{
    int port = xenevtchn_bind_interdomain(v->handle, v->domid, remote_port);

    if (port < 0)
        return fail(e, -ENOENT, "domain %u: bind port %u: %s", v->domid,
                    remote_port, strerror(errno));
    *local_port = port;
    return 0;
}

void evt_notify(struct evt *v, uint32_t local_port)
{
    if (xenevtchn_notify(v->handle, local_port))
        log_warn("domain %u: ring port %u: %s", v->domid, local_port,
                 strerror(errno));
}

int evt_take(struct evt *v, uint32_t *local_port)
{
    if (!evt_take_masked(v, local_port))
        return 0;
    evt_unmask(v, *local_port);
    return 1;
}

int evt_take_masked(struct evt *v, uint32_t *local_port)
{
    int port = xenevtchn_pending(v->handle);

    if (port < 0)
        return 0;
    *local_port = port;
    return 1;
}

void evt_unmask(struct evt *v, uint32_t local_port)
{
    if (xenevtchn_unmask(v->handle, local_port))
        log_warn("domain %u: unmask port %u: %s", v->domid, local_port,
                 strerror(errno));
}

void evt_unbind(struct evt *v, uint32_t local_port)
{
    if (xenevtchn_unbind(v->handle, local_port))
        log_warn("domain %u: unbind port %u: %s", v->domid, local_port,
                 strerror(errno));
}
