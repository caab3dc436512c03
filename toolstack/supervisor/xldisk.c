/* SPDX-License-Identifier: MIT */
/*
 * xldisk.c - a disk as xl describes it in xenstore
 */
#include "toolstack/supervisor/xldisk.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/vmvdev.h"
#include "toolstack/supervisor/xldev.h"

#define SCRIPT "/block-freehold"

void xldisk_nodes(uint16_t domid, uint32_t devid, struct vbd_nodes *out)
{
    vbd_nodes_of(domid, devid, out);
    snprintf(out->back, sizeof(out->back), XLDISK_DIR "/%u/%u", domid, devid);
}

/* ---- params ---- */

static const struct {
    const char *word;
    enum vm_disk_format format;
} prefixes[] = {
    { "aio:", VM_DISK_RAW },   { "raw:", VM_DISK_RAW },
    { "vhd:", VM_DISK_VHD },   { "qcow2:", VM_DISK_QCOW2 },
    { "qcow:", VM_DISK_QCOW }, { "qed:", VM_DISK_QED },
};

/* Returns what follows a format, and sets it; or at itself. */
static const char *skip_format(const char *at, enum vm_disk_format *format)
{
    for (uint32_t i = 0; i < ARRAY_SIZE(prefixes); i++) {
        size_t len = strlen(prefixes[i].word);

        if (strncmp(at, prefixes[i].word, len))
            continue;
        *format = prefixes[i].format;
        return at + len;
    }
    return at;
}

/* The second one is what xl could not say, and so the one that holds. */
int xldisk_params(const char *params, struct vm_disk *d, struct err *e)
{
    const char *at;

    d->format = VM_DISK_RAW;
    at = skip_format(params, &d->format);
    at = skip_format(at, &d->format);
    if (!*at)
        return fail(e, -EINVAL,
                    "params: got \"%.80s\", want FORMAT:TARGET, as "
                    "aio:/dev/vg/web",
                    params);
    free(d->target);
    d->target = strdup(at);
    return d->target ? 0 : fail(e, -ENOMEM, "params: no memory");
}

/* ---- the device ---- */

/* As the guest's file names it; any name of the same number will do. */
static int read_vdev(struct store *s, const struct vbd_nodes *n,
                     struct vm_disk *d, struct err *e)
{
    uint32_t devid;

    d->devid = n->devid;
    d->vdev = xldev_get(s, n->back, "dev");
    if (d->vdev && vmvdev_number(d->vdev, &devid) == 0 && devid == n->devid)
        return 0;
    free(d->vdev);
    if (asprintf(&d->vdev, "%u", n->devid) < 0) {
        d->vdev = NULL;
        return fail(e, -ENOMEM, "no memory");
    }
    return 0;
}

static int read_target(struct store *s, const struct vbd_nodes *n,
                       const char *params, struct vm_disk *d, struct err *e)
{
    char *own = params ? NULL : xldev_get(s, n->back, "params");
    int rc;

    if (params || own)
        rc = xldisk_params(params ? params : own, d, e);
    else
        rc = fail(e, -EINVAL, "params: got none, want FORMAT:TARGET");
    free(own);
    return rc;
}

int xldisk_read(struct store *s, const struct vbd_nodes *n, const char *params,
                struct vm_disk *out, struct err *e)
{
    struct err why = { 0 };
    int rc;

    *out = (struct vm_disk){ 0 };
    if (!xldev_is_there(s, n->back))
        return fail(e, -ENOENT, "disk %u/%u: %s: there is no such device",
                    n->domid, n->devid, n->back);
    out->writable = xldev_says(s, n->back, "mode", "w");
    out->cdrom = xldev_says(s, n->back, "device-type", "cdrom");
    out->direct_io_safe = xldev_says(s, n->back, "direct-io-safe", "1");
    out->discard =
        xldev_says(s, n->back, "discard-enable", "0") ? VM_NO : VM_YES;
    rc = read_vdev(s, n, out, &why);
    if (rc == 0)
        rc = read_target(s, n, params, out, &why);
    if (rc < 0)
        return fail(e, rc, "disk %u/%u: %s", n->domid, n->devid, why.text);
    return 0;
}

bool xldisk_is_ours(struct store *s, const char *back)
{
    char *script = xldev_get(s, back, "script"), *name;
    bool yes;

    name = script ? strrchr(script, '/') : NULL;
    yes = name && strcmp(name, SCRIPT) == 0;
    free(script);
    return yes;
}
