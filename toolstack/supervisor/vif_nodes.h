/* SPDX-License-Identifier: MIT */
/*
 * vif_nodes.h - a network card's two directories in xenstore
 *
 * The layout is libxl's, but for the backend's kind, which no other backend
 * takes up; every function writes in one transaction (xbnodes.h).
 *
 * Source: Xen 4.20, tools/libs/light/libxl_nic.c, libxl__set_xenstore_nic();
 * xen/include/public/io/netif.h; Linux 6.12, drivers/net/xen-netback/xenbus.c.
 */
#ifndef VIF_NODES_H
#define VIF_NODES_H

#include "toolstack/supervisor/vif.h"

/* The backend's, anew, and with show the guest's own. */
int vif_nodes_make(const struct vif_options *o, bool show, struct store *s,
                   struct err *e);
void vif_nodes_remove(const struct vif_options *o, struct store *s);

/*
 * What a frontend reads before it writes its keys; then InitWait.  With show
 * also the guest's own directory, which is how it learns of the card.
 */
int vif_nodes_offer(const struct vif_options *o, uint32_t mtu, bool show,
                    struct store *s, struct err *e);
int vif_nodes_connected(const struct vif_options *o, struct err *e);

/* The limit, as whoever looks there finds it; 0: none. */
void vif_nodes_rate(const struct vif_options *o, uint64_t bytes, uint32_t usecs,
                    struct store *s);

#endif
