/* SPDX-License-Identifier: MIT */
/*
 * net_rings.h - the rings and event channels of all queues of a vif
 *
 * The main thread's alone: it maps and binds while queues are idle, and takes
 * back when they are idle again.
 */
#ifndef NET_RINGS_H
#define NET_RINGS_H

#include <stdint.h>

#include "backends/net/net_ctl.h"
#include "backends/net/net_queue.h"
#include "common/gnt.h"

struct err;
struct evt;

struct net_rings { /* all zero: closed */
    struct gnt *gnt;
    uint16_t domid;
    uint32_t nr_queues; /* that were offered */
    uint32_t nr_linked; /* that the guest uses; 0: not linked */
    struct {
        struct evt *tx_evt, *rx_evt;
        struct gnt_map tx, rx;
        struct net_link link;
    } queue[NET_QUEUES_MAX];
};

/* gntdev, and evtchn handles that know this guest alone: one for each port. */
int net_rings_open(struct net_rings *r, uint16_t domid, uint32_t nr_queues,
                   struct err *e);
void net_rings_close(struct net_rings *r); /* twice: no-op */

/*
 * Map and bind as the guest wrote it.  All or nothing.
 *
 *   -EINVAL     a number that was not offered
 *   -ENOENT     a grant or a port that the guest has not made for us
 */
int net_rings_link(struct net_rings *r, const struct net_wiring *w,
                   struct err *e);
void net_rings_unlink(struct net_rings *r); /* twice: no-op */

#endif
