/* SPDX-License-Identifier: MIT */
/*
 * diskscript.h - a user's own block script, run as xl runs it
 *
 * Source: Xen 4.20, tools/libs/light/libxl_linux.c, get_hotplug_env() and
 * libxl__hotplug_disk(); docs/misc/block-scripts.txt.
 */
#ifndef DISKSCRIPT_H
#define DISKSCRIPT_H

#include <uv.h>

#include "toolstack/supervisor/script.h"
#include "toolstack/supervisor/vbd_nodes.h"

struct err;
struct store;

/* Run `SCRIPT add` or `SCRIPT remove` for a device whose nodes are there. */
int diskscript_run(uv_loop_t *loop, const struct vbd_nodes *n,
                   const char *script, const char *action, script_done *done,
                   void *arg, struct script **out, struct err *e);

/*
 * What it wrote down for us to open: physical-device-path, or the device node
 * of physical-device.  To be freed; NULL: neither is there.
 */
char *diskscript_target(const struct vbd_nodes *n, struct store *s);

#endif
