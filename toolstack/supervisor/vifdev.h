/* SPDX-License-Identifier: MIT */
/*
 * vifdev.h - a vif's device in dom0: a tap, and where it is attached
 *
 * A tap with a queue for each of the guest's (IFF_MULTI_QUEUE, IFF_VNET_HDR),
 * persistent, so that it outlives backend and supervisor.  MTU, bridge, VLANs
 * and the link's state go by netlink (vifplace.h), and the hooks of
 * /etc/xen/scripts/vif-post.d are run; a user's own script= is run as xl runs
 * it, and then does all that itself (vifscript.h).  One that is bare is only
 * made and removed: xl does the rest.
 *
 *   OPENING ──online──▶ OPEN ──remove──▶ LEAVING ──offline──▶ GONE
 *      └──────────────── it failed ─────────▲
 *
 * Loop thread only.
 */
#ifndef VIFDEV_H
#define VIFDEV_H

#include <stdbool.h>

#include <uv.h>

#include "toolstack/supervisor/vmvif.h"

struct err;
struct vifdev;

struct vifdev_spec { /* copied, but for vif */
    const struct vm_vif
        *vif; /* bridge, name, ip, script, mtu, vlan; outlives */
    uint16_t domid;
    uint32_t devid;
    uint32_t nr_queues; /* 1..NET_QUEUES_MAX */
    bool any_mac;       /* frames of any source leave it */
    bool bare;          /* nobody of ours attaches it, or runs a script */
    char guest[80];
    char back[64]; /* the backend's directory, which a script reads */
};

/* Once: it is attached and up, or why it is not (then it is removed). */
typedef void vifdev_done(void *arg, const struct err *failed);

/*
 * Make the tap and attach it.  done() comes from the loop, never from here.
 * The tap has no carrier: that is the backend's to turn on.
 *
 *   -ENODEV     the bridge is not there
 *   -EEXIST     somebody else has a device of that name
 *   -EINVAL     vifname=, mtu=, vlan= or bridge= is none
 *   -EOPNOTSUPP vlan=, and the bridge does not look at VLANs
 *   ...         as the kernel says
 */
int vifdev_open(uv_loop_t *loop, const struct vifdev_spec *spec,
                vifdev_done *done, void *arg, struct vifdev **out,
                struct err *e);
/* One that an earlier supervisor made; -ENODEV: it is gone. */
int vifdev_adopt(uv_loop_t *loop, const struct vifdev_spec *spec,
                 struct vifdev **out, struct err *e);

/*
 * A descriptor of each queue, for a backend: fds[0..nr_queues-1] stay
 * vifdev's, which keeps them open, so that what arrives while a backend is
 * started again is kept by the tap.  After an adoption they are attached anew:
 * only when no backend runs.
 */
int vifdev_queues(struct vifdev *d, const int **fds, struct err *e);

/* No backend follows: without a queue in use it has no link. */
void vifdev_rest(struct vifdev *d);

const char *vifdev_name(const struct vifdev *d);   /* "vif7.0" */
const char *vifdev_bridge(const struct vifdev *d); /* "": on none */
uint32_t vifdev_mtu(const struct vifdev *d);       /* as attached */

/*
 * Detach and remove it, scripts and all; done() as above, with NULL.  Also
 * while it is being opened, whose done() runs no more then, and when it failed
 * or was removed: then there is nothing to do.
 */
void vifdev_remove(struct vifdev *d, vifdev_done *done, void *arg);
/* Free it; the tap stays unless it was removed.  NULL: no-op. */
void vifdev_close(struct vifdev *d);

/* Remove the taps of ours that a domain has, however they are called; or the
   one of a vif. */
void vifdev_remove_left(uint16_t domid);
void vifdev_remove_left_of(uint16_t domid, uint32_t devid);

#endif
