/* SPDX-License-Identifier: MIT */
/*
 * kick.c - a guest's events: heard, and held off when they tell of nothing
 */
#include "backends/base/kick.h"

#include <poll.h>

#include "common/checked.h"
#include "common/evt.h"

#define SPURIOUS_FREE 8u /* events for nothing that a race explains */
#define UNMASK_NS_MAX 10000000u

static void hear(struct kick *k)
{
    if (!k->heard_ev.busy)
        loop_poll(k->loop, evt_fd(k->evt), POLLIN, &k->heard_ev);
}

static void on_heard(struct loop_event *ev, int res)
{
    struct kick *k = CONTAINER_OF(ev, struct kick, heard_ev);
    uint32_t port;

    if (res < 0)
        return;
    /* It is masked from then on, so there is but one. */
    if (evt_take_masked(k->evt, &port)) {
        k->masked = k->kicked = true;
        ++*k->nr_kicks;
    }
    if (k->running)
        hear(k);
}

static void on_later(struct loop_event *ev, int res)
{
    struct kick *k = CONTAINER_OF(ev, struct kick, later_ev);

    (void)res;
    if (k->running)
        kick_unmask(k);
}

void kick_start(struct kick *k, struct loop *l, struct evt *evt, uint32_t port,
                uint64_t *nr_kicks, uint64_t *nr_idle)
{
    *k = (struct kick){
        .loop = l,
        .evt = evt,
        .port = port,
        .heard_ev.fn = on_heard,
        .later_ev.fn = on_later,
        .running = true,
        .nr_kicks = nr_kicks,
        .nr_idle = nr_idle,
    };
    hear(k);
}

void kick_stop(struct kick *k)
{
    if (!k->loop)
        return;
    k->running = false;
    loop_cancel(k->loop, &k->heard_ev);
    loop_cancel(k->loop, &k->later_ev);
}

bool kick_stopped(const struct kick *k)
{
    return !k->heard_ev.busy && !k->later_ev.busy;
}

void kick_unmask(struct kick *k)
{
    if (!k->masked || k->later_ev.busy)
        return;
    k->masked = false;
    evt_unmask(k->evt, k->port);
}

void kick_judge(struct kick *k, bool took)
{
    uint64_t later_ns;

    k->useful |= took;
    if (!k->kicked)
        return;
    k->kicked = false;
    if (k->useful) {
        k->useful = false;
        k->nr_spurious = 0;
        return;
    }
    ++*k->nr_idle;
    if (++k->nr_spurious <= SPURIOUS_FREE)
        return;
    later_ns = 1000000ull << MIN_OF(k->nr_spurious - SPURIOUS_FREE - 1, 4u);
    if (!k->later_ev.busy)
        loop_timer(k->loop, MIN_OF(later_ns, UNMASK_NS_MAX), &k->later_ev);
}
