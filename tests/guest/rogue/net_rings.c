/* SPDX-License-Identifier: MIT */
/*
 * net_rings.c - what a guest can do to the rings, buffers and ports of a vif
 */
#include "rogue.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "frames.h"
#include "second.h"
#include "store.h"

#define OTHER_DOMAIN 5u
#define BAD_BUFFERS 3u
#define STARVED 40u
#define FLIP_ROUNDS 30u
#define FLIP_PINGS 64u

static const struct nic_wiring no_buffers = { .no_buffers = 1 };

static void put_pings(struct nic *n, uint32_t q, uint32_t nr)
{
    uint32_t len = frame_make(n, FRAME_PING, 200, 0), one;

    for (uint32_t i = 0; i < nr; i++)
        frame_put(n, q, len, 0, &one);
}

/* A cursor of requests that cannot be: the backend takes nothing more. */
static int lie_about_tx(struct nic *n, const void *arg, struct line *why)
{
    uint32_t answered, state;

    if (!net_connect(n, why) || !frame_serves(n, why))
        return 0;
    answered = n->queue[0].tx.ring->rsp_prod;
    n->queue[0].tx.prod += (uint32_t)arg;
    nic_push(n, 0);
    state = bus_await(&n->bus, XB_GONE, 3000);
    if (n->queue[0].tx.ring->rsp_prod != answered) {
        line_add(why, "answered what was never asked");
        return 0;
    }
    say_state(&n->bus, state, why);
    return state == BUS_NEVER ? rogue_peer_is_linux : has_reason(&n->bus);
}

/* The same of buffers; what is to be received makes the backend look. */
static int lie_about_rx(struct nic *n, const void *arg, struct line *why)
{
    uint32_t state, nr;

    if (!net_connect(n, why) || !frame_serves(n, why))
        return 0;
    n->queue[0].rx.prod += (uint32_t)arg;
    nic_post_push(n, 0);
    frame_put(n, 0, frame_make(n, FRAME_PING, 200, 0), 0, &nr);
    nic_push(n, 0);
    state = bus_await(&n->bus, XB_GONE, BUS_WAIT_MS);
    say_state(&n->bus, state, why);
    frame_done(n);
    return (state == 5 || state == 6) && has_reason(&n->bus);
}

/* Rings full of answers that nobody reads. */
static int never_consume(struct nic *n, const void *arg, struct line *why)
{
    struct nic_ring *r = &n->queue[0].tx;

    (void)arg;
    for (uint32_t round = 0; round < 10; round++) {
        uint64_t until = xen_now_ns() + BUS_WAIT_MS * XEN_MS;

        r->ring->rsp_event = r->ring->rsp_prod + 0x40000000;
        put_pings(n, 0, NIC_SLOTS);
        nic_push(n, 0);
        while (r->ring->rsp_prod != r->prod && xen_now_ns() < until)
            xen_port_wait(r->port, xen_now_ns() + XEN_MS);
        if (r->ring->rsp_prod != r->prod) {
            line_add(why, "stopped in round ");
            line_number(why, round);
            return 0;
        }
    }
    r->cons = r->prod;
    frame_done(n);
    return 1;
}

/*
 * Buffers that cannot be written to come first: each costs a packet at most,
 * and what comes behind them goes into the good ones.
 */
static int bad_buffers(struct nic *n, const void *arg, struct line *why)
{
    static uint8_t page[PAGE] __attribute__((aligned(4096)));
    uint32_t kind = (uint32_t)arg, refs[BAD_BUFFERS], state, errors;

    state = nic_connect(n, &no_buffers);
    if (state != 4) {
        say_state(&n->bus, state, why);
        return 0;
    }
    for (uint32_t i = 0; i < BAD_BUFFERS; i++) {
        refs[i] = kind == 0   ? 0xfffffff0u + i
                  : kind == 1 ? xen_grant(page, 0, 1)
                              : xen_grant(page, OTHER_DOMAIN, 0);
        nic_post_ref(n, 0, (uint16_t)i, refs[i]);
    }
    for (uint32_t i = BAD_BUFFERS; i < NIC_BUFFERS; i++)
        nic_post(n, 0, (uint16_t)i);
    nic_post_push(n, 0);
    errors = n->rx_errors;
    if (!frame_serves(n, why))
        return 0;
    for (uint32_t i = 0; i < BAD_BUFFERS && kind; i++)
        xen_grant_end(refs[i]);
    errors = n->rx_errors - errors;
    line_number(why, errors);
    line_add(why, " errors ");
    return errors >= 1 && errors <= BAD_BUFFERS;
}

/* Packets come, and there are no buffers: nothing else of it suffers. */
static int starve(struct nic *n, struct line *why)
{
    uint32_t state = nic_connect(n, &no_buffers), nr;

    for (uint32_t i = 0; i < STARVED && state == 4; i++) {
        frame_put(n, 0, frame_make(n, FRAME_ARP, 0, 0), 0, &nr);
        nic_push(n, 0);
        if (nic_take(n, 0, BUS_WAIT_MS) != 0) {
            line_add(why, "its own packets are not taken, ");
            state = BUS_NEVER;
        }
    }
    frame_done(n);
    if (state != 4 || n->queue[0].rx.ring->rsp_prod != 0) {
        say_state(&n->bus, state, why);
        return 0;
    }
    return 1;
}

static int feed(struct nic *n, struct line *why)
{
    for (uint32_t i = 0; i < NIC_BUFFERS; i++)
        nic_post(n, 0, (uint16_t)i);
    nic_post_push(n, 0);
    if (frame_answered(n, FRAME_ARP, BUS_WAIT_MS))
        return 1;
    line_add(why, "what waited never came");
    return 0;
}

static int starved(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    return starve(n, why) && feed(n, why);
}

/* Until the carrier is off, which dom0 sees, and says `go`. */
static int stalled(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    if (!starve(n, why))
        return 0;
    xen_print("ROGUE STARVES\n");
    rogue_wait_for_go(&n->bus, "stalled");
    for (uint32_t i = 0; i < NIC_BUFFERS; i++)
        nic_post(n, 0, (uint16_t)i);
    nic_post_push(n, 0);
    return 1; /* whether it serves again is looked at next */
}

static int close_port(struct nic *n, const void *arg, struct line *why)
{
    (void)arg;
    if (!net_connect(n, why))
        return 0;
    put_pings(n, 0, NIC_SLOTS);
    nic_push(n, 0);
    xen_port_close(n->queue[0].tx.port);
    bus_await(&n->bus, XB_GONE, 1000);
    say_state(&n->bus, bus_state(&n->bus), why);
    n->queue[0].tx.port = n->queue[0].rx.port = 0;
    frame_done(n);
    return 1;
}

/* The ring's page is revoked, its memory given back, under way. */
static int revoke_ring(struct nic *n, const void *arg, struct line *why)
{
    struct nic_ring *r;
    const void *page;
    int rc;

    if (!net_connect(n, why))
        return 0;
    r = arg ? &n->queue[0].rx : &n->queue[0].tx;
    page = (const void *)r->ring;
    put_pings(n, 0, NIC_SLOTS);
    nic_push(n, 0);
    line_add(why, xen_grant_end(r->ref) ? "mapped, " : "free, ");
    r->ref = 0;
    rc = xen_page_drop(page);
    for (uint32_t i = 0; i < 100; i++)
        xen_port_send(r->port);
    say_state(&n->bus, bus_await(&n->bus, XB_GONE, 1000), why);
    rc |= nic_restart(n);
    frame_done(n);
    if (rc || xen_page_renew(page) != 0) {
        line_add(why, ", its page does not come free");
        return 0;
    }
    return 1;
}

static int change_wiring(struct nic *n, const void *arg, struct line *why)
{
    static const char *const keys[] = {
        "tx-ring-ref", "rx-ring-ref", "event-channel", "multi-queue-num-queues",
        "feature-sg",
    };

    (void)arg;
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t k = 0; k < sizeof(keys) / sizeof(keys[0]); k++)
            store_number_in(n->bus.dir, keys[k], 1000000);
        bus_say(&n->bus, 3);
        bus_say(&n->bus, 4);
        if (!frame_serves(n, why))
            return 0;
    }
    return 1;
}

/* Harmless or refused: a guest that wires its rings together hurts itself. */
static int wired_together(struct nic *n, const void *arg, struct line *why)
{
    uint32_t state = nic_connect(n, arg);

    say_state(&n->bus, state, why);
    if (state != 4)
        return state != BUS_NEVER;
    for (uint32_t q = 0; q < n->nr_queues; q++) {
        put_pings(n, q, 4);
        nic_push(n, q);
    }
    nic_take(n, 0, 500);
    bus_await(&n->bus, XB_GONE, 500);
    frame_done(n);
    return 1;
}

static const struct nic *flipped;

/* The second vCPU: flips what matters of each slot, to and fro. */
static void flip_slots(void)
{
    for (uint32_t i = 0; i < FLIP_PINGS; i++) {
        volatile uint8_t *slot = nic_slot_at(flipped, 0, i);

        slot[3] ^= 0x40;  /* the grant, by 2^30 */
        slot[5] ^= 0x08;  /* offset, by 2048 */
        slot[6] ^= 0x0d;  /* blank, more_data, extra_info */
        slot[11] ^= 0x04; /* size, by 1024 */
    }
}

/* A round; 1, or 0 if the backend gave the vif up, -1: it does not answer. */
static int flip_round(struct nic *n, uint32_t seen[2])
{
    put_pings(n, 0, FLIP_PINGS);
    nic_push(n, 0);
    for (uint32_t i = 0; i < FLIP_PINGS; i++) {
        int32_t status = nic_take(n, 0, 500);

        for (uint32_t t = 0; t < 20 && status == NIC_NOTHING; t++) {
            if (bus_await(&n->bus, XB_GONE, 1) != BUS_NEVER)
                return 0;
            status = nic_take(n, 0, 500);
        }
        if (status == NIC_NOTHING)
            return -1;
        seen[status != 0]++;
    }
    return 1;
}

static int flip(struct nic *n, const void *arg, struct line *why)
{
    uint32_t rounds = rogue_n ? rogue_n : FLIP_ROUNDS, seen[2] = { 0 };
    uint32_t ended = 0, flips = 0, leaks = n->pad_leaks;
    int ok = net_connect(n, why);

    (void)arg;
    for (uint32_t i = 0; i < rounds && ok > 0; i++) {
        flipped = n;
        if (second_run(flip_slots) != 0) {
            line_add(why, "no second vCPU");
            return 0;
        }
        ok = flip_round(n, seen);
        flips += second_stop();
        xen_port_wait(n->queue[0].tx.port, xen_now_ns() + 10 * XEN_MS);
        if (ok == 0) {
            ended++;
            ok = nic_restart(n) == 0 && net_connect(n, why);
        }
    }
    frame_done(n);
    n->pad_leaks = leaks; /* beside answers stand the flips, too */
    line_number(why, seen[0]);
    line_add(why, " sent ");
    line_number(why, seen[1]);
    line_add(why, " refused ");
    line_number(why, ended);
    line_add(why, " times ended, ");
    line_number(why, flips);
    line_add(why, " flips");
    return ok > 0 && flips > 0 && seen[1] + ended > 0;
}

static const struct nic_wiring one_ring = { .one_ring = 1 };
static const struct nic_wiring same_ring = { .nr_queues = 2, .same_ring = 1 };
static const struct nic_wiring same_port = { .nr_queues = 2, .same_port = 1 };

static const struct row rows[] = {
    { "net-tx-jumps", NULL, (void *)257, ROW_ALONE | ROW_FATAL, lie_about_tx },
    { "net-tx-jumps-far", NULL, (void *)0x80000000, ROW_ALONE | ROW_FATAL,
      lie_about_tx },
    { "net-tx-moves-back", NULL, (void *)-1, ROW_ALONE | ROW_FATAL,
      lie_about_tx },
    { "net-rx-jumps", NULL, (void *)257, ROW_ALONE, lie_about_rx },
    { "net-rx-jumps-far", NULL, (void *)0x80000000, ROW_ALONE, lie_about_rx },
    { "net-rx-moves-back", NULL, (void *)-65, ROW_ALONE, lie_about_rx },
    { "net-never-consumes", NULL, NULL, 0, never_consume },
    { "net-rx-bogus", NULL, (void *)0, ROW_ALONE, bad_buffers },
    { "net-rx-readonly", NULL, (void *)1, ROW_ALONE, bad_buffers },
    { "net-rx-others", NULL, (void *)2, ROW_ALONE, bad_buffers },
    { "net-rx-starved", NULL, NULL, ROW_ALONE, starved },
    { "net-rx-stalled", NULL, NULL, ROW_ALONE | ROW_LOOSE, stalled },
    { "net-port-closed", NULL, NULL, ROW_ALONE, close_port },
    { "net-tx-revoked", NULL, NULL, ROW_ALONE, revoke_ring },
    { "net-rx-revoked", NULL, (void *)1, ROW_ALONE, revoke_ring },
    { "net-wiring-changed", NULL, NULL, 0, change_wiring },
    { "net-one-ring", NULL, &one_ring, ROW_ALONE, wired_together },
    { "net-same-ring", NULL, &same_ring, ROW_ALONE, wired_together },
    { "net-same-port", NULL, &same_port, ROW_ALONE, wired_together },
    { "net-flipped", NULL, NULL, ROW_ALONE, flip },
};
ROW_GROUP(net_ring_group, "net-rings", rows);
