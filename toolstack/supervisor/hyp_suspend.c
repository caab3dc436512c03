/* SPDX-License-Identifier: MIT */
/*
 * hyp_suspend.c - a suspended domain goes on
 *
 * libxenguest's own function would write a register of the guest, which dom0
 * cannot, and drag in the library that maps foreign pages.
 */
#include <errno.h>
#include <string.h>

#include <xencall.h>
#include <xenctrl.h>

#include "common/err.h"
#include "toolstack/supervisor/hyp.h"

int hyp_resume(uint16_t domid, struct err *e)
{
    xencall_handle *call = xencall_open(NULL, 0);
    struct xen_domctl *d = call ? xencall_alloc_buffer_pages(call, 1) : NULL;
    int rc = 0;

    if (!d) {
        rc = fail(e, -errno, "domain %u: resume: open /dev/xen/privcmd: %s",
                  domid, strerror(errno));
        goto out;
    }
    memset(d, 0, sizeof(*d));
    d->cmd = XEN_DOMCTL_resumedomain;
    d->interface_version = XEN_DOMCTL_INTERFACE_VERSION;
    d->domain = domid;
    if (xencall1(call, __HYPERVISOR_domctl, (uintptr_t)d) == 0)
        goto out;
    rc = -errno;
    if (errno == EPERM)
        fail(e, rc,
             "domain %u: resume: xen refuses: it did not suspend itself, or it "
             "crashed since",
             domid);
    else
        fail(e, rc, "domain %u: resume: %s", domid, strerror(errno));
out:
    if (d)
        xencall_free_buffer_pages(call, d, 1);
    xencall_close(call);
    return rc;
}
