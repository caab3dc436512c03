/* SPDX-License-Identifier: MIT */
/*
 * test_steward_gcm.c - tests of steward/gcm.c and gcm_ni.c
 */
#include "tests/unit/steward_test.h"

#include <stdlib.h>

#include "steward/gcm.h"
#include "tests/unit/hex.h"

#define TEXT_MAX 1200u

/* McGrew and Viega, "The Galois/Counter Mode of Operation", cases 13 to 16. */
static const struct {
    const char *key, *nonce, *aad, *plain, *cipher, *tag;
} standard[] = {
    { "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "", "",
      "530f8afbc74536b9a963b4f1c4cb738b" },
    { "0000000000000000000000000000000000000000000000000000000000000000",
      "000000000000000000000000", "", "00000000000000000000000000000000",
      "cea7403d4d606b6e074ec5d3baf39d18", "d0d1c8a799996bf0265b98b5d48ab919" },
    { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "cafebabefacedbaddecaf888", "",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b391aafd255",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662898015ad",
      "b094dac5d93471bdec1a502270e3cc6c" },
    { "feffe9928665731c6d6a8f9467308308feffe9928665731c6d6a8f9467308308",
      "cafebabefacedbaddecaf888", "feedfacedeadbeeffeedfacedeadbeefabaddad2",
      "d9313225f88406e5a55909c5aff5269a86a7a9531534f7da2e4c303d8a318a72"
      "1c3c0c95956809532fcf0e2449a6b525b16aedf5aa0de657ba637b39",
      "522dc1f099567d07f47f37a32a84427d643a8cdcbfe5c0c97598a2bd2555d1aa"
      "8cb08e48590dbb3da7b08b1056828838c5f61e6393ba7a0abcc9f662",
      "76fc6ece0f4e1768cddf8853bb2d551b" },
};

static void check_standard(bool soft)
{
    for (unsigned i = 0; i < ARRAY_SIZE(standard); i++) {
        uint8_t key[32], nonce[12], aad[32], text[64], plain[64], cipher[64];
        uint8_t want[16], tag[16];
        size_t bytes, aad_bytes;
        struct gcm g;

        unhex(standard[i].key, key, sizeof(key));
        unhex(standard[i].nonce, nonce, sizeof(nonce));
        unhex(standard[i].tag, want, sizeof(want));
        aad_bytes = unhex(standard[i].aad, aad, sizeof(aad));
        bytes = unhex(standard[i].plain, plain, sizeof(plain));
        unhex(standard[i].cipher, cipher, sizeof(cipher));
        gcm_key(&g, key, soft);
        memcpy(text, plain, bytes);
        gcm_seal(&g, nonce, aad, aad_bytes, text, bytes, tag);
        assert_memory_equal(text, cipher, bytes);
        assert_memory_equal(tag, want, sizeof(tag));
        CHECK(gcm_open(&g, nonce, aad, aad_bytes, text, bytes, tag));
        assert_memory_equal(text, plain, bytes);
    }
}

TEST(the_standards_examples_come_out)
{
    check_standard(true);
    if (gcm_fast())
        check_standard(false);
}

static void fill(uint8_t *p, size_t bytes, uint32_t seed)
{
    for (size_t i = 0; i < bytes; i++) {
        seed = seed * 1664525 + 1013904223;
        p[i] = (uint8_t)(seed >> 24);
    }
}

/* Each length and address has its own way through turns and tails. */
TEST(the_cpus_instructions_agree_with_bearssl_at_every_length)
{
    static uint8_t a[TEXT_MAX + 16], b[TEXT_MAX + 16], plain[TEXT_MAX + 16];
    uint8_t key[32], nonce[12], aad[64], tag_a[16], tag_b[16];
    struct gcm fast, soft;

    if (!gcm_fast())
        skip(); /* this CPU has none */
    for (uint32_t n = 0; n <= TEXT_MAX; n += n < 300 ? 1 : 37) {
        uint8_t *at = a + n % 16;

        fill(key, sizeof(key), n);
        fill(nonce, sizeof(nonce), n + 1);
        fill(aad, sizeof(aad), n + 2);
        fill(plain, sizeof(plain), n + 3);
        gcm_key(&fast, key, false);
        gcm_key(&soft, key, true);
        memcpy(at, plain, n);
        memcpy(b, plain, n);
        gcm_seal(&fast, nonce, aad, n % 65, at, n, tag_a);
        gcm_seal(&soft, nonce, aad, n % 65, b, n, tag_b);
        assert_memory_equal(at, b, n);
        assert_memory_equal(tag_a, tag_b, 16);
        CHECK(gcm_open(&fast, nonce, aad, n % 65, at, n, tag_b));
        CHECK(gcm_open(&soft, nonce, aad, n % 65, b, n, tag_a));
        assert_memory_equal(at, plain, n);
        assert_memory_equal(b, plain, n);
    }
}

/* The counter is 32 bits wide and its carry goes nowhere else. */
TEST(a_nonce_of_all_ones_is_as_good_as_any)
{
    uint8_t key[32] = { 1 }, nonce[12], a[400] = { 0 }, b[400] = { 0 };
    uint8_t tag_a[16], tag_b[16];
    struct gcm fast, soft;

    if (!gcm_fast())
        skip();
    memset(nonce, 0xff, sizeof(nonce));
    gcm_key(&fast, key, false);
    gcm_key(&soft, key, true);
    gcm_seal(&fast, nonce, NULL, 0, a, sizeof(a), tag_a);
    gcm_seal(&soft, nonce, NULL, 0, b, sizeof(b), tag_b);
    assert_memory_equal(a, b, sizeof(a));
    assert_memory_equal(tag_a, tag_b, 16);
}

static void check_flips(bool soft)
{
    uint8_t key[32] = { 7 }, nonce[12] = { 9 }, aad[20] = { 3 };
    uint8_t sealed[160], tag[16], zero[160] = { 0 };
    struct gcm g;

    fill(sealed, sizeof(sealed), 4);
    gcm_key(&g, key, soft);
    gcm_seal(&g, nonce, aad, sizeof(aad), sealed, sizeof(sealed), tag);
    for (unsigned bit = 0; bit < 8 * (160 + 16 + 20 + 12); bit++) {
        struct {
            uint8_t text[160], tag[16], aad[20], nonce[12];
        } t;

        memcpy(t.text, sealed, sizeof(sealed));
        memcpy(t.tag, tag, sizeof(tag));
        memcpy(t.aad, aad, sizeof(aad));
        memcpy(t.nonce, nonce, sizeof(nonce));
        ((uint8_t *)&t)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(!gcm_open(&g, t.nonce, t.aad, sizeof(aad), t.text, sizeof(sealed),
                        t.tag));
        assert_memory_equal(t.text, zero, sizeof(zero));
    }
}

TEST(one_wrong_bit_anywhere_is_found_and_no_plaintext_is_left)
{
    check_flips(true);
    if (gcm_fast())
        check_flips(false);
}

/* clang-format off */
RUN_TESTS(
    RULE(the_standards_examples_come_out),
    RULE(the_cpus_instructions_agree_with_bearssl_at_every_length),
    RULE(a_nonce_of_all_ones_is_as_good_as_any),
    RULE(one_wrong_bit_anywhere_is_found_and_no_plaintext_is_left))
/* clang-format on */
