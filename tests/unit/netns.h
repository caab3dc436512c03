/* SPDX-License-Identifier: MIT */
/*
 * netns.h - a network of the test's own, with the kernel's real devices
 *
 * For test_netlink.c and test_vifdev.c.  Needs root or user namespaces, and
 * /dev/net/tun; a test that has none fails.
 */
#ifndef NETNS_H
#define NETNS_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/netlink.h"

void netns_fresh(void); /* nothing but what the kernel makes by itself */
/* As it was when it was fresh, descriptors too. */
void netns_check_clean(void);

void netns_add_bridge(const char *name, uint32_t mtu);
/* False: this kernel's bridges know no VLANs. */
bool netns_filter_vlans(const char *bridge);
/* The VLANs of a port, each with its BRIDGE_VLAN_INFO_ flags; 0: it is not. */
void netns_read_vlans(const char *port, uint16_t of[4095]);
/* A tap with queues, open while the descriptor is: of nobody's. */
int netns_add_tap(const char *name);
void netns_remove(const char *name);
void netns_rename(const char *from, const char *to);

bool netns_has(const char *name);
struct nl_link netns_link(const char *name); /* it must be there */
int netns_count(void);

#endif
