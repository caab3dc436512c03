/* SPDX-License-Identifier: MIT */
/*
 * test_consring.c - the console's rings and its scrollback
 */
#include <stdint.h>

#include <xen/io/console.h>

#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/consring.h"
#include "toolstack/supervisor/scroll.h"

static struct xencons_interface page;
static struct consring ring;
static char out[4096];

static void fresh(uint32_t cons, uint32_t prod)
{
    memset(&page, 0, sizeof(page));
    page.out_cons = page.in_cons = cons;
    page.out_prod = prod;
    page.in_prod = cons;
    consring_attach(&ring, &page);
}

TEST(output_is_taken_once)
{
    fresh(0, 5);
    memcpy(page.out, "hello", 5);
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 5);
    assert_memory_equal(out, "hello", 5);
    CHECK_EQ((uint8_t)page.out[0], FAKE_POISON);
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 0);
}

/* Until then the bytes are in the ring for whoever attaches next. */
TEST(the_guest_gets_its_room_back_when_we_say_so)
{
    fresh(0, 5);
    CHECK_EQ(consring_take(&ring, out, 3), 3);
    CHECK_EQ(page.out_cons, 0);
    consring_release(&ring);
    CHECK_EQ(page.out_cons, 3);
    consring_attach(&ring, &page);
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 2);
}

TEST(output_wraps_in_the_ring_and_in_the_index)
{
    fresh(UINT32_MAX - 1, 2); /* four bytes over both edges */
    memcpy(page.out + sizeof(page.out) - 2, "ab", 2);
    memcpy(page.out, "cd", 2);
    CHECK_EQ(consring_take(&ring, out, 3), 3);
    assert_memory_equal(out, "abc", 3);
    CHECK_EQ(consring_take(&ring, out, 3), 1);
    CHECK_EQ(out[0], 'd');
    consring_release(&ring);
    CHECK_EQ(page.out_cons, 2);
}

TEST(an_impossible_index_is_dropped_and_counted)
{
    fresh(0, sizeof(page.out));
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), sizeof(page.out));
    CHECK_EQ(ring.nr_lies, 0);
    page.out_prod += sizeof(page.out) + 1;
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 0);
    CHECK_EQ(ring.nr_lies, 1);
    page.out_prod -= 5; /* moved back */
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 0);
    CHECK_EQ(ring.nr_lies, 2);
    page.out_prod += 1; /* and it goes on */
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 1);
}

TEST(our_index_is_not_read_back)
{
    fresh(0, 2);
    page.out_cons = 77;
    CHECK_EQ(consring_take(&ring, out, sizeof(out)), 2);
    consring_release(&ring);
    CHECK_EQ(page.out_cons, 2);
}

TEST(input_stops_when_the_ring_is_full)
{
    char typed[2000] = { 'x' };

    fresh(0, 0);
    CHECK_EQ(consring_give(&ring, typed, sizeof(typed)), sizeof(page.in));
    CHECK_EQ(page.in_prod, sizeof(page.in));
    CHECK_EQ(consring_give(&ring, typed, 1), 0);
    page.in_cons = 10;
    CHECK_EQ(consring_give(&ring, typed, 20), 10);
    page.in_cons = page.in_prod + 1; /* more taken than given */
    CHECK_EQ(consring_give(&ring, typed, 1), 0);
    CHECK_EQ(ring.nr_lies, 1);
}

TEST(a_slow_reader_of_the_scrollback_skips)
{
    static char block[SCROLL_BYTES];
    struct scroll *s = scroll_new();
    uint64_t at = 0;
    const char *bytes;

    memset(block, 'a', sizeof(block));
    scroll_add(s, block, 10);
    CHECK_EQ(scroll_peek(s, &at, &bytes), 10);
    at += 10;
    CHECK_EQ(scroll_peek(s, &at, &bytes), 0);
    block[sizeof(block) - 1] = 'z';
    scroll_add(s, block, sizeof(block));
    at = 0;
    CHECK_EQ(scroll_peek(s, &at, &bytes), SCROLL_BYTES - 10);
    CHECK_EQ(at, 10);
    at += SCROLL_BYTES - 10;
    CHECK_EQ(scroll_peek(s, &at, &bytes), 10);
    CHECK_EQ(bytes[9], 'z');
    scroll_free(s);
}

RUN_TESTS(RULE(output_is_taken_once),
          RULE(the_guest_gets_its_room_back_when_we_say_so),
          RULE(output_wraps_in_the_ring_and_in_the_index),
          RULE(an_impossible_index_is_dropped_and_counted),
          RULE(our_index_is_not_read_back),
          RULE(input_stops_when_the_ring_is_full),
          RULE(a_slow_reader_of_the_scrollback_skips))
