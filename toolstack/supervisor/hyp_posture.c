/* SPDX-License-Identifier: MIT */
/*
 * hyp_posture.c - what Xen says that this host does, or lacks, for protected
 * domains
 *
 * One hypercall a file: libxenhypfs would have every supervisor carry one more
 * library, to read four words.
 */
#include "toolstack/supervisor/hyp_posture.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <xencall.h>
#include <xenctrl.h> /* before the other headers of Xen */

#include <xen/hypfs.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"

#define PATH_BYTES 256u /* of the page that Xen reads and writes */

struct leaf {
    const char *name;
    uint8_t type;
    void *to;
    uint32_t len_bytes; /* a string may be shorter */
};

/* What hypfs left in the buffer: an entry, and the value behind it. */
static int take(const struct leaf *l, const uint8_t *from, struct err *e)
{
    struct xen_hypfs_direntry entry;
    bool fits;

    memcpy(&entry, from, sizeof(entry));
    fits = l->type == XEN_HYPFS_TYPE_STRING
               ? entry.content_len > 0 && entry.content_len <= l->len_bytes
               : entry.content_len == l->len_bytes;
    if (entry.type != l->type || entry.encoding != XEN_HYPFS_ENC_PLAIN || !fits)
        return fail(e, -EPROTO,
                    "xen: read " XEN_STEWARD_HYPFS "/%s: type %u, encoding %u, "
                    "%u bytes, want %u, 0, %u",
                    l->name, entry.type, entry.encoding, entry.content_len,
                    l->type, l->len_bytes);
    memcpy(l->to, from + sizeof(entry), entry.content_len);
    return 0;
}

static int read_leaf(xencall_handle *call, uint8_t *page, const struct leaf *l,
                     struct err *e)
{
    uint8_t *answer = page + PATH_BYTES;
    int nr =
        snprintf((char *)page, PATH_BYTES, XEN_STEWARD_HYPFS "/%s", l->name);

    if (xencall5(call, __HYPERVISOR_hypfs_op, XEN_HYPFS_OP_read,
                 (uintptr_t)page, (uint64_t)nr + 1, (uintptr_t)answer,
                 PAGE_BYTES - PATH_BYTES) == 0)
        return take(l, answer, e);
    if (errno == ENOENT || errno == ENOSYS)
        return fail(e, -ENOENT,
                    "xen: read %s: this Xen says nothing of protected "
                    "domains; boot the one with Freehold's patches",
                    (const char *)page);
    return fail(e, -errno, "xen: read %s: %s", (const char *)page,
                strerror(errno));
}

int hyp_posture(struct hyp_posture *out, struct err *e)
{
    struct hyp_posture p = { 0 };
    uint8_t lab = 0;
    const struct leaf leaf[] = {
        { "mode", XEN_HYPFS_TYPE_STRING, p.mode, sizeof(p.mode) - 1 },
        { "lab", XEN_HYPFS_TYPE_BOOL, &lab, sizeof(lab) },
        { "checked", XEN_HYPFS_TYPE_UINT, &p.checked, sizeof(p.checked) },
        { "missing", XEN_HYPFS_TYPE_UINT, &p.missing, sizeof(p.missing) },
    };
    xencall_handle *call = xencall_open(NULL, 0);
    uint8_t *page = call ? xencall_alloc_buffer_pages(call, 1) : NULL;
    int rc = 0;

    if (!page)
        rc = fail(e, -errno,
                  "xen: read " XEN_STEWARD_HYPFS ": open /dev/xen/hypercall: "
                  "%s; run as root in dom0 under Xen",
                  strerror(errno));
    for (uint32_t i = 0; i < ARRAY_SIZE(leaf) && rc == 0; i++)
        rc = read_leaf(call, page, &leaf[i], e);
    p.lab = lab;
    if (rc == 0)
        *out = p;
    if (page)
        xencall_free_buffer_pages(call, page, 1);
    xencall_close(call);
    return rc;
}
