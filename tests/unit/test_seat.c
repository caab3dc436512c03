/* SPDX-License-Identifier: MIT */
/*
 * test_seat.c - a transfer's doorbell, which is its guest's to ring
 */
#include "tests/unit/test.h"

#include "common/evt.h"
#include "migrate/seat.h"

static uint32_t nr_rings, nr_taken; /* that wait; that were taken */

int __wrap_evt_take(struct evt *v, uint32_t *local_port);

int __wrap_evt_take(struct evt *v, uint32_t *local_port)
{
    (void)v;
    if (nr_rings == 0)
        return 0;
    nr_rings -= nr_rings != UINT32_MAX;
    CHECK(++nr_taken < 10000);
    *local_port = 1;
    return 1;
}

TEST(every_ring_is_taken)
{
    struct seat s = { 0 };

    nr_rings = 3;
    nr_taken = 0;
    seat_hear(&s);
    CHECK_EQ(nr_taken, 3);
    seat_hear(&s);
    CHECK_EQ(nr_taken, 3);
}

/* Timers, orders and the peer have their turn, too. */
TEST(a_guest_that_rings_without_end_is_left_for_the_next_turn)
{
    struct seat s = { 0 };

    nr_rings = UINT32_MAX;
    nr_taken = 0;
    seat_hear(&s);
    CHECK_EQ(nr_taken, SEAT_RINGS_MAX);
}

RUN_TESTS(RULE(every_ring_is_taken),
          RULE(a_guest_that_rings_without_end_is_left_for_the_next_turn))
