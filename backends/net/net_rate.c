/* SPDX-License-Identifier: MIT */
/*
 * net_rate.c - so many bytes in an interval, of all queues of a vif
 *
 * How this works: paid_ns is the time at which all that went is paid for, if no
 * more goes.  Whoever finds it past moves it on by his packet's price, with one
 * compare-and-swap; so what all queues together send is what one would.
 */
#include "backends/net/net_rate.h"

#include "common/checked.h"

#define FRACTION 20 /* bits of a price below the ns */

void net_rate_set(struct net_rate *r, uint64_t rate_bytes, uint32_t rate_usecs)
{
    uint64_t interval_ns = rate_usecs * 1000ull, price = 0;

    if (rate_bytes)
        price = (uint64_t)(((unsigned __int128)interval_ns << FRACTION) /
                           rate_bytes);
    atomic_store(&r->burst_ns, interval_ns);
    atomic_store(&r->paid_ns, 0);
    atomic_store(&r->price, price);
}

uint64_t net_rate_take(struct net_rate *r, uint32_t bytes, uint64_t now_ns)
{
    uint64_t price = atomic_load_explicit(&r->price, memory_order_relaxed);
    uint64_t burst_ns, oldest_ns, paid_ns, from_ns, cost_ns;

    if (price == 0)
        return 0;
    burst_ns = atomic_load(&r->burst_ns);
    oldest_ns = now_ns > burst_ns ? now_ns - burst_ns : 0;
    cost_ns = (uint64_t)(((unsigned __int128)price * bytes) >> FRACTION);
    paid_ns = atomic_load(&r->paid_ns);
    do {
        from_ns = MAX_OF(paid_ns, oldest_ns);
        if (from_ns > now_ns)
            return from_ns - now_ns;
    } while (!atomic_compare_exchange_weak(&r->paid_ns, &paid_ns,
                                           from_ns + cost_ns));
    return 0;
}
