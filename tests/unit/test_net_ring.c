/* SPDX-License-Identifier: MIT */
/*
 * test_net_ring.c - a vif's rings, against a frontend that may lie
 */
#include <errno.h>

#include "backends/net/net_journal.h"
#include "backends/net/net_ring.h"
#include "common/checked.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

#define NR NET_RING_SLOTS

static union {
    netif_tx_sring_t tx;
    netif_rx_sring_t rx;
    uint8_t page[PAGE_BYTES];
} shared __attribute__((aligned(4096)));
/* (their type says that there is one) */
static union netif_tx_sring_entry *const tx_slots = shared.tx.ring;
static union netif_rx_sring_entry *const rx_slots = shared.rx.ring;
static struct net_journal_queue journal;
static struct net_ring ring;
static struct net_wire_tx got[NR];

static int attach(enum net_ring_kind kind, bool resume)
{
    return net_ring_attach(&ring, kind, &shared, &journal, resume);
}

static void fresh(enum net_ring_kind kind, uint32_t first)
{
    memset(&shared, 0, sizeof(shared));
    memset(&journal, 0, sizeof(journal));
    shared.tx.req_prod = shared.tx.rsp_prod = first;
    shared.tx.req_event = shared.tx.rsp_event = first + 1;
    CHECK_EQ(attach(kind, false), 0);
}

static void put_req(uint16_t id, uint16_t flags)
{
    tx_slots[shared.tx.req_prod++ % NR].req = (struct netif_tx_request){
        .gref = 1000u + id, .id = id, .size = 60, .flags = flags
    };
}

static void put_extra(uint8_t flags)
{
    struct netif_extra_info x = { .type = 1, .flags = flags };

    memcpy(&tx_slots[shared.tx.req_prod++ % NR], &x, sizeof(x));
}

static struct netif_tx_response *answer(uint32_t index)
{
    return &tx_slots[index % NR].rsp;
}

static void put_buffer(uint16_t id)
{
    rx_slots[shared.rx.req_prod++ % NR].req =
        (struct netif_rx_request){ .id = id, .gref = 2000u + id };
}

/* A guest that rewrites its request once we have it changes nothing. */
TEST(take_reads_each_slot_once)
{
    fresh(NET_RING_TX, 0);
    put_req(5, 0);
    put_req(6, 0);
    shared.tx.req_prod = 1; /* the second is put and not published */
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 1);
    CHECK_EQ(got[0].u.req.id, 5);
    CHECK_EQ(got[0].u.req.ref, 1005);
    for (uint32_t i = 0; i < NET_WIRE_TX_BYTES; i++)
        CHECK_EQ(((uint8_t *)&tx_slots[0])[i], FAKE_POISON);
    CHECK(((uint8_t *)&tx_slots[1])[0] != FAKE_POISON);
    CHECK_EQ(journal.tx[0].id, 5);
    CHECK_EQ(journal.tx_cons, 1);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 0);
}

TEST(a_pass_ends_where_a_packet_ends)
{
    fresh(NET_RING_TX, 0);
    put_req(1, NETTXF_extra_info | NETTXF_more_data);
    put_extra(0);
    put_req(2, 0);
    put_req(3, 0);
    CHECK_EQ(net_ring_take_tx(&ring, 1, got), 3);
    CHECK(got[1].is_extra && !got[2].is_extra && got[2].is_last);
    CHECK_EQ(net_ring_taken(&ring), 3);
    CHECK_EQ(net_ring_take_tx(&ring, 1, got), 1);
    CHECK_EQ(got[0].u.req.id, 3);
}

/* Whoever resumes begins where the journal says: that must be a packet. */
TEST(the_cursor_never_stands_inside_a_packet)
{
    fresh(NET_RING_TX, 7);
    put_req(1, 0);
    put_req(2, NETTXF_more_data);
    put_req(3, NETTXF_more_data);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 3);
    CHECK(!got[2].is_last);
    CHECK_EQ(journal.tx_cons, 8);
    CHECK_EQ(net_ring_taken(&ring), 1);
}

TEST(extras_are_answered_with_null)
{
    fresh(NET_RING_TX, 0);
    put_req(9, NETTXF_extra_info | NETTXF_more_data);
    put_extra(XEN_NETIF_EXTRA_FLAG_MORE);
    put_extra(0);
    put_req(10, 0);
    put_req(11, 0);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 5);
    net_ring_answer_tx(&ring, 4, NETIF_RSP_ERROR);
    CHECK_EQ(shared.tx.rsp_prod, 0); /* not yet */
    CHECK_EQ(journal.tx_prod, 0);
    net_ring_answer_tx(&ring, 1, NETIF_RSP_OKAY);
    net_ring_push(&ring);
    CHECK_EQ(shared.tx.rsp_prod, 5);
    CHECK_EQ(journal.tx_prod, 5);
    CHECK_EQ(answer(0)->id, 9);
    CHECK_EQ(answer(0)->status, NETIF_RSP_ERROR);
    CHECK_EQ(answer(1)->status, NETIF_RSP_NULL);
    CHECK_EQ(answer(2)->status, NETIF_RSP_NULL);
    CHECK_EQ(answer(3)->id, 10);
    CHECK_EQ(answer(3)->status, NETIF_RSP_ERROR);
    CHECK_EQ(answer(4)->id, 11);
    CHECK_EQ(answer(4)->status, NETIF_RSP_OKAY);
    CHECK_EQ(net_ring_taken(&ring), 0);
}

/* Full rings, over both edges: the ring's and the index's. */
TEST(requests_and_answers_wrap)
{
    fresh(NET_RING_TX, UINT32_MAX - 100);
    for (uint32_t round = 0; round < 3; round++) {
        uint32_t base = journal.tx_prod;

        for (uint32_t i = 0; i < NR; i++)
            put_req((uint16_t)(i + round), 0);
        CHECK_EQ(net_ring_take_tx(&ring, NR, got), NR);
        for (uint32_t i = 0; i < NR; i++)
            CHECK_EQ(got[i].u.req.id, i + round);
        net_ring_answer_tx(&ring, NR, NETIF_RSP_OKAY);
        net_ring_push(&ring);
        CHECK_EQ(shared.tx.rsp_prod, base + NR);
        for (uint32_t i = 0; i < NR; i++)
            CHECK_EQ(answer(base + i)->id, i + round);
    }
}

TEST(an_impossible_req_prod_is_refused)
{
    for (uint32_t k = NET_RING_TX; k <= NET_RING_RX; k++) {
        fresh(k, 1000);
        shared.tx.req_prod = 1000 + NR + 1;
        CHECK_EQ(k == NET_RING_TX ? net_ring_take_tx(&ring, NR, got)
                                  : net_ring_fill_rx(&ring),
                 -EPROTO);
        CHECK_EQ(attach(k, false), -EPROTO);
        shared.tx.req_prod = 1000 + NR;
        CHECK_EQ(attach(k, false), 0);
        CHECK_EQ(k == NET_RING_TX ? net_ring_take_tx(&ring, NR, got)
                                  : net_ring_fill_rx(&ring),
                 NR);
        shared.tx.req_prod++; /* all are out: there is no room for one */
        CHECK_EQ(k == NET_RING_TX ? net_ring_take_tx(&ring, NR, got)
                                  : net_ring_fill_rx(&ring),
                 -EPROTO);
        shared.tx.req_prod = 999; /* back */
        CHECK_EQ(k == NET_RING_TX ? net_ring_take_tx(&ring, NR, got)
                                  : net_ring_fill_rx(&ring),
                 -EPROTO);
    }
}

TEST(attach_starts_at_the_shared_rsp_prod)
{
    fresh(NET_RING_TX, 0);
    shared.tx.rsp_prod = 40;
    shared.tx.req_prod = 41;
    CHECK_EQ(attach(NET_RING_TX, false), 0);
    CHECK_EQ(journal.tx_cons, 40);
    CHECK_EQ(journal.tx_prod, 40);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 1);
    CHECK_EQ(journal.rx_cons, 0); /* the other ring's are its own */
}

/* What was taken for transmission is answered, by the journal alone. */
TEST(resume_believes_the_journal)
{
    fresh(NET_RING_TX, 30);
    for (uint16_t i = 0; i < 4; i++)
        put_req(i, 0);
    put_req(4, NETTXF_extra_info);
    put_extra(0);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 6);
    net_ring_answer_tx(&ring, 1, NETIF_RSP_OKAY);
    net_ring_push(&ring);
    net_ring_answer_tx(&ring, 1, NETIF_RSP_OKAY); /* killed before push */
    memset(shared.page + 64, FAKE_POISON, sizeof(shared.page) - 64);
    shared.tx.rsp_prod = 77; /* a lie */
    CHECK_EQ(attach(NET_RING_TX, true), 0);
    CHECK_EQ(net_ring_taken(&ring), 5);
    net_ring_answer_tx(&ring, 5, NETIF_RSP_DROPPED);
    CHECK(net_ring_push(&ring));
    CHECK_EQ(shared.tx.rsp_prod, 36);
    for (uint16_t i = 1; i < 5; i++) {
        CHECK_EQ(answer(30u + i)->id, i);
        CHECK_EQ(answer(30u + i)->status, NETIF_RSP_DROPPED);
    }
    CHECK_EQ(answer(35)->status, NETIF_RSP_NULL);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 0);
}

TEST(the_first_push_after_resume_always_notifies)
{
    for (uint32_t d = 0; d <= NR; d += NR / 4) {
        fresh(NET_RING_TX, 5000);
        shared.tx.rsp_event = 5001 - d;
        CHECK_EQ(attach(NET_RING_TX, true), 0);
        /* Any event that the guest may be waiting for, it gets. */
        CHECK_EQ(net_ring_push(&ring), d > 0);
        CHECK(!net_ring_push(&ring));
    }
}

TEST(an_event_goes_when_the_guest_asked_for_it)
{
    fresh(NET_RING_TX, 0);
    for (uint16_t i = 0; i < 6; i++)
        put_req(i, 0);
    CHECK_EQ(net_ring_take_tx(&ring, NR, got), 6);
    shared.tx.rsp_event = 3;
    net_ring_answer_tx(&ring, 2, NETIF_RSP_OKAY);
    CHECK(!net_ring_push(&ring));
    net_ring_answer_tx(&ring, 2, NETIF_RSP_OKAY);
    CHECK(net_ring_push(&ring)); /* 3 is among them */
    net_ring_answer_tx(&ring, 2, NETIF_RSP_OKAY);
    CHECK(!net_ring_push(&ring));
    CHECK(!net_ring_push(&ring)); /* nothing new */
}

TEST(arm_asks_for_the_next_and_looks_again)
{
    fresh(NET_RING_TX, 12);
    CHECK(!net_ring_has(&ring));
    CHECK(!net_ring_arm(&ring));
    CHECK_EQ(shared.tx.req_event, 13);
    put_req(0, 0);
    CHECK(net_ring_has(&ring));
    shared.tx.req_event = 0;
    CHECK(net_ring_arm(&ring));
    CHECK_EQ(shared.tx.req_event, 0); /* there is one: no event is wanted */
}

/* netfront pairs answers with buffers by their place. */
TEST(buffers_are_answered_in_their_own_places)
{
    uint8_t extra[NET_WIRE_RX_BYTES], *at;

    fresh(NET_RING_RX, UINT32_MAX - 1);
    for (uint16_t i = 0; i < 5; i++)
        put_buffer(50u + i);
    CHECK_EQ(net_ring_fill_rx(&ring), 5);
    for (uint32_t i = 0; i < 5; i++) {
        CHECK_EQ(net_ring_buffer(&ring, i).id, 50 + i);
        CHECK_EQ(net_ring_buffer(&ring, i).ref, 2050 + i);
        at = (uint8_t *)&rx_slots[(UINT32_MAX - 1 + i) % NR];
        CHECK_EQ(at[0], FAKE_POISON);
    }
    net_wire_extra_gso(1, 1448, false, extra);
    net_ring_answer_rx(&ring, 0, NETRXF_more_data | NETRXF_extra_info, 4096);
    net_ring_answer_extra(&ring, extra);
    net_ring_answer_rx(&ring, 16, 0, 100);
    CHECK_EQ(net_ring_buffer(&ring, 0).id, 53);
    CHECK_EQ(shared.rx.rsp_prod, UINT32_MAX - 1);
    CHECK(net_ring_push(&ring));
    CHECK_EQ(shared.rx.rsp_prod, 1);
    CHECK_EQ(journal.rx_prod, 1);
    CHECK_EQ(rx_slots[NR - 2].rsp.id, 50);
    CHECK_EQ(rx_slots[NR - 2].rsp.status, 4096);
    assert_memory_equal(&rx_slots[NR - 1], extra, sizeof(extra));
    CHECK_EQ(rx_slots[0].rsp.id, 52);
    CHECK_EQ(rx_slots[0].rsp.offset, 16);
    CHECK_EQ(((uint8_t *)&rx_slots[1])[0], FAKE_POISON);
}

TEST(buffers_that_were_taken_are_there_after_resume)
{
    fresh(NET_RING_RX, 100);
    for (uint16_t i = 0; i < 3; i++)
        put_buffer(i);
    CHECK_EQ(net_ring_fill_rx(&ring), 3);
    net_ring_answer_rx(&ring, 0, NETRXF_more_data, 4096); /* half a packet */
    put_buffer(3);
    CHECK_EQ(attach(NET_RING_RX, true), 0);
    CHECK_EQ(net_ring_taken(&ring), 3);
    CHECK_EQ(net_ring_fill_rx(&ring), 4);
    for (uint32_t i = 0; i < 4; i++)
        CHECK_EQ(net_ring_buffer(&ring, i).ref, 2000 + i);
    net_ring_answer_rx(&ring, 0, 0, 60);
    net_ring_push(&ring);
    CHECK_EQ(shared.rx.rsp_prod, 101);
    CHECK_EQ(rx_slots[100].rsp.flags, 0);
}

RUN_TESTS(RULE(take_reads_each_slot_once),
          RULE(a_pass_ends_where_a_packet_ends),
          RULE(the_cursor_never_stands_inside_a_packet),
          RULE(extras_are_answered_with_null), RULE(requests_and_answers_wrap),
          RULE(an_impossible_req_prod_is_refused),
          RULE(attach_starts_at_the_shared_rsp_prod),
          RULE(resume_believes_the_journal),
          RULE(the_first_push_after_resume_always_notifies),
          RULE(an_event_goes_when_the_guest_asked_for_it),
          RULE(arm_asks_for_the_next_and_looks_again),
          RULE(buffers_are_answered_in_their_own_places),
          RULE(buffers_that_were_taken_are_there_after_resume))
