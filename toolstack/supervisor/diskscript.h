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

#include "toolstack/supervisor/vbd_nodes.h"

struct diskscript;
struct err;
struct store;

#define DISKSCRIPT_DIR "/etc/xen/scripts"

/* Runs once, from the loop; failed NULL: it exited with 0. */
typedef void diskscript_done(void *arg, const struct err *failed);

/*
 * Run `SCRIPT add` or `SCRIPT remove` for a device whose nodes are there; it
 * is killed after 40 s.  script: as written; relative: in DISKSCRIPT_DIR.
 */
int diskscript_run(uv_loop_t *loop, const struct vbd_nodes *n,
                   const char *script, const char *action,
                   diskscript_done *done, void *arg, struct diskscript **out,
                   struct err *e);

/* Forget it: done() runs no more; the script goes on.  NULL: no-op. */
void diskscript_close(struct diskscript *s);

/*
 * What it wrote down for us to open: physical-device-path, or the device node
 * of physical-device.  To be freed; NULL: neither is there.
 */
char *diskscript_target(const struct vbd_nodes *n, struct store *s);

#endif
