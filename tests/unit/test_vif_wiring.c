/* SPDX-License-Identifier: MIT */
/*
 * test_vif_wiring.c - a frontend's keys: each edge, and words for each mistake
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/vif_wiring.h"

static const char *keys; /* "KEY=VALUE\n..." */

static char *read_key(void *arg, const char *key)
{
    size_t len = strlen(key);

    CHECK(arg == &keys);
    for (const char *at = keys; *at;) {
        size_t line = strcspn(at, "\n");

        if (strncmp(at, key, len) == 0 && at[len] == '=')
            return strndup(at + len + 1, line - len - 1);
        at += line + (at[line] == '\n');
    }
    return NULL;
}

static int parse(const char *text, struct net_wiring *w, struct err *e)
{
    keys = text;
    return vif_wiring_parse(read_key, &keys, 4, w, e);
}

#define RINGS "tx-ring-ref=8\nrx-ring-ref=9\n"
#define ONE "request-rx-copy=1\n" RINGS "event-channel=5\n"

TEST(one_queue_has_the_old_keys)
{
    struct net_wiring w;

    CHECK_EQ(parse(ONE, &w, NULL), 0);
    CHECK_EQ(w.nr_queues, 1);
    CHECK_EQ(w.queue[0].tx_ref, 8);
    CHECK_EQ(w.queue[0].rx_ref, 9);
    CHECK_EQ(w.queue[0].tx_port, 5);
    CHECK_EQ(w.queue[0].rx_port, 5);
    CHECK_EQ(w.split, 0);
    CHECK_EQ(w.sg, 0);
    CHECK_EQ(w.rx_notify, 0);
    CHECK_EQ(w.csum_v4, 1); /* unless it says no */
    CHECK_EQ(w.csum_v6, 0);
    CHECK_EQ(w.headroom, 0);
    CHECK_EQ(parse("multi-queue-num-queues=1\n" ONE, &w, NULL), 0);
    CHECK_EQ(w.nr_queues, 1);
}

TEST(what_it_takes_is_what_it_says)
{
    struct net_wiring w;

    CHECK_EQ(parse("feature-rx-notify=1\nfeature-sg=1\nfeature-gso-tcpv4=1\n"
                   "feature-gso-tcpv6=1\nfeature-ipv6-csum-offload=1\n"
                   "xdp-headroom=256\n" ONE,
                   &w, NULL),
             0);
    CHECK(w.rx_notify && w.sg && w.gso_v4 && w.gso_v6 && w.csum_v6);
    CHECK_EQ(w.headroom, 256);
    CHECK_EQ(
        parse("feature-no-csum-offload=1\nxdp-headroom=2048\n" ONE, &w, NULL),
        0);
    CHECK_EQ(w.csum_v4, 0);
    CHECK_EQ(w.headroom, 2048);
}

/* As netback has it, which asks for no more than that it is not 0. */
TEST(whatever_is_not_0_is_yes)
{
    struct net_wiring w;

    CHECK_EQ(parse("feature-rx-notify=2\nfeature-sg=255\n"
                   "feature-gso-tcpv4=9\nfeature-gso-tcpv6=4294967295\n"
                   "feature-ipv6-csum-offload=256\nrequest-rx-copy=3\n" RINGS
                   "event-channel=5\n",
                   &w, NULL),
             0);
    CHECK_EQ(w.rx_notify, 1);
    CHECK_EQ(w.sg, 1);
    CHECK_EQ(w.gso_v4, 1);
    CHECK_EQ(w.gso_v6, 1);
    CHECK_EQ(w.csum_v6, 1);
    CHECK_EQ(parse("feature-no-csum-offload=256\n" ONE, &w, NULL), 0);
    CHECK_EQ(w.csum_v4, 0);
    CHECK_EQ(parse("feature-sg=00\nfeature-no-csum-offload=0\n" ONE, &w, NULL),
             0);
    CHECK_EQ(w.sg, 0);
    CHECK_EQ(w.csum_v4, 1);
}

/* A segment is of several slots, and whoever cuts it up sums the pieces. */
TEST(segments_need_slots_and_sums)
{
    struct net_wiring w;

    CHECK_EQ(parse("feature-gso-tcpv4=1\nfeature-gso-tcpv6=1\n"
                   "feature-ipv6-csum-offload=1\n" ONE,
                   &w, NULL),
             0);
    CHECK(!w.gso_v4 && !w.gso_v6);
    CHECK_EQ(parse("feature-sg=1\nfeature-gso-tcpv4=1\nfeature-gso-tcpv6=1\n"
                   "feature-no-csum-offload=1\n" ONE,
                   &w, NULL),
             0);
    CHECK(!w.gso_v4 && !w.gso_v6);
}

TEST(each_ring_may_have_a_port)
{
    struct net_wiring w;

    CHECK_EQ(parse("request-rx-copy=1\n" RINGS
                   "event-channel-tx=5\nevent-channel-rx=131071\n",
                   &w, NULL),
             0);
    CHECK_EQ(w.split, 1);
    CHECK_EQ(w.queue[0].tx_port, 5);
    CHECK_EQ(w.queue[0].rx_port, 131071);
}

#define QUEUE(n)                                                               \
    "queue-" n "/tx-ring-ref=3" n "\nqueue-" n "/rx-ring-ref=4" n "\n"

TEST(queues_have_directories_if_there_is_more_than_one)
{
    struct net_wiring w;

    CHECK_EQ(parse("request-rx-copy=1\nmulti-queue-num-queues=2\n" QUEUE("0")
                       QUEUE("1") "queue-0/event-channel-tx=4\n"
                                  "queue-0/event-channel-rx=5\n"
                                  "queue-1/event-channel-tx=6\n"
                                  "queue-1/event-channel-rx=7\n",
                   &w, NULL),
             0);
    CHECK_EQ(w.nr_queues, 2);
    CHECK_EQ(w.queue[0].tx_ref, 30);
    CHECK_EQ(w.queue[1].rx_ref, 41);
    CHECK_EQ(w.queue[1].tx_port, 6);
    CHECK_EQ(w.queue[1].rx_port, 7);
}

TEST(headroom_alone_is_read_again)
{
    uint16_t headroom = 9;
    struct err e = { 0 };

    keys = "xdp-headroom=256\n";
    CHECK_EQ(vif_wiring_headroom(read_key, &keys, &headroom, NULL), 0);
    CHECK_EQ(headroom, 256);
    keys = "";
    CHECK_EQ(vif_wiring_headroom(read_key, &keys, &headroom, NULL), 0);
    CHECK_EQ(headroom, 0);
    keys = "xdp-headroom=2049\n";
    CHECK_EQ(vif_wiring_headroom(read_key, &keys, &headroom, &e), -EINVAL);
    CHECK_STR(e.text, "xdp-headroom: got \"2049\", want 0..2048");
}

TEST(whatever_is_no_number_in_range_is_named)
{
    static const struct {
        const char *text, *words;
    } row[] = {
        { "", "request-rx-copy: got nothing, want 1..42949" },
        { "request-rx-copy=0\n", "request-rx-copy: got \"0\", want 1..42949" },
        { "request-rx-copy=no\n", "request-rx-copy: got \"no\"" },
        { "request-rx-copy=1\n", "tx-ring-ref: got nothing, want 0..42949" },
        { "request-rx-copy=1\ntx-ring-ref=1\n", "rx-ring-ref: got nothing" },
        { "request-rx-copy=1\n" RINGS,
          "event-channel: got nothing, want 1..1" },
        { "request-rx-copy=1\n" RINGS "event-channel=0\n",
          "event-channel: got \"0\", want 1..131071" },
        { "request-rx-copy=1\n" RINGS "event-channel=131072\n",
          "event-channel: got \"131072\"" },
        { "event-channel-tx=0\n" ONE, "event-channel-tx: got \"0\"" },
        { "event-channel-tx=1\n" ONE, "event-channel-rx: got nothing" },
        { "event-channel-tx=1\nevent-channel-rx=x\n" ONE,
          "event-channel-rx: got \"x\"" },
        { "feature-sg=on\n" ONE, "feature-sg: got \"on\", want 0..42949" },
        { "feature-sg=\n" ONE, "feature-sg: got \"\"" },
        { "feature-rx-notify=yes\n" ONE, "feature-rx-notify: got \"yes\"" },
        { "feature-gso-tcpv4=-1\n" ONE, "feature-gso-tcpv4: got \"-1\"" },
        { "feature-gso-tcpv6= 1\n" ONE, "feature-gso-tcpv6: got \" 1\"" },
        { "feature-no-csum-offload=4294967296\n" ONE,
          "feature-no-csum-offload: got" },
        { "feature-ipv6-csum-offload=1.0\n" ONE,
          "feature-ipv6-csum-offload: g" },
        { "xdp-headroom=65536\n" ONE, "xdp-headroom: got \"65536\"" },
        { "multi-queue-num-queues=0\n" ONE,
          "multi-queue-num-queues: got \"0\", want 1..4" },
        { "multi-queue-num-queues=5\n" ONE, "got \"5\", want 1..4" },
        { "multi-queue-num-queues=-1\n" ONE, "got \"-1\", want 1..4" },
        { "multi-queue-num-queues=4294967295\n" ONE, "want 1..4" },
        { "multi-queue-num-queues=4294967297\n" ONE, "want 1..4" },
        { "multi-queue-num-queues=x\n" ONE, "want 1..4" },
        { "multi-queue-num-queues=2\n" ONE,
          "queue-0/tx-ring-ref: got nothing" },
        { "request-rx-copy=1\nmulti-queue-num-queues=2\n" QUEUE("0")
              QUEUE("1") "queue-0/event-channel-tx=4\n"
                         "queue-0/event-channel-rx=5\n"
                         "queue-1/event-channel=6\n",
          "queue-1/event-channel-tx: got nothing" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        static const struct net_wiring none;
        struct net_wiring w;
        struct err e = { 0 };

        CHECK_EQ(parse(row[i].text, &w, &e), -EINVAL);
        CHECK_HAS(e.text, row[i].words);
        assert_memory_equal(&w, &none, sizeof(w));
    }
}

RUN_TESTS(RULE(one_queue_has_the_old_keys), RULE(what_it_takes_is_what_it_says),
          RULE(whatever_is_not_0_is_yes), RULE(segments_need_slots_and_sums),
          RULE(each_ring_may_have_a_port),
          RULE(queues_have_directories_if_there_is_more_than_one),
          RULE(headroom_alone_is_read_again),
          RULE(whatever_is_no_number_in_range_is_named), )
