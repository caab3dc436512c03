/* SPDX-License-Identifier: MIT */
/*
 * xldisk.h - a disk as xl describes it in xenstore
 *
 * `backendtype=tap` gives backend/vbd3/DOMID/DEVID, which nobody else takes up.
 * Its params is FORMAT:TARGET, where libxl takes but two formats; others stand
 * in front of the target: `aio:qcow2:/images/web.qcow2`.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_disk.c, device_disk_add().
 */
#ifndef XLDISK_H
#define XLDISK_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/vbd_nodes.h"
#include "toolstack/supervisor/vmdisk.h"

struct err;
struct store;

#define XLDISK_DIR "/local/domain/0/backend/vbd3"

void xldisk_nodes(uint16_t domid, uint32_t devid, struct vbd_nodes *out);

/*
 * Read `[FORMAT:]TARGET` into d's format and target.
 *
 *   -EINVAL     no target
 */
int xldisk_params(const char *params, struct vm_disk *d, struct err *e);

/*
 * Read the whole of it.  params: instead of xl's; NULL: xl's.
 * vmdisk_free(out) also after an error.
 *
 *   -ENOENT     there is no such device
 *   -EINVAL     `disk 7/51712: KEY: got ..., want ...`
 */
int xldisk_read(struct store *s, const struct vbd_nodes *n, const char *params,
                struct vm_disk *out, struct err *e);

/* Did xl's file say script=block-freehold? */
bool xldisk_is_ours(struct store *s, const char *back);

#endif
