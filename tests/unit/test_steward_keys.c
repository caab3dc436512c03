/* SPDX-License-Identifier: MIT */
/*
 * test_steward_keys.c - tests of steward/dh.c, kdf.c, drbg.c and wipe.h
 */
#include "tests/unit/steward_test.h"

#include "steward/dh.h"
#include "steward/drbg.h"
#include "steward/kdf.h"
#include "steward/wipe.h"
#include "tests/unit/hex.h"

/* RFC 7748, section 5.2 and 6.1. */
TEST(x25519_gives_the_standards_products)
{
    static const struct {
        const char *secret, *point, *want;
    } row[] = {
        { "a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4",
          "e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c",
          "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552" },
        { "4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d",
          "e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493",
          "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957" },
        { "5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
          "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a",
          "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        uint8_t peer[DH_BYTES], want[DH_BYTES], got[DH_BYTES];
        struct dh d;

        unhex(row[i].secret, d.secret, sizeof(d.secret));
        unhex(row[i].point, peer, sizeof(peer));
        unhex(row[i].want, want, sizeof(want));
        CHECK(dh_shared(&d, peer, got));
        assert_memory_equal(got, want, sizeof(want));
    }
}

TEST(x25519_gives_the_standards_public_key)
{
    uint8_t want[DH_BYTES];
    struct dh d;

    unhex("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb",
          d.secret, sizeof(d.secret));
    unhex("de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f",
          want, sizeof(want));
    dh_public(&d);
    assert_memory_equal(d.public, want, sizeof(want));
}

/* Points of order 1, 2, 4 and 8: RFC 7748, section 6.1, "all-zero value". */
TEST(a_point_of_small_order_is_refused)
{
    static const char *const point[] = {
        "0000000000000000000000000000000000000000000000000000000000000000",
        "0100000000000000000000000000000000000000000000000000000000000000",
        "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800",
        "5f9c95bca3508c24b1d0b1559c83ef5b04445cc4581c8e86d8224eddd09f1157",
        "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
        "eeffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f",
    };
    struct dh d;

    memset(d.secret, 0x5a, sizeof(d.secret));
    for (unsigned i = 0; i < ARRAY_SIZE(point); i++) {
        uint8_t peer[DH_BYTES], got[DH_BYTES], zero[DH_BYTES] = { 0 };

        unhex(point[i], peer, sizeof(peer));
        CHECK(!dh_shared(&d, peer, got));
        assert_memory_equal(got, zero, sizeof(zero));
    }
}

/* RFC 5869, appendix A, the three of SHA-256. */
TEST(hkdf_gives_the_standards_keys)
{
    static const struct {
        const char *secret, *salt, *info, *want;
    } row[] = {
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b",
          "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9",
          "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"
          "34007208d5b887185865" },
        { "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f"
          "202122232425262728292a2b2c2d2e2f303132333435363738393a3b3c3d3e3f"
          "404142434445464748494a4b4c4d4e4f",
          "606162636465666768696a6b6c6d6e6f707172737475767778797a7b7c7d7e7f"
          "808182838485868788898a8b8c8d8e8f909192939495969798999a9b9c9d9e9f"
          "a0a1a2a3a4a5a6a7a8a9aaabacadaeaf",
          "b0b1b2b3b4b5b6b7b8b9babbbcbdbebfc0c1c2c3c4c5c6c7c8c9cacbcccdcecf"
          "d0d1d2d3d4d5d6d7d8d9dadbdcdddedfe0e1e2e3e4e5e6e7e8e9eaebecedeeef"
          "f0f1f2f3f4f5f6f7f8f9fafbfcfdfeff",
          "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
          "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
          "cc30c58179ec3e87c14c01d5c1f3434f1d87" },
        { "0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b0b", "", "",
          "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"
          "9d201395faa4b61a96c8" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        uint8_t secret[80], salt[80], info[80], want[82], got[82];
        size_t secret_bytes = unhex(row[i].secret, secret, sizeof(secret));
        size_t salt_bytes = unhex(row[i].salt, salt, sizeof(salt));
        size_t info_bytes = unhex(row[i].info, info, sizeof(info));
        size_t bytes = unhex(row[i].want, want, sizeof(want));
        struct kdf k;

        kdf_extract(&k, salt, salt_bytes, secret, secret_bytes);
        for (int again = 0; again < 2; again++) {
            memset(got, 0, sizeof(got));
            kdf_expand(&k, info, info_bytes, got, bytes);
            assert_memory_equal(got, want, bytes);
        }
    }
}

/* RFC 4231, test case 1, its key filled up with zeroes as HMAC does. */
TEST(hmac_gives_the_standards_tag)
{
    uint8_t key[KDF_BYTES] = { 0 }, want[KDF_BYTES], got[KDF_BYTES];

    memset(key, 0x0b, 20);
    unhex("b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7",
          want, sizeof(want));
    kdf_hmac(key, "Hi There", 8, got);
    assert_memory_equal(got, want, sizeof(want));
}

TEST(either_source_alone_changes_every_random_byte)
{
    uint8_t cpu[DRBG_SEED_BYTES] = { 0 }, xen[16] = { 0 };
    uint8_t first[32], again[32], other[32];
    struct drbg d;

    drbg_open(&d, cpu, xen, sizeof(xen));
    drbg_bytes(&d, first, sizeof(first));
    drbg_bytes(&d, other, sizeof(other));
    CHECK(memcmp(first, other, sizeof(first)) != 0);
    drbg_open(&d, cpu, xen, sizeof(xen));
    drbg_bytes(&d, again, sizeof(again));
    assert_memory_equal(first, again, sizeof(first));
    xen[15] ^= 1;
    drbg_open(&d, cpu, xen, sizeof(xen));
    drbg_bytes(&d, other, sizeof(other));
    CHECK(memcmp(first, other, sizeof(first)) != 0);
    xen[15] ^= 1;
    cpu[DRBG_SEED_BYTES - 1] ^= 1;
    drbg_open(&d, cpu, xen, sizeof(xen));
    drbg_bytes(&d, other, sizeof(other));
    CHECK(memcmp(first, other, sizeof(first)) != 0);
}

TEST(the_cpu_seeds_never_twice_the_same)
{
    uint8_t a[DRBG_SEED_BYTES], b[DRBG_SEED_BYTES];

    if (!drbg_cpu_seed(a))
        skip(); /* this CPU has neither RDSEED nor RDRAND */
    CHECK(drbg_cpu_seed(b));
    CHECK(memcmp(a, b, sizeof(a)) != 0);
}

TEST(what_is_wiped_is_zero)
{
    uint8_t key[40], zero[40] = { 0 };

    memset(key, 0xa5, sizeof(key));
    wipe(key, sizeof(key));
    assert_memory_equal(key, zero, sizeof(key));
}

/* clang-format off */
RUN_TESTS(
    RULE(x25519_gives_the_standards_products),
    RULE(x25519_gives_the_standards_public_key),
    RULE(a_point_of_small_order_is_refused),
    RULE(hkdf_gives_the_standards_keys),
    RULE(hmac_gives_the_standards_tag),
    RULE(either_source_alone_changes_every_random_byte),
    RULE(the_cpu_seeds_never_twice_the_same),
    RULE(what_is_wiped_is_zero))
/* clang-format on */
