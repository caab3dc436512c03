/* SPDX-License-Identifier: MIT */
/*
 * vifplace.h - a vif's tap and its place in dom0: name, bridge, MTU, VLANs
 *
 * What xl's vif-bridge does, by netlink.  But for the default VLAN that
 * vlan= takes it out of, and iptables: the backend itself holds the guest to
 * its addresses, so no rule is needed for that.
 *
 * Source: Xen 4.20, tools/hotplug/Linux/vif-bridge, xen-network-common.sh;
 * tools/libs/light/libxl_nic.c, libxl__device_nic_setdefault().
 */
#ifndef VIFPLACE_H
#define VIFPLACE_H

#include <stdbool.h>

#include "toolstack/supervisor/netlink.h"

struct err;
struct vifdev_spec;

struct vifplace {
    struct nl_link tap;
    char bridge[IFNAMSIZ]; /* "": none, or a script's to say */
};

/* A script of the user's own attaches it, instead of us. */
bool vifplace_has_script(const struct vifdev_spec *s);
/* Somebody else does: such a script, or xl. */
bool vifplace_is_others(const struct vifdev_spec *s);
/* "vif7.0", which it has before a script renames it. */
void vifplace_usual_name(const struct vifdev_spec *s, char out[IFNAMSIZ]);

/*
 * Make the tap and attach it; with a script, only make it.  What an earlier
 * one of the same vif left is removed first.  After an error nothing is there.
 *
 *   -EEXIST     somebody else has a device of that name
 *   -ENODEV     there is no such bridge
 *   -EINVAL     vifname=, mtu=, vlan= or bridge= is none
 *   ...         as the kernel says
 */
int vifplace_make(const struct vifdev_spec *s, int *fds, struct vifplace *out,
                  struct err *e);
/* The one that is there.  -ENODEV: there is none. */
int vifplace_find(const struct vifdev_spec *s, struct vifplace *out,
                  struct err *e);
/* Look again at what was found: it may be called otherwise now. */
int vifplace_look(const struct vifdev_spec *s, struct vifplace *p,
                  struct err *e);
/* Take it down and off its bridge; errors are logged. */
void vifplace_leave(const struct vifplace *p);
/* Remove it, if it is ours still; errors are logged. */
void vifplace_remove(const struct vifdev_spec *s, struct vifplace *p);

#endif
