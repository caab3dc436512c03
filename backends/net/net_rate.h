/* SPDX-License-Identifier: MIT */
/*
 * net_rate.h - so many bytes in an interval, of all queues of a vif
 *
 * A packet may go when nothing is owed, and then owes what it takes; so a large
 * one passes whole, and the next waits for longer.  What was not used is kept
 * for one interval.  Any thread may call any of these at any time; there is no
 * lock, so a queue never waits for another.
 */
#ifndef NET_RATE_H
#define NET_RATE_H

#include <stdatomic.h>
#include <stdint.h>

struct net_rate {              /* all zero: no limit */
    _Atomic uint64_t price;    /* of a byte, ns << 20; 0: no limit */
    _Atomic uint64_t burst_ns; /* that may be saved up */
    _Atomic uint64_t paid_ns;  /* until when all is paid, CLOCK_MONOTONIC */
};

/* rate_bytes in each rate_usecs, as in struct net_rules; either 0: no limit. */
void net_rate_set(struct net_rate *r, uint64_t rate_bytes, uint32_t rate_usecs);

/* 0: the packet may go, and is paid for; else how long it has to wait, ns. */
uint64_t net_rate_take(struct net_rate *r, uint32_t bytes, uint64_t now_ns);

#endif
