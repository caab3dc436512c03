/* SPDX-License-Identifier: MIT */
/*
 * test_spin.c - how long a queue looks before it sleeps
 */
#include "backends/base/spin.h"
#include "tests/unit/test.h"

#define COST_NS 1000u

/* A queue that was served at once, and then after gap_ns. */
static struct spin served(uint64_t gap_ns)
{
    struct spin s = { 0 };

    spin_served(&s, COST_NS, 1);
    CHECK_EQ(spin_until(&s, 100), 0); /* nothing is known of this guest */
    spin_found(&s, 100 + gap_ns);
    return s;
}

TEST(what_comes_soon_is_looked_for)
{
    struct spin s = served(SPIN_COSTS * COST_NS);

    CHECK_EQ(spin_until(&s, 50000), 50000 + SPIN_COSTS * COST_NS);
}

TEST(what_comes_late_is_slept_for)
{
    struct spin s = served(SPIN_COSTS * COST_NS + 1);

    CHECK_EQ(spin_until(&s, 50000), 0);
}

TEST(looks_for_nothing_end_soon)
{
    struct spin s = served(1);
    uint64_t all_ns = 0, until_ns;
    uint32_t nr = 0;

    while ((until_ns = spin_until(&s, 50000)) != 0) {
        all_ns += until_ns - 50000;
        spin_missed(&s);
        CHECK(++nr < 10);
    }
    CHECK(all_ns <= 2 * SPIN_COSTS * COST_NS);
    spin_found(&s, 50000 + COST_NS); /* it would have paid */
    CHECK_EQ(spin_until(&s, 90000), 90000 + SPIN_COSTS * COST_NS);
}

/* A copy that took seconds does not make us look for seconds. */
TEST(no_look_is_long)
{
    struct spin s = { 0 };

    spin_served(&s, 10000000000u, 1);
    spin_until(&s, 1);
    spin_found(&s, 2);
    CHECK_EQ(spin_until(&s, 5), 5 + SPIN_NS_MAX);
}

RUN_TESTS(RULE(what_comes_soon_is_looked_for),
          RULE(what_comes_late_is_slept_for), RULE(looks_for_nothing_end_soon),
          RULE(no_look_is_long))
