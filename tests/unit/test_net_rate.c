/* SPDX-License-Identifier: MIT */
/*
 * test_net_rate.c - so many bytes in an interval, of all queues together
 */
#include <pthread.h>

#include "backends/net/net_rate.h"
#include "common/checked.h"
#include "tests/unit/test.h"

#define S 1000000000ull
#define MS 1000000ull

static struct net_rate rate;

TEST(without_a_rate_nothing_waits)
{
    rate = (struct net_rate){ 0 };
    for (uint32_t i = 0; i < 1000; i++)
        CHECK_EQ(net_rate_take(&rate, 65535, 1), 0);
    net_rate_set(&rate, 1000, 0);
    CHECK_EQ(net_rate_take(&rate, 65535, 1), 0);
    CHECK_EQ(net_rate_take(&rate, 65535, 1), 0);
}

/* What goes between from and from + time_ns, of packets that wait their turn.
 */
static uint64_t sent(uint64_t from, uint64_t time_ns, uint32_t packet)
{
    uint64_t now = from, bytes = 0, wait;

    while (now < from + time_ns) {
        wait = net_rate_take(&rate, packet, now);
        if (wait == 0)
            bytes += packet;
        now += wait;
    }
    return bytes;
}

/* Over ten seconds, and one interval that was saved up. */
TEST(as_many_bytes_go_as_were_agreed)
{
    static const struct {
        uint64_t bytes;
        uint32_t usecs, packet;
    } rows[] = {
        { 62500, 50000, 1514 },           /* 10 Mb/s@50ms */
        { 25000, 20000, 60 },             /* 10 Mb/s@20ms */
        { 6250000, 50000, 65535 },        /* 1 Gb/s */
        { 1250000000ull, 1000000, 1514 }, /* 10 Gb/s@1s */
        { 1000, 1000000, 65535 },         /* less than a packet */
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(rows); i++) {
        uint64_t want = rows[i].bytes * 10000000ull / rows[i].usecs, got;

        net_rate_set(&rate, rows[i].bytes, rows[i].usecs);
        got = sent(1000 * S, 10 * S, rows[i].packet);
        CHECK(got + rows[i].packet >= want);
        CHECK(got <= (want + rows[i].bytes) * 1001 / 1000 + rows[i].packet);
    }
}

TEST(a_large_packet_passes_and_the_next_waits_longer)
{
    net_rate_set(&rate, 1000, 1000); /* a byte in a us, 1 ms saved up */
    CHECK_EQ(net_rate_take(&rate, 60000, S), 0);
    CHECK_EQ(net_rate_take(&rate, 60, S), 59 * MS);
    CHECK_EQ(net_rate_take(&rate, 60, S + 58 * MS), MS);
    CHECK_EQ(net_rate_take(&rate, 60, S + 59 * MS), 0);
    CHECK_EQ(net_rate_take(&rate, 60, S + 59 * MS), 60000);
}

TEST(no_more_than_an_interval_is_saved_up)
{
    net_rate_set(&rate, 1000, 1000);
    for (uint32_t round = 1; round < 4; round++) {
        /* 1000 s of silence; then one interval's and what goes now. */
        CHECK_EQ(net_rate_take(&rate, 1000, round * 1000 * S), 0);
        CHECK_EQ(net_rate_take(&rate, 500, round * 1000 * S), 0);
        CHECK_EQ(net_rate_take(&rate, 1, round * 1000 * S), 500000);
    }
}

TEST(a_new_rate_forgives_what_is_owed)
{
    net_rate_set(&rate, 1, 1000000);
    CHECK_EQ(net_rate_take(&rate, 65535, 10 * S), 0);
    CHECK(net_rate_take(&rate, 1, 10 * S) > 60000 * S);
    net_rate_set(&rate, 1000, 1000);
    CHECK_EQ(net_rate_take(&rate, 1, 10 * S), 0);
    net_rate_set(&rate, 0, 0);
    CHECK_EQ(net_rate_take(&rate, 65535, 10 * S), 0);
}

TEST(no_rate_overflows)
{
    net_rate_set(&rate, 1, UINT32_MAX);
    CHECK_EQ(net_rate_take(&rate, 65535, 1), 0);
    CHECK_EQ(net_rate_take(&rate, 1, 1),
             65535ull * UINT32_MAX * 1000 - 1); /* saved up: 1 ns */
    net_rate_set(&rate, UINT64_MAX, 1);
    CHECK_EQ(net_rate_take(&rate, 65535, 1), 0);
    CHECK_EQ(net_rate_take(&rate, 65535, 1), 0);
}

#define THREADS 4u

static void *queue(void *arg)
{
    uint64_t *nr = arg;

    for (uint32_t i = 0; i < 20000; i++)
        *nr += net_rate_take(&rate, 100, 5 * S) == 0;
    return NULL;
}

/* All at one moment: together they get what one would, to the packet. */
TEST(queues_share_one_rate)
{
    pthread_t thread[THREADS];
    uint64_t nr[THREADS] = { 0 }, all = 0;

    net_rate_set(&rate, 1000000, 1000000); /* a byte in a us, 1 s saved up */
    for (uint32_t i = 0; i < THREADS; i++)
        CHECK_EQ(pthread_create(&thread[i], NULL, queue, &nr[i]), 0);
    for (uint32_t i = 0; i < THREADS; i++) {
        CHECK_EQ(pthread_join(thread[i], NULL), 0);
        all += nr[i];
    }
    CHECK_EQ(all, 10001); /* 1 s of them, and the one that then owes */
}

RUN_TESTS(RULE(without_a_rate_nothing_waits),
          RULE(as_many_bytes_go_as_were_agreed),
          RULE(a_large_packet_passes_and_the_next_waits_longer),
          RULE(no_more_than_an_interval_is_saved_up),
          RULE(a_new_rate_forgives_what_is_owed), RULE(no_rate_overflows),
          RULE(queues_share_one_rate))
