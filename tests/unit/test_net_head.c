/* SPDX-License-Identifier: MIT */
/*
 * test_net_head.c - offloads: what a guest asks of the tap, and the tap of it
 */
#include "backends/net/net_csum.h"
#include "backends/net/net_head.h"
#include "common/checked.h"
#include "tests/unit/net_frames.h"
#include "tests/unit/test.h"

#define V4 XEN_NETIF_GSO_TYPE_TCPV4
#define V6 XEN_NETIF_GSO_TYPE_TCPV6
#define NEEDS VIRTIO_NET_HDR_F_NEEDS_CSUM
#define BLANK (NETRXF_csum_blank | NETRXF_data_validated)

static struct frame f, before;
static struct net_head h;
static struct net_packet packet;
static struct virtio_net_hdr hdr;
static struct net_head_rx rx;
static struct net_wiring takes;

/* A TCP packet, or of another transport, by kind; the checksum is blank. */
static void ip(bool v6, uint8_t proto, uint32_t payload)
{
    frame_ether(&f, v6 ? 0x86dd : 0x0800);
    if (v6)
        frame_ipv6(&f, FRAME_V6, proto);
    else
        frame_ipv4(&f, FRAME_V4, proto, 0);
    if (proto == IPPROTO_TCP)
        frame_tcp(&f, payload);
    else
        frame_udp(&f, 1000, 2000, payload);
}

static const char *to_tap(bool blank, uint8_t gso_type, uint16_t gso_size)
{
    struct iovec one = { f.b, f.len };

    packet = (struct net_packet){ .len = (uint16_t)f.len,
                                  .csum_blank = blank,
                                  .gso_type = gso_type,
                                  .gso_size = gso_size };
    before = f;
    memset(&hdr, 0xee, sizeof(hdr));
    net_head_read(&h, &one, 1);
    return net_head_to_tap(&packet, &h, &one, 1, &hdr);
}

static bool is_plain(void)
{
    static const struct virtio_net_hdr none;

    return memcmp(&hdr, &none, sizeof(hdr)) == 0;
}

TEST(a_packet_that_asks_nothing_gets_a_plain_header)
{
    ip(false, IPPROTO_TCP, 100);
    CHECK(to_tap(false, 0, 0) == NULL);
    CHECK(is_plain());
    frame_ether(&f, 0x88cc);
    CHECK(to_tap(false, 0, 0) == NULL);
    CHECK(is_plain());
    f.len = 1; /* (nothing is believed of lengths) */
    CHECK(to_tap(false, 0, 0) == NULL);
    CHECK(is_plain());
}

TEST(a_blank_checksum_is_where_its_transport_has_it)
{
    for (uint32_t v6 = 0; v6 < 2; v6++) {
        uint32_t l4 = v6 ? 54 : 34;

        ip(v6, IPPROTO_TCP, 10);
        CHECK(to_tap(true, 0, 0) == NULL);
        CHECK_EQ(hdr.flags, NEEDS);
        CHECK_EQ(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
        CHECK_EQ(hdr.gso_size, 0);
        CHECK_EQ(hdr.csum_start, l4);
        CHECK_EQ(hdr.csum_offset, 16);
        ip(v6, IPPROTO_UDP, 10);
        CHECK(to_tap(true, 0, 0) == NULL);
        CHECK_EQ(hdr.csum_start, l4);
        CHECK_EQ(hdr.csum_offset, 6);
        assert_memory_equal(f.b, before.b, f.len); /* the guest's seed stays */
    }
}

TEST(tags_options_and_extensions_move_it)
{
    frame_ether(&f, 0x0800);
    frame_tag(&f, 0x88a8);
    frame_tag(&f, 0x8100);
    frame_ipv4(&f, FRAME_V4, IPPROTO_TCP, 10);
    frame_tcp(&f, 4);
    CHECK(to_tap(true, 0, 0) == NULL);
    CHECK_EQ(hdr.csum_start, 14 + 8 + 60);
    frame_ether(&f, 0x86dd);
    frame_ipv6(&f, FRAME_V6, IPPROTO_HOPOPTS);
    frame_extension(&f, IPPROTO_ROUTING, 16);
    frame_extension(&f, IPPROTO_FRAGMENT, 8);
    frame_fragment(&f, IPPROTO_DSTOPTS, 0); /* of one piece */
    frame_extension(&f, IPPROTO_UDP, 8);
    frame_udp(&f, 1, 2, 3);
    CHECK(to_tap(true, 0, 0) == NULL);
    CHECK_EQ(hdr.csum_start, 54 + 40);
    CHECK_EQ(hdr.csum_offset, 6);
}

/* Each of them the tap would refuse, or send on as it is. */
TEST(a_checksum_that_does_not_fit_drops_the_packet)
{
    ip(false, IPPROTO_ICMP, 10);
    CHECK(to_tap(true, 0, 0) != NULL);
    ip(false, IPPROTO_TCP, 10);
    f.len = 34 + 19;
    CHECK(to_tap(true, 0, 0) != NULL);
    f.len = 34 + 20;
    CHECK(to_tap(true, 0, 0) == NULL);
    ip(false, IPPROTO_UDP, 10);
    f.len = 34 + 7;
    CHECK(to_tap(true, 0, 0) != NULL);
    f.len = 34 + 8;
    CHECK(to_tap(true, 0, 0) == NULL);
    f.len = 34;
    CHECK(to_tap(true, 0, 0) != NULL);
    for (uint32_t place = 1; place < 0x10000; place <<= 1) {
        ip(false, IPPROTO_UDP, 10);
        frame_u16(&f, 20, place);
        CHECK_EQ(to_tap(true, 0, 0) == NULL, place >= 0x4000);
        frame_ether(&f, 0x86dd);
        frame_ipv6(&f, FRAME_V6, IPPROTO_FRAGMENT);
        frame_fragment(&f, IPPROTO_UDP, (uint16_t)place);
        frame_udp(&f, 1, 2, 30);
        CHECK_EQ(to_tap(true, 0, 0) == NULL, place == 2 || place == 4);
    }
    frame_ether(&f, 0x0806);
    f.len = 100;
    CHECK(to_tap(true, 0, 0) != NULL);
    frame_ether(&f, 0x86dd); /* headers that we do not read so far */
    frame_ipv6(&f, FRAME_V6, IPPROTO_DSTOPTS);
    frame_extension(&f, IPPROTO_DSTOPTS, 72);
    frame_extension(&f, IPPROTO_TCP, 8);
    frame_tcp(&f, 10);
    CHECK(to_tap(true, 0, 0) != NULL);
    frame_ether(&f, 0x0800); /* three tags */
    for (uint32_t i = 0; i < 3; i++)
        frame_tag(&f, 0x8100);
    frame_ipv4(&f, FRAME_V4, IPPROTO_TCP, 0);
    frame_tcp(&f, 10);
    CHECK(to_tap(true, 0, 0) != NULL);
}

TEST(gso_says_headers_and_size)
{
    for (uint32_t v6 = 0; v6 < 2; v6++) {
        uint32_t l4 = v6 ? 54 : 34;

        ip(v6, IPPROTO_TCP, 20000);
        CHECK(to_tap(true, v6 ? V6 : V4, 1448) == NULL);
        CHECK_EQ(hdr.flags, NEEDS);
        CHECK_EQ(hdr.gso_type,
                 v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4);
        CHECK_EQ(hdr.gso_size, 1448);
        CHECK_EQ(hdr.hdr_len, l4 + 32);
        CHECK_EQ(hdr.csum_start, l4);
        CHECK_EQ(hdr.csum_offset, 16);
        f.b[l4 + 13] |= 0x80; /* CWR: of the first segment alone */
        CHECK(to_tap(true, v6 ? V6 : V4, 1448) == NULL);
        CHECK_EQ(hdr.gso_type,
                 (v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4) |
                     VIRTIO_NET_HDR_GSO_ECN);
    }
}

TEST(gso_of_one_segment_is_none)
{
    ip(false, IPPROTO_TCP, 1000);
    CHECK(to_tap(true, V4, 999) == NULL);
    CHECK_EQ(hdr.gso_size, 999);
    CHECK(to_tap(true, V4, 1000) == NULL);
    CHECK_EQ(hdr.gso_size, 0);
    CHECK_EQ(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
    CHECK_EQ(hdr.flags, NEEDS);
    f.len = 34 + 32; /* no payload */
    CHECK(to_tap(true, V4, 8) == NULL);
    CHECK_EQ(hdr.gso_type, VIRTIO_NET_HDR_GSO_NONE);
}

TEST(gso_that_does_not_fit_drops_the_packet)
{
    ip(false, IPPROTO_TCP, 5000);
    CHECK(to_tap(true, V6, 1448) != NULL);
    ip(true, IPPROTO_TCP, 5000);
    CHECK(to_tap(true, V4, 1448) != NULL);
    ip(false, IPPROTO_UDP, 5000);
    CHECK(to_tap(true, V4, 1448) != NULL);
    ip(false, IPPROTO_TCP, 5000);
    f.b[34 + 12] = 4 << 4; /* headers of 16 bytes */
    CHECK(to_tap(true, V4, 1448) != NULL);
    f.b[34 + 12] = 15 << 4;
    f.len = 34 + 59; /* of 60, beyond the frame */
    CHECK(to_tap(true, V4, 1448) != NULL);
    f.len = 34 + 60;
    CHECK(to_tap(true, V4, 1448) == NULL);
    frame_ether(&f, 0x0806);
    f.len = 100;
    CHECK(to_tap(false, V4, 1448) != NULL);
    ip(false, IPPROTO_TCP, 5000);
    frame_u16(&f, 20, 0x2000);
    CHECK(to_tap(true, V4, 1448) != NULL);
}

/* As some guests send it: the pseudo header's sum is written for them. */
TEST(gso_without_a_blank_checksum_is_made_one)
{
    for (uint32_t v6 = 0; v6 < 2; v6++) {
        uint32_t at = (v6 ? 54 : 34) + 16;

        ip(v6, IPPROTO_TCP, 5000);
        CHECK(to_tap(false, v6 ? V6 : V4, 1448) == NULL);
        CHECK_EQ(hdr.flags, NEEDS);
        CHECK_EQ(f.b[at] << 8 | f.b[at + 1], frame_pseudo(&f, IPPROTO_TCP));
        memcpy(before.b + at, f.b + at, 2);
        assert_memory_equal(f.b, before.b, f.len); /* and nothing else */
    }
}

/* Its header in pieces of every size, also the field that is written. */
TEST(pieces_make_no_difference)
{
    static struct virtio_net_hdr want;
    static struct frame whole;
    struct iovec piece[200];

    ip(true, IPPROTO_TCP, 5000);
    CHECK(to_tap(false, V6, 1000) == NULL);
    want = hdr;
    whole = f;
    for (uint32_t size = 1; size < 120; size++) {
        struct iovec *p = piece;
        uint32_t at = 0;

        f = before;
        *p++ = (struct iovec){ NULL, 0 };
        for (; at + size < 130; at += size)
            *p++ = (struct iovec){ f.b + at, size };
        *p++ = (struct iovec){ f.b + at, f.len - at };
        net_head_read(&h, piece, (uint32_t)(p - piece));
        CHECK_EQ(h.frame_len, f.len);
        CHECK_EQ(h.len, NET_HEAD_BYTES);
        CHECK(net_head_to_tap(&packet, &h, piece, (uint32_t)(p - piece),
                              &hdr) == NULL);
        assert_memory_equal(&hdr, &want, sizeof(hdr));
        assert_memory_equal(f.b, whole.b, f.len);
    }
}

static const char *to_guest(void)
{
    before = f;
    memset(&rx, 0xee, sizeof(rx));
    return net_head_to_guest(&takes, &hdr, f.b, f.len, &rx);
}

/* What a kernel says of a packet whose checksum it left to us. */
static void left(bool v6, uint8_t proto, uint32_t payload)
{
    uint16_t seed;

    ip(v6, proto, payload);
    seed = frame_pseudo(&f, proto);
    hdr =
        (struct virtio_net_hdr){ .flags = NEEDS,
                                 .csum_start = (uint16_t)f.l4,
                                 .csum_offset = proto == IPPROTO_TCP ? 16 : 6 };
    frame_u16(&f, f.l4 + hdr.csum_offset, seed);
    takes = (struct net_wiring){
        .sg = 1, .gso_v4 = 1, .gso_v6 = 1, .csum_v4 = 1, .csum_v6 = 1
    };
}

TEST(a_guest_fills_in_what_it_can)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t proto = i & 1 ? IPPROTO_TCP : IPPROTO_UDP;

        left(i & 2, proto, 77);
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.flags, BLANK);
        CHECK_EQ(rx.gso_size, 0);
        assert_memory_equal(f.b, before.b, f.len);
    }
}

TEST(what_it_cannot_is_filled_in)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t proto = i & 1 ? IPPROTO_TCP : IPPROTO_UDP;

        left(i & 2, proto, 77);
        if (i & 2)
            takes.csum_v6 = 0;
        else
            takes.csum_v4 = 0;
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.flags, 0);
        CHECK_EQ(frame_total(&f, proto), 0xffff);
    }
    /* Of a packet in a packet: netfront looks at the outer one. */
    left(false, IPPROTO_UDP, 200);
    hdr.csum_start = 34 + 8 + 40;
    hdr.csum_offset = 16;
    CHECK(to_guest() == NULL);
    CHECK_EQ(rx.flags, 0);
    CHECK(memcmp(f.b, before.b, f.len) != 0);
    memcpy(before.b + 34 + 8 + 56, f.b + 34 + 8 + 56, 2);
    assert_memory_equal(f.b, before.b, f.len);
    left(false, IPPROTO_UDP, 77); /* a fragment has no checksum of its own */
    frame_u16(&f, 20, 0x2000);
    CHECK(to_guest() == NULL);
    CHECK_EQ(rx.flags, 0);
    left(false, IPPROTO_ICMP, 77);
    CHECK(to_guest() == NULL);
    CHECK_EQ(rx.flags, 0);
}

/* A tag behind the addresses, as a bridge's trunk has it. */
static void tag(void)
{
    memmove(f.b + 16, f.b + 12, f.len - 12);
    frame_u16(&f, 12, 0x8100);
    frame_u16(&f, 14, 42);
    f.len += 4;
    f.l3 += 4;
    f.l4 += 4;
    hdr.csum_start += 4;
}

/* Linux's netfront drops what has a blank checksum behind a tag. */
TEST(behind_a_tag_no_guest_finds_a_checksum)
{
    for (uint32_t i = 0; i < 4; i++) {
        uint8_t proto = i & 1 ? IPPROTO_TCP : IPPROTO_UDP;

        left(i & 2, proto, 77);
        tag();
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.flags, 0);
        CHECK_EQ(frame_total(&f, proto), 0xffff);
    }
}

TEST(what_the_kernel_has_checked_is_said)
{
    left(false, IPPROTO_TCP, 10);
    hdr = (struct virtio_net_hdr){ .flags = VIRTIO_NET_HDR_F_DATA_VALID };
    CHECK(to_guest() == NULL);
    CHECK_EQ(rx.flags, NETRXF_data_validated);
    hdr.flags = 0;
    CHECK(to_guest() == NULL);
    CHECK_EQ(rx.flags, 0);
}

TEST(a_checksum_outside_the_packet_drops_it)
{
    static const struct {
        uint16_t start, offset;
        bool drop;
    } rows[] = {
        { 0, 16, true },     { 13, 16, true },       { 14, 0, false },
        { 72, 0, false }, /* the last two bytes */
        { 73, 0, true },     { 74, 0, true },        { 34, 38, false },
        { 34, 39, true },    { 65535, 65535, true }, { 65535, 0, true },
        { 34, 65535, true },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        left(false, IPPROTO_TCP, 8); /* 74 bytes */
        CHECK_EQ(f.len, 74);
        hdr.csum_start = rows[i].start;
        hdr.csum_offset = rows[i].offset;
        CHECK_EQ(to_guest() != NULL, rows[i].drop);
        if (rows[i].drop)
            assert_memory_equal(f.b, before.b, f.len);
        else
            CHECK_EQ(rx.flags, 0);
    }
}

static void left_gso(bool v6)
{
    left(v6, IPPROTO_TCP, 20000);
    hdr.gso_type = v6 ? VIRTIO_NET_HDR_GSO_TCPV6 : VIRTIO_NET_HDR_GSO_TCPV4;
    hdr.gso_size = 1448;
}

TEST(a_guest_segments_what_it_takes)
{
    for (uint32_t v6 = 0; v6 < 2; v6++) {
        left_gso(v6);
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.flags, BLANK);
        CHECK_EQ(rx.gso_size, 1448);
        CHECK_EQ(rx.gso_type, v6 ? V6 : V4);
        hdr.gso_type |= VIRTIO_NET_HDR_GSO_ECN;
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.gso_type, v6 ? V6 : V4);
        hdr.flags = 0; /* and has no sum of its pseudo header */
        frame_u16(&f, f.l4 + 16, 0x1234);
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.flags, BLANK);
        CHECK_EQ(f.b[f.l4 + 16] << 8 | f.b[f.l4 + 17],
                 frame_pseudo(&f, IPPROTO_TCP));
        left_gso(v6);
        takes.gso_v4 = v6;
        takes.gso_v6 = !v6;
        CHECK(to_guest() != NULL);
        left_gso(v6);
        takes.csum_v4 = v6;
        takes.csum_v6 = !v6;
        CHECK(to_guest() != NULL);
        left_gso(v6);
        f.len = f.l4 + 32 + 1448; /* one segment: anybody takes it */
        takes = (struct net_wiring){ 0 };
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.gso_size, 0);
        CHECK_EQ(rx.flags, 0);
        frame_u16(&f, f.l4 + 16, frame_pseudo(&f, IPPROTO_TCP));
        CHECK(to_guest() == NULL);
        CHECK_EQ(frame_total(&f, IPPROTO_TCP), 0xffff);
    }
}

/* Nor would it segment it there: it gets it in one, with its checksum. */
TEST(behind_a_tag_a_guest_gets_it_in_one)
{
    for (uint32_t i = 0; i < 4; i++) {
        left_gso(i & 1);
        tag();
        hdr.gso_type |= i & 2 ? VIRTIO_NET_HDR_GSO_ECN : 0;
        if (i & 2)
            hdr.flags = 0; /* and has no sum of its pseudo header */
        CHECK(to_guest() == NULL);
        CHECK_EQ(rx.flags, 0);
        CHECK_EQ(rx.gso_size, 0);
        CHECK_EQ(frame_total(&f, IPPROTO_TCP), 0xffff);
    }
}

/* It came by the tap; another guest may have made it. */
TEST(gso_that_does_not_fit_does_not_reach_the_guest)
{
#define BAD(what)                                                              \
    do {                                                                       \
        left_gso(false);                                                       \
        what;                                                                  \
        CHECK(to_guest() != NULL);                                             \
    } while (0)
    BAD(hdr.gso_size = 0);
    BAD(hdr.gso_size = NET_GSO_MIN - 1);
    BAD(hdr.gso_size = 65535);
    BAD(hdr.gso_type = VIRTIO_NET_HDR_GSO_TCPV6);
    BAD(hdr.gso_type = VIRTIO_NET_HDR_GSO_UDP);
    BAD(hdr.gso_type = 5); /* UDP_L4: netif.h has no such */
    BAD(hdr.gso_type = 0x7f);
    BAD(hdr.gso_type = VIRTIO_NET_HDR_GSO_ECN); /* of nothing */
    BAD(hdr.csum_start++);
    BAD(hdr.csum_offset = 6);
    BAD(f.b[f.l4 + 12] = 0);
    BAD(f.b[f.l3 + 9] = IPPROTO_UDP);
    BAD(frame_u16(&f, 12, 0x0806));
    BAD(f.len = f.l4 + 19);
    BAD(f.len = 13);
    BAD(f.len = 65535 + 14 + 8 + 1);
#undef BAD
    left_gso(false);
    f.len = 13;
    hdr = (struct virtio_net_hdr){ 0 };
    CHECK(to_guest() != NULL);
    f.len = 14;
    CHECK(to_guest() == NULL);
    f.len = 65535 + 14 + 8;
    CHECK(to_guest() == NULL);
}

RUN_TESTS(RULE(a_packet_that_asks_nothing_gets_a_plain_header),
          RULE(a_blank_checksum_is_where_its_transport_has_it),
          RULE(tags_options_and_extensions_move_it),
          RULE(a_checksum_that_does_not_fit_drops_the_packet),
          RULE(gso_says_headers_and_size), RULE(gso_of_one_segment_is_none),
          RULE(gso_that_does_not_fit_drops_the_packet),
          RULE(gso_without_a_blank_checksum_is_made_one),
          RULE(pieces_make_no_difference), RULE(a_guest_fills_in_what_it_can),
          RULE(what_it_cannot_is_filled_in),
          RULE(behind_a_tag_no_guest_finds_a_checksum),
          RULE(behind_a_tag_a_guest_gets_it_in_one),
          RULE(what_the_kernel_has_checked_is_said),
          RULE(a_checksum_outside_the_packet_drops_it),
          RULE(a_guest_segments_what_it_takes),
          RULE(gso_that_does_not_fit_does_not_reach_the_guest))
