/* SPDX-License-Identifier: MIT */
/*
 * blk_kick.c - a guest's events: heard, and held off when they tell of nothing
 *
 * How this works: the guest's port stays masked from an event until the pass
 * that it caused is over.  Events that tell of nothing are answered by
 * unmasking it later and later, up to 10 ms: a storm costs that many wake-ups a
 * second.
 */
#include <errno.h>
#include <poll.h>
#include <stddef.h>

#include "backends/blk/blk_queue_priv.h"
#include "common/checked.h"
#include "common/evt.h"

#define SPURIOUS_FREE 8u /* events for nothing that a race explains */
#define UNMASK_NS_MAX 10000000u

static void on_kick(struct blk_event *ev, int res);
static void on_unmask(struct blk_event *ev, int res);

void blk_kick_init(struct blk_queue *q)
{
    q->kick_ev.fn = on_kick;
    q->unmask_ev.fn = on_unmask;
}

static void watch_port(struct blk_queue *q)
{
    if (!q->kick_ev.busy)
        blk_loop_poll(q->loop, evt_fd(q->link.evt), POLLIN, &q->kick_ev);
}

void blk_kick_watch(struct blk_queue *q)
{
    q->masked = q->kicked = q->useful = false;
    q->nr_spurious = 0;
    watch_port(q);
}

static void on_kick(struct blk_event *ev, int res)
{
    struct blk_queue *q =
        (void *)((char *)ev - offsetof(struct blk_queue, kick_ev));
    uint32_t port;

    if (res < 0)
        return;
    /* It is masked from then on, so there is but one. */
    if (evt_take_masked(q->link.evt, &port)) {
        q->masked = q->kicked = true;
        q->journal->stats.kicks++;
    }
    if (q->state == BLK_QUEUE_SERVING)
        watch_port(q);
}

void blk_kick_unmask(struct blk_queue *q)
{
    if (!q->masked || q->unmask_ev.busy)
        return;
    q->masked = false;
    evt_unmask(q->link.evt, q->link.port);
}

static void on_unmask(struct blk_event *ev, int res)
{
    struct blk_queue *q =
        (void *)((char *)ev - offsetof(struct blk_queue, unmask_ev));

    (void)res;
    if (q->state == BLK_QUEUE_SERVING)
        blk_kick_unmask(q);
}

void blk_kick_judge(struct blk_queue *q, bool took)
{
    uint64_t later_ns;

    q->useful |= took;
    if (!q->kicked)
        return;
    q->kicked = false;
    if (q->useful) {
        q->useful = false;
        q->nr_spurious = 0;
        return;
    }
    q->journal->stats.idle_kicks++;
    if (++q->nr_spurious <= SPURIOUS_FREE)
        return;
    later_ns = 1000000ull << MIN_OF(q->nr_spurious - SPURIOUS_FREE - 1, 4u);
    if (!q->unmask_ev.busy)
        blk_loop_timer(q->loop, MIN_OF(later_ns, UNMASK_NS_MAX), &q->unmask_ev);
}
