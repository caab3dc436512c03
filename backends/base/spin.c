/* SPDX-License-Identifier: MIT */
/*
 * spin.c - how long to look at a ring before sleeping for an event
 */
#include "backends/base/spin.h"

#include "common/checked.h"

static uint64_t longest(const struct spin *s)
{
    return MIN_OF(s->cost_ns * SPIN_COSTS, (uint64_t)SPIN_NS_MAX);
}

void spin_served(struct spin *s, uint64_t busy_ns, uint32_t nr)
{
    uint64_t each = busy_ns / MAX_OF(nr, 1u);

    s->cost_ns = s->cost_ns ? (7 * s->cost_ns + each) / 8 : each;
}

uint64_t spin_until(struct spin *s, uint64_t now_ns)
{
    if (!s->since_ns)
        s->since_ns = now_ns;
    return s->window_ns ? now_ns + s->window_ns : 0;
}

void spin_missed(struct spin *s)
{
    s->window_ns /= 2;
    if (s->window_ns < longest(s) / 8)
        s->window_ns = 0;
}

void spin_found(struct spin *s, uint64_t now_ns)
{
    if (s->since_ns && now_ns - s->since_ns <= longest(s))
        s->window_ns = longest(s);
    s->since_ns = 0;
}
