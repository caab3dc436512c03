/* SPDX-License-Identifier: MIT */
/*
 * test_net_kill.c - a backend is killed wherever it is, and the next goes on
 *
 * Each backend is a process of its own, with the real queue, its thread and its
 * io_uring; guest, tap and journal outlive it.  Packets of many slots go both
 * ways all the time.  Whatever was under way when the SIGKILL came: each slot
 * and each buffer is answered once and in its place (fake_netfront.c judges
 * that), packets come whole or not at all, none comes twice or out of order.
 */
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checked.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"
#include "tests/unit/netcard.h"
#include "tests/unit/test.h"

#define KILLS 250u
#define SEQ_AT 14u /* of a frame: its number, then its length */
#define SMALL 60u

static struct {
    int bell_fd; /* ours; what is written there is an event to the backend */
    pid_t pid;
    uint32_t x;
    uint32_t sent, put;        /* numbers given so far */
    uint32_t at_tap, at_guest; /* the last that came out, each way */
    uint32_t nr_tap, nr_guest; /* how many did */
} w;

static uint8_t frame[FAKE_NET_BYTES_MAX], got[FAKE_NET_BYTES_MAX];
static struct fake_net_received in;

static uint32_t next(void)
{
    w.x ^= w.x << 13;
    w.x ^= w.x >> 17;
    w.x ^= w.x << 5;
    return w.x;
}

/* ---- a backend ---- */

/* No CHECK here: it would go on with the next test, twice. */
static void backend_open(struct net_card *c, struct net_rings *rings,
                         struct net_queue **q)
{
    static const struct net_rules any = { .any_mac = 1 };
    struct err e = { 0 };
    char path[32];

    snprintf(path, sizeof(path), "/proc/self/fd/%d", card.journal_fd);
    *c = (struct net_card){
        .name = "test/vif0",
        .domid = CARD_GUEST,
        .tap_fd = { card.card.tap_fd[0] },
        .stall_ns = NET_STALL_NS,
        .journal_fd = open(path, O_RDWR | O_CLOEXEC), /* a lock of its own */
        .news_fd = card.rung_fd,
    };
    /* Until the last one's reads are out of the tap. */
    if (c->journal_fd < 0 || flock(c->journal_fd, LOCK_EX) ||
        net_journal_map(c->journal_fd, &c->journal, &e) < 0 ||
        net_journal_check(c->journal, &e) < 0 ||
        net_rings_open(rings, CARD_GUEST, 1, &e) < 0)
        _exit(1);
    c->gnt = rings->gnt;
    if (net_queue_open(c, 0, q, &e) < 0 ||
        net_rings_link(rings, fake_netfront_wiring(card.front), &e) < 0)
        _exit(2);
    net_queue_rules(*q, &any);
}

static void be_backend(int bell_fd)
{
    static struct net_rings rings;
    static struct net_card c;
    struct net_queue *q;
    struct net_link link;
    char ring[64];

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    backend_open(&c, &rings, &q);
    link = rings.queue[0].link;
    link.resume = c.journal->connected;
    c.journal->wiring = link.wiring;
    c.journal->connected = 1;
    net_queue_connect(q, &link);
    while (read(bell_fd, ring, sizeof(ring)) > 0)
        fake_netfront_ring(card.front, 0);
    _exit(3);
}

static void backend_start(void)
{
    int fd[2];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    w.pid = fork();
    if (w.pid == 0) {
        close(fd[0]);
        be_backend(fd[1]);
    }
    close(fd[1]);
    w.bell_fd = fd[0];
}

static void backend_kill(void)
{
    int status;

    CHECK_EQ(kill(w.pid, SIGKILL), 0);
    CHECK_EQ(waitpid(w.pid, &status, 0), w.pid);
    CHECK(WIFSIGNALED(status)); /* it did not end by itself */
    close(w.bell_fd);
}

static void bell(void)
{
    CHECK_EQ(send(w.bell_fd, "!", 1, MSG_NOSIGNAL), 1);
}

/* ---- traffic ---- */

static void fill(uint32_t number, uint32_t len)
{
    card_fill(frame, len, number);
    memcpy(frame + SEQ_AT, &number, sizeof(number));
    memcpy(frame + SEQ_AT + 4, &len, sizeof(len));
}

static uint32_t any_len(void)
{
    return next() % 3 ? SMALL + next() % 1400 : SMALL + next() % 30000;
}

/* Whole, and later than the last one. */
static void judge(const uint8_t *bytes, uint32_t len, uint32_t *last)
{
    uint32_t number, said;

    CHECK(len >= SMALL);
    memcpy(&number, bytes + SEQ_AT, sizeof(number));
    memcpy(&said, bytes + SEQ_AT + 4, sizeof(said));
    CHECK_EQ(said, len);
    CHECK(number > *last);
    *last = number;
    fill(number, len);
    assert_memory_equal(bytes, frame, len);
}

static void guest_sends(void)
{
    for (uint32_t i = next() % 8; i > 0; i--) {
        uint32_t len = any_len();
        struct fake_net_packet p = { .frame = frame,
                                     .len = len,
                                     .slot_bytes =
                                         len < 2000 && next() % 2 ? 300 : 0 };

        fill(w.sent + 1, len);
        if (!fake_netfront_send(card.front, 0, &p))
            break;
        w.sent++;
    }
    fake_netfront_kick(card.front, 0);
    CHECK(fake_netfront_reap(card.front, 0) >= 0);
}

static void network_sends(void)
{
    for (uint32_t i = next() % 8; i > 0 && w.put < w.at_guest + 300; i--) {
        uint32_t len = any_len();

        fill(++w.put, len);
        card_tap_put(NULL, frame, len);
    }
}

static void everybody_takes(void)
{
    struct virtio_net_hdr hdr;
    int r;

    while (!card_tap_is_empty()) {
        judge(got, card_tap_take(&hdr, got), &w.at_tap);
        w.nr_tap++;
    }
    while ((r = fake_netfront_receive(card.front, 0, &in)) == 1) {
        judge(in.frame, in.len, &w.at_guest);
        w.nr_guest++;
    }
    CHECK_STR(fake_netfront_why(card.front, 0), "");
    CHECK_EQ(r, 0);
    fake_netfront_post(card.front, 0, next() % 64);
}

/* Until something happens, or a moment is over. */
static void pause_a_moment(void)
{
    struct pollfd p[] = { { .fd = card.tap_fd, .events = POLLIN },
                          { .fd = card.rung_fd, .events = POLLIN } };
    uint64_t nr;

    fake_netfront_arm(card.front, 0);
    poll(p, ARRAY_SIZE(p), 1);
    if (p[1].revents)
        CHECK_EQ(read(card.rung_fd, &nr, sizeof(nr)), sizeof(nr));
}

static void up(void)
{
    memset(&card, 0, sizeof(card));
    memset(&w, 0, sizeof(w));
    w.x = 2463534242u;
    card_guest_up();
    card_tap_up();
    CHECK_EQ(net_journal_map(card.journal_fd, &card.card.journal, &card.err),
             0);
    card.front = fake_netfront_new(
        CARD_GUEST, &(struct fake_net_options){ .first_index = 0xffffff00 });
}

static void down(void)
{
    net_journal_unmap(card.card.journal);
    fake_netfront_free(card.front);
    close(card.card.tap_fd[0]);
    close(card.tap_fd);
    close(card.journal_fd);
    close(card.rung_fd);
    fake_reset();
}

TEST(a_backend_that_is_killed_loses_packets_and_nothing_else)
{
    up();
    for (uint32_t i = 0; i < KILLS; i++) {
        uint32_t before = w.nr_tap + w.nr_guest, steps = next() % 12;

        backend_start();
        /* Once it serves, so many steps. */
        while (w.nr_tap + w.nr_guest == before || steps-- > 0) {
            guest_sends();
            network_sends();
            bell();
            pause_a_moment();
            everybody_takes();
        }
        guest_sends(); /* so that it has something under way */
        bell();
        for (volatile uint32_t spin = next() % 100000; spin > 0; spin--)
            ;
        backend_kill();
    }
    /* The last one finds everything as it must be. */
    backend_start();
    for (uint32_t i = 0; fake_netfront_busy(card.front, 0) > 0; i++) {
        CHECK(i < 20000); /* some seconds */
        bell();
        pause_a_moment();
        everybody_takes();
        CHECK(fake_netfront_reap(card.front, 0) >= 0);
    }
    for (uint32_t want = w.nr_guest + 1000; w.nr_guest < want;) {
        network_sends();
        bell();
        pause_a_moment();
        everybody_takes();
    }
    backend_kill();
    print_message("%u of %u sent, %u of %u received\n", w.nr_tap, w.sent,
                  w.nr_guest, w.put);
    CHECK(w.nr_tap > w.sent / 2);
    /* Else no kill met anything: which way is luck. */
    CHECK(w.nr_tap < w.sent || w.nr_guest < w.put);
    down();
}

RUN_TESTS(RULE(a_backend_that_is_killed_loses_packets_and_nothing_else))
