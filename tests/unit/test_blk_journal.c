/* SPDX-License-Identifier: MIT */
/*
 * test_blk_journal.c - a backend is killed between any two instructions
 *
 * From each state of ring and journal that a kill could leave (killed.h) a
 * successor must answer each request exactly once, and change nothing that the
 * guest was told; also when it is itself killed anywhere on its way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/blk/blk_check.h"
#include "backends/blk/blk_journal.h"
#include "backends/blk/blk_ring.h"
#include "backends/blk/blk_rings.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/fakes/fake_front.h"
#include "tests/unit/killed.h"
#include "tests/unit/test.h"

#define SLOTS 32u
#define REQUESTS 6u
#define START (UINT32_MAX - 2) /* indices wrap on the way */
#define FIRST_ID 100u

static struct err err;

struct world { /* what outlives a backend */
    uint8_t ring[PAGE_BYTES];
    struct blk_journal_queue journal;
};

/* Of it, what a state has. */
#define WORLD_BYTES ((uint32_t)offsetof(struct world, journal.slot[SLOTS]))

static struct world *world, *second;

static struct fake_sring *sring(struct world *w)
{
    return (struct fake_sring *)w->ring;
}

static uint8_t *slot_at(struct world *w, uint32_t index)
{
    return w->ring + 64 + (index & (SLOTS - 1)) * 112u;
}

/* The guest has put all its requests. */
static void guest_puts(struct world *w)
{
    static const uint8_t ops[REQUESTS] = {
        BLKIF_OP_READ,    BLKIF_OP_WRITE,    BLKIF_OP_FLUSH_DISKCACHE,
        BLKIF_OP_DISCARD, BLKIF_OP_INDIRECT, BLKIF_OP_WRITE
    };

    memset(w, 0, sizeof(*w));
    for (uint32_t i = 0; i < REQUESTS; i++) {
        struct blk_wire req = { .id = FIRST_ID + i,
                                .op = ops[i],
                                .inner = 1,
                                .sector = 8ull * i,
                                .nr_segs = 1,
                                .nr_sectors = 8 };
        uint64_t bytes[14] = { 0 };

        fake_front_encode(BLK_ABI_X86_64, &req, bytes);
        memcpy(slot_at(w, START + i), bytes, sizeof(bytes));
    }
    sring(w)->rsp_prod = START;
    sring(w)->req_prod = START + REQUESTS;
}

static void attach(struct blk_ring *r, struct world *w, bool resume)
{
    if (blk_ring_attach(r, w->ring, 1, BLK_ABI_X86_64, &w->journal, resume))
        abort();
}

static void take(struct blk_ring *r, uint32_t slot)
{
    struct blk_wire w;
    uint32_t at;

    if (blk_ring_take(r, &w, &at) != 1)
        abort();
    blk_journal_take(r->journal, slot, at, &w);
}

static void put_answer(struct blk_ring *r, uint32_t slot)
{
    const struct blk_journal_slot *s = &r->journal->slot[slot];

    blk_ring_answer(r, s->wire.id, blk_answer_op(&s->wire), s->status);
    blk_journal_answered(r->journal, slot);
}

static void answer(struct blk_ring *r, uint32_t slot, int16_t status)
{
    blk_journal_answering(r->journal, slot, status);
    put_answer(r, slot);
}

/* Out of order, and each slot more than once. */
static void serve(void *memory)
{
    struct world *w = memory;
    struct blk_ring r;

    attach(&r, w, true); /* our part of the cursors is set */
    take(&r, 2);
    take(&r, 0);
    take(&r, 1);
    answer(&r, 0, BLKIF_RSP_ERROR);
    blk_ring_push(&r);
    take(&r, 0);
    answer(&r, 2, BLKIF_RSP_OKAY);
    answer(&r, 1, BLKIF_RSP_OKAY);
    blk_ring_push(&r);
    take(&r, 2);
    take(&r, 1);
    answer(&r, 1, BLKIF_RSP_OKAY);
    answer(&r, 0, BLKIF_RSP_EOPNOTSUPP);
    blk_ring_push(&r);
    answer(&r, 2, BLKIF_RSP_OKAY);
    blk_ring_push(&r);
}

/* What blk_queue.c does when it resumes, and then until nothing is left. */
static void succeed(void *memory)
{
    struct world *w = memory;
    uint16_t again[BLK_RING_SLOTS_MAX];
    struct blk_ring r;
    uint32_t nr;
    int slot;

    nr = blk_journal_recover(&w->journal, SLOTS, again, &slot);
    attach(&r, w, true);
    if (slot >= 0)
        put_answer(&r, (uint32_t)slot);
    for (uint32_t i = 0; i < nr; i++)
        answer(&r, again[i], BLKIF_RSP_OKAY);
    while (blk_ring_has(&r)) {
        take(&r, 3);
        answer(&r, 3, BLKIF_RSP_OKAY);
    }
    blk_ring_push(&r);
}

static void state_get(const struct killed *k, uint32_t i, struct world *w)
{
    memset(w, 0, sizeof(*w));
    memcpy(w, killed_state(k, i), WORLD_BYTES);
}

/* A journal of one queue, as a successor finds it, is one to go on from. */
static void check_sound(const struct world *w)
{
    static struct blk_journal j;

    j.magic = BLK_JOURNAL_MAGIC;
    j.version = BLK_JOURNAL_VERSION;
    j.connected = 1;
    j.wiring.abi = BLK_ABI_X86_64;
    j.wiring.nr_queues = j.wiring.ring_pages = 1;
    j.queue[0] = w->journal;
    CHECK_EQ(blk_journal_check(&j, &err), 0);
}

/* What was told before is as it was, and each request is answered once. */
static void check_end(const void *killed, struct world *w)
{
    const struct fake_sring *then = killed; /* the ring comes first */
    uint32_t told = then->rsp_prod - START;
    bool seen[REQUESTS] = { false };

    CHECK(told <= REQUESTS);
    CHECK_EQ(sring(w)->rsp_prod - START, REQUESTS);
    for (uint32_t i = 0; i < REQUESTS; i++) {
        uint8_t *at = slot_at(w, START + i);
        const uint8_t *before = (const uint8_t *)killed + (at - w->ring);
        uint64_t id;

        memcpy(&id, at, sizeof(id));
        CHECK(id >= FIRST_ID && id < FIRST_ID + REQUESTS);
        CHECK(!seen[id - FIRST_ID]);
        seen[id - FIRST_ID] = true;
        if (i < told)
            assert_memory_equal(at, before, 16);
    }
    CHECK_EQ(w->journal.req_cons, START + REQUESTS);
    CHECK_EQ(w->journal.rsp_prod, START + REQUESTS);
    for (uint32_t i = 0; i < SLOTS; i++)
        CHECK_EQ(w->journal.slot[i].mark, 0);
}

/* Every state that a kill of one that serves could leave. */
static bool fresh(struct killed *k)
{
    if (!world) {
        world = killed_memory(sizeof(*world));
        second = killed_memory(sizeof(*second));
    }
    guest_puts(world);
    world->journal.req_cons = world->journal.rsp_prod = START;
    return killed_look(k, serve, world, WORLD_BYTES);
}

TEST(each_request_is_answered_once_wherever_a_backend_is_killed)
{
    struct killed k = { 0 };
    uint32_t nr_again = 0;

    if (!fresh(&k))
        skip();                  /* ptrace is not allowed here */
    CHECK(k.nr > 10 * REQUESTS); /* it did look at every instruction */
    for (uint32_t i = 0; i < k.nr; i++) {
        uint16_t again[BLK_RING_SLOTS_MAX];
        int slot;

        state_get(&k, i, second);
        check_sound(second);
        nr_again += blk_journal_recover(&second->journal, SLOTS, again, &slot);
        state_get(&k, i, second);
        succeed(second);
        check_end(killed_state(&k, i), second);
    }
    CHECK(nr_again > 0);
    killed_free(&k);
}

/* The successor, too; each time from another place. */
TEST(a_successor_that_is_killed_has_a_successor)
{
    struct killed k = { 0 }, more = { 0 };

    if (!fresh(&k))
        skip();
    for (uint32_t i = 0; i < k.nr; i += 17) {
        state_get(&k, i, second);
        CHECK(killed_look(&more, succeed, second, WORLD_BYTES));
        for (uint32_t n = 0; n < more.nr; n++) {
            state_get(&more, n, second);
            check_sound(second);
            succeed(second);
            check_end(killed_state(&k, i), second);
            check_end(killed_state(&more, n), second);
        }
        killed_free(&more);
    }
    killed_free(&k);
}

#define QUEUES 2u

struct beginning { /* a guest's new rings, and the journal of the one before */
    uint8_t ring[QUEUES][PAGE_BYTES];
    struct blk_journal journal;
};

/* What blk_server.c does when a guest connects. */
static void begin(void *memory)
{
    struct beginning *b = memory;
    struct blk_rings rings = { .nr_linked = QUEUES };

    for (uint32_t i = 0; i < QUEUES; i++)
        rings.link[i].ring = b->ring[i];
    blk_journal_reset(&b->journal);
    b->journal.wiring = (struct blk_wiring){ .abi = BLK_ABI_X86_64,
                                             .nr_queues = QUEUES,
                                             .ring_pages = 1 };
    blk_rings_begin(&rings, &b->journal);
}

static uint32_t begins_at(const struct beginning *b, uint32_t queue)
{
    return ((const struct fake_sring *)b->ring[queue])->rsp_prod;
}

/* In force only when a successor can go on from it. */
TEST(a_journal_is_connected_when_its_cursors_are_the_rings)
{
    uint32_t len = (uint32_t)offsetof(struct beginning, journal.queue[QUEUES]);
    struct beginning *b = killed_memory(sizeof(*b));
    struct killed k = { 0 };

    b->journal.magic = BLK_JOURNAL_MAGIC;
    b->journal.version = BLK_JOURNAL_VERSION;
    b->journal.wiring.abi = BLK_ABI_X86_32;
    b->journal.wiring.nr_queues = b->journal.wiring.ring_pages = 1;
    b->journal.queue[0].req_cons = b->journal.queue[0].rsp_prod = 5;
    ((struct fake_sring *)b->ring[0])->rsp_prod = START;
    ((struct fake_sring *)b->ring[1])->rsp_prod = 77;
    if (!killed_look(&k, begin, b, len))
        skip();
    CHECK(k.nr > 5);
    for (uint32_t i = 0; i < k.nr; i++) {
        memcpy(b, killed_state(&k, i), len);
        CHECK_EQ(blk_journal_check(&b->journal, &err), 0);
        CHECK_EQ(b->journal.connected, i == k.nr - 1);
        for (uint32_t q = 0; b->journal.connected && q < QUEUES; q++) {
            CHECK_EQ(b->journal.queue[q].req_cons, begins_at(b, q));
            CHECK_EQ(b->journal.queue[q].rsp_prod, begins_at(b, q));
        }
    }
    killed_free(&k);
    munmap(b, sizeof(*b));
}

static struct blk_journal_queue queue;

static void take_one(uint32_t slot)
{
    struct blk_wire w = { .id = slot };

    blk_journal_take(&queue, slot, queue.req_cons, &w);
}

static void answer_one(uint32_t slot)
{
    blk_journal_answering(&queue, slot, 0);
    blk_journal_answered(&queue, slot);
}

TEST(what_is_done_again_is_in_the_order_of_the_ring)
{
    static const uint16_t order[] = { 5, 0, 31, 7, 2, 6 };
    uint16_t again[BLK_RING_SLOTS_MAX];
    int slot;

    memset(&queue, 0, sizeof(queue));
    queue.req_cons = queue.rsp_prod = UINT32_MAX - 2;
    for (uint32_t i = 0; i < ARRAY_SIZE(order); i++)
        take_one(order[i]);
    CHECK_EQ(blk_journal_recover(&queue, SLOTS, again, &slot),
             ARRAY_SIZE(order));
    assert_memory_equal(again, order, sizeof(order));
    CHECK_EQ(slot, -1);
}

/* One request that is out for 2^32 others has an index like a new one's. */
TEST(an_old_request_is_not_taken_for_a_new_one)
{
    uint16_t again[BLK_RING_SLOTS_MAX];
    int slot;

    memset(&queue, 0, sizeof(queue));
    take_one(3);
    take_one(4);
    answer_one(4);
    queue.rsp_prod--; /* the others came, and were answered */
    queue.req_cons -= 2;
    CHECK_EQ(queue.req_cons, 0);
    CHECK_EQ((uint32_t)queue.slot[3].mark, queue.req_cons);
    queue.rsp_prod = queue.req_cons - 1;
    CHECK_EQ(blk_journal_recover(&queue, SLOTS, again, &slot), 1);
    CHECK_EQ(again[0], 3);
    CHECK_EQ(queue.req_cons, 0);
}

static struct blk_journal journal;

/* Connected, two queues of 32 slots; slot 3 of the second one is taken. */
static void sound(void)
{
    struct blk_wire w = { .id = 1 };

    memset(&journal, 0, sizeof(journal));
    blk_journal_reset(&journal);
    journal.wiring.abi = BLK_ABI_X86_32;
    journal.wiring.nr_queues = 2;
    journal.wiring.ring_pages = 1;
    journal.connected = 1;
    blk_journal_take(&journal.queue[1], 3, 0, &w);
    journal.queue[1].stats.reads = 77;
}

#define REFUSED(change)                                                        \
    do {                                                                       \
        sound();                                                               \
        CHECK_EQ(blk_journal_check(&journal, &err), 0);                        \
        change;                                                                \
        CHECK_EQ(blk_journal_check(&journal, &err), -EINVAL);                  \
        CHECK_HAS(err.text, "journal: ");                                      \
    } while (0)

#define MARK(state, index) ((uint64_t)(state) << 32 | (index))

TEST(a_journal_that_cannot_be_is_refused)
{
    struct blk_journal_queue *q = &journal.queue[1];

    REFUSED(journal.magic++);
    REFUSED(journal.magic = 0);
    REFUSED(journal.version++);
    REFUSED(journal.connected = 2);
    REFUSED(journal.wiring.abi = BLK_ABIS);
    REFUSED(journal.wiring.nr_queues = 0);
    REFUSED(journal.wiring.nr_queues = BLK_QUEUES_MAX + 1);
    REFUSED(journal.wiring.ring_pages = 0);
    REFUSED(journal.wiring.ring_pages = 3);
    REFUSED(journal.wiring.ring_pages = 32);
    REFUSED(q->req_cons += 1);  /* two are out, one is there */
    REFUSED(q->req_cons -= 2);  /* -1 is out */
    REFUSED(q->rsp_prod -= 32); /* 33 are out */
    REFUSED(q->slot[3].mark = MARK(3, 0));
    REFUSED(q->slot[3].mark = MARK(UINT32_MAX, 0));
    REFUSED(q->slot[3].mark = 0);
    REFUSED(q->slot[3].status = 1);
    REFUSED(q->slot[3].status = -3);
    REFUSED(q->slot[4].mark = MARK(1, 0)); /* two, and none at req_cons */
    REFUSED(q->slot[4].mark = MARK(2, 0); q->slot[5].mark = MARK(2, 1));
    sound();
    q->slot[4].mark = MARK(1, 1); /* taken; req_cons has not moved yet */
    CHECK_EQ(blk_journal_check(&journal, &err), 0);
    q->slot[3].mark = MARK(2, 0); /* ... and slot 3 half answered */
    CHECK_EQ(blk_journal_check(&journal, &err), 0);
}

/* What is not in force is not looked at: it is reset before it is used. */
TEST(a_journal_that_is_not_connected_needs_no_wiring)
{
    sound();
    journal.connected = 0;
    journal.wiring.nr_queues = 99;
    CHECK_EQ(blk_journal_check(&journal, &err), 0);
}

static bool marked(void)
{
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        for (uint32_t k = 0; k < BLK_RING_SLOTS_MAX; k++)
            if (journal.queue[i].slot[k].mark)
                return true;
    return false;
}

TEST(a_reset_keeps_the_figures_of_a_sound_journal)
{
    sound();
    blk_journal_reset(&journal);
    CHECK_EQ(blk_journal_check(&journal, &err), 0);
    CHECK_EQ(journal.connected, 0);
    CHECK_EQ(journal.wiring.nr_queues, 0);
    CHECK_EQ(journal.queue[1].stats.reads, 77);
    CHECK_EQ(journal.queue[1].req_cons, 0);
    CHECK(!marked());
    sound();
    journal.magic = 0;
    blk_journal_reset(&journal);
    CHECK_EQ(blk_journal_check(&journal, &err), 0);
    CHECK_EQ(journal.queue[1].stats.reads, 0);
    CHECK(!marked());
    sound();
    journal.wiring.nr_queues = 200; /* who knows which slots were used */
    journal.queue[15].slot[511].mark = 1;
    blk_journal_reset(&journal);
    CHECK(!marked());
}

TEST(a_file_becomes_a_journal_of_the_right_size)
{
    static const off_t sizes[] = { 0, 1, 4096, sizeof(struct blk_journal),
                                   sizeof(struct blk_journal) + 4096 };

    for (uint32_t i = 0; i < ARRAY_SIZE(sizes); i++) {
        int fd = memfd_create("journal", MFD_CLOEXEC);
        struct blk_journal *j = NULL, *theirs = NULL;
        struct stat st;

        CHECK_EQ(ftruncate(fd, sizes[i]), 0);
        CHECK_EQ(blk_journal_map(fd, &j, &err), 0);
        CHECK_EQ(fstat(fd, &st), 0);
        CHECK_EQ(st.st_size, sizeof(*j));
        CHECK(st.st_blocks * 512 < 512 * 1024); /* slots are not there yet */
        CHECK_EQ(blk_journal_check(j, &err), sizes[i] == 0 ? 0 : -EINVAL);
        blk_journal_reset(j);
        CHECK_EQ(blk_journal_check(j, &err), 0);
        CHECK_EQ(blk_journal_reserve(j, 2, 512, &err), 0);
        CHECK_EQ(fstat(fd, &st), 0);
        CHECK(st.st_blocks * 512 >=
              2 * 512 * (off_t)sizeof(j->queue[0].slot[0]));
        j->queue[15].stats.errors = 5;
        CHECK_EQ(blk_journal_map(fd, &theirs, &err), 0);
        CHECK_EQ(theirs->queue[15].stats.errors, 5);
        blk_journal_unmap(theirs);
        blk_journal_unmap(j);
        blk_journal_unmap(NULL);
        close(fd);
    }
}

/* Pages that cannot be had are no SIGBUS when they are used. */
TEST(room_that_is_not_there_is_told)
{
    int fd = memfd_create("journal", MFD_CLOEXEC);
    struct blk_journal *j = NULL;

    CHECK_EQ(blk_journal_map(fd, &j, &err), 0);
    CHECK_EQ(ftruncate(fd, offsetof(struct blk_journal, queue[1])), 0);
    CHECK_EQ(blk_journal_reserve(j, 2, 512, &err), -ENOSPC);
    CHECK_HAS(err.text, "journal: reserve ");
    blk_journal_unmap(j);
    close(fd);
}

/* The lock, as the next backend would take it. */
static bool is_free(int fd)
{
    char path[32];
    bool is;
    int own;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_RDONLY | O_CLOEXEC);
    CHECK(own >= 0);
    is = flock(own, LOCK_EX | LOCK_NB) == 0;
    CHECK(is || errno == EWOULDBLOCK);
    close(own);
    return is;
}

/* It is on the host's /run: whoever takes a backend over cannot fill that. */
TEST(a_backend_cannot_make_its_journal_larger)
{
    off_t bytes = sizeof(struct blk_journal);
    int fd = memfd_create("journal", MFD_CLOEXEC), witness = dup(fd);
    struct blk_journal *j = NULL;
    struct stat st;

    CHECK_EQ(blk_journal_take_over(fd, &j, &err), 0);
    CHECK_EQ(pwrite(fd, "x", 1, bytes), -1);
    CHECK_EQ(ftruncate(fd, bytes + 1), -1);
    CHECK(fallocate(fd, 0, bytes, 1) && fallocate(fd, 0, 0, 1));
    CHECK(mmap(NULL, 1, PROT_WRITE, MAP_SHARED, fd, 0) == MAP_FAILED);
    CHECK_EQ(fstat(witness, &st), 0);
    CHECK_EQ(st.st_size, bytes);
    CHECK_EQ(blk_journal_reserve(j, BLK_QUEUES_MAX, 512, &err), 0);
    j->queue[15].slot[511].status = 1; /* and what it needs, it has */
    CHECK(!is_free(witness));
    close(fd);
    CHECK(is_free(witness)); /* though it is mapped */
    close(witness);
    blk_journal_unmap(j);
}

TEST(a_file_that_cannot_be_had_is_told)
{
    struct blk_journal *j = NULL;
    int fd[2];

    CHECK_EQ(blk_journal_map(-1, &j, &err), -EBADF);
    CHECK_HAS(err.text, "journal: ");
    CHECK_EQ(blk_journal_take_over(-1, &j, &err), -ENOENT);
    CHECK_EQ(pipe(fd), 0);
    CHECK_EQ(blk_journal_map(fd[0], &j, &err), -EINVAL);
    CHECK(j == NULL);
    close(fd[0]);
    close(fd[1]);
}

RUN_TESTS(RULE(each_request_is_answered_once_wherever_a_backend_is_killed),
          RULE(a_successor_that_is_killed_has_a_successor),
          RULE(a_journal_is_connected_when_its_cursors_are_the_rings),
          RULE(what_is_done_again_is_in_the_order_of_the_ring),
          RULE(an_old_request_is_not_taken_for_a_new_one),
          RULE(a_journal_that_cannot_be_is_refused),
          RULE(a_journal_that_is_not_connected_needs_no_wiring),
          RULE(a_reset_keeps_the_figures_of_a_sound_journal),
          RULE(a_file_becomes_a_journal_of_the_right_size),
          RULE(room_that_is_not_there_is_told),
          RULE(a_backend_cannot_make_its_journal_larger),
          RULE(a_file_that_cannot_be_had_is_told))
