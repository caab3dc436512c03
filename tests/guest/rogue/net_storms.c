/* SPDX-License-Identifier: MIT */
/*
 * net_storms.c - things that do no harm once, done rogue.n times to a vif
 */
#include "rogue.h"

#include <stddef.h>

#include "frames.h"
#include "store.h"

#define BOGUS_REF 0xfffffff0u
#define BATCH 128u

/* Events on both ports, and nothing on the rings. */
static int event_storm(struct nic *n, const void *arg, struct line *why)
{
    static const struct nic_wiring split = { .split = 1 };
    uint32_t nr = storm_times(20000), state;
    uint64_t start;

    (void)arg;
    state = nic_connect(n, &split);
    if (state != 4) {
        say_state(&n->bus, state, why);
        return 0;
    }
    start = xen_now_ns();
    for (uint32_t i = 0; i < nr; i++)
        xen_port_send(i & 1 ? n->queue[0].rx.port : n->queue[0].tx.port);
    line_number(why, nr);
    line_add(why, " in about ms ");
    line_number(why, (uint32_t)((xen_now_ns() - start) >> 20));
    return frame_serves(n, why);
}

/* Packets that cannot be had: nothing may be left of any of them. */
static int bogus_storm(struct nic *n, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(2000), done = 0;

    (void)arg;
    while (done < nr) {
        for (uint32_t i = 0; i < BATCH; i++) {
            struct nic_slot s = { .ref = BOGUS_REF + i % 8, .size = 900 };

            nic_put(n, 0, &s);
        }
        nic_push(n, 0);
        for (uint32_t i = 0; i < BATCH; i++, done++) {
            int32_t status = nic_take(n, 0, BUS_WAIT_MS);

            if (status != -1 && status != -2) {
                line_add(why, "status ");
                line_signed(why, status);
                return 0;
            }
        }
    }
    line_number(why, done);
    return 1;
}

/* A ring of packets under way. */
static void leave_in_flight(struct nic *n)
{
    uint32_t len = frame_make(n, FRAME_NOISE, 400, 0), one;

    for (uint32_t i = 0; i < 8; i++)
        frame_put(n, 0, len, 0, &one);
    nic_push(n, 0);
}

/* Any state after any other, with packets under way. */
static int toggle(struct nic *n, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(60);

    (void)arg;
    for (uint32_t i = 0; i < nr; i++) {
        if (i % 8 == 0 && (nic_restart(n) != 0 || !net_connect(n, why))) {
            line_add(why, "does not connect in round ");
            line_number(why, i);
            return 0;
        }
        leave_in_flight(n);
        bus_say(&n->bus, storm_state());
        if (text_random() % 4 == 0)
            bus_state(&n->bus); /* a moment for the others */
    }
    line_number(why, nr);
    frame_done(n);
    return 1;
}

static int state_storm(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    return storm_of_states(&n->bus, why);
}

static int connect_storm(struct nic *n, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(10);

    (void)arg;
    for (uint32_t i = 0; i < nr; i++)
        if (!net_connect(n, why) || nic_restart(n) != 0) {
            line_add(why, "round ");
            line_number(why, i);
            return 0;
        }
    line_number(why, nr);
    return 1;
}

static int remove_directory(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    return storm_remove_directory(&n->bus, why);
}

/* All ports at once; nobody hears the console any more, nor xenstore us. */
static int reset_ports(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    (void)why;
    leave_in_flight(n);
    xen_ports_reset();
    return 1;
}

static const struct row rows[] = {
    { "net-event-storm", NULL, NULL, ROW_ALONE, event_storm },
    { "net-bogus-storm", NULL, NULL, 0, bogus_storm },
    { "net-state-storm", NULL, NULL, 0, state_storm },
    { "net-toggle", NULL, NULL, ROW_ALONE, toggle },
    { "net-connect-storm", NULL, NULL, ROW_ALONE, connect_storm },
    { "net-directory-removed", NULL, NULL, ROW_LAST | ROW_LOOSE,
      remove_directory },
    { "net-ports-reset", NULL, NULL, ROW_LAST | ROW_LOOSE, reset_ports },
};
ROW_GROUP(net_storm_group, "net-storms", rows);
