/* SPDX-License-Identifier: MIT */
/*
 * storms.c - things that do no harm once, done rogue.n times
 */
#include "rogue.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

#include "store.h"

#define BOGUS_REF 0xfffffff0u

static const struct wiring plain;

uint32_t storm_times(uint32_t few)
{
    return rogue_n ? rogue_n : few;
}

/* Events, and nothing on the ring. */
static int event_storm(struct front *f, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(20000);
    uint64_t start = xen_now_ns();

    (void)arg;
    for (uint32_t i = 0; i < nr; i++)
        xen_port_send(f->queue[0].port);
    line_number(why, nr);
    line_add(why, " in about ms ");
    line_number(why, (uint32_t)((xen_now_ns() - start) >> 20));
    return 1;
}

/* Requests that cannot be done: nothing may be left of any of them. */
static int bogus_storm(struct front *f, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(2000), asked = 0, answered = 0;
    struct req r = { .nr_segs = FRONT_SEGS };

    (void)arg;
    for (uint32_t i = 0; i < FRONT_SEGS; i++)
        r.seg[i] = (struct seg){ .ref = BOGUS_REF + i, .last = 7 };
    while (answered < nr) {
        for (; asked - answered < f->slots && asked < nr; asked++) {
            r.op = asked & 1 ? BLKIF_OP_WRITE : BLKIF_OP_READ;
            r.id = asked;
            front_put(f, 0, &r);
        }
        front_push(f, 0);
        for (; answered < asked; answered++) {
            int32_t status = front_take(f, 0, BUS_WAIT_MS);

            if (status != BLKIF_RSP_ERROR) {
                line_add(why, "status ");
                line_signed(why, status);
                return 0;
            }
        }
    }
    line_number(why, nr);
    return 1;
}

/* One read under way, if there is a ring to put it on. */
static void leave_in_flight(struct front *f, uint32_t ref)
{
    struct req r = { .op = BLKIF_OP_READ, .nr_segs = 1 };

    r.seg[0] = (struct seg){ .ref = ref, .last = 7 };
    front_put(f, 0, &r);
    front_push(f, 0);
}

uint32_t storm_state(void)
{
    static const uint8_t states[] = { 1, 3, 3, 4, 5, 6, 0, 2, 7, 99 };

    return states[text_random() % sizeof(states)];
}

/* Any state after any other, with requests under way. */
static int toggle(struct front *f, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(60);
    uint32_t ref = xen_grant(front_data[0], 0, 0);

    (void)arg;
    for (uint32_t i = 0; i < nr; i++) {
        if (i % 8 == 0) {
            if (front_restart(f) != 0 || front_connect(f, &plain) != 4) {
                line_add(why, "does not connect in round ");
                line_number(why, i);
                return 0;
            }
        }
        leave_in_flight(f, ref);
        bus_say(&f->bus, storm_state());
        if (text_random() % 4 == 0)
            bus_state(&f->bus); /* a moment for the others */
    }
    line_number(why, nr);
    xen_grant_end(ref);
    return 1;
}

int storm_of_states(const struct bus *b, struct line *why)
{
    uint32_t nr = storm_times(400);
    uint64_t start = xen_now_ns();

    for (uint32_t i = 0; i < nr; i++)
        bus_say(b, i & 1 ? 4 : 3);
    line_number(why, nr);
    line_add(why, " in about ms ");
    line_number(why, (uint32_t)((xen_now_ns() - start) >> 20));
    return 1;
}

static int state_storm(struct front *f, const void *arg, struct line *why)
{
    (void)arg;
    return storm_of_states(&f->bus, why);
}

/* Connect, close, connect: as fast as a backend can. */
static int connect_storm(struct front *f, const void *arg, struct line *why)
{
    uint32_t nr = storm_times(10);

    (void)arg;
    for (uint32_t i = 0; i < nr; i++)
        if (front_connect(f, &plain) != 4 || front_restart(f) != 0) {
            line_add(why, "round ");
            line_number(why, i);
            return 0;
        }
    line_number(why, nr);
    return 1;
}

int storm_remove_directory(const struct bus *b, struct line *why)
{
    uint32_t state;

    if (store_remove(b->dir) != 0) {
        line_add(why, "not allowed");
        return 0;
    }
    state = bus_await(b, XB_GONE, BUS_WAIT_MS);
    say_state(b, state, why);
    return state != BUS_NEVER;
}

static int remove_directory(struct front *f, const void *arg, struct line *why)
{
    (void)arg;
    return storm_remove_directory(&f->bus, why);
}

/* All ports at once; nobody hears the console any more, nor xenstore us. */
static int reset_ports(struct front *f, const void *arg, struct line *why)
{
    (void)arg;
    (void)why;
    leave_in_flight(f, xen_grant(front_data[0], 0, 0));
    xen_ports_reset();
    return 1;
}

static const struct row rows[] = {
    { "event-storm", event_storm, NULL, 0, NULL },
    { "bogus-storm", bogus_storm, NULL, 0, NULL },
    { "state-storm", state_storm, NULL, 0, NULL },
    { "toggle", toggle, NULL, ROW_ALONE, NULL },
    { "connect-storm", connect_storm, NULL, ROW_ALONE, NULL },
    { "directory-removed", remove_directory, NULL, ROW_LAST | ROW_LOOSE, NULL },
    { "ports-reset", reset_ports, NULL, ROW_LAST | ROW_LOOSE, NULL },
};
ROW_GROUP(storm_group, "storms", rows);
