/* SPDX-License-Identifier: MIT */
/*
 * steward_test.h - what every unit test of the steward begins with
 */
#ifndef STEWARD_TEST_H
#define STEWARD_TEST_H

#include "tests/unit/test.h"

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

/* fail_msg(), whose name common/err.h needs. */
#define FAIL_WITH(...)                                                         \
    do {                                                                       \
        print_error(__VA_ARGS__);                                              \
        print_error("\n");                                                     \
        _fail(__FILE__, __LINE__);                                             \
    } while (0)

/* A failure with a code and with words that name the cause. */
#define CHECK_FAILS(rc, e, want_code, want_words)                              \
    do {                                                                       \
        CHECK_EQ(rc, -(int)(want_code));                                       \
        CHECK_EQ((e)->code, want_code);                                        \
        if (!strstr((e)->text, want_words))                                    \
            FAIL_WITH("`%s` lacks `%s`", (e)->text, want_words);               \
    } while (0)

/* Little endian, as in every header the steward reads. */
static inline void put(void *page, unsigned off, uint64_t value, unsigned bytes)
{
    memcpy((uint8_t *)page + off, &value, bytes);
}

#endif
