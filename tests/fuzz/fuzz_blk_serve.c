/* SPDX-License-Identifier: MIT */
/*
 * fuzz_blk_serve.c - from a ring that is anything to the store and back
 *
 * The queue's own passes over a fake guest's pages, with a store in memory that
 * answers at once or later.  Whatever the guest writes: the store is asked for
 * nothing outside the disk, each request is answered once, and in the end
 * nothing is taken, no buffer is out and nothing outside the disk has changed.
 *
 * Input: as fuzz_blk_ring.c has it.  The guest's pages are granted as
 * FAKE_IO_FIRST_REF and on; every fourth may only be read.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/blk_queue_priv.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

#define GUEST 7u
#define PORT 4u
#define PAGES 24u
#define DISK_BYTES (64u << 10)
#define GUARD_BYTES 4096u

struct setup {
    uint8_t abi, ring_order, flags, hold;
    uint32_t first_index;
};

struct step {
    uint32_t req_prod_by;
    uint32_t rsp_event;
    uint16_t at, len; /* bytes that follow go there */
    uint8_t page;     /* 0: the ring; else a page of data, or of segments */
    uint8_t flags;    /* 1: the store answers what it held; 2: first it, last */
};

static struct {
    struct blk_disk disk;
    struct blk_store store;
    struct blk_queue queue;
    struct blk_journal journal;
    struct evt *evt;
    uint32_t ring_bytes, taken;
    uint8_t shared[BLK_RING_PAGES_MAX * PAGE_BYTES]
        __attribute__((aligned(4096)));
    uint8_t bytes[DISK_BYTES + 2 * GUARD_BYTES];
    struct blk_io *held;
    uint8_t hold; /* of 8 requests each, those that wait */
    uint32_t nr_submitted;
} t;

static void perform(struct blk_io *io)
{
    uint8_t *at = t.bytes + GUARD_BYTES + io->off;

    if (io->op == BLK_READ)
        memcpy(io->buf, at, io->len);
    else if (io->op == BLK_WRITE)
        memcpy(at, io->buf, io->len);
    else if (io->op == BLK_DISCARD)
        memset(at, 0, io->len);
    io->done(io, io->op == BLK_DISCARD && io->secure ? -EIO : 0);
}

static void submit(struct blk_store_queue *q, struct blk_io *io)
{
    (void)q;
    MUST(io->off <= DISK_BYTES && io->len <= DISK_BYTES - io->off);
    MUST(io->op == BLK_READ || io->op == BLK_FLUSH || !t.disk.rules.readonly);
    if (t.hold & BIT(t.nr_submitted++ % 8)) {
        io->next = t.held;
        t.held = io;
    } else {
        perform(io);
    }
}

static const struct blk_store_ops ops = { .submit = submit };

/* The last one first: answers overtake. */
static void answer_held(void)
{
    struct blk_io *io;

    while ((io = t.held)) {
        t.held = io->next;
        perform(io);
    }
}

static void pass(void)
{
    struct blk_queue *q = &t.queue;
    int rc = blk_serve_pass(q);

    if (rc < 0)
        q->state = BLK_QUEUE_BROKEN;
    blk_serve_start(q);
    blk_serve_finish(q);
    MUST(q->nr_taken <= q->nr_slots);
}

static void one_step(const struct step *s)
{
    uint32_t room = s->page ? PAGE_BYTES : t.ring_bytes, at = s->at % room;
    uint8_t *to =
        s->page ? fake_grant_page(GUEST, FAKE_IO_FIRST_REF + s->page % PAGES)
                : t.shared;

    *(uint32_t *)(t.shared + 0) += s->req_prod_by;
    *(uint32_t *)(t.shared + 12) = s->rsp_event;
    if (!input(to + at, MIN_OF(MIN_OF(s->len, room - at), left)))
        return;
    if (s->flags & 1)
        answer_held();
    if (t.queue.state == BLK_QUEUE_SERVING)
        pass();
}

static void guest_up(void)
{
    struct fake_domain *d = &fake.domain[0];
    struct err e = { 0 };

    fake_reset();
    d->there = true;
    d->domid = GUEST;
    d->next_port = PORT + 1;
    for (uint32_t i = 0; i < PAGES; i++)
        fake_grant(GUEST, i % 4 == 3 ? FAKE_RO : FAKE_RW);
    MUST(gnt_open(&t.disk.gnt, &e) == 0);
    MUST(evt_open(GUEST, &t.evt, &e) == 0);
    MUST(evt_bind(t.evt, PORT, &t.queue.link.port, &e) == 0);
    t.queue.link.evt = t.evt;
}

static bool start(void)
{
    struct blk_queue *q = &t.queue;
    struct setup how;
    struct err e = { 0 };

    if (!input(&how, sizeof(how)))
        return false;
    memset(&t, 0, sizeof(t));
    memset(t.bytes, 0xee, sizeof(t.bytes));
    guest_up();
    t.hold = how.hold;
    t.store.ops = &ops;
    t.disk.name = "fuzz";
    t.disk.domid = GUEST;
    t.disk.store = &t.store;
    t.disk.rules = (struct blk_disk_rules){
        .readonly = how.flags & 1,
        .flush = how.flags & 2,
        .discard = how.flags & 4,
        .secure_discard = how.flags & 8,
    };
    atomic_store(&t.disk.size_bytes, DISK_BYTES);
    blk_limit_init(&t.disk.limit, &(struct blk_limits){ 0 });
    q->disk = &t.disk;
    q->journal = &t.journal.queue[0];
    q->state = BLK_QUEUE_SERVING;
    t.ring_bytes = PAGE_BYTES << how.ring_order % (BLK_RING_ORDER_MAX + 1);
    *(uint32_t *)(t.shared + 0) = how.first_index;
    *(uint32_t *)(t.shared + 8) = how.first_index;
    blk_ring_begin(t.shared, q->journal);
    MUST(blk_ring_attach(&q->ring, t.shared, t.ring_bytes / PAGE_BYTES,
                         how.abi % BLK_ABIS, q->journal, false) == 0);
    MUST(blk_serve_open(q, &e) == 0);
    return true;
}

static void end(void)
{
    struct blk_queue *q = &t.queue;

    q->state = BLK_QUEUE_DRAINING;
    while (q->nr_taken) {
        answer_held();
        blk_serve_finish(q);
        blk_serve_start(q);
    }
    MUST(q->pool.nr_free == BLK_POOL_PAGES && !q->waiting.first);
    MUST(q->journal->req_cons == q->journal->rsp_prod);
    blk_serve_close(q);
    for (uint32_t i = 0; i < GUARD_BYTES; i++)
        MUST(t.bytes[i] == 0xee &&
             t.bytes[GUARD_BYTES + DISK_BYTES + i] == 0xee);
    evt_close(t.evt);
    gnt_close(t.disk.gnt);
    fake_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    struct step s;

    log_set_level(LOG_LEVEL_ERR);
    in = data;
    left = data_bytes;
    if (!start())
        return 0;
    while (t.queue.state == BLK_QUEUE_SERVING && input(&s, sizeof(s)))
        one_step(&s);
    end();
    return 0;
}
