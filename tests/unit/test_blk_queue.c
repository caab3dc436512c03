/* SPDX-License-Identifier: MIT */
/*
 * test_blk_queue.c - a queue as a whole: ring, check, copy, store, reply
 *
 * The production objects, with their io_uring and a file, between a fake guest
 * that behaves, or does not, and the disk.
 */
#include <errno.h>
#include <poll.h>
#include <sched.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/blk/blk_queue.h"
#include "backends/blk/blk_rings.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/shm.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_front.h"
#include "tests/fakes/fake_io.h"
#include "tests/unit/test.h"

#define GUEST 7u
#define DISK_BYTES (8u << 20)
#define SLACK_BYTES (64u << 10) /* of the file, behind the disk */

static struct world {
    int file_fd, journal_fd;
    struct blk_disk disk;
    struct blk_rings rings;
    struct blk_queue *queue;
    struct fake_front *front;
    int rung_fd;  /* the guest hears of answers */
    uint32_t ref; /* of the first of 512 pages, read and write */
    bool is_away; /* its store is */
    struct err err;
} w;

static int memory_file(size_t bytes)
{
    int fd = memfd_create("test", MFD_CLOEXEC);

    CHECK(fd >= 0);
    CHECK_EQ(ftruncate(fd, (off_t)bytes), 0);
    return fd;
}

/* ---- a store that is away: it keeps what it gets until it is given up ---- */

struct blk_store_queue {
    struct blk_io *first;
    uint32_t nr_kept; /* ever */
};

static int away_fixed(struct blk_store *s, uint32_t queue, int fd[4])
{
    (void)s, (void)queue, (void)fd;
    return 0;
}

static int away_attach(struct blk_store *s, uint32_t queue, struct loop *loop,
                       struct blk_store_queue **out, struct err *e)
{
    static struct blk_store_queue q;

    (void)s, (void)queue, (void)loop, (void)e;
    q = (struct blk_store_queue){ 0 };
    *out = &q;
    return 0;
}

static void away_submit(struct blk_store_queue *q, struct blk_io *io)
{
    io->next = q->first;
    q->first = io;
    q->nr_kept++;
}

static void away_give_up(struct blk_store_queue *q, uint64_t until_ns)
{
    struct blk_io *io;

    CHECK(until_ns <= loop_now_ns() + 5000000000ull);
    while ((io = q->first)) {
        q->first = io->next;
        io->done(io, -EIO);
    }
}

static void away_nothing(struct blk_store_queue *q)
{
    (void)q;
}

static void away_close(struct blk_store *s)
{
    (void)s;
}

static void away_open(struct blk_store **out)
{
    static const struct blk_store_ops ops = {
        .fixed = away_fixed,
        .attach = away_attach,
        .detach = away_nothing,
        .submit = away_submit,
        .flush = away_nothing,
        .give_up = away_give_up,
        .close = away_close,
    };
    static struct blk_store store = { .ops = &ops };

    *out = &store;
}

/* ---- a world ---- */

static void on_rung(struct fake_domain *d, uint32_t port, void *arg)
{
    (void)d, (void)port, (void)arg;
    eventfd_write(w.rung_fd, 1);
}

static void guest_up(void)
{
    struct fake_domain *d = &fake.domain[0];

    fake_reset();
    d->there = true;
    d->domid = GUEST;
    d->next_port = 4; /* behind doorbell, xenstore and console */
    w.rung_fd = eventfd(0, EFD_CLOEXEC);
    d->on_rung = on_rung;
    w.ref = fake_grant(GUEST, FAKE_RW);
    for (uint32_t i = 1; i < 512; i++)
        fake_grant(GUEST, FAKE_RW);
}

static void disk_up(const struct blk_limits *limits)
{
    struct blk_open o = { .discard = 1, .nr_queues = 1, .limits = *limits };

    if (w.is_away)
        away_open(&w.disk.store);
    else
        CHECK_EQ(blk_raw_open(dup(w.file_fd), &o, &w.disk.store, &w.err), 0);
    w.disk.name = "test/xvda";
    w.disk.domid = GUEST;
    w.disk.rules = (struct blk_disk_rules){ .flush = true, .discard = true };
    /* The file is larger: what leaves the disk would show in it. */
    atomic_store(&w.disk.size_bytes, DISK_BYTES);
    blk_limit_init(&w.disk.limit, limits);
    CHECK_EQ(blk_journal_map(w.journal_fd, &w.disk.journal, &w.err), 0);
    w.disk.journal_fd = w.journal_fd;
    w.disk.news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK_EQ(blk_rings_open(&w.rings, GUEST, 1, &w.err), 0);
    w.disk.gnt = w.rings.gnt;
    CHECK_EQ(blk_queue_open(&w.disk, 0, &w.queue, &w.err), 0);
}

static void await_state(enum blk_queue_state s)
{
    struct pollfd p = { .fd = w.disk.news_fd, .events = POLLIN };
    char why[BLK_TEXT];
    eventfd_t nr;

    while (blk_queue_state(w.queue, why) != s) {
        CHECK_EQ(poll(&p, 1, 20000), 1);
        eventfd_read(w.disk.news_fd, &nr);
    }
}

static void join(bool resume)
{
    struct blk_link link;

    CHECK_EQ(blk_rings_link(&w.rings, fake_front_wiring(w.front), &w.err), 0);
    if (!resume) {
        blk_journal_reset(w.disk.journal);
        blk_rings_begin(&w.rings, w.disk.journal);
    }
    link = w.rings.link[0];
    link.resume = resume;
    blk_queue_connect(w.queue, &link);
}

static void up_with(enum blk_abi abi, uint32_t ring_pages,
                    const struct blk_limits *limits)
{
    log_set_level(LOG_LEVEL_ERR);
    w.file_fd = memory_file(DISK_BYTES + SLACK_BYTES);
    w.journal_fd = memory_file(0);
    guest_up();
    disk_up(limits);
    w.front = fake_front_new(GUEST, abi, 1, ring_pages, 0xfffffff0);
    join(false);
    await_state(BLK_QUEUE_SERVING);
}

static void up(void)
{
    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ 0 });
}

static void leave(void)
{
    blk_queue_disconnect(w.queue);
    await_state(BLK_QUEUE_IDLE);
    blk_rings_unlink(&w.rings);
    CHECK_EQ(fake.nr_maps, 0);
}

static void disk_down(void)
{
    blk_queue_close(w.queue);
    blk_rings_close(&w.rings);
    w.disk.store->ops->close(w.disk.store);
    blk_journal_unmap(w.disk.journal);
    close(w.disk.news_fd);
    w.disk = (struct blk_disk){ 0 };
    w.queue = NULL;
}

/* Nothing is left, and nothing was written outside the disk. */
static void down(void)
{
    static const uint8_t zero[SLACK_BYTES];
    static uint8_t slack[SLACK_BYTES];

    leave();
    disk_down();
    fake_front_free(w.front);
    CHECK_EQ(pread(w.file_fd, slack, SLACK_BYTES, DISK_BYTES), SLACK_BYTES);
    CHECK_EQ(memcmp(slack, zero, SLACK_BYTES), 0);
    close(w.file_fd);
    close(w.journal_fd);
    close(w.rung_fd);
    CHECK_EQ(fake.nr_handles, 0);
    fake_reset();
}

static void *page(uint32_t i)
{
    return fake_grant_page(GUEST, w.ref + i);
}

/* Wait for the next answer. */
static struct fake_answer answer(void)
{
    struct fake_answer a;
    struct pollfd p = { .fd = w.rung_fd, .events = POLLIN };
    eventfd_t nr;
    int r;

    while ((r = fake_front_take(w.front, 0, &a)) == 0) {
        if (fake_front_arm(w.front, 0))
            continue;
        CHECK_EQ(poll(&p, 1, 20000), 1);
        eventfd_read(w.rung_fd, &nr);
    }
    CHECK_EQ(r, 1);
    return a;
}

/* One read or write of guest pages from number i on; its status. */
static int io(bool write, uint64_t off, uint32_t len, uint32_t i)
{
    CHECK(fake_front_io(w.front, 0, write, off, len, w.ref + i, 1) >= 0);
    fake_front_kick(w.front, 0);
    return answer().status;
}

static void fill(uint32_t first, uint32_t nr, uint8_t with)
{
    for (uint32_t i = 0; i < nr; i++)
        memset(page(first + i), with + i, PAGE_BYTES);
}

TEST(what_was_written_is_read)
{
    up();
    fill(0, 64, 1);
    CHECK_EQ(io(true, 4096, 64 * PAGE_BYTES, 0), BLKIF_RSP_OKAY);
    CHECK_EQ(io(true, 0, 512, 5), BLKIF_RSP_OKAY);
    CHECK_EQ(io(false, 4096, 64 * PAGE_BYTES, 100), BLKIF_RSP_OKAY);
    for (uint32_t i = 0; i < 64; i++)
        CHECK_EQ(memcmp(page(i), page(100 + i), PAGE_BYTES), 0);
    CHECK_EQ(io(false, 0, 512, 200), BLKIF_RSP_OKAY);
    CHECK_EQ(((uint8_t *)page(200))[511], 6);
    CHECK_EQ(((uint8_t *)page(200))[512], 0);
    down();
}

/* Each ABI and ring order; requests of every kind; indices that wrap. */
TEST(all_rings_carry_all_requests)
{
    for (uint32_t abi = 0; abi < BLK_ABIS; abi++)
        for (uint32_t pages = 1; pages <= BLK_RING_PAGES_MAX; pages *= 2) {
            up_with(abi, pages, &(struct blk_limits){ 0 });
            for (uint32_t i = 0; i < 2 * fake_front_size(w.front); i++) {
                fill(0, 1, (uint8_t)i);
                CHECK_EQ(io(true, i * 512ull, 512, 0), BLKIF_RSP_OKAY);
            }
            CHECK(fake_front_flush(w.front, 0, 9) >= 0);
            CHECK(fake_front_discard(w.front, 0, 1 << 20, 1 << 20, false, 8) >=
                  0);
            fake_front_kick(w.front, 0);
            CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
            CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
            CHECK_EQ(io(true, 0, 256 * PAGE_BYTES, 0), BLKIF_RSP_OKAY);
            down();
        }
}

TEST(a_full_ring_is_answered_once_each)
{
    uint64_t seen = 0;

    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ 0 });
    for (uint32_t round = 0; round < 50; round++) {
        uint32_t size = fake_front_size(w.front);

        for (uint32_t i = 0; i < size; i++)
            CHECK(fake_front_io(w.front, 0, i & 1, i * 8192ull, 8192,
                                w.ref + 2 * i, i) >= 0);
        CHECK_EQ(fake_front_io(w.front, 0, true, 0, 512, w.ref, 0), -1);
        fake_front_kick(w.front, 0);
        for (uint32_t i = 0; i < size; i++) {
            struct fake_answer a = answer();

            CHECK_EQ(a.status, BLKIF_RSP_OKAY);
            seen += a.cookie;
        }
        CHECK_EQ(fake_front_busy(w.front, 0), 0);
    }
    CHECK_EQ(seen, 50 * (31 * 32 / 2));
    /* Many at a time: a pass, and a grant copy, is of what is there. */
    CHECK(w.disk.journal->queue[0].stats.passes <= 50 * 32 / 4);
    CHECK(w.disk.journal->queue[0].stats.copies <= 50 * 32 / 2);
    down();
}

/* A store that keeps what it gets, until the queue has had to wait. */
static struct {
    const struct blk_store_ops *ops; /* of the real one */
    struct blk_store_queue *queue;
    struct blk_io *io[32];
    uint32_t nr;
} held;

static void held_submit(struct blk_store_queue *q, struct blk_io *io)
{
    held.queue = q;
    held.io[held.nr++] = io;
}

static void held_flush(struct blk_store_queue *q)
{
    if (w.disk.journal->queue[0].stats.waits > 0)
        for (uint32_t i = 0; i < held.nr; i++)
            held.ops->submit(held.queue, held.io[i]);
    if (w.disk.journal->queue[0].stats.waits > 0)
        held.nr = 0;
    held.ops->flush(q);
}

/* More data than there are buffers: requests wait, and all are done. */
TEST(an_empty_pool_only_delays)
{
    struct blk_store_ops ops;

    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ 0 });
    held.ops = w.disk.store->ops;
    held.nr = 0;
    ops = *held.ops;
    ops.submit = held_submit;
    ops.flush = held_flush;
    w.disk.store->ops = &ops;
    for (uint32_t i = 0; i < 32; i++)
        CHECK(fake_front_io(w.front, 0, i & 1, 0, 256 * PAGE_BYTES, w.ref, i) >=
              0);
    fake_front_kick(w.front, 0);
    for (uint32_t i = 0; i < 32; i++)
        CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
    CHECK(w.disk.journal->queue[0].stats.waits > 0);
    leave();
    w.disk.store->ops = held.ops;
    join(false);
    await_state(BLK_QUEUE_SERVING);
    down();
}

/* T3, T13: a bad grant fails its own request and no other. */
TEST(a_bad_grant_fails_its_request_alone)
{
    up();
    fill(0, 32, 1);
    CHECK_EQ(io(true, 0, 32 * PAGE_BYTES, 0), BLKIF_RSP_OKAY);
    for (uint32_t bad = 0; bad < 16; bad++)
        for (int write = 0; write < 2; write++) {
            int16_t status[3];

            fake_grant_set(GUEST, w.ref + 100 + bad, FAKE_NONE);
            fake_front_io(w.front, 0, write, 0, 4096, w.ref + 50, 0);
            fake_front_io(w.front, 0, write, 65536, 16 * 4096, w.ref + 100, 1);
            fake_front_io(w.front, 0, write, 4096, 4096, w.ref + 51, 2);
            fake_front_kick(w.front, 0);
            for (int i = 0; i < 3; i++) {
                struct fake_answer a = answer();

                status[a.cookie] = a.status;
            }
            CHECK_EQ(status[0], BLKIF_RSP_OKAY);
            CHECK_EQ(status[1], BLKIF_RSP_ERROR);
            CHECK_EQ(status[2], BLKIF_RSP_OKAY);
            fake_grant_set(GUEST, w.ref + 100 + bad, FAKE_RW);
        }
    /* A page that may only be read is no place for what is read. */
    fake_grant_set(GUEST, w.ref + 60, FAKE_RO);
    CHECK_EQ(io(true, 0, 4096, 60), BLKIF_RSP_OKAY);
    CHECK_EQ(io(false, 0, 4096, 60), BLKIF_RSP_ERROR);
    down();
}

/* A write whose data cannot be had writes nothing. */
TEST(half_a_write_is_no_write)
{
    uint8_t got[8192];

    up();
    fill(0, 2, 1);
    CHECK_EQ(io(true, 0, 8192, 0), BLKIF_RSP_OKAY);
    fill(0, 2, 77);
    fake_grant_set(GUEST, w.ref + 1, FAKE_NONE);
    CHECK_EQ(io(true, 0, 8192, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(pread(w.file_fd, got, sizeof(got), 0), (ssize_t)sizeof(got));
    CHECK_EQ(got[0], 1);
    CHECK_EQ(got[4096], 2);
    fake_grant_set(GUEST, w.ref + 1, FAKE_RW);
    down();
}

TEST(a_read_only_disk_is_not_written)
{
    uint8_t got[512];

    up();
    w.disk.rules.readonly = true;
    fill(0, 1, 9);
    CHECK_EQ(io(true, 0, 512, 0), BLKIF_RSP_ERROR);
    CHECK(fake_front_discard(w.front, 0, 0, 4096, false, 0) >= 0);
    fake_front_kick(w.front, 0);
    CHECK_EQ(answer().status, BLKIF_RSP_ERROR);
    CHECK_EQ(io(false, 0, 512, 1), BLKIF_RSP_OKAY);
    CHECK_EQ(pread(w.file_fd, got, 512, 0), 512);
    CHECK_EQ(got[0], 0);
    down();
}

TEST(the_end_of_the_disk_is_the_end)
{
    up();
    fill(0, 2, 1);
    CHECK_EQ(io(true, DISK_BYTES - 512, 512, 0), BLKIF_RSP_OKAY);
    CHECK_EQ(io(true, DISK_BYTES - 512, 1024, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(io(true, DISK_BYTES, 512, 0), BLKIF_RSP_ERROR);
    CHECK_EQ(io(true, 0ull - 512, 1024, 0), BLKIF_RSP_ERROR);
    atomic_store(&w.disk.size_bytes, DISK_BYTES / 2); /* it shrank */
    CHECK_EQ(io(true, DISK_BYTES / 2, 512, 0), BLKIF_RSP_ERROR);
    down();
}

/* An indirect page that is not there, or that lies. */
TEST(indirect_pages_are_not_believed)
{
    struct blk_wire_seg seg[256];
    struct blk_wire r = { .op = BLKIF_OP_INDIRECT,
                          .inner = BLKIF_OP_WRITE,
                          .nr_segs = 20 };

    up();
    for (uint32_t i = 0; i < 256; i++)
        seg[i] = (struct blk_wire_seg){ w.ref + i, 0, 7 };
    seg[19].last = 8;
    CHECK(fake_front_put(w.front, 0, &r, seg, 0) >= 0);
    fake_front_kick(w.front, 0);
    CHECK_EQ(answer().status, BLKIF_RSP_ERROR);
    r.u.indirect[0] = 0xdeadbeef;
    CHECK(fake_front_put(w.front, 0, &r, NULL, 0) >= 0);
    fake_front_kick(w.front, 0);
    CHECK_EQ(answer().status, BLKIF_RSP_ERROR);
    seg[19].last = 7;
    CHECK(fake_front_put(w.front, 0, &r, seg, 0) >= 0);
    fake_front_kick(w.front, 0);
    CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
    down();
}

/* T1: the ring stops, says why, and can be connected anew. */
TEST(an_impossible_index_breaks_the_queue)
{
    char why[BLK_TEXT] = "";

    up();
    CHECK_EQ(io(true, 0, 512, 0), BLKIF_RSP_OKAY);
    fake_front_shared(w.front, 0)->req_prod += fake_front_size(w.front) + 1;
    fake_front_ring(w.front, 0);
    await_state(BLK_QUEUE_BROKEN);
    CHECK_EQ(blk_queue_state(w.queue, why), BLK_QUEUE_BROKEN);
    CHECK_HAS(why, "more requests than it can hold");
    leave();
    fake_front_free(w.front);
    w.front = fake_front_new(GUEST, BLK_ABI_NATIVE, 1, 1, 0);
    join(false);
    await_state(BLK_QUEUE_SERVING);
    CHECK_EQ(io(true, 0, 512, 0), BLKIF_RSP_OKAY);
    down();
}

TEST(a_rate_holds_requests_and_loses_none)
{
    uint64_t start_ns = loop_now_ns();

    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ .iops = 100 });
    for (uint32_t i = 0; i < 30; i++)
        CHECK(fake_front_io(w.front, 0, true, 0, 512, w.ref, i) >= 0);
    fake_front_kick(w.front, 0);
    for (uint32_t i = 0; i < 30; i++)
        CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
    CHECK(loop_now_ns() - start_ns >= 180000000); /* 30, less a burst of 11 */
    down();
}

/* The guest's requests wait behind a limit, and it leaves. */
TEST(leaving_does_not_wait_for_a_limit)
{
    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ .bps = 1 });
    for (uint32_t i = 0; i < 8; i++)
        CHECK(fake_front_io(w.front, 0, true, 0, 512, w.ref, i) >= 0);
    fake_front_kick(w.front, 0);
    CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
    down();
}

static void await_taken(uint32_t nr)
{
    const struct blk_journal_queue *q = &w.disk.journal->queue[0];
    uint64_t end_ns = loop_now_ns() + 20000000000ull;

    while (shm_u32(&q->req_cons) - q->rsp_prod != nr) {
        CHECK(loop_now_ns() < end_ns);
        sched_yield();
    }
}

/* What waits behind the limit reaches the store when that was given up. */
TEST(leaving_does_not_wait_for_a_store_that_is_away)
{
    w.is_away = true;
    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ .bps = 1 });
    for (uint32_t i = 0; i < 8; i++)
        CHECK(fake_front_io(w.front, 0, i & 1, 0, 512, w.ref, i) >= 0);
    fake_front_kick(w.front, 0);
    await_taken(8);
    blk_queue_disconnect(w.queue);
    await_state(BLK_QUEUE_IDLE);
    for (uint32_t i = 0; i < 8; i++)
        CHECK_EQ(answer().status, BLKIF_RSP_ERROR);
    CHECK_EQ(fake_front_busy(w.front, 0), 0); /* once each */
    down();
    w.is_away = false;
}

/* A request that would wait for minutes goes when the limit does. */
TEST(a_limit_that_is_lifted_holds_nothing)
{
    up_with(BLK_ABI_X86_64, 1, &(struct blk_limits){ .bps = 1 });
    for (uint32_t i = 0; i < 2; i++)
        CHECK(fake_front_io(w.front, 0, true, 0, 512, w.ref, i) >= 0);
    fake_front_kick(w.front, 0);
    CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
    usleep(50000); /* it sleeps by now: nothing but the new limit wakes it */
    blk_limit_set(&w.disk.limit, &(struct blk_limits){ 0 });
    blk_queue_look(w.queue);
    CHECK_EQ(answer().status, BLKIF_RSP_OKAY);
    down();
}

/* Its rings would be unmapped before it has looked at them. */
TEST(a_queue_that_was_told_to_connect_is_not_idle)
{
    char why[BLK_TEXT];

    up();
    for (uint32_t i = 0; i < 200; i++) {
        leave();
        fake_front_free(w.front);
        w.front = fake_front_new(GUEST, BLK_ABI_X86_64, 1, 1, 0);
        join(false);
        CHECK(blk_queue_state(w.queue, why) != BLK_QUEUE_IDLE);
    }
    down();
}

TEST(a_storm_of_events_costs_few_wake_ups)
{
    const struct blk_stats *s;
    uint64_t kicks;

    up();
    CHECK_EQ(io(true, 0, 512, 0), BLKIF_RSP_OKAY);
    s = &w.disk.journal->queue[0].stats;
    kicks = s->kicks;
    fake.storms = true; /* whatever is unmasked rings at once */
    fake_front_ring(w.front, 0);
    usleep(200000);
    fake.storms = false;
    CHECK(s->kicks - kicks >= 10);
    CHECK(s->kicks - kicks <= 60); /* 8 at once, then 1, 2, 4, 8, 10 ms .. */
    CHECK_EQ(io(true, 0, 512, 0), BLKIF_RSP_OKAY); /* and it still serves */
    down();
}

RUN_TESTS(RULE(what_was_written_is_read), RULE(all_rings_carry_all_requests),
          RULE(a_full_ring_is_answered_once_each),
          RULE(an_empty_pool_only_delays),
          RULE(a_bad_grant_fails_its_request_alone),
          RULE(half_a_write_is_no_write), RULE(a_read_only_disk_is_not_written),
          RULE(the_end_of_the_disk_is_the_end),
          RULE(indirect_pages_are_not_believed),
          RULE(an_impossible_index_breaks_the_queue),
          RULE(a_rate_holds_requests_and_loses_none),
          RULE(leaving_does_not_wait_for_a_limit),
          RULE(leaving_does_not_wait_for_a_store_that_is_away),
          RULE(a_limit_that_is_lifted_holds_nothing),
          RULE(a_queue_that_was_told_to_connect_is_not_idle),
          RULE(a_storm_of_events_costs_few_wake_ups))
