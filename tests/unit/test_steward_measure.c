/* SPDX-License-Identifier: MIT */
/*
 * test_steward_measure.c - tests of steward/measure.c and sha_ni.c
 */
#include "tests/unit/steward_test.h"

#include "steward/measure.h"
#include "steward/sha_ni.h"

static uint8_t bytes[100000];

static void fill_bytes(void)
{
    uint32_t x = 1;

    for (unsigned i = 0; i < sizeof(bytes); i++) {
        x = x * 1664525 + 1013904223;
        bytes[i] = (uint8_t)(x >> 24);
    }
}

/* FIPS 180-4's own example of two blocks. */
TEST(the_standards_example_comes_out)
{
    static const char text[] =
        "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq";
    static const uint8_t want[] = { 0x24, 0x8d, 0x6a, 0x61, 0xd2, 0x06, 0x38,
                                    0xb8, 0xe5, 0xc0, 0x26, 0x93, 0x0c, 0x3e,
                                    0x60, 0x39, 0xa3, 0x3c, 0xe4, 0x59, 0x64,
                                    0xff, 0x21, 0x67, 0xf6, 0xec, 0xed, 0xd4,
                                    0x19, 0xdb, 0x06, 0xc1 };
    struct measure m;
    uint8_t got[MEASURE_BYTES];

    for (int fast = 0; fast < 2; fast++) {
        measure_begin(&m);
        m.fast = m.fast && fast;
        measure_bytes(&m, text, sizeof(text) - 1);
        measure_end(&m, got);
        assert_memory_equal(got, want, sizeof(want));
    }
}

TEST(any_split_into_pieces_gives_the_same)
{
    static const uint32_t pieces[] = { 1, 8, 55, 63, 64, 65, 128, 4096, 99999 };
    uint8_t want[MEASURE_BYTES], got[MEASURE_BYTES];
    br_sha256_context sha;

    fill_bytes();
    br_sha256_init(&sha);
    br_sha256_update(&sha, bytes, sizeof(bytes));
    br_sha256_out(&sha, want);
    for (unsigned i = 0; i < ARRAY_SIZE(pieces); i++) {
        struct measure m;

        measure_begin(&m);
        for (uint32_t at = 0; at < sizeof(bytes); at += pieces[i]) {
            uint32_t left = (uint32_t)sizeof(bytes) - at;

            measure_bytes(&m, bytes + at, left < pieces[i] ? left : pieces[i]);
        }
        measure_end(&m, got);
        assert_memory_equal(got, want, sizeof(want));
    }
}

TEST(an_item_is_its_length_and_its_bytes)
{
    uint8_t want[MEASURE_BYTES], got[MEASURE_BYTES];
    br_sha256_context sha;
    struct measure m;

    br_sha256_init(&sha);
    br_sha256_update(&sha, "\3\0\0\0\0\0\0\0abc", 11);
    br_sha256_out(&sha, want);
    measure_begin(&m);
    measure_item(&m, 3);
    measure_bytes(&m, "abc", 3);
    measure_end(&m, got);
    assert_memory_equal(got, want, sizeof(want));
}

TEST(the_cpus_instructions_agree_with_bearssl)
{
    if (!sha_ni_available())
        skip(); /* this CPU has none */
    fill_bytes();
    for (unsigned nr = 1; nr <= 9; nr++) {
        br_sha256_context sha;
        uint32_t words[8];

        br_sha256_init(&sha);
        memcpy(words, sha.val, sizeof(words));
        br_sha256_update(&sha, bytes + nr, nr * SHA_NI_BLOCK_BYTES);
        sha_ni_blocks(words, bytes + nr, nr);
        assert_memory_equal(words, sha.val, sizeof(words));
    }
}

/* clang-format off */
RUN_TESTS(
    RULE(the_standards_example_comes_out),
    RULE(any_split_into_pieces_gives_the_same),
    RULE(an_item_is_its_length_and_its_bytes),
    RULE(the_cpus_instructions_agree_with_bearssl))
/* clang-format on */
