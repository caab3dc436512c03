/* SPDX-License-Identifier: MIT */
/*
 * test_net_csum.c - the Internet checksum, beside a plain one
 */
#include "backends/net/net_csum.h"
#include "common/checked.h"
#include "tests/unit/net_frames.h"
#include "tests/unit/test.h"

static struct frame f;
static uint8_t bytes[70000];

static uint16_t swapped(uint16_t v)
{
    return (uint16_t)(v << 8 | v >> 8);
}

/* 0 and 0xffff are the same number there. */
static uint16_t same(uint16_t v)
{
    return v == 0xffff ? 0 : v;
}

TEST(the_sum_is_the_plain_one)
{
    uint32_t x = 1;

    for (uint32_t i = 0; i < sizeof(bytes); i++)
        bytes[i] = (uint8_t)((x = x * 1103515245 + 12345) >> 16);
    for (uint32_t len = 0; len < 300; len++)
        for (uint32_t at = 0; at < 9; at++)
            CHECK_EQ(same(net_csum_fold(net_csum_add(0, bytes + at, len))),
                     same(swapped(frame_sum(bytes + at, len, 0))));
    for (uint32_t len = 65520; len < 65550; len++)
        CHECK_EQ(same(net_csum_fold(net_csum_add(0, bytes, len))),
                 same(swapped(frame_sum(bytes, len, 0))));
    memset(bytes, 0xff, sizeof(bytes)); /* carries everywhere */
    CHECK_EQ(net_csum_fold(net_csum_add(UINT32_MAX, bytes, 65535)), 0x00ff);
    CHECK_EQ(net_csum_fold(net_csum_add(0, bytes, 65534)), 0xffff);
}

TEST(sums_of_even_pieces_add_up)
{
    uint32_t sum = 0;

    for (uint32_t i = 0; i < 600; i++)
        bytes[i] = (uint8_t)(i * 13);
    for (uint32_t at = 0; at < 600; at += 6)
        sum = net_csum_add(sum, bytes + at, 6);
    CHECK_EQ(same(net_csum_fold(sum)),
             same(net_csum_fold(net_csum_add(0, bytes, 600))));
}

TEST(the_pseudo_header_is_the_plain_one)
{
    frame_ether(&f, 0x0800);
    frame_ipv4(&f, FRAME_V4, IPPROTO_TCP, 0);
    frame_tcp(&f, 60001);
    CHECK_EQ(net_csum_pseudo(f.b + 26, f.b + 30, 4, IPPROTO_TCP, f.len - f.l4),
             swapped(frame_pseudo(&f, IPPROTO_TCP)));
    frame_ether(&f, 0x86dd);
    frame_ipv6(&f, FRAME_V6, IPPROTO_UDP);
    frame_udp(&f, 1, 2, 65500); /* with its header more than 16 bits hold */
    f.len += 100;
    CHECK_EQ(net_csum_pseudo(f.b + 22, f.b + 38, 16, IPPROTO_UDP, f.len - f.l4),
             swapped(frame_pseudo(&f, IPPROTO_UDP)));
}

TEST(a_filled_checksum_is_right)
{
    uint16_t seed;

    for (uint32_t payload = 0; payload < 100; payload++) {
        frame_ether(&f, 0x86dd);
        frame_ipv6(&f, FRAME_V6, IPPROTO_TCP);
        frame_tcp(&f, payload);
        seed = swapped(frame_pseudo(&f, IPPROTO_TCP));
        memcpy(f.b + f.l4 + 16, &seed, 2);
        CHECK(frame_total(&f, IPPROTO_TCP) != 0xffff);
        net_csum_fill(f.b, f.len, f.l4, 16, false);
        CHECK_EQ(frame_total(&f, IPPROTO_TCP), 0xffff);
    }
}

/* RFC 768: 0 says that there is none. */
TEST(udp_has_no_checksum_of_0)
{
    static const uint8_t all[] = { 0xff, 0xff, 0, 0 };

    memcpy(bytes, all, sizeof(all));
    net_csum_fill(bytes, 4, 0, 2, true);
    CHECK_EQ(bytes[2] << 8 | bytes[3], 0xffff);
    memcpy(bytes, all, sizeof(all));
    net_csum_fill(bytes, 4, 0, 2, false);
    CHECK_EQ(bytes[2] << 8 | bytes[3], 0);
}

RUN_TESTS(RULE(the_sum_is_the_plain_one), RULE(sums_of_even_pieces_add_up),
          RULE(the_pseudo_header_is_the_plain_one),
          RULE(a_filled_checksum_is_right), RULE(udp_has_no_checksum_of_0))
