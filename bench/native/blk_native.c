/* SPDX-License-Identifier: MIT */
/*
 * blk_native.c - what a queue of the block backend costs, without Xen
 *
 * usage: bench_blk_native FILE read|write BLOCK-BYTES DEPTH SECONDS [random]
 *
 * The real queue, ring, check, store and io_uring, between a frontend of the
 * tests that always keeps DEPTH requests in flight and FILE.  A grant copy is
 * the fakes' memcpy; an event is an eventfd.  Prints requests a second, bytes a
 * second, and the CPU time that the queue's thread took for a request.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "backends/blk/blk_queue.h"
#include "backends/blk/blk_rings.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_front.h"
#include "tests/fakes/fake_io.h"

#define GUEST 7u
#define DEPTH_MAX 32u

struct run {
    bool write, random;
    uint32_t block, depth, seconds;
    struct blk_disk disk;
    struct blk_rings rings;
    struct blk_queue *queue;
    struct fake_front *front;
    uint32_t ref;
    int rung_fd;
    uint64_t size, at, seed;
};

static void die(const char *what, const struct err *e)
{
    fprintf(stderr, "bench_blk_native: %s: %s\n", what,
            e && e->rc ? e->text : strerror(errno));
    exit(1);
}

static void on_rung(struct fake_domain *d, uint32_t port, void *arg)
{
    struct run *r = arg;

    (void)d, (void)port;
    eventfd_write(r->rung_fd, 1);
}

static void guest_up(struct run *r)
{
    struct fake_domain *d = &fake.domain[0];
    uint32_t pages = (uint32_t)pages_of(r->block) * DEPTH_MAX;

    fake_reset();
    d->there = true;
    d->domid = GUEST;
    d->next_port = 4;
    d->on_rung = on_rung;
    d->on_rung_arg = r;
    r->rung_fd = eventfd(0, EFD_CLOEXEC);
    r->ref = fake_grant(GUEST, FAKE_RW);
    for (uint32_t i = 1; i < pages; i++)
        fake_grant(GUEST, FAKE_RW);
}

static void disk_up(struct run *r, const char *path)
{
    struct blk_open o = { .nr_queues = 1 };
    struct err e = { 0 };
    int fd = open(path, O_RDWR | O_CLOEXEC);

    if (fd < 0 || blk_raw_open(fd, &o, &r->disk.store, &e) < 0)
        die(path, &e);
    r->size = r->disk.store->info.size_bytes;
    r->disk.name = "bench";
    r->disk.domid = GUEST;
    r->disk.rules = (struct blk_disk_rules){ .flush = true };
    atomic_store(&r->disk.size_bytes, r->size);
    blk_limit_init(&r->disk.limit, &(struct blk_limits){ 0 });
    r->disk.journal_fd = memfd_create("journal", MFD_CLOEXEC);
    r->disk.news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (blk_journal_map(r->disk.journal_fd, &r->disk.journal, &e) < 0 ||
        blk_rings_open(&r->rings, GUEST, 1, &e) < 0)
        die("journal", &e);
    r->disk.gnt = r->rings.gnt;
    if (blk_queue_open(&r->disk, 0, &r->queue, &e) < 0)
        die("queue", &e);
}

static void join(struct run *r)
{
    struct err e = { 0 };

    r->front = fake_front_new(GUEST, BLK_ABI_X86_64, 1, 1, 0);
    if (blk_rings_link(&r->rings, fake_front_wiring(r->front), &e) < 0)
        die("rings", &e);
    blk_journal_reset(r->disk.journal);
    blk_rings_begin(&r->rings, r->disk.journal);
    blk_queue_connect(r->queue, &r->rings.link[0]);
}

static uint64_t next_off(struct run *r)
{
    uint64_t blocks = r->size / r->block;

    if (!r->random)
        return r->at++ % blocks * r->block;
    r->seed = r->seed * 6364136223846793005ull + 1442695040888963407ull;
    return (r->seed >> 24) % blocks * r->block;
}

static void put(struct run *r, uint32_t cell)
{
    uint32_t pages = (uint32_t)pages_of(r->block);

    if (fake_front_io(r->front, 0, r->write, next_off(r), r->block,
                      r->ref + cell * pages, cell) < 0)
        die("the ring is full", NULL);
}

/* CPU time of this process and of this thread, ns. */
static uint64_t clock_ns(clockid_t c)
{
    struct timespec t;

    clock_gettime(c, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

static uint64_t backend_ns(void)
{
    return clock_ns(CLOCK_PROCESS_CPUTIME_ID) -
           clock_ns(CLOCK_THREAD_CPUTIME_ID);
}

static void wait_rung(struct run *r)
{
    struct pollfd p = { .fd = r->rung_fd, .events = POLLIN };
    eventfd_t nr;

    if (fake_front_arm(r->front, 0))
        return;
    if (poll(&p, 1, 10000) != 1)
        die("no answer in 10 s", NULL);
    eventfd_read(r->rung_fd, &nr);
}

static uint64_t pump(struct run *r)
{
    uint64_t end = loop_now_ns() + r->seconds * 1000000000ull, nr = 0;
    struct fake_answer a;

    for (uint32_t i = 0; i < r->depth; i++)
        put(r, i);
    fake_front_kick(r->front, 0);
    while (loop_now_ns() < end) {
        uint32_t got = 0;
        int rc;

        while ((rc = fake_front_take(r->front, 0, &a)) == 1) {
            if (a.status != BLKIF_RSP_OKAY)
                die("an answer says error", NULL);
            put(r, (uint32_t)a.cookie);
            got++;
        }
        if (rc < 0)
            die(fake_front_why(r->front, 0), NULL);
        nr += got;
        if (got)
            fake_front_kick(r->front, 0);
        else
            wait_rung(r);
    }
    return nr;
}

int main(int argc, char **argv)
{
    struct run *r = calloc(1, sizeof(*r));
    uint64_t nr, cpu, start;

    if (!r || argc < 6)
        die("want FILE read|write BLOCK-BYTES DEPTH SECONDS [random]", NULL);
    log_set_level(LOG_LEVEL_ERR);
    r->write = strcmp(argv[2], "write") == 0;
    r->block = (uint32_t)strtoul(argv[3], NULL, 10);
    r->depth = (uint32_t)strtoul(argv[4], NULL, 10);
    r->seconds = (uint32_t)strtoul(argv[5], NULL, 10);
    r->random = argc > 6;
    if (r->depth == 0 || r->depth > DEPTH_MAX || r->block % 512 ||
        r->block == 0 || r->block > 1u << 20)
        die("depth 1..32, blocks of 512..1048576 bytes", NULL);
    guest_up(r);
    disk_up(r, argv[1]);
    join(r);
    cpu = backend_ns();
    start = loop_now_ns();
    nr = pump(r);
    start = loop_now_ns() - start;
    cpu = backend_ns() - cpu;
    printf("iops %.0f\nbytes %.0f\ncpu_ns %.0f\n",
           (double)nr * 1e9 / (double)start,
           (double)nr * r->block * 1e9 / (double)start,
           nr ? (double)cpu / (double)nr : 0.0);
    return 0; /* the process ends, and everything with it */
}
