/* SPDX-License-Identifier: MIT */
/*
 * tapfence.h - what comes out of a tap is from one MAC address
 *
 * The second fence, for a backend that its guest has taken over: whoever has a
 * descriptor of the tap writes what he likes into it, so what looks at source
 * addresses has to be beyond his reach.  It is a program of ten instructions
 * (eBPF) on the tap's ingress (tc's clsact), which drops frames from another
 * address before a bridge, or whoever has the tap, sees or learns them.  It
 * goes with the tap, and needs neither nftables nor a bridge of a certain kind.
 *
 * A bridge's own means, a port that is `locked` with an entry of its own, would
 * do the same at the price of learning: a guest that migrates would have its
 * address held by a port at which it is not yet, or no more.
 *
 * Source: Linux 6.12, include/uapi/linux/{bpf,pkt_cls,rtnetlink}.h,
 * net/sched/cls_bpf.c.
 */
#ifndef TAPFENCE_H
#define TAPFENCE_H

#include <stdint.h>

#include <linux/if_ether.h>

struct err;
struct nl;
struct nl_link;

/*
 * Twice: the second address counts.
 *
 *   -EPERM ..   as the kernel says: one without cls_bpf and sch_ingress cannot
 */
int tapfence_set(struct nl *n, const struct nl_link *tap,
                 const uint8_t mac[ETH_ALEN], struct err *e);

#endif
