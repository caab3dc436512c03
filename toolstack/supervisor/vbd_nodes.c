/* SPDX-License-Identifier: MIT */
/*
 * vbd_nodes.c - a disk's two directories in xenstore
 */
#include "toolstack/supervisor/vbd_nodes.h"

#include <stdio.h>

#include <xen/io/blkif.h>
#include <xen/io/xenbus.h>

#include "common/store.h"
#include "toolstack/supervisor/diskscript.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/xbnodes.h"

void vbd_nodes_of(uint16_t domid, uint32_t devid, struct vbd_nodes *out)
{
    *out = (struct vbd_nodes){ .domid = domid, .devid = devid };
    snprintf(out->front, sizeof(out->front), "/local/domain/%u/device/vbd/%u",
             domid, devid);
    snprintf(out->back, sizeof(out->back),
             "/local/domain/0/backend/" VBD_BACKEND_KIND "/%u/%u", domid,
             devid);
}

static void put_front(const struct vbd_nodes *n, struct store_tree *t,
                      const struct vm_disk *d)
{
    store_tree_write(t, n->front, "");
    store_tree_owned(t, n->front, n->domid);
    xbnodes_put(t, n->front, "backend", "%s", n->back);
    xbnodes_put(t, n->front, "backend-id", "0");
    xbnodes_put(t, n->front, "state", "%u", XenbusStateInitialising);
    xbnodes_put(t, n->front, "virtual-device", "%u", n->devid);
    xbnodes_put(t, n->front, "device-type", d->cdrom ? "cdrom" : "disk");
    xbnodes_put(t, n->front, "trusted", d->trusted == VM_NO ? "0" : "1");
}

static void put_back(const struct vbd_nodes *n, struct store_tree *t,
                     const struct vm_disk *d)
{
    bool discard = d->discard == VM_UNSAID ? d->writable : d->discard == VM_YES;

    store_tree_write(t, n->back, "");
    store_tree_readable(t, n->back, n->domid);
    xbnodes_put(t, n->back, "frontend", "%s", n->front);
    if (d->script) /* as it finds them under xl */
        xbnodes_put(t, n->back, "params", "%s", d->target);
    else
        xbnodes_put(t, n->back, "params", "%s:%s",
                    vmdisk_format_name(d->format), d->target);
    xbnodes_put(t, n->back, "frontend-id", "%u", n->domid);
    xbnodes_put(t, n->back, "online", "1");
    xbnodes_put(t, n->back, "removable", d->cdrom ? "1" : "0");
    xbnodes_put(t, n->back, "bootable", "1");
    xbnodes_put(t, n->back, "state", "%u", XenbusStateInitialising);
    xbnodes_put(t, n->back, "dev", "%s", d->vdev);
    xbnodes_put(t, n->back, "type", "%s", d->script ? "phy" : VBD_BACKEND_KIND);
    xbnodes_put(t, n->back, "mode", d->writable ? "w" : "r");
    xbnodes_put(t, n->back, "device-type", d->cdrom ? "cdrom" : "disk");
    if (d->direct_io_safe)
        xbnodes_put(t, n->back, "direct-io-safe", "1");
    xbnodes_put(t, n->back, "discard-enable", discard ? "1" : "0");
    xbnodes_put(t, n->back, "specification", "xen");
    if (d->script)
        xbnodes_put(t, n->back, "script", "%s%s",
                    d->script[0] == '/' ? "" : SCRIPT_DIR "/", d->script);
}

int vbd_nodes_make(const struct vbd_nodes *n, struct store *s,
                   const struct vm_disk *d, struct err *e)
{
    struct store_tree *t = NULL;
    int rc = store_remove(s, n->front, e); /* of an earlier one of this name */

    if (rc == 0)
        rc = store_remove(s, n->back, e);
    if (rc == 0)
        rc = store_tree_new(&t, e);
    if (rc == 0) {
        put_back(n, t, d); /* first: a guest that sees its own finds it */
        put_front(n, t, d);
    }
    return xbnodes_commit(t, rc, e);
}

void vbd_nodes_remove(const struct vbd_nodes *n, struct store *s)
{
    store_remove(s, n->front, NULL);
    store_remove(s, n->back, NULL);
}

int vbd_nodes_remove_all(uint16_t domid, struct store *s, struct err *e)
{
    char path[64];

    snprintf(path, sizeof(path),
             "/local/domain/0/backend/" VBD_BACKEND_KIND "/%u", domid);
    return store_remove(s, path, e);
}

/* Not offered: feature-persistent, for data goes by grant copy alone. */
int vbd_nodes_offer(const struct vbd_nodes *n,
                    const struct blk_store_info *info, bool discard,
                    struct err *e)
{
    struct store_tree *t = NULL;
    int rc = store_tree_new(&t, e);

    if (rc < 0)
        return rc;
    xbnodes_put(t, n->back, "multi-queue-max-queues", "%u", info->nr_queues);
    xbnodes_put(t, n->back, "max-ring-page-order", "%u", BLK_RING_ORDER_MAX);
    xbnodes_put(t, n->back, "feature-flush-cache", info->flush ? "1" : "0");
    xbnodes_put(t, n->back, "feature-max-indirect-segments", "%u",
                BLK_INDIRECT_SEGS_MAX);
    if (discard && info->discard_bytes) {
        xbnodes_put(t, n->back, "feature-discard", "1");
        xbnodes_put(t, n->back, "discard-granularity", "%u",
                    info->discard_bytes);
        xbnodes_put(t, n->back, "discard-alignment", "%u",
                    info->discard_align_bytes);
        xbnodes_put(t, n->back, "discard-secure",
                    info->secure_discard ? "1" : "0");
    } else {
        xbnodes_put(t, n->back, "feature-discard", "0");
    }
    xbnodes_put(t, n->back, "state", "%u", XenbusStateInitWait);
    return xbnodes_commit(t, rc, e);
}

int vbd_nodes_connected(const struct vbd_nodes *n,
                        const struct blk_store_info *info, bool writable,
                        bool cdrom, struct err *e)
{
    struct store_tree *t = NULL;
    uint32_t flags = writable && !info->readonly ? 0 : VDISK_READONLY;
    int rc = store_tree_new(&t, e);

    if (rc < 0)
        return rc;
    if (cdrom)
        flags |= VDISK_CDROM | VDISK_REMOVABLE;
    xbnodes_put(t, n->back, "sectors", "%llu",
                (unsigned long long)(info->size_bytes / BLK_SECTOR));
    xbnodes_put(t, n->back, "sector-size", "%u", BLK_SECTOR);
    xbnodes_put(t, n->back, "physical-sector-size", "%u", info->physical_bytes);
    xbnodes_put(t, n->back, "info", "%u", flags);
    xbnodes_put(t, n->back, "state", "%u", XenbusStateConnected);
    return xbnodes_commit(t, rc, e);
}
