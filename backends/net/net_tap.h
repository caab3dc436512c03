/* SPDX-License-Identifier: MIT */
/*
 * net_tap.h - what a tap is told beside packets
 *
 * Source: Linux, drivers/net/tun.c and include/uapi/linux/if_tun.h.
 */
#ifndef NET_TAP_H
#define NET_TAP_H

#include <stdbool.h>

#include "backends/net/net_ctl.h"

#define NET_TAP_IOCTLS TUNSETOFFLOAD, TUNSETQUEUE, TUNSETCARRIER

/*
 * Let packets come as large, and without checksums, as the guest takes them;
 * the kernel does for all others what is missing, so that nothing that is to be
 * segmented comes for a guest that does not segment.  fd: a queue in use.
 *
 * Two cases are left.  What is no segments, and is longer than the guest's one
 * slot (no feature-sg: 4096 bytes, less its headroom), is dropped and counted
 * (rx_dropped); netfront's MTU is 1500 then, so TCP never gets there.  And a
 * tap takes segments behind a VLAN tag wherever it takes others: these go to
 * the guest in one piece (net_head.h), which ends connections well, but a guest
 * that forwards them into a smaller MTU loses them.  For that one, dom0 says
 * `ip link set TAP gso_max_segs 1`: the kernel then segments all of that tap's.
 */
void net_tap_offload(int fd, const struct net_wiring *w);
/* Packets come to this queue, or no more; what waits in it is lost then. */
void net_tap_use(int fd, bool use);
/* fd: a queue in use. */
void net_tap_carrier(int fd, bool on);

#endif
