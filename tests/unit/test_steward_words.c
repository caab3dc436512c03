/* SPDX-License-Identifier: MIT */
/*
 * test_steward_words.c - tests of steward/err.c
 */
#include "tests/unit/steward_test.h"

#include "steward/err.h"

TEST(a_failure_carries_its_code_and_its_words)
{
    struct st_err e = { 0 };

    CHECK_EQ(st_fail(&e, FH_ERR_MEMORY, "initrd: %lu MiB, %s, 0x%x", 300ul,
                     "too much", 0xbeefu),
             -FH_ERR_MEMORY);
    CHECK_EQ(e.code, FH_ERR_MEMORY);
    assert_string_equal(e.text, "initrd: 300 MiB, too much, 0xbeef");
}

TEST(numbers_reach_their_limits)
{
    struct st_err e = { 0 };

    st_fail(&e, FH_ERR_XEN, "%d %ld %lu %lx %u%%", -12, INT64_MIN, UINT64_MAX,
            UINT64_MAX, 0u);
    assert_string_equal(e.text, "-12 -9223372036854775808 "
                                "18446744073709551615 ffffffffffffffff 0%");
}

TEST(long_words_are_cut_off_and_ended)
{
    struct st_err e;
    char words[600];

    memset(words, 'x', sizeof(words));
    words[sizeof(words) - 1] = '\0';
    memset(&e, 0xee, sizeof(e));
    st_fail(&e, FH_ERR_XEN, "%s%u", words, 7u);
    CHECK_EQ(strlen(e.text), sizeof(e.text) - 1);
}

TEST(mib_rounds_up)
{
    CHECK_EQ(st_mib(0), 0);
    CHECK_EQ(st_mib(1), 1);
    CHECK_EQ(st_mib(1 << 20), 1);
    CHECK_EQ(st_mib((1 << 20) + 1), 2);
    CHECK_EQ(st_mib(UINT64_MAX), 1ull << 44);
}

/* clang-format off */
RUN_TESTS(
    RULE(a_failure_carries_its_code_and_its_words),
    RULE(numbers_reach_their_limits),
    RULE(long_words_are_cut_off_and_ended),
    RULE(mib_rounds_up))
/* clang-format on */
