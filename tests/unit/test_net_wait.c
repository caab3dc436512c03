/* SPDX-License-Identifier: MIT */
/*
 * test_net_wait.c - a guest that posts no buffers: packets wait, or are lost
 */
#include <time.h>
#include <unistd.h>

#include "backends/base/loop.h"
#include "tests/unit/netcard.h"
#include "tests/unit/test.h"

#define LONG_NS 60000000000ull
#define PLAIN (&(struct fake_net_options){ 0 })

static void up(void)
{
    card_up(PLAIN, LONG_NS, NULL);
}

/* T15: bounded here, and nothing is lost that the tap can hold. */
TEST(packets_wait_in_the_tap_while_there_are_no_buffers)
{
    up();
    for (uint32_t i = 0; i < 200; i++)
        card_arrive(1000, i);
    fake_netfront_post(card.front, 0, 3);
    for (uint32_t i = 0; i < 200; i++) {
        card_received(1000, i);
        if (i % 3 == 2)
            fake_netfront_post(card.front, 0, 3);
    }
    CHECK_EQ(card_stats()->rx_dropped, 0);
    card_down();
}

TEST(a_large_packet_waits_for_all_its_buffers)
{
    up();
    card_arrive(65535, 1);
    for (uint32_t i = 0; i < 15; i++) {
        fake_netfront_post(card.front, 0, 1);
        usleep(500);
        CHECK_EQ(fake_netfront_receive(card.front, 0, &card_in), 0);
    }
    fake_netfront_post(card.front, 0, 1);
    card_received(65535, 1);
    card_down();
}

TEST(a_guest_without_buffers_stalls_and_recovers)
{
    card_up(PLAIN, 50000000, NULL);
    fake_netfront_post(card.front, 0, 1);
    card_arrive(60, 0);
    card_received(60, 0);
    for (uint32_t round = 0; round < 3; round++) {
        uint64_t start_ns = loop_now_ns();

        for (uint32_t i = 0; i < 20; i++)
            card_arrive(60, i);
        card_await_stalled(true);
        CHECK(loop_now_ns() - start_ns >= 50000000);
        CHECK_EQ(card_stats()->stalls, round + 1);
        card_emit(100, 0, round); /* the other way is as it was */
        card_expect(100, round);
        card_await_answers();
        fake_netfront_post(card.front, 0, 50);
        card_await_stalled(false);
        card_arrive(61, 99);
        do
            card_receive(&card_in);
        while (card_in.len == 60); /* those that were in the tap still */
        CHECK_EQ(card_in.len, 61);
        while (fake_netfront_posted(card.front, 0) > 0) {
            card_arrive(60, 0); /* it has none again */
            card_receive(&card_in);
        }
    }
    CHECK(card_stats()->rx_dropped >= 3);
    card_down();
}

static uint64_t cpu_ns(void)
{
    struct timespec t;

    CHECK_EQ(clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t), 0);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}

/* Nothing can be done for it until a buffer comes, or the time is over. */
TEST(a_packet_without_a_buffer_is_waited_with_asleep)
{
    uint64_t before_ns;

    card_up(PLAIN, 500000000, NULL);
    card_arrive(60, 0);
    before_ns = cpu_ns();
    card_await_stalled(true);
    CHECK(cpu_ns() - before_ns < 50000000);
    card_down();
}

/* It never tells that it has posted: it is looked at, and does not stall. */
TEST(a_guest_that_does_not_tell_is_looked_at)
{
    struct net_queue_news news;

    card_up(&(struct fake_net_options){ .no_rx_notify = true }, 1, NULL);
    for (uint32_t i = 0; i < 20; i++) {
        card_arrive(60, i);
        fake_netfront_post(card.front, 0, 1);
        card_received(60, i);
    }
    card_arrive(60, 77); /* no room for 30 ms: gone */
    while (card_stats()->rx_dropped == 0)
        usleep(1000);
    fake_netfront_post(card.front, 0, 1);
    card_arrive(61, 78);
    card_received(61, 78);
    net_queue_news(card.queue, &news);
    CHECK(!news.stalled);
    card_down();
}

RUN_TESTS(RULE(packets_wait_in_the_tap_while_there_are_no_buffers),
          RULE(a_large_packet_waits_for_all_its_buffers),
          RULE(a_guest_without_buffers_stalls_and_recovers),
          RULE(a_packet_without_a_buffer_is_waited_with_asleep),
          RULE(a_guest_that_does_not_tell_is_looked_at))
