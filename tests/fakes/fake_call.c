/* SPDX-License-Identifier: MIT */
/*
 * fake_call.c - libxencall's names, over the fake host: raw hypercalls
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xencall.h>
#include <xenctrl.h>

#include <xen/hypfs.h>

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

/* An entry and its value, as XEN_HYPFS_OP_read leaves them. */
static int answer(void *to, uint64_t room, uint8_t type, const void *value,
                  uint32_t len)
{
    struct xen_hypfs_direntry entry = { .type = type,
                                        .encoding = fake.posture.encoding,
                                        .content_len = len };

    errno = ENOBUFS;
    if (room < sizeof(entry) + len)
        return -1;
    memcpy(to, &entry, sizeof(entry));
    memcpy((uint8_t *)to + sizeof(entry), value, len);
    return 0;
}

/* hypfs_op: XEN_STEWARD_HYPFS alone, of which the series has four files. */
int xencall5(xencall_handle *call, unsigned int op, uint64_t arg1,
             uint64_t arg2, uint64_t arg3, uint64_t arg4, uint64_t arg5)
{
    const char *path = (void *)(uintptr_t)arg2, *name = path;
    void *to = (void *)(uintptr_t)arg4;
    uint8_t lab = fake.posture.lab;
    uint32_t uint = fake.posture.uint_bytes ? fake.posture.uint_bytes : 4;

    (void)call;
    errno = EINVAL;
    if (fake_fails() || op != __HYPERVISOR_hypfs_op ||
        arg1 != XEN_HYPFS_OP_read || arg3 != strlen(path) + 1)
        return -1;
    errno = ENOENT;
    if (!fake.posture.mode ||
        strncmp(path, XEN_STEWARD_HYPFS "/", strlen(XEN_STEWARD_HYPFS) + 1))
        return -1;
    name += strlen(XEN_STEWARD_HYPFS) + 1;
    if (strcmp(name, "mode") == 0)
        return answer(to, arg5, XEN_HYPFS_TYPE_STRING, fake.posture.mode,
                      (uint32_t)strlen(fake.posture.mode) + 1);
    if (strcmp(name, "lab") == 0)
        return answer(to, arg5, XEN_HYPFS_TYPE_BOOL, &lab, 1);
    if (strcmp(name, "checked") == 0)
        return answer(to, arg5, XEN_HYPFS_TYPE_UINT, &fake.posture.checked,
                      uint);
    if (strcmp(name, "missing") == 0)
        return answer(to, arg5, XEN_HYPFS_TYPE_UINT, &fake.posture.missing,
                      uint);
    return -1;
}
