/* SPDX-License-Identifier: MIT */
/*
 * test_net_check.c - what a guest may claim of its packets, edge by edge
 */
#include <errno.h>

#include "backends/net/net_check.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"

static struct err err;
static struct net_pass pass;
static struct net_wire_chain chain;
static struct net_wire_tx wire[NET_RING_SLOTS];
static uint32_t nr_wires;

static void fresh(void)
{
    memset(&pass, 0xee, sizeof(pass));
    memset(wire, 0xee, sizeof(wire));
    chain = (struct net_wire_chain){ 0 };
    nr_wires = 0;
}

/* Through the reader, so that what is an extra is one. */
static void req(uint16_t off, uint16_t size, uint16_t flags)
{
    struct netif_tx_request q = {
        .gref = 100 + nr_wires, .offset = off, .size = size, .flags = flags
    };

    net_wire_read_tx(&chain, &q, &wire[nr_wires++]);
}

static void extra(uint8_t type, uint16_t size, uint8_t gso_type, bool more)
{
    struct netif_extra_info x = { .type = type, .flags = more };
    uint8_t slot[NET_WIRE_TX_BYTES] = { 0 };

    x.u.gso.size = size;
    x.u.gso.type = gso_type;
    memcpy(slot, &x, sizeof(x));
    net_wire_read_tx(&chain, slot, &wire[nr_wires++]);
}

static int check(void)
{
    return net_check(wire, nr_wires, &pass, &err);
}

/* A packet of nr requests of 100 bytes each. */
static void packet(uint32_t nr)
{
    req(0, (uint16_t)(100 * nr), nr > 1 ? NETTXF_more_data : 0);
    for (uint32_t i = 1; i < nr; i++)
        req(4096 - 100, 100, i + 1 < nr ? NETTXF_more_data : 0);
}

TEST(what_is_checked_is_what_was_asked)
{
    fresh();
    req(64, 3000,
        NETTXF_more_data | NETTXF_extra_info | NETTXF_csum_blank |
            NETTXF_data_validated);
    extra(XEN_NETIF_EXTRA_TYPE_GSO, 1448, XEN_NETIF_GSO_TYPE_TCPV6, false);
    req(0, 2000, NETTXF_more_data);
    req(96, 900, 0);
    req(4000, 96, 0);
    CHECK_EQ(check(), 0);
    CHECK_EQ(pass.nr_packets, 2);
    CHECK_EQ(pass.nr_slots, 4);
    CHECK_EQ(pass.packet[0].nr_wires, 4);
    CHECK_EQ(pass.packet[0].first_slot, 0);
    CHECK_EQ(pass.packet[0].nr_slots, 3);
    CHECK_EQ(pass.packet[0].len, 3000);
    CHECK_EQ(pass.packet[0].gso_size, 1448);
    CHECK_EQ(pass.packet[0].gso_type, XEN_NETIF_GSO_TYPE_TCPV6);
    CHECK(pass.packet[0].csum_blank && pass.packet[0].data_validated);
    CHECK(!pass.packet[0].drop);
    CHECK_EQ(pass.slot[0].ref, 100);
    CHECK_EQ(pass.slot[0].off, 64);
    CHECK_EQ(pass.slot[0].len, 100); /* what the others left */
    CHECK_EQ(pass.slot[1].ref, 102);
    CHECK_EQ(pass.slot[1].len, 2000);
    CHECK_EQ(pass.slot[2].off, 96);
    CHECK_EQ(pass.slot[2].len, 900);
    CHECK_EQ(pass.packet[1].first_slot, 3);
    CHECK_EQ(pass.packet[1].nr_slots, 1);
    CHECK(!pass.packet[1].csum_blank && !pass.packet[1].data_validated);
    CHECK_EQ(pass.packet[1].gso_size, 0);
    CHECK_EQ(pass.slot[3].off, 4000);
    CHECK_EQ(pass.slot[3].len, 96);
}

/* 18 go, 19 are dropped, 20 and more end the vif; what came before goes. */
TEST(a_packet_has_18_requests)
{
    for (uint32_t nr = 1; nr <= 30; nr++) {
        fresh();
        packet(1);
        packet(nr);
        packet(2);
        CHECK_EQ(check(), nr >= 20 ? -EPROTO : 0);
        CHECK(!pass.packet[0].drop);
        CHECK_EQ(pass.nr_packets, nr >= 20 ? 1 : 3);
        if (nr >= 20) {
            CHECK_EQ(pass.nr_slots, 1);
            CHECK_HAS(err.text, "20 requests");
            continue;
        }
        CHECK_EQ(pass.packet[1].drop != NULL, nr == 19);
        CHECK_EQ(pass.packet[1].nr_wires, nr);
        CHECK_EQ(pass.packet[1].nr_slots, nr == 19 ? 0 : nr);
        CHECK_EQ(pass.packet[2].first_slot, nr == 19 ? 1 : 1 + nr);
        CHECK_EQ(pass.packet[2].nr_slots, 2);
    }
}

/* XEN_NETIF_NR_SLOTS_MIN is of requests: extras do not count. */
TEST(extras_are_no_requests)
{
    fresh();
    req(0, 1800, NETTXF_more_data | NETTXF_extra_info);
    for (uint32_t i = 0; i < 100; i++)
        extra(XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, i < 99);
    for (uint32_t i = 1; i < 18; i++)
        req(0, 100, i < 17 ? NETTXF_more_data : 0);
    CHECK_EQ(check(), 0);
    CHECK_EQ(pass.nr_packets, 1);
    CHECK(!pass.packet[0].drop);
    CHECK_EQ(pass.packet[0].nr_wires, 118);
    CHECK_EQ(pass.packet[0].nr_slots, 18);
}

TEST(sizes_edge_by_edge)
{
    static const struct {
        uint16_t size, off, rest_off, rest; /* rest 0xffff: one request */
        int rc;
        bool drop;
        uint16_t first; /* bytes in the first slot; its slot is left out if 0 */
    } rows[] = {
        { 13, 0, 0, 0xffff, 0, true, 0 },
        { 14, 0, 0, 0xffff, 0, false, 14 },
        { 0, 0, 0, 0xffff, 0, true, 0 },
        { 13, 4096, 0, 0xffff, 0, true, 0 }, /* as netback: dropped first */
        { 4096, 0, 0, 0xffff, 0, false, 4096 },
        { 4097, 0, 0, 0xffff, -EPROTO, false, 0 },
        { 14, 4082, 0, 0xffff, 0, false, 14 },
        { 14, 4083, 0, 0xffff, -EPROTO, false, 0 },
        { 14, 65535, 0, 0xffff, -EPROTO, false, 0 },
        { 65535, 65535, 0, 0xffff, -EPROTO, false, 0 },
        { 65535, 0, 0, 0xffff, -EPROTO, false, 0 },
        { 100, 0, 0, 99, 0, false, 1 },
        { 100, 0, 0, 100, 0, false, 0 }, /* nothing in the first one */
        { 100, 4096, 0, 100, 0, false, 0 },
        { 100, 4097, 0, 100, -EPROTO, false, 0 },
        { 100, 0, 0, 101, 0, true, 0 },
        { 100, 0, 4096, 0, 0, false, 100 },
        { 100, 0, 4097, 0, -EPROTO, false, 0 },
        { 100, 0, 4095, 1, 0, false, 99 },
        { 100, 0, 4095, 2, -EPROTO, false, 0 },
        { 100, 0, 1, 4096, -EPROTO, false, 0 }, /* and too large */
        { 100, 0, 65535, 65535, -EPROTO, false, 0 },
        { 13, 0, 0, 1, 0, true, 0 },
        { 14, 0, 0, 13, 0, false, 1 }, /* a header in two pieces */
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        bool two = rows[i].rest != 0xffff || rows[i].rest_off;
        uint32_t nr = (rows[i].first > 0) + (two && rows[i].rest > 0);

        fresh();
        req(rows[i].off, rows[i].size, two ? NETTXF_more_data : 0);
        if (two)
            req(rows[i].rest_off, rows[i].rest, 0);
        CHECK_EQ(check(), rows[i].rc);
        if (rows[i].rc < 0) {
            CHECK_EQ(pass.nr_packets + pass.nr_slots, 0);
            continue;
        }
        CHECK_EQ(pass.nr_packets, 1);
        CHECK_EQ(pass.packet[0].drop != NULL, rows[i].drop);
        CHECK_EQ(pass.packet[0].nr_slots, rows[i].drop ? 0 : nr);
        CHECK_EQ(pass.nr_slots, rows[i].drop ? 0 : nr);
        CHECK_EQ(pass.packet[0].nr_wires, 1 + two);
        if (!rows[i].drop)
            CHECK_EQ(pass.slot[0].len,
                     rows[i].first ? rows[i].first : rows[i].rest);
    }
}

/* Its frame would be 64 KiB and more: netback's buggy frontends. */
TEST(the_sum_does_not_wrap)
{
    fresh();
    req(0, 100, NETTXF_more_data);
    for (uint32_t i = 1; i < 17; i++)
        req(0, 4096, NETTXF_more_data);
    req(0, 0, 0);
    CHECK_EQ(check(), 0); /* 65536 in the others: 100 - 65536 is no length */
    CHECK_EQ(pass.nr_packets, 1);
    CHECK(pass.packet[0].drop);
    CHECK_EQ(pass.nr_slots, 0);
}

TEST(a_page_crossed_in_a_dropped_packet_ends_the_vif)
{
    fresh();
    req(0, 5, NETTXF_more_data);
    req(4000, 97, 0);
    CHECK_EQ(check(), -EPROTO);
    CHECK_HAS(err.text, "4000..4097");
}

TEST(slots_of_nothing_are_left_out)
{
    fresh();
    req(0, 100, NETTXF_more_data);
    req(0, 0, NETTXF_more_data);
    req(0, 60, NETTXF_more_data);
    req(4096, 0, NETTXF_more_data);
    req(0, 40, 0);
    CHECK_EQ(check(), 0);
    CHECK_EQ(pass.nr_slots, 2);
    CHECK_EQ(pass.packet[0].nr_wires, 5);
    CHECK_EQ(pass.packet[0].nr_slots, 2);
    CHECK_EQ(pass.slot[0].ref, 102);
    CHECK_EQ(pass.slot[1].ref, 104);
    CHECK_EQ(pass.slot[1].len, 40);
}

TEST(a_packet_must_end_on_the_ring)
{
    fresh();
    packet(1);
    req(0, 200, NETTXF_more_data);
    req(0, 100, NETTXF_more_data);
    CHECK_EQ(check(), -EPROTO);
    CHECK_HAS(err.text, "end is not on the ring");
    CHECK_EQ(pass.nr_packets, 1);
    CHECK_EQ(pass.nr_slots, 1);
    fresh();
    req(0, 200, NETTXF_extra_info);
    CHECK_EQ(check(), -EPROTO);
    CHECK_HAS(err.text, "extra is announced");
    fresh();
    req(0, 200, NETTXF_extra_info | NETTXF_more_data);
    extra(XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, true);
    CHECK_EQ(check(), -EPROTO);
    fresh(); /* extras over the whole ring */
    req(0, 200, NETTXF_extra_info);
    while (nr_wires < NET_RING_SLOTS)
        extra(XEN_NETIF_EXTRA_TYPE_HASH, 0, 0, true);
    CHECK_EQ(check(), -EPROTO);
    CHECK_EQ(pass.nr_packets, 0);
    fresh(); /* requests over the whole ring */
    while (nr_wires < NET_RING_SLOTS)
        req(0, 100, NETTXF_more_data);
    CHECK_EQ(check(), -EPROTO);
    CHECK_HAS(err.text, "20 requests");
}

TEST(extras_edge_by_edge)
{
    static const struct {
        uint8_t type;
        uint16_t size;
        uint8_t gso_type;
        int rc;
        bool drop;
    } rows[] = {
        { 0, 0, 0, -EPROTO, false },
        { 1, 1448, 0, -EPROTO, false },
        { 1, 1448, 1, 0, false },
        { 1, 1448, 2, 0, false },
        { 1, 1448, 3, -EPROTO, false },
        { 1, 1448, 255, -EPROTO, false },
        { 1, 0, 1, -EPROTO, false },
        { 1, 0, 3, -EPROTO, false },
        { 1, 1, 1, 0, true },
        { 1, NET_GSO_MIN - 1, 1, 0, true },
        { 1, NET_GSO_MIN, 1, 0, false },
        { 1, 65534, 1, 0, false },
        { 1, 65535, 1, 0, true },
        { 2, 0, 0, 0, true }, /* multicast control is not offered */
        { 3, 0, 0, 0, true },
        { 4, 0, 0, 0, false },
        { 5, 0, 0, 0, false },
        { 6, 0, 0, -EPROTO, false },
        { 255, 0, 0, -EPROTO, false },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        fresh();
        req(0, 100, NETTXF_extra_info);
        extra(rows[i].type, rows[i].size, rows[i].gso_type, false);
        packet(1);
        CHECK_EQ(check(), rows[i].rc);
        CHECK_EQ(pass.nr_packets, rows[i].rc < 0 ? 0 : 2);
        if (rows[i].rc < 0)
            continue;
        CHECK_EQ(pass.packet[0].drop != NULL, rows[i].drop);
        CHECK_EQ(pass.packet[0].nr_wires, 2);
        CHECK(!pass.packet[1].drop);
    }
}

TEST(of_two_extras_of_a_type_the_last_counts)
{
    fresh();
    req(0, 100, NETTXF_extra_info);
    extra(1, 0, 77, true); /* would end the vif alone */
    extra(4, 0, 0, true);
    extra(1, 1448, 1, false);
    CHECK_EQ(check(), 0);
    CHECK_EQ(pass.packet[0].gso_size, 1448);
    fresh();
    req(0, 100, NETTXF_extra_info);
    extra(1, 1448, 1, true);
    extra(1, 0, 1, false);
    CHECK_EQ(check(), -EPROTO);
}

TEST(a_full_ring_is_256_packets)
{
    fresh();
    while (nr_wires < NET_RING_SLOTS)
        packet(1);
    CHECK_EQ(check(), 0);
    CHECK_EQ(pass.nr_packets, NET_RING_SLOTS);
    CHECK_EQ(pass.nr_slots, NET_RING_SLOTS);
    CHECK_EQ(pass.slot[255].ref, 355);
}

TEST(slots_to_receive_a_packet)
{
    CHECK_EQ(net_check_rx_slots(14, 0, false), 1);
    CHECK_EQ(net_check_rx_slots(4096, 0, false), 1);
    CHECK_EQ(net_check_rx_slots(4097, 0, false), 2);
    CHECK_EQ(net_check_rx_slots(65535, 0, true), 17);
    CHECK_EQ(net_check_rx_slots(3840, 256, false), 2); /* with XDP's extra */
    CHECK_EQ(net_check_rx_slots(3841, 256, true), 4);
}

RUN_TESTS(RULE(what_is_checked_is_what_was_asked),
          RULE(a_packet_has_18_requests), RULE(extras_are_no_requests),
          RULE(sizes_edge_by_edge), RULE(the_sum_does_not_wrap),
          RULE(a_page_crossed_in_a_dropped_packet_ends_the_vif),
          RULE(slots_of_nothing_are_left_out),
          RULE(a_packet_must_end_on_the_ring), RULE(extras_edge_by_edge),
          RULE(of_two_extras_of_a_type_the_last_counts),
          RULE(a_full_ring_is_256_packets), RULE(slots_to_receive_a_packet))
