/* SPDX-License-Identifier: MIT */
/*
 * net_spoof.h - may this guest send a packet from that address?
 *
 * How this works: the Ethernet source, and ARP's sender behind it, must be the
 * vif's MAC unless any_mac.  If addresses are given, they are all that the
 * guest has, of both families: IPv4 sources, ARP senders, IPv6 sources and the
 * targets of neighbour advertisements must be among them.  Beside them go what
 * a host needs before it has one: 0.0.0.0 for DHCP, IGMP and ARP probes; :: for
 * duplicate address detection, router solicitation and MLD; and the link-local
 * IPv6 address that the vif's MAC makes (modified EUI-64), as a kernel has it
 * unless told otherwise.  Any other one could be its router's; a guest that
 * makes its own (RFC 7217) has it listed, or any_link_local.  Such a guest is a
 * host: it may not advertise or redirect as a router.  VLAN tags are looked
 * through.  What cannot be read far enough to be judged does not go.
 *
 * Sources: RFC 5227 (ARP probe), 2131 (DHCP), 3376 (IGMP), 4291 appendix A
 * (EUI-64), 4861 and 4862 (neighbours, DAD), 3590 (MLD from ::), 6980 (no ND in
 * fragments).
 */
#ifndef NET_SPOOF_H
#define NET_SPOOF_H

#include "backends/net/net_ctl.h"
#include "backends/net/net_head.h"

/* NULL: it may go; else why not. */
const char *net_spoof(const struct net_rules *rules, const struct net_head *h);

#endif
