/* SPDX-License-Identifier: MIT */
/*
 * net_good.c - the rogue guest's network card as a good one
 */
#include "rogue.h"

#include <stddef.h>

#include "frames.h"
#include "store.h"

#define PINGS 16u

int net_connect(struct nic *n, struct line *why)
{
    static const struct nic_wiring plain;
    uint32_t state = nic_connect(n, &plain);

    if (state == 4)
        return 1;
    line_add(why, "does not connect: ");
    say_state(&n->bus, state, why);
    return 0;
}

static int pings(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    for (uint32_t i = 0; i < PINGS; i++)
        if (!frame_serves(n, why))
            return 0;
    line_number(why, PINGS * n->nr_queues);
    return 1;
}

/*
 * As many packets as the ring holds, at once; more than once around.  All are
 * the same page, and Xen lets none be mapped more than 127 times: so short that
 * Linux copies them whole and maps nothing.
 */
static int full_ring(struct nic *n, const void *arg, struct line *why)
{
    uint32_t nr = NIC_SLOTS;

    (void)arg;
    for (uint32_t round = 0; round < 3; round++)
        for (uint32_t q = 0; q < n->nr_queues; q++) {
            uint32_t len = frame_make(n, FRAME_NOISE, 100, 0), one;

            for (uint32_t i = 0; i < nr; i++)
                frame_put(n, q, len, 0, &one);
            nic_push(n, q);
            for (uint32_t i = 0; i < nr; i++) {
                int32_t status = nic_take(n, q, BUS_WAIT_MS);

                /* A tap's queue is bounded: dropped is an answer. */
                if (status == 0 || status == -2)
                    continue;
                line_add(why, "answer ");
                line_number(why, i);
                line_add(why, " is ");
                line_signed(why, status);
                return 0;
            }
        }
    frame_done(n);
    line_number(why, 3 * nr);
    return 1;
}

static int with_wiring(struct nic *n, const void *arg, struct line *why)
{
    const struct nic_wiring *w = arg;
    uint32_t state;

    state = nic_connect(n, w);
    if (n->queues_max < w->nr_queues || n->has_split < w->split) {
        line_add(why, "not offered");
        return 0;
    }
    if (state != 4) {
        say_state(&n->bus, state, why);
        return 0;
    }
    return pings(n, NULL, why) && full_ring(n, NULL, why);
}

static int offers(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    line_add(why, "queues ");
    line_number(why, n->queues_max);
    line_add(why, " split ");
    line_number(why, n->has_split);
    line_add(why, " sg ");
    line_number(why, n->has_sg);
    line_add(why, " gso ");
    line_number(why, n->has_gso4);
    return n->queues_max >= 2 && n->has_split && n->has_sg && n->has_gso4;
}

/* The neighbour: for ever, and it says how far it is. */
static int serve(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    for (uint32_t i = 1;; i++) {
        struct line l = { .len = 0 };

        if (!frame_serves(n, why))
            return 0;
        line_add(&l, "ROGUE COUNT ");
        line_number(&l, i);
        line_add(&l, "\n");
        xen_print(l.text);
        store_wait(xen_now_ns() + 50 * XEN_MS);
    }
}

static const struct nic_wiring two = { .nr_queues = 2 };
static const struct nic_wiring split = { .split = 1 };
static const struct nic_wiring two_split = { .nr_queues = 2, .split = 1 };

static const struct row rows[] = {
    { .name = "net-offers", .net = offers },
    { .name = "net-pings", .net = pings },
    { .name = "net-full-ring", .net = full_ring },
    { "net-two-queues", NULL, &two, ROW_ALONE, with_wiring },
    { "net-split", NULL, &split, ROW_ALONE, with_wiring },
    { "net-two-split", NULL, &two_split, ROW_ALONE, with_wiring },
    { "net-serve", NULL, NULL, ROW_LOOSE, serve },
};
ROW_GROUP(net_good_group, "net-good", rows);
