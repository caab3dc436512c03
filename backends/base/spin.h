/* SPDX-License-Identifier: MIT */
/*
 * spin.h - how long to look at a ring before sleeping for an event
 *
 * How this works: to sleep costs an event, a wake-up and their hypercalls on
 * both sides, which for one request at a time is more than the request.  So a
 * queue that has just served looks at its ring for a while instead, as long as
 * that pays: at most SPIN_COSTS times what a request costs us, so an attentive
 * queue takes a bounded share more of a CPU, on a slow machine and on a fast
 * one. When nothing comes in that time, the next look is half as long, then
 * none; an event that would have been seen in it makes it whole again.
 */
#ifndef SPIN_H
#define SPIN_H

#include <stdint.h>

#define SPIN_COSTS 4u
#define SPIN_NS_MAX 4000000u

struct spin {           /* all zero: no looks yet */
    uint64_t cost_ns;   /* of a request, a moving mean */
    uint64_t window_ns; /* of the next look */
    uint64_t since_ns;  /* nothing was there from then on; 0: something is */
};

/* nr requests took us so long. */
void spin_served(struct spin *s, uint64_t busy_ns, uint32_t nr);
/* Nothing is there.  Returns until when to look for more; 0: not at all. */
uint64_t spin_until(struct spin *s, uint64_t now_ns);
/* The look ended, and nothing came: sleep. */
void spin_missed(struct spin *s);
/* Something is there, whether it was looked for or slept for. */
void spin_found(struct spin *s, uint64_t now_ns);

#endif
