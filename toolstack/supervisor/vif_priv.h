/* SPDX-License-Identifier: MIT */
/*
 * vif_priv.h - a network card's insides, for vif*.c alone
 */
#ifndef VIF_PRIV_H
#define VIF_PRIV_H

#include "common/err.h"
#include "toolstack/supervisor/belink.h"
#include "toolstack/supervisor/vif.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/xbdev.h"

struct vif {
    struct xbdev x;
    struct vif_options o;
    struct vif_ops ops;
    void *arg;
    struct belink *be;
    struct vifdev *dev; /* NULL: there is none */
    bool attaching;     /* dev's open is on its way */
    bool shown;         /* the guest's directory was made */
    bool stalled;
    uint32_t headroom; /* that the backend was told; UINT32_MAX: not known */
    struct net_rules rules;
    bool rules_changed; /* since a backend was asked to open */
    uv_timer_t answer;  /* the backend was asked, and owes an answer */
    uint32_t nr_parts;  /* not yet closed */
};

/* vif_link.c */
int vif_link_open(struct vif *v, struct err *e);
void vif_link_wire(struct vif *v, const struct net_wiring *w);
void vif_link_unwire(struct vif *v);
void vif_link_headroom(struct vif *v, uint16_t headroom);
void vif_link_rules(struct vif *v);
/* vif.c: the backend has ended: what is left is the device. */
void vif_ended(struct vif *v);

#endif
