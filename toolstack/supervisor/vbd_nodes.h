/* SPDX-License-Identifier: MIT */
/*
 * vbd_nodes.h - a disk's two directories in xenstore
 *
 * The layout is libxl's, but for the backend's kind, which no other backend
 * takes up.  Every function writes in one transaction: nobody sees a state
 * whose keys are not there.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_disk.c, device_disk_add();
 * xen/include/public/io/blkif.h; Linux 6.12, drivers/block/xen-blkback.
 */
#ifndef VBD_NODES_H
#define VBD_NODES_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"

struct err;
struct store;
struct vm_disk;

#define VBD_BACKEND_KIND "fh-vbd"

struct vbd_nodes { /* where they are */
    uint16_t domid;
    uint32_t devid;
    char front[64], back[64]; /* absolute */
};

/* Ours, as we name them. */
void vbd_nodes_of(uint16_t domid, uint32_t devid, struct vbd_nodes *out);

/* Both, anew: the guest owns its own and may read the other. */
int vbd_nodes_make(const struct vbd_nodes *n, struct store *s,
                   const struct vm_disk *d, struct err *e);
void vbd_nodes_remove(const struct vbd_nodes *n, struct store *s);

/* What is left of a domain's disks; absent is as good. */
int vbd_nodes_remove_all(uint16_t domid, struct store *s, struct err *e);

/* What a frontend reads before it writes its keys; then InitWait. */
int vbd_nodes_offer(const struct vbd_nodes *n,
                    const struct blk_store_info *info, bool discard,
                    struct err *e);
/* What it reads before it adds a disk; then Connected, also once more. */
int vbd_nodes_connected(const struct vbd_nodes *n,
                        const struct blk_store_info *info, bool writable,
                        bool cdrom, struct err *e);

#endif
