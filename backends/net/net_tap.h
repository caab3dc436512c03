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
 * the kernel does for all others what is missing.  fd: a queue in use.
 */
void net_tap_offload(int fd, const struct net_wiring *w);
/* Packets come to this queue, or no more; what waits in it is lost then. */
void net_tap_use(int fd, bool use);
/* fd: a queue in use. */
void net_tap_carrier(int fd, bool on);

#endif
