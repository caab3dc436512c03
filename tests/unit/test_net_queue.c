/* SPDX-License-Identifier: MIT */
/*
 * test_net_queue.c - a queue as a whole: rings, check, copy, tap, answers
 *
 * The production objects, with their io_uring and a tap of sockets, between a
 * fake guest that behaves, or does not, and a network.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "backends/base/loop.h"
#include "backends/net/net_wire.h"
#include "common/checked.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"
#include "tests/unit/netcard.h"
#include "tests/unit/test.h"

#define LONG_NS 60000000000ull
#define PLAIN (&(struct fake_net_options){ 0 })

static uint8_t frame[FAKE_NET_BYTES_MAX], got[FAKE_NET_BYTES_MAX];

static void up(void)
{
    card_up(PLAIN, LONG_NS, NULL);
}

/* ---- guest to tap ---- */

TEST(what_the_guest_sends_reaches_the_tap)
{
    static const uint32_t len[] = { 14,   60,   1514, 4079,  4080, 4081,
                                    4096, 4097, 9014, 65535, 15 };

    up();
    for (uint32_t i = 0; i < ARRAY_SIZE(len); i++) {
        card_emit(len[i], 0, i);
        card_expect(len[i], i);
        if (len[i] / 200 >= 18)
            continue;
        card_emit(len[i], 200, i); /* as headers split over many slots */
        card_expect(len[i], i);
    }
    card_emit(18, 1, 3); /* 18 slots of a byte */
    card_expect(18, 3);
    card_await_answers();
    CHECK_EQ(fake_netfront_refused(card.front, 0), 0);
    CHECK_EQ(card_stats()->tx_packets, ARRAY_SIZE(len) + 4 + 1);
    card_down();
}

TEST(a_stream_comes_whole_and_in_order)
{
    uint32_t sent = 0, taken = 0;

    up();
    while (taken < 4000) {
        for (uint32_t i = 0; i < 40 && sent < 4000; i++, sent++)
            card_emit(60 + sent % 3000, 0, sent);
        for (; taken < sent; taken++)
            card_expect(60 + taken % 3000, taken);
    }
    card_await_answers();
    CHECK_EQ(card_stats()->tx_packets, 4000);
    CHECK(card_stats()->copies <= card_stats()->passes);
    card_down();
}

/* What a segment is, and where its checksum goes, comes with it. */
TEST(segments_and_checksums_are_the_taps_to_do)
{
    struct virtio_net_hdr hdr;

    up();
    for (uint32_t v6 = 0; v6 < 2; v6++) {
        uint32_t head = v6 ? CARD_TCP6_HEAD : CARD_TCP4_HEAD;

        card_fill_tcp(frame, 60000, v6, 5);
        card_send(&(struct fake_net_packet){
            .frame = frame,
            .len = 60000,
            .flags = NETTXF_csum_blank | NETTXF_data_validated,
            .gso_size = 1400,
            .gso_type =
                v6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4 });
        fake_netfront_kick(card.front, 0);
        CHECK_EQ(card_tap_take(&hdr, got), 60000);
        assert_memory_equal(got, frame, 60000);
        CHECK_EQ(hdr.flags, VIRTIO_NET_HDR_F_NEEDS_CSUM);
        CHECK_EQ(hdr.gso_type,
                 v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4);
        CHECK_EQ(hdr.gso_size, 1400);
        CHECK_EQ(hdr.csum_start, head - 20);
        CHECK_EQ(hdr.csum_offset, 16);
        CHECK_EQ(hdr.hdr_len, head);
    }
    card_await_answers();
    CHECK_EQ(card_stats()->tx_gso, 2);
    card_down();
}

/* T13: one page that is not granted, at any place of a pass. */
TEST(a_bad_grant_drops_its_packet_alone)
{
    uint32_t refused;

    up();
    for (uint32_t bad = 0; bad < 6; bad++) {
        fake_fail_copy_at(1 + bad); /* 6 slots: 1, 4, 1 */
        card_emit(100, 0, 1);
        card_emit(16384, 0, 2);
        card_emit(200, 0, 3);
        if (bad != 0)
            card_expect(100, 1);
        if (bad == 0 || bad == 5)
            card_expect(16384, 2);
        if (bad != 5)
            card_expect(200, 3);
        card_await_answers();
    }
    refused = fake_netfront_refused(card.front, 0);
    CHECK_EQ(refused, 1 + 4 * 4 + 1);
    CHECK_EQ(card_stats()->tx_errors, 6);
    CHECK(card_tap_is_empty());
    card_down();
}

static void put(uint32_t number, uint16_t off, uint16_t size, uint16_t flags)
{
    netif_tx_request_t r = {
        .gref = fake_netfront_ref(card.front, 0, number),
        .offset = off,
        .flags = flags,
        .id = (uint16_t)number,
        .size = size,
    };

    fake_netfront_put(card.front, 0, &r);
}

TEST(nineteen_slots_are_dropped_and_answered)
{
    up();
    put(0, 0, 19 * 64, NETTXF_more_data);
    for (uint32_t i = 1; i < 19; i++)
        put(i, 0, 64, i < 18 ? NETTXF_more_data : 0);
    fake_netfront_kick(card.front, 0);
    card_await_answers();
    CHECK_EQ(fake_netfront_refused(card.front, 0), 19);
    card_emit(60, 0, 1);
    card_expect(60, 1);
    card_down();
}

static void extra(uint8_t type, uint8_t flags, uint8_t gso_type, uint16_t size)
{
    netif_extra_info_t x[2];

    memset(x, 0, sizeof(x));
    x[0].type = type;
    x[0].flags = flags;
    x[0].u.gso.type = gso_type;
    x[0].u.gso.size = size;
    fake_netfront_put(card.front, 0, x);
}

static void crosses_page(void)
{
    put(0, 4000, 97, 0);
}
static void has_20_slots(void)
{
    put(0, 0, 20 * 64, NETTXF_more_data);
    for (uint32_t i = 1; i < 20; i++)
        put(i, 0, 64, i < 19 ? NETTXF_more_data : 0);
}
static void has_no_end(void)
{
    put(0, 0, 200, NETTXF_more_data);
}
static void lacks_its_extra(void)
{
    put(0, 0, 200, NETTXF_extra_info);
}
static void has_extra_0(void)
{
    put(0, 0, 200, NETTXF_extra_info);
    extra(0, 0, 0, 0);
}
static void has_endless_extras(void)
{
    put(0, 0, 200, NETTXF_extra_info);
    for (uint32_t i = 0; i < 200; i++)
        extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE, 1, 1400);
}
static void has_segments_of_nothing(void)
{
    put(0, 0, 200, NETTXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, XEN_NETIF_GSO_TYPE_TCPV4, 0);
}
static void has_an_odd_gso(void)
{
    put(0, 0, 200, NETTXF_extra_info);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0, 7, 1400);
}
static void claims_too_much(void)
{
    fake_netfront_tx(card.front, 0)->req_prod += 300;
    fake_netfront_ring(card.front, 0);
}
static void claims_too_many_buffers(void)
{
    fake_netfront_rx(card.front, 0)->req_prod += 300;
    fake_netfront_ring(card.front, 0);
}

/* T1, T2, T4: the vif stops, says why, and can be connected anew. */
TEST(a_guest_that_breaks_the_protocol_ends_its_own_vif)
{
    static void (*const how[])(void) = {
        crosses_page,    has_20_slots,
        has_no_end,      lacks_its_extra,
        has_extra_0,     has_endless_extras,
        has_an_odd_gso,  has_segments_of_nothing,
        claims_too_much, claims_too_many_buffers,
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(how); i++) {
        struct net_queue_news news;
        bool is_packet = i < ARRAY_SIZE(how) - 2;

        up();
        if (is_packet) { /* what came before it goes */
            card_fill(frame, 60, 9);
            card_send(&(struct fake_net_packet){ .frame = frame, .len = 60 });
        }
        how[i]();
        if (is_packet)
            fake_netfront_kick(card.front, 0);
        card_await(NET_QUEUE_BROKEN);
        net_queue_news(card.queue, &news);
        CHECK_HAS(news.why, "queue 0: ");
        if (is_packet) {
            card_expect(60, 9);
            while (fake_netfront_tx(card.front, 0)->rsp_prod == 0xffffffc0)
                usleep(100);
        }
        card_leave();
        CHECK(card_tap_is_empty());
        fake_netfront_free(card.front);
        card.front = fake_netfront_new(CARD_GUEST, PLAIN);
        card_join(false);
        card_await(NET_QUEUE_SERVING);
        card_emit(60, 0, i);
        card_expect(60, i);
        card_down();
    }
}

/* Sizes that lie lose the packet, and no other. */
TEST(sizes_that_lie_lose_their_packet)
{
    up();
    put(0, 0, 13, 0); /* no Ethernet header */
    put(1, 0, 0, 0);  /* nothing */
    put(2, 0, 100, NETTXF_more_data);
    put(3, 0, 101, 0);   /* more than the whole */
    put(4, 0, 60000, 0); /* a page crossed? 0 + 60000: the vif ends */
    fake_netfront_tx(card.front, 0)->req_prod += 4;
    fake_netfront_ring(card.front, 0);
    while (fake_netfront_tx(card.front, 0)->rsp_prod !=
           (uint32_t)(0xffffffc0 + 4))
        usleep(100);
    CHECK_EQ(card_stats()->tx_errors, 3);
    fake_netfront_kick(card.front, 0);
    card_await(NET_QUEUE_BROKEN);
    CHECK(card_tap_is_empty());
    card_down();
}

TEST(what_the_guest_is_not_does_not_leave)
{
    struct net_rules rules = { .mac = { 0, 0x16, 0x3e, 1, 2, 3 } };

    card_up(PLAIN, LONG_NS, &rules);
    card_emit(60, 0, 1);
    card_await_answers();
    CHECK(card_tap_is_empty());
    CHECK_EQ(card_stats()->tx_spoofed, 1);
    card_fill(frame, 60, 1);
    memcpy(frame + 6, rules.mac, 6);
    card_send(&(struct fake_net_packet){ .frame = frame, .len = 60 });
    fake_netfront_kick(card.front, 0);
    CHECK_EQ(card_tap_take(&(struct virtio_net_hdr){ 0 }, got), 60);
    rules.any_mac = 1;
    net_queue_rules(card.queue, &rules);
    for (uint32_t i = 0; card_tap_is_empty() && i < 20000; i++) {
        card_emit(60, 0, 1); /* until the queue has heard of it */
        card_await_answers();
    }
    card_expect(60, 1);
    card_down();
}

/* ---- the rate ---- */

TEST(a_rate_holds_packets_and_loses_none)
{
    struct net_rules rules = { .any_mac = 1,
                               .rate_bytes = 10000, /* 1 MB/s */
                               .rate_usecs = 10000 };
    uint64_t start_ns = loop_now_ns();

    card_up(PLAIN, LONG_NS, &rules);
    for (uint32_t i = 0; i < 200; i++) {
        card_emit(1000, 0, i);
        if (i % 50 == 49)
            for (uint32_t k = i - 49; k <= i; k++)
                card_expect(1000, k);
    }
    card_await_answers();
    CHECK(loop_now_ns() - start_ns >= 150000000); /* 200, less a burst */
    CHECK(card_stats()->waits > 0);
    CHECK_EQ(card_stats()->tx_packets, 200);
    card_down();
}

/* A packet that would wait for minutes goes when the rate does. */
TEST(a_rate_that_is_lifted_holds_nothing)
{
    struct net_rules rules = { .any_mac = 1,
                               .rate_bytes = 1,
                               .rate_usecs = 1000000 };

    card_up(PLAIN, LONG_NS, &rules);
    card_emit(1000, 0, 1);
    card_emit(1000, 0, 2);
    card_expect(1000, 1);
    while (card_stats()->waits == 0)
        usleep(100);
    net_rate_set(&card.card.rate, 0, 0);
    net_queue_rules(card.queue, &rules);
    card_expect(1000, 2);
    card_down();
}

TEST(leaving_does_not_wait_for_a_rate)
{
    struct net_rules rules = { .any_mac = 1,
                               .rate_bytes = 1,
                               .rate_usecs = 1000000 };

    card_up(PLAIN, LONG_NS, &rules);
    for (uint32_t i = 0; i < 10; i++)
        card_emit(1000, 0, i);
    card_expect(1000, 0);
    card_down();
}

/* Nobody reads at the other end, and its buffer is full. */
TEST(leaving_does_not_wait_for_a_tap_that_takes_nothing)
{
    int bytes = 4096;

    up();
    CHECK_EQ(setsockopt(card.card.tap_fd[0], SOL_SOCKET, SO_SNDBUF, &bytes,
                        sizeof(bytes)),
             0);
    for (uint32_t i = 0; i < 100; i++) {
        card_fill(frame, 1000, i);
        card_send(&(struct fake_net_packet){ .frame = frame, .len = 1000 });
    }
    fake_netfront_kick(card.front, 0);
    while (card_tap_is_empty())
        usleep(100);
    card_leave(); /* each is answered, or it would not end */
    CHECK_EQ(fake_netfront_tx(card.front, 0)->rsp_prod,
             (uint32_t)(0xffffffc0 + 100));
    CHECK(card_stats()->tx_dropped > 0);
    card_join(false);
    card_await(NET_QUEUE_SERVING);
    CHECK_EQ(fake_netfront_reap(card.front, 0), 100);
    card_down();
}

/* ---- tap to guest ---- */

TEST(what_the_tap_has_reaches_the_guest)
{
    static const uint32_t len[] = { 14,   60,    1514,  4096, 4097,
                                    9014, 65535, 65536, 65557 };

    up();
    for (uint32_t i = 0; i < 10 * ARRAY_SIZE(len); i++) {
        fake_netfront_post(card.front, 0, 20);
        card_arrive(len[i % ARRAY_SIZE(len)], i);
        card_received(len[i % ARRAY_SIZE(len)], i);
        CHECK_EQ(card_in.nr_slots, (card_in.len + 4095) / 4096);
    }
    CHECK_EQ(card_stats()->rx_packets, 10 * ARRAY_SIZE(len));
    card_down();
}

TEST(a_flood_reaches_the_guest_in_order)
{
    uint32_t put_nr = 0, taken = 0;

    up();
    while (taken < 5000) {
        fake_netfront_post(card.front, 0, 256);
        for (; put_nr < taken + 100 && put_nr < 5000; put_nr++)
            card_arrive(60 + put_nr % 1500, put_nr);
        for (; taken < put_nr; taken++)
            card_received(60 + taken % 1500, taken);
    }
    CHECK_EQ(card_stats()->rx_packets, 5000);
    CHECK(card_stats()->copies < 5000); /* they went in batches */
    card_down();
}

/* Segments and checksums go on as they are, if the guest takes them. */
TEST(a_guest_is_told_of_segments_and_checksums)
{
    struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                  .gso_size = 1400,
                                  .csum_offset = 16 };

    for (uint32_t headroom = 0; headroom <= 256; headroom += 256)
        for (uint32_t v6 = 0; v6 < 2; v6++) {
            card_up(
                &(struct fake_net_options){ .headroom = (uint16_t)headroom },
                LONG_NS, NULL);
            fake_netfront_post(card.front, 0, 256);
            hdr.gso_type =
                v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
            hdr.hdr_len = v6 ? CARD_TCP6_HEAD : CARD_TCP4_HEAD;
            hdr.csum_start = hdr.hdr_len - 20;
            card_fill_tcp(frame, 60000, v6, 1);
            card_tap_put(&hdr, frame, 60000);
            card_receive(&card_in);
            CHECK_EQ(card_in.len, 60000);
            assert_memory_equal(card_in.frame, frame, 60000);
            CHECK_EQ(card_in.flags &
                         (NETRXF_csum_blank | NETRXF_data_validated),
                     NETRXF_csum_blank | NETRXF_data_validated);
            CHECK_EQ(card_in.gso_size, 1400);
            CHECK_EQ(card_in.gso_type,
                     v6 ? XEN_NETIF_GSO_TYPE_TCPV6 : XEN_NETIF_GSO_TYPE_TCPV4);
            CHECK_EQ(card_in.headroom, headroom);
            CHECK_EQ(card_in.nr_slots, headroom ? 18 : 16);
            card_down();
        }
}

static uint32_t l4_sum(const uint8_t *at, uint32_t len, uint32_t sum)
{
    for (uint32_t i = 0; i + 1 < len; i += 2)
        sum += (uint32_t)at[i] << 8 | at[i + 1];
    if (len % 2)
        sum += (uint32_t)at[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* GRO makes packets as long as IP can say. */
TEST(the_longest_segments_that_linux_makes_fit)
{
    static const uint32_t len[] = { 65535 + 14, 65500, 65522, 65536 };
    struct virtio_net_hdr hdr = {
        .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
        .gso_type = VIRTIO_NET_HDR_GSO_TCPV4,
        .gso_size = 1448,
        .hdr_len = CARD_TCP4_HEAD,
        .csum_start = CARD_TCP4_HEAD - 20,
        .csum_offset = 16,
    };

    up();
    for (uint32_t i = 0; i < ARRAY_SIZE(len); i++) {
        fake_netfront_post(card.front, 0, 256);
        card_fill_tcp(frame, len[i], false, i);
        card_tap_put(&hdr, frame, len[i]);
        card_receive(&card_in);
        CHECK_EQ(card_in.len, len[i]);
        CHECK_EQ(card_in.gso_size, 1448);
        CHECK_EQ(card_in.nr_slots, (len[i] + 4095) / 4096 + 1);
        assert_memory_equal(card_in.frame, frame, len[i]);
    }
    CHECK_EQ(card_stats()->rx_dropped, 0);
    card_down();
    /* And who takes no blank checksum gets it filled in. */
    card_up(&(struct fake_net_options){ .no_csum_v6 = true }, LONG_NS, NULL);
    fake_netfront_post(card.front, 0, 256);
    card_fill_tcp(frame, 65535 + 14, true, 1);
    hdr.gso_type = VIRTIO_NET_HDR_GSO_NONE;
    hdr.csum_start = CARD_TCP6_HEAD - 20;
    card_tap_put(&hdr, frame, 65535 + 14);
    card_receive(&card_in);
    CHECK_EQ(card_in.len, 65535 + 14);
    CHECK_EQ(l4_sum(card_in.frame + CARD_TCP6_HEAD - 20,
                    card_in.len - (CARD_TCP6_HEAD - 20), 0),
             0xffff);
    card_down();
}

/* A program is attached in the guest, and detached, while it is served. */
TEST(headroom_comes_and_goes)
{
    uint32_t nr = 0;

    up();
    for (uint32_t round = 0; round < 2; round++)
        do { /* the queue hears of it while packets go by */
            net_queue_headroom(card.queue, round ? 0 : 256);
            fake_netfront_post(card.front, 0, 256);
            card_arrive(1000, nr);
            card_received(1000, nr++);
        } while (card_in.headroom != (round ? 0 : 256));
    card_down();
}

/* The sum of all 16-bit words from the transport header on, pseudo and all. */
static uint32_t tcp6_sum(const uint8_t *f, uint32_t len)
{
    uint32_t sum = 6 + len - 54;

    for (uint32_t i = 22; i + 1 < len; i += 2)
        sum += (uint32_t)f[i] << 8 | f[i + 1];
    if (len % 2)
        sum += (uint32_t)f[len - 1] << 8;
    while (sum >> 16)
        sum = (sum & 0xffff) + (sum >> 16);
    return sum;
}

/* While it waits for buffers, too: it is filled in once. */
TEST(a_checksum_that_the_guest_does_not_do_is_done)
{
    struct virtio_net_hdr hdr = { .flags = VIRTIO_NET_HDR_F_NEEDS_CSUM,
                                  .csum_start = 54,
                                  .csum_offset = 16 };
    uint32_t pseudo = 6 + 1000 - 54;

    card_up(&(struct fake_net_options){ .no_csum_v6 = true }, LONG_NS, NULL);
    card_fill_tcp(frame, 1000, true, 1);
    for (uint32_t i = 22; i < 54; i += 2)
        pseudo += (uint32_t)frame[i] << 8 | frame[i + 1];
    while (pseudo >> 16)
        pseudo = (pseudo & 0xffff) + (pseudo >> 16);
    frame[70] = (uint8_t)(pseudo >> 8);
    frame[71] = (uint8_t)pseudo;
    for (uint32_t i = 0; i < 8; i++) {
        card_tap_put(&hdr, frame, 1000);
        for (uint32_t k = 0; k < i; k++) { /* it looks, and finds no buffer */
            fake_netfront_ring(card.front, 0);
            usleep(1000);
        }
        fake_netfront_post(card.front, 0, 1);
        card_receive(&card_in);
        CHECK_EQ(card_in.len, 1000);
        CHECK_EQ(tcp6_sum(card_in.frame, 1000), 0xffff);
        CHECK_EQ(card_in.flags & NETRXF_csum_blank, 0);
    }
    card_down();
}

/* A guest of one slot a packet. */
TEST(a_packet_of_more_slots_than_the_guest_takes_is_dropped)
{
    card_up(&(struct fake_net_options){ .no_sg = true }, LONG_NS, NULL);
    fake_netfront_post(card.front, 0, 10);
    card_arrive(4097, 1);
    card_arrive(4096, 2);
    card_received(4096, 2);
    CHECK_EQ(card_stats()->rx_dropped, 1);
    card_down();
}

TEST(a_bad_buffer_loses_its_packet_alone)
{
    up();
    fake_netfront_post(card.front, 0, 10);
    /* Slot 0xc1 is the second one, by its index. */
    fake_grant_set(CARD_GUEST, fake_netfront_rx_ref(card.front, 0, 0xc2),
                   FAKE_RO);
    card_arrive(100, 1);
    card_arrive(8192, 2);
    card_arrive(200, 3);
    card_received(100, 1);
    card_received(200, 3);
    CHECK_EQ(fake_netfront_lost(card.front, 0), 2);
    CHECK_EQ(card_stats()->rx_dropped, 1);
    card_down();
}

/* ---- events ---- */

TEST(rings_may_have_ports_of_their_own)
{
    card_up(&(struct fake_net_options){ .split = true }, LONG_NS, NULL);
    for (uint32_t i = 0; i < 300; i++) {
        card_emit(100, 0, i);
        card_expect(100, i);
        card_arrive(100, i);
        fake_netfront_post(card.front, 0, 1);
        card_received(100, i);
    }
    card_await_answers();
    card_down();
}

TEST(a_storm_of_events_costs_few_wake_ups)
{
    for (uint32_t split = 0; split < 2; split++) {
        uint64_t kicks;

        card_up(&(struct fake_net_options){ .split = split }, LONG_NS, NULL);
        card_emit(60, 0, 1);
        card_expect(60, 1);
        kicks = card_stats()->kicks;
        fake.storms = true; /* whatever is unmasked rings at once */
        fake_netfront_ring(card.front, 0);
        usleep(200000);
        fake.storms = false;
        CHECK(card_stats()->kicks - kicks >= 10);
        CHECK(card_stats()->kicks - kicks <= 60 * (1 + split));
        card_emit(60, 0, 2); /* and it still serves */
        card_expect(60, 2);
        card_down();
    }
}

TEST(a_tap_that_is_gone_breaks_the_queue)
{
    struct net_queue_news news;

    up();
    fake_netfront_post(card.front, 0, 10);
    CHECK_EQ(shutdown(card.tap_fd, SHUT_RDWR), 0);
    card_await(NET_QUEUE_BROKEN);
    net_queue_news(card.queue, &news);
    CHECK_HAS(news.why, "tap");
    card_down();
}

/* Pages of this process that are in memory. */
static long resident_pages(void)
{
    FILE *f = fopen("/proc/self/statm", "re");
    long size, resident;

    CHECK(f != NULL);
    CHECK_EQ(fscanf(f, "%ld %ld", &size, &resident), 2);
    fclose(f);
    return resident;
}

TEST(a_queue_at_rest_gives_its_memory_back)
{
    long busy;

    up();
    for (uint32_t i = 0; i < 12; i++) {
        card_fill(frame, 65535, i);
        card_send(&(struct fake_net_packet){ .frame = frame, .len = 65535 });
    }
    fake_netfront_kick(card.front, 0);
    for (uint32_t i = 0; i < 12; i++)
        card_expect(65535, i);
    card_await_answers();
    busy = resident_pages();
    for (uint32_t i = 0; i < 100 && resident_pages() > busy - 150; i++)
        usleep(100000);
    CHECK(resident_pages() <= busy - 150); /* of 192 */
    card_emit(65535, 0, 7);                /* and it goes on */
    card_expect(65535, 7);
    card_down();
}

/* Its rings would be unmapped before it has looked at them. */
TEST(a_queue_that_was_told_to_connect_is_not_idle)
{
    struct net_queue_news news;

    up();
    for (uint32_t i = 0; i < 20; i++) {
        card_leave();
        card_join(false);
        net_queue_news(card.queue, &news);
        CHECK(news.state != NET_QUEUE_IDLE);
    }
    card_down();
}

RUN_TESTS(RULE(what_the_guest_sends_reaches_the_tap),
          RULE(a_stream_comes_whole_and_in_order),
          RULE(segments_and_checksums_are_the_taps_to_do),
          RULE(a_bad_grant_drops_its_packet_alone),
          RULE(nineteen_slots_are_dropped_and_answered),
          RULE(a_guest_that_breaks_the_protocol_ends_its_own_vif),
          RULE(sizes_that_lie_lose_their_packet),
          RULE(what_the_guest_is_not_does_not_leave),
          RULE(a_rate_holds_packets_and_loses_none),
          RULE(a_rate_that_is_lifted_holds_nothing),
          RULE(leaving_does_not_wait_for_a_rate),
          RULE(leaving_does_not_wait_for_a_tap_that_takes_nothing),
          RULE(what_the_tap_has_reaches_the_guest),
          RULE(a_flood_reaches_the_guest_in_order),
          RULE(a_guest_is_told_of_segments_and_checksums),
          RULE(the_longest_segments_that_linux_makes_fit),
          RULE(a_checksum_that_the_guest_does_not_do_is_done),
          RULE(a_packet_of_more_slots_than_the_guest_takes_is_dropped),
          RULE(a_bad_buffer_loses_its_packet_alone),
          RULE(headroom_comes_and_goes),
          RULE(rings_may_have_ports_of_their_own),
          RULE(a_storm_of_events_costs_few_wake_ups),
          RULE(a_tap_that_is_gone_breaks_the_queue),
          RULE(a_queue_at_rest_gives_its_memory_back),
          RULE(a_queue_that_was_told_to_connect_is_not_idle))
