/* SPDX-License-Identifier: MIT */
/*
 * vifscript.h - a user's own vif script, and the hooks of vif-post.d
 *
 * `SCRIPT online type_if=vif` and `SCRIPT offline type_if=vif`, as xl runs
 * them.  Where no script is named, the hooks that xl's vif-bridge reads,
 * /etc/xen/scripts/vif-post.d/ *.hook, are read by a shell with the functions
 * and variables that they have there: command, dev, bridge, ip ...; a script
 * of the user's own reads them itself, or does not.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_linux.c, get_hotplug_env() and
 * libxl__hotplug_nic(); tools/hotplug/Linux/vif-common.sh,
 * xen-hotplug-common.sh, call_hooks().
 */
#ifndef VIFSCRIPT_H
#define VIFSCRIPT_H

#include <stdbool.h>

#include <uv.h>

#include "toolstack/supervisor/script.h"

struct err;
struct vifdev_spec;
struct vifplace;

/* Returns 1 when it was started, 0 when there is nothing to run. */
int vifscript_start(uv_loop_t *loop, const struct vifdev_spec *s,
                    const struct vifplace *p, bool online, script_done *done,
                    void *arg, struct script **out, struct err *e);

#endif
