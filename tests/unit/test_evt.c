/* SPDX-License-Identifier: MIT */
/*
 * test_evt.c - a guest's ports: taken, left masked, given back
 */
#include <errno.h>
#include <poll.h>

#include "common/err.h"
#include "common/evt.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

#define GUEST 7u

static struct err err;
static struct evt *evt;
static uint32_t port, got;

/* One handle with the guest's port 3 bound, and its first event taken. */
static void fresh(void)
{
    fake_reset();
    fake.domain[0] =
        (struct fake_domain){ .there = true, .domid = GUEST, .next_port = 4 };
    CHECK_EQ(evt_open(GUEST, &evt, &err), 0);
    CHECK_EQ(evt_bind(evt, 3, &port, &err), 0);
    CHECK_EQ(evt_take(evt, &got), 1);
    CHECK_EQ(got, port);
    CHECK_EQ(evt_take(evt, &got), 0);
}

static void finish(void)
{
    evt_close(evt);
    fake.domain[0].there = false;
    CHECK_EQ(fake_left(), 0);
}

static bool readable(void)
{
    struct pollfd p = { .fd = evt_fd(evt), .events = POLLIN };

    return poll(&p, 1, 0) == 1;
}

TEST(a_port_that_was_taken_masked_is_silent_until_it_is_unmasked)
{
    fresh();
    fake_ring(GUEST, 3);
    CHECK(readable());
    CHECK_EQ(evt_take_masked(evt, &got), 1);
    CHECK_EQ(got, port);
    CHECK_EQ(evt_take_masked(evt, &got), 0);
    for (uint32_t i = 0; i < 1000; i++)
        fake_ring(GUEST, 3);
    CHECK(!readable());
    CHECK_EQ(evt_take_masked(evt, &got), 0);
    evt_unmask(evt, port);
    CHECK_EQ(evt_take_masked(evt, &got), 1); /* a thousand are one */
    CHECK_EQ(evt_take_masked(evt, &got), 0);
    evt_unmask(evt, port);
    CHECK_EQ(evt_take_masked(evt, &got), 0);
    finish();
}

TEST(a_port_that_was_taken_rings_again)
{
    fresh();
    for (uint32_t i = 0; i < 3; i++) {
        fake_ring(GUEST, 3);
        CHECK_EQ(evt_take(evt, &got), 1);
        CHECK_EQ(evt_take(evt, &got), 0);
    }
    finish();
}

TEST(a_port_that_was_given_back_can_be_bound_again)
{
    uint32_t again;

    fresh();
    CHECK_EQ(evt_bind(evt, 3, &again, &err), -ENOENT); /* it is ours */
    fake_ring(GUEST, 3);
    evt_unbind(evt, port);
    fake_ring(GUEST, 3);
    CHECK_EQ(evt_take_masked(evt, &got), 0);
    CHECK_EQ(evt_bind(evt, 3, &again, &err), 0);
    CHECK_EQ(evt_take_masked(evt, &got), 1);
    CHECK_EQ(got, again);
    finish();
}

TEST(the_guest_hears_us_on_its_port)
{
    fresh();
    evt_notify(evt, port);
    evt_notify(evt, port);
    CHECK_EQ(fake.domain[0].nr_rung[3], 2);
    finish();
}

RUN_TESTS(RULE(a_port_that_was_taken_masked_is_silent_until_it_is_unmasked),
          RULE(a_port_that_was_taken_rings_again),
          RULE(a_port_that_was_given_back_can_be_bound_again),
          RULE(the_guest_hears_us_on_its_port))
