/* SPDX-License-Identifier: MIT */
/*
 * bridgevlan.h - vlan= of a vif, and a bridge's port made so
 *
 * Source: Xen 4.20, xl-network-configuration(5), vlan; Linux 6.12,
 * include/uapi/linux/if_bridge.h.
 */
#ifndef BRIDGEVLAN_H
#define BRIDGEVLAN_H

#include <stdint.h>

struct err;
struct nl;
struct nl_link;
struct nlmsghdr;

#define BRIDGEVLAN_MAX 4094u

struct bridgevlans {
    /* By number: 0, or BRIDGE_VLAN_INFO_* with BRIDGEVLAN_IN. */
    uint8_t of[BRIDGEVLAN_MAX + 1];
};
#define BRIDGEVLAN_IN 0x80u

/*
 * `10`, `10p/20`, `10p/100+10x4` (100 and four more: 110 .. 140), `5-9u`.  A
 * single one needs no p.  What is named twice is all that it was named.
 *
 *   -EINVAL     not of that shape, or not one p
 *   -ERANGE     a number above 4094, or a range that goes down
 */
int bridgevlan_parse(const char *text, struct bridgevlans *out, struct err *e);

/* The attributes that say so, into a request about the port: 32 KiB at most. */
void bridgevlan_put(struct nlmsghdr *m, const struct bridgevlans *v);

/*
 * Make a port of a bridge one of these VLANs, and of no other.
 *
 *   -EOPNOTSUPP  the bridge does not look at VLANs
 */
int bridgevlan_set(struct nl *n, const struct nl_link *port,
                   const struct nl_link *bridge, const char *text,
                   struct err *e);

#endif
