/* SPDX-License-Identifier: MIT */
/*
 * test_net_wire.c - a vif's slots, byte by byte
 */
#include "backends/net/net_wire.h"
#include "common/checked.h"
#include "tests/unit/test.h"

static struct net_wire_chain chain;
static struct net_wire_tx tx;

static void req(uint16_t flags)
{
    uint8_t slot[NET_WIRE_TX_BYTES] = { 0x11, 0x22, 0x33, 0x44, 0x34, 0x12,
                                        0,    0,    0xcd, 0xab, 0xea, 0x05 };

    slot[6] = (uint8_t)flags;
    net_wire_read_tx(&chain, slot, &tx);
}

static void extra(uint8_t type, uint8_t flags)
{
    uint8_t slot[NET_WIRE_TX_BYTES] = { type, flags, 0xb4, 5, 2, 0xee };

    net_wire_read_tx(&chain, slot, &tx);
}

TEST(a_request_is_read_from_its_places)
{
    chain = (struct net_wire_chain){ 0 };
    req(NETTXF_csum_blank);
    CHECK(!tx.is_extra && tx.is_last);
    CHECK_EQ(tx.u.req.ref, 0x44332211);
    CHECK_EQ(tx.u.req.off, 0x1234);
    CHECK_EQ(tx.u.req.flags, NETTXF_csum_blank);
    CHECK_EQ(tx.u.req.id, 0xabcd);
    CHECK_EQ(tx.u.req.size, 1514);
}

TEST(extras_follow_the_first_request_and_data_follows_them)
{
    chain = (struct net_wire_chain){ 0 };
    req(NETTXF_extra_info | NETTXF_more_data);
    CHECK(!tx.is_extra && !tx.is_last);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, XEN_NETIF_EXTRA_FLAG_MORE);
    CHECK(tx.is_extra && !tx.is_last);
    CHECK_EQ(tx.u.extra.type, XEN_NETIF_EXTRA_TYPE_GSO);
    CHECK_EQ(tx.u.extra.gso_size, 1460);
    CHECK_EQ(tx.u.extra.gso_type, XEN_NETIF_GSO_TYPE_TCPV6);
    extra(XEN_NETIF_EXTRA_TYPE_HASH, 0);
    CHECK(tx.is_extra && !tx.is_last);
    CHECK_EQ(tx.u.extra.gso_size, 0); /* those bytes are something else's */
    req(NETTXF_more_data);
    CHECK(!tx.is_extra && !tx.is_last);
    /* Behind the first request the flag announces nothing. */
    req(NETTXF_extra_info | NETTXF_more_data);
    CHECK(!tx.is_extra && !tx.is_last);
    req(NETTXF_extra_info);
    CHECK(!tx.is_extra && tx.is_last);
    req(NETTXF_extra_info); /* a packet of one request and one extra */
    CHECK(!tx.is_extra && !tx.is_last);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 0);
    CHECK(tx.is_extra && tx.is_last);
    req(0);
    CHECK(!tx.is_extra && tx.is_last);
}

TEST(a_buffer_is_read_from_its_places)
{
    static const uint8_t slot[] = { 0xcd, 0xab, 0xee, 0xee, 1, 2, 3, 4 };
    struct net_wire_rx rx;

    net_wire_read_rx(slot, &rx);
    CHECK_EQ(rx.id, 0xabcd);
    CHECK_EQ(rx.ref, 0x04030201);
}

TEST(answers_leave_nothing_of_ours_in_their_padding)
{
    static const uint8_t want_tx[] = { 0xcd, 0xab, 0xfe, 0xff, 0, 0,
                                       0,    0,    0,    0,    0, 0 };
    static const uint8_t want_rx[] = { 0xcd, 0xab, 0x34, 0x12, 6, 0, 0xea, 5 };
    uint8_t slot[NET_WIRE_TX_BYTES];

    memset(slot, 0xee, sizeof(slot));
    net_wire_answer_tx(0xabcd, NETIF_RSP_DROPPED, slot);
    assert_memory_equal(slot, want_tx, sizeof(want_tx));
    net_wire_answer_rx(0xabcd, 0x1234, NETRXF_more_data | NETRXF_csum_blank,
                       1514, slot);
    assert_memory_equal(slot, want_rx, sizeof(want_rx));
}

TEST(extras_for_the_guest_have_linux_shape)
{
    static const uint8_t gso[] = { 1, 1, 0xb4, 5, 1, 0, 0, 0 };
    static const uint8_t xdp[] = { 5, 0, 0, 1, 0, 0, 0, 0 };
    uint8_t slot[NET_WIRE_RX_BYTES];

    memset(slot, 0xee, sizeof(slot));
    net_wire_extra_gso(XEN_NETIF_GSO_TYPE_TCPV4, 1460, true, slot);
    assert_memory_equal(slot, gso, sizeof(gso));
    memset(slot, 0xee, sizeof(slot));
    net_wire_extra_xdp(256, false, slot);
    assert_memory_equal(slot, xdp, sizeof(xdp));
}

RUN_TESTS(RULE(a_request_is_read_from_its_places),
          RULE(extras_follow_the_first_request_and_data_follows_them),
          RULE(a_buffer_is_read_from_its_places),
          RULE(answers_leave_nothing_of_ours_in_their_padding),
          RULE(extras_for_the_guest_have_linux_shape))
