/* SPDX-License-Identifier: MIT */
/*
 * test_vbd_wiring.c - a frontend's keys: each edge, and words for each mistake
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/vbd_wiring.h"

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

static int parse(const char *text, struct blk_wiring *w, struct err *e)
{
    static const struct vbd_offer offer = { 4, 4 };

    keys = text;
    return vbd_wiring_parse(read_key, &keys, &offer, w, e);
}

#define ONE "ring-ref=8\nevent-channel=5\nprotocol=x86_64-abi\n"

TEST(one_page_and_one_queue_are_the_old_keys)
{
    struct blk_wiring w;

    CHECK_EQ(parse(ONE, &w, NULL), 0);
    CHECK_EQ(w.abi, BLK_ABI_X86_64);
    CHECK_EQ(w.nr_queues, 1);
    CHECK_EQ(w.ring_pages, 1);
    CHECK_EQ(w.queue[0].ref[0], 8);
    CHECK_EQ(w.queue[0].port, 5);
}

TEST(no_protocol_is_x86_32)
{
    struct blk_wiring w;

    CHECK_EQ(parse("ring-ref=0\nevent-channel=131071\n", &w, NULL), 0);
    CHECK_EQ(w.abi, BLK_ABI_X86_32);
    CHECK_EQ(w.queue[0].port, 131071);
    CHECK_EQ(parse("protocol=x86_32-abi\n" ONE, &w, NULL), 0);
    CHECK_EQ(w.abi, BLK_ABI_X86_32);
}

TEST(an_order_numbers_its_pages)
{
    struct blk_wiring w;

    CHECK_EQ(parse("ring-page-order=1\nring-ref0=1\nring-ref1=4294967295\n"
                   "event-channel=1\n",
                   &w, NULL),
             0);
    CHECK_EQ(w.ring_pages, 2);
    CHECK_EQ(w.queue[0].ref[1], UINT32_MAX);
    CHECK_EQ(
        parse("ring-page-order=0\nring-ref0=1\nevent-channel=1\n", &w, NULL),
        0);
    CHECK_EQ(w.ring_pages, 1);
}

TEST(queues_have_directories_if_there_is_more_than_one)
{
    struct blk_wiring w;

    CHECK_EQ(parse("multi-queue-num-queues=2\n"
                   "queue-0/ring-ref=3\nqueue-0/event-channel=4\n"
                   "queue-1/ring-ref=5\nqueue-1/event-channel=6\n",
                   &w, NULL),
             0);
    CHECK_EQ(w.nr_queues, 2);
    CHECK_EQ(w.queue[1].ref[0], 5);
    CHECK_EQ(w.queue[1].port, 6);
    CHECK_EQ(parse("multi-queue-num-queues=1\n" ONE, &w, NULL), 0);
    CHECK_EQ(w.nr_queues, 1);
}

#define HUGE_NUMBER "99999999999999999999999999999999999999999999999999999999"

TEST(whatever_is_no_number_in_range_is_named)
{
    static const struct {
        const char *text, *words;
    } row[] = {
        { "", "ring-ref: got nothing, want 0..4294967295" },
        { "ring-ref=\n", "ring-ref: got \"\", want" },
        { "ring-ref=x\n", "ring-ref: got \"x\"" },
        { "ring-ref=-1\n", "ring-ref: got \"-1\"" },
        { "ring-ref=+1\n", "ring-ref: got \"+1\"" },
        { "ring-ref= 1\n", "ring-ref: got \" 1\"" },
        { "ring-ref=1 \n", "ring-ref: got \"1 \"" },
        { "ring-ref=0x8\n", "ring-ref: got \"0x8\"" },
        { "ring-ref=4294967296\n", "ring-ref: got \"4294967296\"" },
        { "ring-ref=18446744073709551617\n", "ring-ref: got \"1844" },
        { "ring-ref=" HUGE_NUMBER "\n", "ring-ref: got \"9999" },
        { "ring-ref=8\n", "event-channel: got nothing, want 1..131071" },
        { "ring-ref=8\nevent-channel=0\n", "event-channel: got \"0\"" },
        { "ring-ref=8\nevent-channel=131072\n", "event-channel: got \"131072" },
        { "protocol=\n" ONE, "protocol: got \"\", want x86_32-abi or" },
        { "protocol=arm-abi\n" ONE, "protocol: got \"arm-abi\"" },
        { "multi-queue-num-queues=0\n" ONE,
          "multi-queue-num-queues: got \"0\", want 1..4" },
        { "multi-queue-num-queues=5\n" ONE, "got \"5\", want 1..4" },
        { "multi-queue-num-queues=-1\n" ONE, "got \"-1\", want 1..4" },
        { "multi-queue-num-queues=4294967295\n" ONE, "want 1..4" },
        { "multi-queue-num-queues=4294967297\n" ONE, "want 1..4" },
        { "multi-queue-num-queues=x\n" ONE, "want 1..4" },
        { "multi-queue-num-queues=2\n" ONE, "queue-0/ring-ref: got nothing" },
        { "ring-page-order=5\n" ONE, "ring-page-order: got \"5\", want 0..4" },
        { "ring-page-order=31\n" ONE, "want 0..4" },
        { "ring-page-order=-1\n" ONE, "want 0..4" },
        { "ring-page-order=999999999999\n" ONE, "want 0..4" },
        { "ring-page-order=0\n" ONE, "ring-ref0: got nothing" },
        { "ring-page-order=1\nring-ref0=1\nevent-channel=1\n",
          "ring-ref1: got nothing" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        static const struct blk_wiring none;
        struct blk_wiring w;
        struct err e = { 0 };

        CHECK_EQ(parse(row[i].text, &w, &e), -EINVAL);
        CHECK_HAS(e.text, row[i].words);
        assert_memory_equal(&w, &none, sizeof(w));
    }
}

RUN_TESTS(RULE(one_page_and_one_queue_are_the_old_keys),
          RULE(no_protocol_is_x86_32), RULE(an_order_numbers_its_pages),
          RULE(queues_have_directories_if_there_is_more_than_one),
          RULE(whatever_is_no_number_in_range_is_named), )
