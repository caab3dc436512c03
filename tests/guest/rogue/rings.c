/* SPDX-License-Identifier: MIT */
/*
 * rings.c - what a guest can do to the rings, grants and ports of a connection
 */
#include "rogue.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

#include "second.h"
#include "store.h"

#define FLIP_SECTOR 64u
#define FLIP_AROUND 3u /* pages: before, at, behind */
#define FLIP_ROUNDS 50u

static const struct wiring plain;

static int connect(struct front *f, const struct wiring *w, struct line *why)
{
    uint32_t state = front_connect(f, w);

    if (state == 4)
        return 1;
    line_add(why, "does not connect: ");
    say_state(&f->bus, state, why);
    return 0;
}

/* Reads of a page, on the ring and not yet told of. */
static uint32_t put_reads(struct front *f, uint32_t q, uint32_t nr)
{
    struct req r = { .op = BLKIF_OP_READ, .nr_segs = 1, .id = 1 };

    r.seg[0] = (struct seg){ .ref = xen_grant(front_data[0], 0, 0), .last = 7 };
    for (uint32_t i = 0; i < nr; i++)
        front_put(f, q, &r);
    return r.seg[0].ref;
}

/*
 * A cursor that cannot be.  The backend takes nothing more from this ring, and
 * closes the device with a reason; Linux's only halts.
 */
static int lie_about_prod(struct front *f, const void *arg, struct line *why)
{
    uint32_t add = (uint32_t)arg, state, answered;

    if (!connect(f, &plain, why) || !good_serves(f, why))
        return 0;
    answered = f->queue[0].ring->rsp_prod;
    f->queue[0].prod += add;
    front_push(f, 0);
    state = bus_await(&f->bus, XB_GONE, 3000);
    if (f->queue[0].ring->rsp_prod != answered) {
        line_add(why, "answered what was never asked");
        return 0;
    }
    line_add(why, state == 99 ? "halted, " : "closed, ");
    say_state(&f->bus, state, why);
    return state == 99 ? rogue_peer_is_linux : has_reason(&f->bus);
}

/* Rings full of answers that nobody reads. */
static int never_consume(struct front *f, const void *arg, struct line *why)
{
    struct queue *q = &f->queue[0];

    (void)arg;
    for (uint32_t round = 0; round < 10; round++) {
        uint64_t until = xen_now_ns() + BUS_WAIT_MS * XEN_MS;
        uint32_t ref;

        q->ring->rsp_event = q->ring->rsp_prod + 0x40000000;
        ref = put_reads(f, 0, f->slots);
        front_push(f, 0);
        while (q->ring->rsp_prod != q->prod && xen_now_ns() < until)
            xen_port_wait(q->port, xen_now_ns() + XEN_MS);
        if (q->ring->rsp_prod != q->prod) {
            line_add(why, "stopped in round ");
            line_number(why, round);
            return 0;
        }
        xen_grant_end(ref);
    }
    q->cons = q->prod;
    return 1;
}

static int close_port(struct front *f, const void *arg, struct line *why)
{
    uint32_t ref;

    (void)arg;
    if (!connect(f, &plain, why))
        return 0;
    ref = put_reads(f, 0, f->slots);
    front_push(f, 0);
    xen_port_close(f->queue[0].port);
    f->queue[0].port = 0;
    bus_await(&f->bus, XB_GONE, 1000);
    say_state(&f->bus, bus_state(&f->bus), why);
    /* It may still be filling the page; then it is given to nobody else. */
    xen_grant_end(ref);
    return 1;
}

/*
 * The ring's page is revoked, its memory given back, while requests are under
 * way.  Whoever has it mapped holds it until the device is closed.
 */
static int revoke_ring(struct front *f, const void *arg, struct line *why)
{
    volatile struct sring *ring;
    uint32_t ref;
    int rc;

    (void)arg;
    if (!connect(f, &plain, why))
        return 0;
    ring = f->queue[0].ring;
    ref = put_reads(f, 0, f->slots);
    front_push(f, 0);
    line_add(why, xen_grant_end(f->queue[0].refs[0]) ? "mapped, " : "free, ");
    f->queue[0].refs[0] = 0;
    rc = xen_page_drop((const void *)ring);
    for (uint32_t i = 0; i < 100; i++)
        xen_port_send(f->queue[0].port);
    say_state(&f->bus, bus_await(&f->bus, XB_GONE, 1000), why);
    rc |= front_restart(f);
    xen_grant_end(ref);
    if (rc || xen_page_renew((const void *)ring) != 0) {
        line_add(why, ", its page does not come free");
        return 0;
    }
    return 1;
}

static int change_wiring(struct front *f, const void *arg, struct line *why)
{
    (void)arg;
    store_number_in(f->bus.dir, "ring-page-order", 4);
    for (uint32_t i = 0; i < 3; i++) {
        store_number_in(f->bus.dir, "ring-ref", 1000000);
        store_number_in(f->bus.dir, "event-channel", 1000000);
        store_number_in(f->bus.dir, "multi-queue-num-queues", 99);
        bus_say(&f->bus, 3);
        bus_say(&f->bus, 4);
        if (!good_serves(f, why))
            return 0;
    }
    return 1;
}

/* Harmless or refused: a guest that wires its rings together hurts itself. */
static int wired_together(struct front *f, const void *arg, struct line *why)
{
    const struct wiring *w = arg;
    uint32_t state = front_connect(f, w), ref;

    say_state(&f->bus, state, why);
    if (state != 4)
        return state != 99;
    ref = put_reads(f, 0, f->slots);
    front_push(f, 0);
    front_take(f, 0, 500);
    if (f->nr_queues > 1)
        xen_port_send(f->queue[1].port);
    bus_await(&f->bus, XB_GONE, 500);
    xen_grant_end(ref);
    return 1;
}

static const struct front *flipped;

/* The second vCPU: flips what matters of each slot, to and fro. */
static void flip_slots(void)
{
    for (uint32_t n = 0; n < 32; n++) {
        volatile uint8_t *slot = front_slot(flipped, 0, n);

        slot[0] ^= 0x80;      /* op */
        slot[1] ^= 1 ^ 12;    /* nr_segments */
        slot[12 + 5] ^= 1;    /* sector, by 2^40 */
        slot[20 + 3] ^= 0x40; /* the grant, by 2^30 */
        slot[20 + 4] ^= 0xc8; /* first_sect */
        slot[20 + 5] ^= 0xe0; /* last_sect */
    }
}

/* A round of writes at one place, each of which may be flipped into anything.
 */
static int flip_round(struct front *f, uint32_t ref, uint32_t seen[3],
                      struct line *why)
{
    struct req r = { .op = BLKIF_OP_WRITE,
                     .nr_segs = 1,
                     .sector = FLIP_SECTOR };

    r.seg[0] = (struct seg){ .ref = ref, .last = 7 };
    for (uint32_t i = 0; i < f->slots; i++)
        front_put(f, 0, &r);
    front_push(f, 0);
    for (uint32_t i = 0; i < f->slots; i++) {
        int32_t status = front_take(f, 0, BUS_WAIT_MS);

        if (status > 0 || status < -2) {
            line_add(why, status == FRONT_NO_REPLY ? "no answer" : "status ");
            line_signed(why, status);
            return 0;
        }
        seen[-status]++;
    }
    return 1;
}

static int flip(struct front *f, const void *arg, struct line *why)
{
    uint32_t flips, rounds = rogue_n ? rogue_n : FLIP_ROUNDS, seen[3] = { 0 },
                    ref;
    uint32_t around = FLIP_SECTOR - 8;
    int ok = 1;

    (void)arg;
    for (uint32_t i = 0; i < FLIP_AROUND; i++)
        memset(front_data[i], 0x10 + (int)i, PAGE);
    if (front_rw(f, BLKIF_OP_WRITE, around, 8 * FLIP_AROUND, 0) != 0)
        return 0;
    memset(front_data[8], 0xee, PAGE);
    flipped = f;
    if (second_run(flip_slots) != 0) {
        line_add(why, "no second vCPU");
        return 0;
    }
    ref = xen_grant(front_data[8], 0, 0);
    for (uint32_t i = 0; i < rounds && ok; i++)
        ok = flip_round(f, ref, seen, why);
    flips = second_stop();
    xen_port_wait(f->queue[0].port, xen_now_ns() + 10 * XEN_MS);
    xen_grant_end(ref);
    for (uint32_t i = 0; i < 3; i++) {
        line_number(why, seen[i]);
        line_add(why, i == 0 ? " done " : i == 1 ? " failed " : " unknown, ");
    }
    line_number(why, flips);
    line_add(why, " flips");
    if (!ok || front_rw(f, BLKIF_OP_READ, around, 8 * FLIP_AROUND, 0) != 0)
        return 0;
    for (uint32_t i = 0; i < PAGE; i++)
        if (front_data[0][i] != 0x10 || front_data[2][i] != 0x12) {
            line_add(why, "; wrote beside it");
            return 0;
        }
    return flips > 0 && seen[1] + seen[2] > 0;
}

static const struct wiring same_ref = { .order = 2, .same_ref = 1 };
static const struct wiring same_ring = { .nr_queues = 2, .same_ring = 1 };
static const struct wiring same_port = { .nr_queues = 2, .same_port = 1 };

static const struct row rows[] = {
    { "prod-jumps", lie_about_prod, (void *)33, ROW_ALONE, NULL },
    { "prod-jumps-far", lie_about_prod, (void *)0x80000000, ROW_ALONE, NULL },
    { "prod-moves-back", lie_about_prod, (void *)-1, ROW_ALONE, NULL },
    { "never-consumes", never_consume, NULL, 0, NULL },
    { "port-closed", close_port, NULL, ROW_ALONE, NULL },
    { "ring-revoked", revoke_ring, NULL, ROW_ALONE, NULL },
    { "wiring-changed", change_wiring, NULL, 0, NULL },
    { "same-ref", wired_together, &same_ref, ROW_ALONE, NULL },
    { "same-ring", wired_together, &same_ring, ROW_ALONE, NULL },
    { "same-port", wired_together, &same_port, ROW_ALONE, NULL },
    { "flipped", flip, NULL, 0, NULL },
};
ROW_GROUP(ring_group, "rings", rows);
