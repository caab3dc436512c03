/* SPDX-License-Identifier: MIT */
/*
 * test.h - thin macros over cmocka
 *
 * A test's name states the rule.  RUN_TESTS lists them; NULL-terminated lists
 * need no count to keep.
 */
#ifndef TEST_H
#define TEST_H

/* clang-format off */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <cmocka.h>
#undef fail /* ours is in common/err.h */
/* clang-format on */

#define TEST(name) static void name(void **state __attribute__((unused)))
#define CHECK(what) assert_true(what)
#define CHECK_EQ(got, want) assert_int_equal((got), (want))
#define CHECK_STR(got, want) assert_string_equal((got), (want))
/* The text holds the words. */
#define CHECK_HAS(text, words) assert_non_null(strstr((text), (words)))

#define RUN_TESTS(...)                                                         \
    int main(void)                                                             \
    {                                                                          \
        const struct CMUnitTest tests[] = { __VA_ARGS__ };                     \
                                                                               \
        return cmocka_run_group_tests(tests, NULL, NULL);                      \
    }
#define RULE(name) cmocka_unit_test(name)

#endif
