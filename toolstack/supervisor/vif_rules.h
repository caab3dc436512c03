/* SPDX-License-Identifier: MIT */
/*
 * vif_rules.h - what a guest may send by a card, of the card's configuration
 */
#ifndef VIF_RULES_H
#define VIF_RULES_H

#include "backends/net/net_ctl.h"

struct err;
struct vm_vif;

/*
 * MAC, ip= and rate=.  name is for words.
 *
 *   -EINVAL     ip= has what is no address: one of a network is none, but for
 *               fe80::/10 and fe80::/64, any address of the link-local kind
 *   -E2BIG      it has more than NET_ADDRESSES_MAX
 *
 * Source: Xen 4.20, docs/man/xl-network-configuration.5.pod, "ip"; addresses
 * are separated by blanks as tools/hotplug/Linux/vif-common.sh has it.
 */
int vif_rules_of(const struct vm_vif *v, bool any_mac, const char *name,
                 struct net_rules *out, struct err *e);

#endif
