/* SPDX-License-Identifier: MIT */
/*
 * test_net_journal.c - a backend is killed between any two instructions
 *
 * From each state that a kill can leave of journal and rings, a successor must
 * answer each request exactly once and in its own place, use each buffer once,
 * change nothing that the guest was told, and never show it a packet's half;
 * also when it is itself killed anywhere on its way.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/net/net_journal.h"
#include "backends/net/net_ring.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/killed.h"
#include "tests/unit/test.h"

#define START (UINT32_MAX - 3) /* indices wrap on the way */
#define TX_SLOTS 9u
#define BUFFERS 8u
#define FIRST_ID 100u
#define FIRST_REF 5000u

static struct err err;

struct world { /* what outlives a backend */
    struct net_journal_queue journal;
    uint8_t tx[PAGE_BYTES] __attribute__((aligned(8)));
    uint8_t rx[PAGE_BYTES] __attribute__((aligned(8)));
};

static struct world *world, *second;

static uint32_t *rsp_prod(uint8_t *ring)
{
    return (uint32_t *)(void *)ring + 2;
}

static struct netif_tx_response *tx_at(struct world *w, uint32_t i)
{
    return (void *)(w->tx + 64 + (START + i) % NET_RING_SLOTS * 12);
}

static struct netif_rx_response *rx_at(struct world *w, uint32_t i)
{
    return (void *)(w->rx + 64 + (START + i) % NET_RING_SLOTS * 8);
}

/* Packets of 1, 3 (with an extra), 1, 2 and 2 slots; eight buffers. */
static const uint16_t tx_flags[TX_SLOTS] = {
    0,
    NETTXF_extra_info | NETTXF_more_data,
    0 /* extra */,
    0,
    0,
    NETTXF_more_data,
    0,
    NETTXF_extra_info,
    0 /* extra */
};

static bool is_extra(uint32_t i)
{
    return i == 2 || i == 8;
}

static void guest_puts(struct world *w)
{
    memset(w, 0, sizeof(*w));
    for (uint32_t i = 0; i < TX_SLOTS; i++) {
        struct netif_tx_request q = { .id = (uint16_t)(FIRST_ID + i),
                                      .flags = tx_flags[i],
                                      .size = 60 };
        struct netif_extra_info x = { .type = XEN_NETIF_EXTRA_TYPE_HASH };

        memcpy(tx_at(w, i), is_extra(i) ? (void *)&x : &q,
               is_extra(i) ? sizeof(x) : sizeof(q));
    }
    for (uint32_t i = 0; i < BUFFERS; i++) {
        struct netif_rx_request q = { .id = (uint16_t)(FIRST_ID + i),
                                      .gref = FIRST_REF + i };

        memcpy(rx_at(w, i), &q, sizeof(q));
    }
    *rsp_prod(w->tx) = *rsp_prod(w->rx) = START;
    *(uint32_t *)w->tx = START + TX_SLOTS;
    *(uint32_t *)w->rx = START + BUFFERS;
    w->journal.tx_cons = w->journal.tx_prod = START;
    w->journal.rx_cons = w->journal.rx_prod = START;
}

static void attach(struct net_ring *r, enum net_ring_kind kind, struct world *w)
{
    if (net_ring_attach(r, kind, kind == NET_RING_TX ? w->tx : w->rx,
                        &w->journal, true))
        abort();
}

/* A packet for the guest: its first byte count names the buffer. */
static void deliver(struct net_ring *r, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++)
        net_ring_answer_rx(
            r, 0, i + 1 < nr ? NETRXF_more_data : 0,
            (int16_t)(net_ring_buffer(r, 0).ref - FIRST_REF + 1));
}

static void serve(void *memory)
{
    struct net_wire_tx wire[NET_RING_SLOTS];
    struct world *w = memory;
    struct net_ring tx, rx;

    attach(&tx, NET_RING_TX, w);
    attach(&rx, NET_RING_RX, w);
    if (net_ring_take_tx(&tx, 2, wire) != 4 || net_ring_fill_rx(&rx) != BUFFERS)
        abort();
    net_ring_answer_tx(&tx, 1, NETIF_RSP_OKAY);
    net_ring_push(&tx);
    deliver(&rx, 3);
    net_ring_push(&rx);
    if (net_ring_take_tx(&tx, NET_RING_SLOTS, wire) != 5)
        abort();
    net_ring_answer_tx(&tx, 3, NETIF_RSP_ERROR);
    net_ring_answer_tx(&tx, 3, NETIF_RSP_OKAY);
    net_ring_push(&tx);
    deliver(&rx, 1);
    deliver(&rx, 2);
    net_ring_push(&rx);
    net_ring_answer_tx(&tx, 2, NETIF_RSP_OKAY);
    net_ring_push(&tx);
}

/* What a backend does that resumes, and then until nothing is left. */
static void succeed(void *memory)
{
    struct net_wire_tx wire[NET_RING_SLOTS];
    struct world *w = memory;
    struct net_ring tx, rx;
    int nr;

    attach(&tx, NET_RING_TX, w);
    attach(&rx, NET_RING_RX, w);
    net_ring_answer_tx(&tx, net_ring_taken(&tx), NETIF_RSP_DROPPED);
    net_ring_push(&tx);
    while ((nr = net_ring_take_tx(&tx, 1, wire)) > 0) {
        if (wire[0].is_extra || !wire[nr - 1].is_last)
            abort();
        net_ring_answer_tx(&tx, (uint32_t)nr, NETIF_RSP_OKAY);
    }
    net_ring_push(&tx);
    for (nr = net_ring_fill_rx(&rx); nr > 0; nr--)
        deliver(&rx, 1);
    net_ring_push(&rx);
    if (nr < 0)
        abort();
}

/* A journal of one queue, as a successor finds it, is one to go on from. */
static void check_sound(const struct world *w)
{
    static struct net_journal j;

    j.magic = NET_JOURNAL_MAGIC;
    j.version = NET_JOURNAL_VERSION;
    j.connected = 1;
    j.wiring.nr_queues = 1;
    j.queue[0] = w->journal;
    CHECK_EQ(net_journal_check(&j, &err), 0);
}

/* What the guest was told when it was killed is a number of whole packets. */
static void check_told(const struct world *then)
{
    uint32_t tx = *rsp_prod((uint8_t *)then->tx) - START;
    uint32_t rx = *rsp_prod((uint8_t *)then->rx) - START;

    CHECK(tx == 0 || tx == 1 || tx == 4 || tx == 5 || tx == 7 || tx == 9);
    CHECK(rx <= BUFFERS);
    if (rx > 0)
        CHECK_EQ(rx_at((struct world *)then, rx - 1)->flags, 0);
}

/* What was told is as it was; the rest is answered, each in its place. */
static void check_end(const struct world *then, struct world *now)
{
    uint32_t tx_told = *rsp_prod((uint8_t *)then->tx) - START;
    uint32_t rx_told = *rsp_prod((uint8_t *)then->rx) - START;

    CHECK_EQ(*rsp_prod(now->tx), START + TX_SLOTS);
    CHECK_EQ(*rsp_prod(now->rx), START + BUFFERS);
    for (uint32_t i = 0; i < TX_SLOTS; i++) {
        struct netif_tx_response *a = tx_at(now, i);

        CHECK_EQ(a->status == NETIF_RSP_NULL, is_extra(i));
        if (!is_extra(i))
            CHECK_EQ(a->id, FIRST_ID + i);
        if (i < tx_told)
            assert_memory_equal(a, tx_at((struct world *)then, i), 12);
    }
    for (uint32_t i = 0; i < BUFFERS; i++) {
        CHECK_EQ(rx_at(now, i)->id, FIRST_ID + i);
        CHECK_EQ(rx_at(now, i)->status, i + 1);
        if (i < rx_told)
            assert_memory_equal(rx_at(now, i), rx_at((struct world *)then, i),
                                8);
    }
    CHECK_EQ(now->journal.tx_cons, START + TX_SLOTS);
    CHECK_EQ(now->journal.tx_prod, START + TX_SLOTS);
    CHECK_EQ(now->journal.rx_cons, START + BUFFERS);
    CHECK_EQ(now->journal.rx_prod, START + BUFFERS);
}

static bool fresh(struct killed *k)
{
    if (!world) {
        world = killed_memory(sizeof(*world));
        second = killed_memory(sizeof(*second));
    }
    guest_puts(world);
    return killed_look(k, serve, world, sizeof(*world));
}

TEST(each_slot_is_answered_once_wherever_a_backend_is_killed)
{
    struct killed k = { 0 };
    uint32_t nr_left = 0;

    if (!fresh(&k))
        skip(); /* ptrace is not allowed here */
    CHECK(k.nr > 50);
    for (uint32_t i = 0; i < k.nr; i++) {
        memcpy(second, killed_state(&k, i), sizeof(*second));
        check_sound(second);
        check_told(second);
        nr_left += second->journal.tx_cons - second->journal.tx_prod;
        succeed(second);
        check_end(killed_state(&k, i), second);
    }
    CHECK(nr_left > 0);
    killed_free(&k);
}

/* The successor, too; each time from another place. */
TEST(a_successor_that_is_killed_has_a_successor)
{
    struct killed k = { 0 }, more = { 0 };

    if (!fresh(&k))
        skip();
    for (uint32_t i = 0; i < k.nr; i += 29) {
        memcpy(second, killed_state(&k, i), sizeof(*second));
        CHECK(killed_look(&more, succeed, second, sizeof(*second)));
        for (uint32_t n = 0; n < more.nr; n++) {
            memcpy(second, killed_state(&more, n), sizeof(*second));
            check_sound(second);
            check_told(second);
            succeed(second);
            check_end(killed_state(&k, i), second);
            check_end(killed_state(&more, n), second);
        }
        killed_free(&more);
    }
    killed_free(&k);
}

static struct net_journal *map(int fd)
{
    struct net_journal *j = NULL;

    CHECK_EQ(net_journal_map(fd, &j, &err), 0);
    return j;
}

static int file(void)
{
    int fd = memfd_create("journal", MFD_CLOEXEC);

    CHECK(fd >= 0);
    return fd;
}

TEST(an_empty_file_becomes_an_empty_journal)
{
    int fd = file();
    struct net_journal *j = map(fd);
    struct stat st;

    CHECK_EQ(fstat(fd, &st), 0);
    CHECK_EQ(st.st_size, sizeof(*j));
    CHECK(st.st_blocks * 512 >= (off_t)sizeof(*j)); /* all of it is there */
    CHECK_EQ(net_journal_check(j, &err), 0);
    CHECK_EQ(j->connected, 0);
    j->queue[1].stats.tx_packets = 5;
    net_journal_unmap(j);
    j = map(fd); /* and is the same the next time */
    CHECK_EQ(j->queue[1].stats.tx_packets, 5);
    net_journal_unmap(j);
    net_journal_unmap(NULL);
    close(fd);
    CHECK_EQ(net_journal_map(-1, &j, &err), -EBADF);
    CHECK_HAS(err.text, "journal: stat");
}

TEST(reset_keeps_the_figures_of_a_sound_journal)
{
    int fd = file();
    struct net_journal *j = map(fd);

    memset((uint8_t *)j + 8, 0xff, sizeof(*j) - 8);
    j->queue[7].stats.rx_bytes = 77;
    net_journal_reset(j);
    CHECK_EQ(net_journal_check(j, &err), 0);
    CHECK_EQ(j->connected, 0);
    CHECK_EQ(j->wiring.nr_queues, 0);
    CHECK_EQ(j->queue[7].stats.rx_bytes, 77);
    CHECK_EQ(j->queue[7].tx_cons, 0);
    CHECK_EQ(j->queue[7].rx[NET_RING_SLOTS - 1].ref, 0);
    j->magic = 0;
    net_journal_reset(j);
    CHECK_EQ(net_journal_check(j, &err), 0);
    CHECK_EQ(j->queue[7].stats.rx_bytes, 0);
    net_journal_unmap(j);
    close(fd);
}

static struct net_journal sound(void)
{
    struct net_journal j = { .magic = NET_JOURNAL_MAGIC,
                             .version = NET_JOURNAL_VERSION,
                             .connected = 1,
                             .wiring.nr_queues = 2 };

    j.queue[1].tx_prod = j.queue[1].rx_prod = UINT32_MAX - 5;
    j.queue[1].tx_cons = j.queue[1].rx_cons = NET_RING_SLOTS - 6;
    return j;
}

TEST(a_journal_that_lies_is_refused)
{
    static struct net_journal j;

    j = sound();
    CHECK_EQ(net_journal_check(&j, &err), 0);
#define BAD(what, words)                                                       \
    do {                                                                       \
        j = sound();                                                           \
        what;                                                                  \
        CHECK_EQ(net_journal_check(&j, &err), -EINVAL);                        \
        CHECK_HAS(err.text, words);                                            \
    } while (0)
    BAD(j.magic++, "magic");
    BAD(j.version++, "version");
    BAD(j.connected = 2, "connected");
    BAD(j.wiring.nr_queues = 0, "queues");
    BAD(j.wiring.nr_queues = NET_QUEUES_MAX + 1, "queues");
    BAD(j.wiring.headroom = PAGE_BYTES, "headroom");
    BAD(j.queue[1].tx_cons++, "queue 1");
    BAD(j.queue[1].rx_cons++, "queue 1");
    BAD(j.queue[0].tx_prod++, "queue 0");
    BAD(j.queue[0].rx_prod++, "queue 0");
    BAD(j.queue[1].tx[7].is_extra = 2, "queue 1");
#undef BAD
    j = sound();
    j.queue[2].tx_cons = 1000;     /* of no queue that there is */
    j.queue[0].tx[7].is_extra = 2; /* not taken */
    CHECK_EQ(net_journal_check(&j, &err), 0);
    j = sound();
    j.connected = 0;
    j.wiring.nr_queues = 0;
    j.queue[0].tx_cons = 1000;
    CHECK_EQ(net_journal_check(&j, &err), 0); /* nothing of it counts */
}

RUN_TESTS(RULE(each_slot_is_answered_once_wherever_a_backend_is_killed),
          RULE(a_successor_that_is_killed_has_a_successor),
          RULE(an_empty_file_becomes_an_empty_journal),
          RULE(reset_keeps_the_figures_of_a_sound_journal),
          RULE(a_journal_that_lies_is_refused))
