/* SPDX-License-Identifier: MIT */
/*
 * good.c - the rogue guest as a good one: what stock frontends do, and what
 * backends offer and none of those uses
 */
#include "rogue.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

#include "store.h"

#define CHECK_SECTOR 64u
#define WIDE_SECTOR 1024u
#define INFO_READONLY 4u
#define FULL_REFS 32u

static void pattern(uint8_t *page, uint32_t seed)
{
    uint32_t *word = (uint32_t *)page;

    for (uint32_t i = 0; i < PAGE / 4; i++)
        word[i] = seed * 2654435761u + i * 40503u;
}

static int matches(const uint8_t *page, uint32_t seed)
{
    const uint32_t *word = (const uint32_t *)page;

    for (uint32_t i = 0; i < PAGE / 4; i++)
        if (word[i] != seed * 2654435761u + i * 40503u)
            return 0;
    return 1;
}

static int complain(struct line *why, const char *what, int32_t status)
{
    line_add(why, what);
    line_add(why, status == FRONT_NO_REPLY ? ": no answer" : ": status ");
    if (status != FRONT_NO_REPLY)
        line_signed(why, status);
    return 0;
}

/* nr pages, in requests of at most 11, from sector on; seed names them. */
static int write_then_read(struct front *f, uint32_t sector, uint32_t nr,
                           uint32_t seed, struct line *why)
{
    int32_t status = front_rw(f, BLKIF_OP_READ, sector, 8 * nr, 0);

    if (status != 0)
        return complain(why, "first read", status);
    if (f->info & INFO_READONLY)
        return 1;
    for (uint32_t i = 0; i < nr; i++)
        pattern(front_data[i], seed + i);
    status = front_rw(f, BLKIF_OP_WRITE, sector, 8 * nr, 0);
    if (status != 0)
        return complain(why, "write", status);
    memset(front_data, 0, nr * PAGE);
    status = front_rw(f, BLKIF_OP_READ, sector, 8 * nr, 0);
    if (status != 0)
        return complain(why, "read", status);
    for (uint32_t i = 0; i < nr; i++)
        if (!matches(front_data[i], seed + i)) {
            line_add(why, "read back something else");
            return 0;
        }
    return 1;
}

int good_serves(struct front *f, struct line *why)
{
    static uint32_t seed;

    return write_then_read(f, CHECK_SECTOR, 1, ++seed, why);
}

static int full_requests(struct front *f, const void *arg, struct line *why)
{
    (void)arg;
    return write_then_read(f, WIDE_SECTOR, FRONT_SEGS, 1000, why);
}

/*
 * Reads of one page each, as many as the ring holds, on every queue.  Xen lets
 * a grant be mapped 127 times at once, so there is more than one.
 */
static int full_ring(struct front *f, struct line *why)
{
    struct req r = { .op = BLKIF_OP_READ, .nr_segs = 1 };
    uint32_t refs[FULL_REFS];
    int32_t status = 0;

    for (uint32_t i = 0; i < FULL_REFS; i++)
        refs[i] = xen_grant(front_data[i], 0, 0);
    for (uint32_t q = 0; q < f->nr_queues; q++) {
        for (uint32_t i = 0; i < f->slots; i++) {
            r.id = i;
            r.sector = 8 * (i % 16);
            r.seg[0] = (struct seg){ .ref = refs[i % FULL_REFS], .last = 7 };
            front_put(f, q, &r);
        }
        front_push(f, q);
    }
    for (uint32_t q = 0; q < f->nr_queues; q++)
        for (uint32_t i = 0; i < f->slots && status == 0; i++)
            status = front_take(f, q, BUS_WAIT_MS);
    for (uint32_t i = 0; i < FULL_REFS; i++)
        xen_grant_end(refs[i]);
    if (status != 0)
        return complain(why, "a full ring", status);
    line_number(why, f->slots);
    line_add(why, " slots a queue ");
    return 1;
}

static int with_wiring(struct front *f, const void *arg, struct line *why)
{
    const struct wiring *w = arg;
    uint32_t state;

    if (f->order_max < w->order || f->queues_max < w->nr_queues) {
        line_add(why, "not offered");
        return 0;
    }
    state = front_connect(f, w);
    if (state != 4) {
        say_state(&f->bus, state, why);
        return 0;
    }
    return full_ring(f, why) && full_ring(f, why) &&
           full_requests(f, NULL, why);
}

static int flush(struct front *f, const void *arg, struct line *why)
{
    int32_t status;

    (void)arg;
    status = front_rw(f, BLKIF_OP_FLUSH_DISKCACHE, 0, 0, 0);
    line_add(why, f->has_flush ? "offered, " : "not offered, ");
    if (status == (f->has_flush ? 0 : BLKIF_RSP_EOPNOTSUPP) || status == 0)
        return 1;
    return complain(why, "flush", status);
}

static int discard(struct front *f, const void *arg, struct line *why)
{
    struct req r = {
        .op = BLKIF_OP_DISCARD, .id = 77, .sector = 8192, .nr_sectors = 2048
    };
    int32_t status, want = f->has_discard ? 0 : BLKIF_RSP_EOPNOTSUPP;

    (void)arg;
    status = front_do(f, &r);
    line_add(why, f->has_discard ? "offered " : "not offered ");
    if (status != want)
        return complain(why, "discard", status);
    return f->last_op == BLKIF_OP_DISCARD && f->last_id == 77;
}

static int32_t do_indirect(struct front *f, uint8_t inner, uint32_t nr)
{
    static uint8_t list[PAGE] __attribute__((aligned(4096)));
    struct req r = { .op = BLKIF_OP_INDIRECT,
                     .inner = inner,
                     .nr_segs = (uint16_t)nr,
                     .id = 256,
                     .sector = 2048 };
    int32_t status;

    memset(list, 0, sizeof(list));
    for (uint32_t i = 0; i < nr; i++) {
        struct seg s = { .last = 7 };

        s.ref = xen_grant(front_data[i], 0, inner == BLKIF_OP_WRITE);
        memcpy(list + 8 * i, &s, sizeof(s));
    }
    r.indirect[0] = xen_grant(list, 0, 1);
    status = front_do(f, &r);
    for (uint32_t i = 0; i < nr; i++) {
        uint32_t ref;

        memcpy(&ref, list + 8 * i, 4);
        xen_grant_end(ref);
    }
    xen_grant_end(r.indirect[0]);
    if (status == 0 && f->last_op != inner)
        status = 97;
    return status;
}

static int indirect(struct front *f, const void *arg, struct line *why)
{
    uint32_t nr = f->indirect_max < FRONT_DATA ? f->indirect_max : FRONT_DATA;
    int32_t status;

    (void)arg;
    line_number(why, nr);
    line_add(why, " segments ");
    if (!nr)
        return 0;
    for (uint32_t i = 0; i < nr; i++)
        pattern(front_data[i], 5000 + i);
    status = do_indirect(f, BLKIF_OP_WRITE, nr);
    if (status != 0)
        return complain(why, "write", status);
    memset(front_data, 0, sizeof(front_data));
    status = do_indirect(f, BLKIF_OP_READ, nr);
    if (status != 0)
        return complain(why, "read", status);
    for (uint32_t i = 0; i < nr; i++)
        if (!matches(front_data[i], 5000 + i)) {
            line_add(why, "read back something else");
            return 0;
        }
    return 1;
}

/* The neighbour: for ever, and it says how far it is. */
static int serve(struct front *f, const void *arg, struct line *why)
{
    (void)arg;
    for (uint32_t n = 1;; n++) {
        struct line l = { .len = 0 };

        if (!write_then_read(f, WIDE_SECTOR + 88 * (n % 16), FRONT_SEGS,
                             n * 100, why))
            return 0;
        line_add(&l, "ROGUE COUNT ");
        line_number(&l, n);
        line_add(&l, "\n");
        xen_print(l.text);
        store_wait(xen_now_ns() + 50 * XEN_MS);
    }
}

static const struct wiring wide = { .order = 4 };
static const struct wiring abi64 = { .abi64 = 1 };
static const struct wiring abi64_wide = { .abi64 = 1, .order = 4 };
static const struct wiring two = { .nr_queues = 2 };
static const struct wiring two_wide = { .nr_queues = 2,
                                        .order = 2,
                                        .abi64 = 1 };

static const struct row rows[] = {
    { "full-requests", full_requests, NULL, 0, NULL },
    { "flush", flush, NULL, 0, NULL },
    { "discard", discard, NULL, 0, NULL },
    { "indirect", indirect, NULL, 0, NULL },
    { "ring-16-pages", with_wiring, &wide, ROW_ALONE, NULL },
    { "abi-64", with_wiring, &abi64, ROW_ALONE, NULL },
    { "abi-64-16-pages", with_wiring, &abi64_wide, ROW_ALONE, NULL },
    { "two-queues", with_wiring, &two, ROW_ALONE, NULL },
    { "two-queues-4-pages", with_wiring, &two_wide, ROW_ALONE, NULL },
    { "serve", serve, NULL, ROW_LOOSE, NULL },
};
ROW_GROUP(good_group, "good", rows);
