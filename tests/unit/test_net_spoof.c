/* SPDX-License-Identifier: MIT */
/*
 * test_net_spoof.c - from what addresses a guest may send
 */
#include "backends/net/net_spoof.h"
#include "common/checked.h"
#include "tests/unit/net_frames.h"
#include "tests/unit/test.h"

#define OTHER_V4 "\x0a\0\0\x06"
#define OTHER_V6 "\x20\x01\x0d\xb8\0\0\0\0\0\0\0\0\0\0\0\x06"

enum { ARP = 0x0806, V4 = 0x0800, V6 = 0x86dd, TAG = 0x8100, QTAG = 0x88a8 };

static struct frame f;
static struct net_rules rules;

static void fresh(bool addresses)
{
    rules = (struct net_rules){ 0 };
    memcpy(rules.mac, FRAME_MAC, 6);
    if (!addresses)
        return;
    rules.nr_addresses = 3;
    memcpy(rules.address[0].bytes, "\x0a\0\0\x63", 4);
    memcpy(rules.address[1].bytes, FRAME_V4, 4);
    rules.address[2].is_v6 = 1;
    memcpy(rules.address[2].bytes, FRAME_V6, 16);
}

/* In one piece, and byte by byte: it is judged the same. */
static const char *judge(void)
{
    struct iovec one = { f.b, f.len }, each[200];
    uint32_t nr = MIN_OF(f.len, 199);
    struct net_head h;
    const char *why;

    net_head_read(&h, &one, 1);
    why = net_spoof(&rules, &h);
    for (uint32_t i = 0; i < nr; i++)
        each[i] = (struct iovec){ f.b + i, 1 };
    each[nr] = (struct iovec){ f.b + nr, f.len - nr };
    net_head_read(&h, each, nr + 1);
    CHECK(net_spoof(&rules, &h) == why);
    return why;
}

#define GOES() CHECK(judge() == NULL)
#define STOPS(words)                                                           \
    do {                                                                       \
        const char *got_why = judge();                                         \
        CHECK(got_why != NULL);                                                \
        CHECK_HAS(got_why, words);                                             \
    } while (0)

static void arp(uint8_t op, const char *mac, const char *ip)
{
    frame_ether(&f, ARP);
    frame_put(&f, "\0\1\x08\0\6\4\0", 7);
    frame_put(&f, &op, 1);
    frame_put(&f, mac, 6);
    frame_put(&f, ip, 4);
    frame_put(&f, "\0\0\0\0\0\0\x0a\0\0\1", 10);
}

static void v4(const char *from)
{
    frame_ether(&f, V4);
    frame_ipv4(&f, from, IPPROTO_UDP, 0);
    frame_udp(&f, 1000, 53, 20);
}

static void v6(const char *from)
{
    frame_ether(&f, V6);
    frame_ipv6(&f, from, IPPROTO_UDP);
    frame_udp(&f, 1000, 53, 20);
}

static void icmp6(const char *from, uint8_t type, const char *target)
{
    frame_ether(&f, V6);
    frame_ipv6(&f, from, IPPROTO_ICMPV6);
    memset(f.b + f.len, 0, 24);
    f.b[f.len] = type;
    memcpy(f.b + f.len + 8, target, 16);
    f.len += 24;
}

TEST(the_source_is_the_cards_unless_any_may_be)
{
    for (uint32_t i = 0; i < 6; i++) {
        fresh(false);
        v4(OTHER_V4);
        GOES();
        f.b[6 + i] ^= 1;
        STOPS("another MAC");
        rules.any_mac = 1;
        GOES();
    }
    fresh(false);
    frame_ether(&f, 0x88cc);
    GOES();
    f.len = 13;
    STOPS("smaller");
}

TEST(arp_says_the_cards_address)
{
    for (uint8_t op = 1; op <= 2; op++) {
        fresh(false);
        arp(op, FRAME_MAC, OTHER_V4);
        GOES();
        arp(op, "\x00\x16\x3e\x01\x02\x04", FRAME_V4);
        STOPS("ARP of another MAC");
        rules.any_mac = 1;
        GOES();
        fresh(true);
        arp(op, FRAME_MAC, FRAME_V4);
        GOES();
        arp(op, FRAME_MAC, "\x0a\0\0\x63");
        GOES();
        arp(op, FRAME_MAC, OTHER_V4);
        STOPS("ARP of another IPv4");
    }
    fresh(false);
    arp(2, "\x00\x16\x3e\x01\x02\x04", FRAME_V4);
    f.b[14 + 1] = 6; /* IEEE 802, which is as good to Linux */
    STOPS("ARP of another MAC");
    fresh(true);
    arp(2, FRAME_MAC, OTHER_V4);
    f.b[14 + 1] = 6;
    STOPS("ARP of another IPv4");
    arp(1, FRAME_MAC, FRAME_NONE); /* a probe */
    GOES();
    arp(2, FRAME_MAC, FRAME_NONE);
    STOPS("ARP of another IPv4");
    arp(1, FRAME_MAC, FRAME_V4);
    f.b[14 + 4] = 8; /* hardware addresses of 8 bytes: all is elsewhere */
    STOPS("not whole");
    arp(1, FRAME_MAC, FRAME_V4);
    f.len = 14 + 27;
    STOPS("not whole");
}

TEST(addresses_that_are_given_are_all)
{
    fresh(true);
    v4(FRAME_V4);
    GOES();
    v4(OTHER_V4);
    STOPS("another IPv4");
    v6(FRAME_V6);
    GOES();
    v6(OTHER_V6);
    STOPS("another IPv6");
    v6(FRAME_LL);
    GOES();
    /* A v4 address is none of a v6 that begins with it, nor the other way. */
    v6(FRAME_V4 "\0\0\0\0\0\0\0\0\0\0\0\0");
    STOPS("another IPv6");
    v4("\x20\x01\x0d\xb8");
    STOPS("another IPv4");
    rules.nr_addresses = 2; /* of IPv4 alone: IPv6 has none */
    v6(FRAME_V6);
    STOPS("another IPv6");
    rules.any_mac = 1; /* frees MACs alone */
    v4(OTHER_V4);
    STOPS("another IPv4");
    fresh(false);
    v4(OTHER_V4);
    GOES();
    v6(OTHER_V6);
    GOES();
}

#define ROUTER_LL "\xfe\x80\0\0\0\0\0\0\0\0\0\0\0\0\0\1"

/* Else it could say that it is its router, or another guest. */
TEST(of_link_local_addresses_the_macs_is_its_own)
{
    fresh(true);
    v6(FRAME_LL);
    GOES();
    icmp6(FRAME_LL, 136, FRAME_LL);
    GOES();
    for (uint32_t i = 0; i < 16; i++) {
        v6(FRAME_LL);
        f.b[f.l3 + 8 + i] ^= 2;
        STOPS("another IPv6");
        icmp6(FRAME_V6, 136, FRAME_LL);
        f.b[f.l4 + 8 + i] ^= 2;
        STOPS("advertisement of another");
    }
    v6(ROUTER_LL);
    STOPS("another IPv6");
    icmp6(FRAME_V6, 136, ROUTER_LL);
    STOPS("advertisement of another");
    memcpy(rules.address[2].bytes, ROUTER_LL, 16); /* it is listed */
    v6(ROUTER_LL);
    GOES();
    icmp6(ROUTER_LL, 136, ROUTER_LL);
    GOES();
    rules.nr_addresses = 2; /* of IPv4 alone */
    v6(FRAME_LL);
    GOES();
    v6(ROUTER_LL);
    STOPS("another IPv6");
}

/* For one that makes its own, as RFC 7217 has it. */
TEST(any_link_local_address_goes_where_that_is_said)
{
    fresh(true);
    rules.address[rules.nr_addresses++] =
        (struct net_address){ .is_v6 = 1, .any_link_local = 1 };
    v6(ROUTER_LL);
    GOES();
    icmp6(ROUTER_LL, 136, ROUTER_LL);
    GOES();
    v6("\xfe\xbf\0\0\0\0\0\0\0\0\0\0\0\0\0\1"); /* fe80::/10 */
    GOES();
    v6("\xfe\xc0\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
    STOPS("another IPv6");
    v6("\xfe\x7f\0\0\0\0\0\0\0\0\0\0\0\0\0\1");
    STOPS("another IPv6");
    v6(FRAME_NONE); /* which its entry has for bytes */
    STOPS("another IPv6");
    v6(OTHER_V6);
    STOPS("another IPv6");
    icmp6(ROUTER_LL, 134, OTHER_V6);
    STOPS("router's word");
    v4(FRAME_NONE);
    STOPS("another IPv4");
}

TEST(a_number_of_addresses_that_lies_reads_no_further)
{
    fresh(true);
    rules.nr_addresses = 255;
    v4(OTHER_V4);
    STOPS("another IPv4");
}

/* At each depth of tags that we look through; deeper is not looked into. */
TEST(tags_hide_nothing)
{
    static const uint16_t tag[] = { TAG, QTAG, 0x9100 };

    fresh(true);
    for (uint32_t i = 0; i < ARRAY_SIZE(tag); i++)
        for (uint32_t nr = 1; nr <= 3; nr++) {
            for (uint32_t bad = 0; bad < 2; bad++) {
                frame_ether(&f, V4);
                for (uint32_t k = 0; k < nr; k++)
                    frame_tag(&f, tag[i]);
                frame_ipv4(&f, bad ? OTHER_V4 : FRAME_V4, IPPROTO_UDP, 0);
                frame_udp(&f, 1, 2, 10);
                if (nr == 3)
                    STOPS("not whole");
                else if (bad)
                    STOPS("another IPv4");
                else
                    GOES();
            }
        }
    frame_ether(&f, V4);
    frame_tag(&f, TAG);
    f.len = 16; /* in the middle of it */
    STOPS("not whole");
    frame_ether(&f, 20);
    frame_put(&f, "\xaa\xaa\x03\0\0\0\x08\0", 8);
    STOPS("SNAP");
    frame_ether(&f, 20);
    frame_put(&f, "\x42\x42\x03\0\0\0\x08\0", 8);
    GOES();
}

TEST(ip_that_cannot_be_read_does_not_go)
{
    fresh(true);
    v4(FRAME_V4);
    f.len = 14 + 19;
    STOPS("not whole");
    v4(FRAME_V4);
    f.b[14] = 0x44; /* a header of 16 bytes */
    STOPS("not whole");
    v4(FRAME_V4);
    f.b[14] = 0x65; /* not 4 */
    STOPS("not whole");
    v4(FRAME_V4);
    f.b[14] = 0x4f; /* a header beyond the frame */
    f.len = 14 + 59;
    STOPS("not whole");
    v6(FRAME_V6);
    f.len = 14 + 39;
    STOPS("not whole");
    v6(FRAME_V6);
    f.b[14] = 0x45;
    STOPS("not whole");
    fresh(false); /* where any may be sent, any may be broken */
    GOES();
}

TEST(from_0_0_0_0_go_dhcp_and_igmp_alone)
{
    static const struct {
        uint16_t from, to;
        const char *dst;
        uint16_t place;
        bool goes;
    } rows[] = {
        { 68, 67, "\xff\xff\xff\xff", 0, true },
        { 68, 67, "\x0a\0\0\1", 0, false },
        { 67, 68, "\xff\xff\xff\xff", 0, false },
        { 68, 53, "\xff\xff\xff\xff", 0, false },
        { 69, 67, "\xff\xff\xff\xff", 0, false },
        { 68, 67, "\xff\xff\xff\xff", 0x2000, false }, /* fragments */
        { 68, 67, "\xff\xff\xff\xff", 1, false },
        { 68, 67, "\xff\xff\xff\xff", 0x4000, true }, /* DF */
    };

    fresh(true);
    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        frame_ether(&f, V4);
        frame_ipv4(&f, FRAME_NONE, IPPROTO_UDP, 0);
        frame_udp(&f, rows[i].from, rows[i].to, 240);
        memcpy(f.b + 30, rows[i].dst, 4);
        frame_u16(&f, 20, rows[i].place);
        if (rows[i].goes)
            GOES();
        else
            STOPS("another IPv4");
    }
    frame_ether(&f, V4);
    frame_ipv4(&f, FRAME_NONE, IPPROTO_IGMP, 1);
    frame_put(&f, "\x22\0\0\0\0\0\0\0", 8);
    STOPS("another IPv4");
    memcpy(f.b + 30, "\xe0\0\0\x16", 4);
    GOES();
    frame_ether(&f, V4); /* the ports are not there */
    frame_ipv4(&f, FRAME_NONE, IPPROTO_UDP, 0);
    memcpy(f.b + 30, "\xff\xff\xff\xff", 4);
    frame_put(&f, "\0\x44\0", 3);
    STOPS("another IPv4");
}

TEST(from_no_address_go_dad_rs_and_mld_alone)
{
    fresh(true);
    for (uint32_t type = 0; type < 256; type++) {
        icmp6(FRAME_NONE, (uint8_t)type, OTHER_V6);
        if (type == 131 || type == 132 || type == 133 || type == 135 ||
            type == 143)
            GOES();
        else
            STOPS("another IPv6");
        f.b[f.l3 + 24] = 0x20; /* to one host */
        STOPS("another IPv6");
    }
    v6(FRAME_NONE);
    STOPS("another IPv6");
    frame_ether(&f, V6); /* MLD as it is: behind a router alert */
    frame_ipv6(&f, FRAME_NONE, IPPROTO_HOPOPTS);
    frame_extension(&f, IPPROTO_ICMPV6, 8);
    frame_put(&f, "\x8f\0\0\0\0\0\0\0", 8);
    GOES();
}

TEST(neighbours_are_told_of_the_guests_addresses_alone)
{
    fresh(true);
    icmp6(FRAME_LL, 136, FRAME_V6);
    GOES();
    icmp6(FRAME_LL, 136, FRAME_LL);
    GOES();
    icmp6(FRAME_LL, 136, OTHER_V6);
    STOPS("advertisement of another");
    f.len -= 1; /* its target is cut */
    STOPS("advertisement of another");
    icmp6(FRAME_V6, 135, OTHER_V6); /* a question */
    GOES();
    icmp6(FRAME_V6, 128, OTHER_V6); /* echo */
    GOES();
    icmp6(FRAME_LL, 134, OTHER_V6);
    STOPS("router's word");
    icmp6(FRAME_LL, 137, OTHER_V6);
    STOPS("router's word");
    fresh(false);
    GOES();
}

/* An advertisement behind so many bytes of options. */
static void hidden(uint32_t bytes, const char *target)
{
    frame_ether(&f, V6);
    frame_ipv6(&f, FRAME_LL, IPPROTO_DSTOPTS);
    frame_extension(&f, IPPROTO_ICMPV6, bytes);
    memset(f.b + f.len, 0, 24);
    f.b[f.len] = 136;
    memcpy(f.b + f.len + 8, target, 16);
    f.len += 24;
}

TEST(extension_headers_hide_nothing)
{
    fresh(true);
    hidden(8, FRAME_V6);
    GOES();
    hidden(8, OTHER_V6);
    STOPS("advertisement of another");
    hidden(56, OTHER_V6); /* further than we read: even a good one */
    STOPS("advertisement of another");
    hidden(80, FRAME_V6);
    STOPS("ICMPv6 whose header");
    hidden(1024, FRAME_V6);
    STOPS("ICMPv6 whose header");
    hidden(8, FRAME_V6);
    f.len = f.l4; /* nothing behind them */
    STOPS("do not end");
    frame_ether(&f, V6); /* a chain that leaves what we read */
    frame_ipv6(&f, FRAME_LL, IPPROTO_DSTOPTS);
    for (uint32_t i = 0; i < 20; i++)
        frame_extension(&f, IPPROTO_DSTOPTS, 8);
    frame_extension(&f, IPPROTO_ICMPV6, 8);
    frame_put(&f, "\x88\0\0\0\0\0\0\0", 8);
    STOPS("do not end");
    v6(OTHER_V6); /* as above, and its source is wrong anyway */
    STOPS("another IPv6");
}

TEST(neighbour_discovery_is_not_cut_into_fragments)
{
    for (uint32_t place = 0; place < 3; place++) {
        static const uint16_t places[] = { 0, 1, 8 }; /* whole, first, later */

        fresh(true);
        frame_ether(&f, V6);
        frame_ipv6(&f, FRAME_LL, IPPROTO_FRAGMENT);
        frame_fragment(&f, IPPROTO_ICMPV6, places[place]);
        f.b[f.len] = 136;
        memcpy(f.b + f.len + 8, FRAME_V6, 16);
        f.len += 24;
        if (place == 1)
            STOPS("in a fragment");
        else
            GOES();
    }
}

RUN_TESTS(RULE(the_source_is_the_cards_unless_any_may_be),
          RULE(arp_says_the_cards_address),
          RULE(addresses_that_are_given_are_all),
          RULE(of_link_local_addresses_the_macs_is_its_own),
          RULE(any_link_local_address_goes_where_that_is_said),
          RULE(a_number_of_addresses_that_lies_reads_no_further),
          RULE(tags_hide_nothing), RULE(ip_that_cannot_be_read_does_not_go),
          RULE(from_0_0_0_0_go_dhcp_and_igmp_alone),
          RULE(from_no_address_go_dad_rs_and_mld_alone),
          RULE(neighbours_are_told_of_the_guests_addresses_alone),
          RULE(extension_headers_hide_nothing),
          RULE(neighbour_discovery_is_not_cut_into_fragments))
