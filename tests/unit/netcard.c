/* SPDX-License-Identifier: MIT */
/*
 * netcard.c - one queue of a network backend between a test's guest and its tap
 */
#include "tests/unit/netcard.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"
#include "tests/unit/test.h"

#define WAIT_MS 20000
#define SOCKET_BYTES (8 << 20)

struct card_world card;

static void on_rung(struct fake_domain *d, uint32_t port, void *arg)
{
    (void)d, (void)port, (void)arg;
    eventfd_write(card.rung_fd, 1);
}

void card_guest_up(void)
{
    struct fake_domain *d = &fake.domain[0];

    log_set_level(LOG_LEVEL_NONE);
    fake_reset();
    d->there = true;
    d->domid = CARD_GUEST;
    d->next_port = 4; /* behind doorbell, xenstore and console */
    card.rung_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    d->on_rung = on_rung;
}

void card_tap_up(void)
{
    int fd[2], bytes = SOCKET_BYTES;

    CHECK_EQ(socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fd), 0);
    for (int i = 0; i < 2; i++) /* root may; else it is as it is */
        if (setsockopt(fd[i], SOL_SOCKET, SO_SNDBUFFORCE, &bytes,
                       sizeof(bytes)))
            setsockopt(fd[i], SOL_SOCKET, SO_SNDBUF, &bytes, sizeof(bytes));
    card.card.tap_fd[0] = fd[0];
    card.tap_fd = fd[1];
    card.journal_fd = memfd_create("journal", MFD_CLOEXEC);
    CHECK(card.journal_fd >= 0);
}

void card_backend_up(uint64_t stall_ns, const struct net_rules *rules)
{
    static const struct net_rules any = { .any_mac = 1 };
    struct net_card *c = &card.card;

    rules = rules ? rules : &any;
    c->name = "test/vif0";
    c->domid = CARD_GUEST;
    c->stall_ns = stall_ns;
    net_rate_set(&c->rate, rules->rate_bytes, rules->rate_usecs);
    CHECK_EQ(net_journal_map(card.journal_fd, &c->journal, &card.err), 0);
    c->journal_fd = card.journal_fd;
    c->news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    CHECK_EQ(net_rings_open(&card.rings, CARD_GUEST, 1, &card.err), 0);
    c->gnt = card.rings.gnt;
    CHECK_EQ(net_queue_open(c, 0, &card.queue, &card.err), 0);
    net_queue_rules(card.queue, rules);
}

static void await_news(struct net_queue_news *out)
{
    struct pollfd p = { .fd = card.card.news_fd, .events = POLLIN };
    eventfd_t nr;

    CHECK_EQ(poll(&p, 1, WAIT_MS), 1);
    eventfd_read(card.card.news_fd, &nr);
    net_queue_news(card.queue, out);
}

void card_await(enum net_queue_state s)
{
    struct net_queue_news news;

    net_queue_news(card.queue, &news);
    while (news.state != s)
        await_news(&news);
}

void card_await_stalled(bool stalled)
{
    struct net_queue_news news;

    net_queue_news(card.queue, &news);
    while (news.stalled != stalled)
        await_news(&news);
}

void card_join(bool resume)
{
    const struct net_wiring *w = fake_netfront_wiring(card.front);
    struct net_link link;

    if (net_rings_link(&card.rings, w, &card.err) < 0)
        CHECK_STR(card.err.text, "");
    if (!resume) {
        net_journal_reset(card.card.journal);
        card.card.journal->wiring = *w;
        card.card.journal->connected = 1;
    }
    link = card.rings.queue[0].link;
    link.resume = resume;
    net_queue_connect(card.queue, &link);
}

void card_leave(void)
{
    net_queue_disconnect(card.queue);
    card_await(NET_QUEUE_IDLE);
    net_rings_unlink(&card.rings);
    CHECK_EQ(fake.nr_maps, 0);
}

void card_backend_down(void)
{
    net_queue_close(card.queue);
    net_rings_close(&card.rings);
    net_journal_unmap(card.card.journal);
    close(card.card.news_fd);
    card.queue = NULL;
}

void card_up(const struct fake_net_options *o, uint64_t stall_ns,
             const struct net_rules *rules)
{
    struct fake_net_options with = *o;

    memset(&card, 0, sizeof(card));
    with.first_index = 0xffffffc0; /* indices wrap on the way */
    card_guest_up();
    card_tap_up();
    card_backend_up(stall_ns, rules);
    card.front = fake_netfront_new(CARD_GUEST, &with);
    card_join(false);
    card_await(NET_QUEUE_SERVING);
}

void card_down(void)
{
    card_leave();
    card_backend_down();
    CHECK_STR(fake_netfront_why(card.front, 0), "");
    fake_netfront_free(card.front);
    close(card.card.tap_fd[0]);
    close(card.tap_fd);
    close(card.journal_fd);
    close(card.rung_fd);
    CHECK_EQ(fake.nr_handles, 0);
    fake_reset();
}

/* ---- packets ---- */

static void fill_from(uint8_t *to, uint32_t len, uint32_t x)
{
    for (uint32_t i = 0; i < len; i++) {
        x = x * 1664525u + 1013904223u;
        to[i] = (uint8_t)(x >> 24);
    }
}

void card_fill(uint8_t *frame, uint32_t len, uint32_t seed)
{
    fill_from(frame, len, seed);
    if (len < 14)
        return;
    frame[0] &= 0xfe; /* no group */
    frame[12] = 0x88; /* an experiment's */
    frame[13] = 0xb5;
}

static void put16(uint8_t *at, uint32_t value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

static void fill_ipv4(uint8_t *ip, uint32_t len)
{
    static const uint8_t head[20] = { 0x45, [8] = 64, 6, [12] = 10, 0, 0,
                                      2,    10,       0, 0,         1 };
    uint32_t sum = 0;

    memcpy(ip, head, sizeof(head));
    put16(ip + 2, len);
    for (uint32_t i = 0; i < 20; i += 2)
        sum += (uint32_t)ip[i] << 8 | ip[i + 1];
    sum = (sum & 0xffff) + (sum >> 16);
    put16(ip + 10, ~sum);
}

static void fill_ipv6(uint8_t *ip, uint32_t len)
{
    memset(ip, 0, 40);
    ip[0] = 0x60;
    put16(ip + 4, len - 40);
    ip[6] = 6;
    ip[7] = 64;
    ip[8] = ip[24] = 0xfd;
    ip[23] = 2;
    ip[39] = 1;
}

void card_fill_tcp(uint8_t *frame, uint32_t len, bool v6, uint32_t seed)
{
    uint32_t head = v6 ? CARD_TCP6_HEAD : CARD_TCP4_HEAD;
    uint8_t *tcp = frame + head - 20;

    card_fill(frame, len, seed);
    put16(frame + 12, v6 ? 0x86dd : 0x0800);
    if (v6)
        fill_ipv6(frame + 14, len - 14);
    else
        fill_ipv4(frame + 14, len - 14);
    memset(tcp, 0, 20);
    put16(tcp, 1000);
    put16(tcp + 2, 2000);
    tcp[12] = 0x50;
    tcp[13] = 0x10;
}

/* Until the guest is told of something. */
static void await_rung(void)
{
    struct pollfd p = { .fd = card.rung_fd, .events = POLLIN };
    eventfd_t nr;

    if (fake_netfront_arm(card.front, 0))
        return;
    CHECK_EQ(poll(&p, 1, WAIT_MS), 1);
    eventfd_read(card.rung_fd, &nr);
}

void card_send(const struct fake_net_packet *p)
{
    while (!fake_netfront_send(card.front, 0, p)) {
        fake_netfront_kick(card.front, 0);
        CHECK(fake_netfront_reap(card.front, 0) >= 0);
        if (fake_netfront_send(card.front, 0, p))
            return;
        await_rung();
        CHECK(fake_netfront_reap(card.front, 0) >= 0);
    }
}

void card_await_answers(void)
{
    int nr;

    while (fake_netfront_busy(card.front, 0) > 0) {
        nr = fake_netfront_reap(card.front, 0);
        CHECK(nr >= 0);
        if (nr == 0)
            await_rung();
    }
}

uint32_t card_tap_take(struct virtio_net_hdr *hdr, uint8_t *frame)
{
    struct iovec iov[] = { { hdr, sizeof(*hdr) },
                           { frame, FAKE_NET_BYTES_MAX } };
    struct pollfd p = { .fd = card.tap_fd, .events = POLLIN };
    ssize_t r;

    CHECK_EQ(poll(&p, 1, WAIT_MS), 1);
    r = readv(card.tap_fd, iov, 2);
    CHECK(r >= (ssize_t)sizeof(*hdr));
    return (uint32_t)r - (uint32_t)sizeof(*hdr);
}

bool card_tap_is_empty(void)
{
    struct pollfd p = { .fd = card.tap_fd, .events = POLLIN };

    return poll(&p, 1, 0) == 0;
}

void card_tap_put(const struct virtio_net_hdr *hdr, const void *frame,
                  uint32_t len)
{
    static const struct virtio_net_hdr none;
    struct iovec iov[] = { { (void *)(hdr ? hdr : &none), sizeof(*hdr) },
                           { (void *)frame, len } };

    CHECK_EQ(writev(card.tap_fd, iov, 2), (ssize_t)(len + sizeof(*hdr)));
}

void card_receive(struct fake_net_received *out)
{
    int r;

    while ((r = fake_netfront_receive(card.front, 0, out)) == 0)
        await_rung();
    CHECK_EQ(r, 1);
}

/* ---- frames of card_fill() ---- */

struct fake_net_received card_in;

static uint8_t frame[FAKE_NET_BYTES_MAX], got[FAKE_NET_BYTES_MAX];

const struct net_stats *card_stats(void)
{
    return &card.card.journal->queue[0].stats;
}

void card_emit(uint32_t len, uint32_t slot_bytes, uint32_t seed)
{
    card_fill(frame, len, seed);
    card_send(&(struct fake_net_packet){
        .frame = frame, .len = len, .slot_bytes = slot_bytes });
    fake_netfront_kick(card.front, 0);
}

void card_expect(uint32_t len, uint32_t seed)
{
    struct virtio_net_hdr hdr;

    CHECK_EQ(card_tap_take(&hdr, got), len);
    card_fill(frame, len, seed);
    assert_memory_equal(got, frame, len);
    CHECK_EQ(hdr.flags, 0);
    CHECK_EQ(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
}

void card_arrive(uint32_t len, uint32_t seed)
{
    card_fill(frame, len, seed);
    card_tap_put(NULL, frame, len);
}

void card_received(uint32_t len, uint32_t seed)
{
    card_receive(&card_in);
    CHECK_EQ(card_in.len, len);
    card_fill(frame, len, seed);
    assert_memory_equal(card_in.frame, frame, len);
    CHECK_EQ(card_in.gso_size, 0);
}
