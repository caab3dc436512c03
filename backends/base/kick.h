/* SPDX-License-Identifier: MIT */
/*
 * kick.h - a guest's events: heard, and held off when they tell of nothing
 *
 * How this works: the guest's port stays masked from an event until the pass
 * that it caused is over.  Events that tell of nothing are answered by
 * unmasking it later and later, up to 10 ms: a storm costs that many wake-ups a
 * second.
 *
 * The thread of its loop alone.
 */
#ifndef KICK_H
#define KICK_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/base/loop.h"

struct evt;

struct kick { /* one port; all zero: stopped */
    struct loop *loop;
    struct evt *evt;
    uint32_t port;
    struct loop_event heard_ev, later_ev;
    bool running;
    bool masked;                  /* by us */
    bool kicked;                  /* since the last pass */
    bool useful;                  /* something came since the last kick */
    uint32_t nr_spurious;         /* kicks in a row that found nothing */
    uint64_t *nr_kicks, *nr_idle; /* counted here */
};

/* evt: a handle of its own, with this port bound. */
void kick_start(struct kick *k, struct loop *l, struct evt *evt, uint32_t port,
                uint64_t *nr_kicks, uint64_t *nr_idle);
/* Hear no more; until kick_stopped() it still has something in the loop. */
void kick_stop(struct kick *k);
bool kick_stopped(const struct kick *k);

/*
 * After a pass, which took something or not.  A kick that found nothing,
 * neither now nor since the last one, is a race, or a guest that wants to keep
 * us busy.
 */
void kick_judge(struct kick *k, bool took);
/* About to wait, the guest asked for an event: let it come, now or later. */
void kick_unmask(struct kick *k);

#endif
