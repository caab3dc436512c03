/* SPDX-License-Identifier: MIT */
/*
 * vif_wiring.h - what a guest's network frontend writes, checked
 *
 * Each key as xbkeys.h has it.
 */
#ifndef VIF_WIRING_H
#define VIF_WIRING_H

#include "backends/net/net_ctl.h"
#include "toolstack/supervisor/xbkeys.h"

struct err;

/* Half a page: a packet's head is to fit behind it.  Linux asks for 256. */
#define VIF_HEADROOM_MAX 2048u

/*
 * Read request-rx-copy, which must not be 0, the features, of which any number
 * but 0 says yes, as netback has it, xdp-headroom,
 * multi-queue-num-queues (1..nr_queues), and of each queue tx-ring-ref,
 * rx-ring-ref and event-channel, or event-channel-tx and -rx; of more than one
 * queue they are below queue-N.
 *
 *   -EINVAL     `KEY: got ..., want ...`; *out is all zero
 *
 * Source: Xen 4.20, xen/include/public/io/netif.h; Linux 6.12,
 * drivers/net/xen-netback/xenbus.c, connect(), read_xenbus_vif_flags().
 */
int vif_wiring_parse(xbkeys_read *read, void *arg, uint32_t nr_queues,
                     struct net_wiring *out, struct err *e);

/* xdp-headroom alone, which changes while the guest is connected; none is 0. */
int vif_wiring_headroom(xbkeys_read *read, void *arg, uint16_t *out,
                        struct err *e);

#endif
