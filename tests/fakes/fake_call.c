/* SPDX-License-Identifier: MIT */
/*
 * fake_call.c - libxencall's names, over the fake host: raw hypercalls
 */
#include <errno.h>
#include <stdlib.h>

#include <xencall.h>
#include <xenctrl.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

#define PAGE 4096u

xencall_handle *xencall_open(xentoollog_logger *logger, unsigned open_flags)
{
    (void)logger, (void)open_flags;
    if (fake_fails()) {
        errno = EACCES;
        return NULL;
    }
    fake.nr_handles++;
    return (xencall_handle *)&fake;
}

int xencall_close(xencall_handle *call)
{
    if (call)
        fake.nr_handles--;
    return 0;
}

void *xencall_alloc_buffer_pages(xencall_handle *call, size_t nr_pages)
{
    (void)call;
    if (fake_fails()) {
        errno = ENOMEM;
        return NULL;
    }
    fake.nr_maps++;
    return fake_calloc(nr_pages, PAGE);
}

void xencall_free_buffer_pages(xencall_handle *call, void *p, size_t nr_pages)
{
    (void)call, (void)nr_pages;
    fake.nr_maps--;
    free(p);
}

/* XEN_DOMCTL_resumedomain, as the series for protected domains has it. */
int xencall1(xencall_handle *call, unsigned int op, uint64_t arg1)
{
    const struct xen_domctl *ctl = (void *)(uintptr_t)arg1;
    struct fake_domain *d = fake_find(ctl->domain);

    (void)call;
    errno = EINVAL;
    if (fake_fails() || op != __HYPERVISOR_domctl ||
        ctl->cmd != XEN_DOMCTL_resumedomain ||
        ctl->interface_version != XEN_DOMCTL_INTERFACE_VERSION)
        return -1;
    errno = d ? EPERM : ESRCH;
    if (!d || !d->shutdown || d->reason != SHUTDOWN_suspend)
        return -1;
    if (fake_control(d)->steward.move.state >= FH_MOVE_FENCED &&
        fake_control(d)->steward.move.state != FH_MOVE_CANCELLED)
        return -1; /* Xen's own state, of which the page tells */
    d->shutdown = d->ends_at_once;
    d->reason = SHUTDOWN_poweroff;
    d->nr_resumes++;
    return 0;
}
