/* SPDX-License-Identifier: MIT */
/*
 * test_xen_evidence.c - tests of the Xen series' evidence.c
 */
#include "tests/unit/test.h"

#include <bearssl/bearssl.h>
#include <errno.h>
#include <xen/evidence.h>

static const uint8_t *bytes_of(const char *hex)
{
    static uint8_t out[64];

    for (unsigned i = 0; hex[2 * i]; i++) {
        unsigned b = 0;

        for (unsigned k = 0; k < 2; k++) {
            char c = hex[2 * i + k];

            b = b << 4 | (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
        }
        out[i] = (uint8_t)b;
    }
    return out;
}

static const uint8_t *full_of(uint8_t byte)
{
    static uint8_t out[256];

    memset(out, byte, sizeof(out));
    return out;
}

static const uint8_t *from(uint8_t first)
{
    static uint8_t out[3][128];
    static unsigned n;
    uint8_t *o = out[n++ % 3];

    for (unsigned i = 0; i < 128; i++)
        o[i] = (uint8_t)(first + i);
    return o;
}

static void check_hmac(const void *key, size_t key_bytes, const char *msg,
                       const char *want)
{
    uint8_t mac[EVIDENCE_MAC_BYTES];

    evidence_hmac(mac, key, key_bytes, msg, strlen(msg));
    assert_memory_equal(mac, bytes_of(want), sizeof(mac));
}

/* RFC 4231, cases 1, 2, 6 and 7. */
TEST(the_hmac_is_that_of_rfc_4231)
{
    check_hmac(
        full_of(0x0b), 20, "Hi There",
        "b0344c61d8db38535ca8afceaf0bf12b881dc200c9833da726e9376c2e32cff7");
    check_hmac(
        "Jefe", 4, "what do ya want for nothing?",
        "5bdcc146bf60754e6a042426089575c75a003f089d2739839dec58b964ec3843");
    check_hmac(
        full_of(0xaa), 131,
        "Test Using Larger Than Block-Size Key - Hash Key First",
        "60e431591ee0b67f0d8a26aacbf5b77f8e0bc6213728c5140546040f0ee37f54");
    check_hmac(
        full_of(0xaa), 131,
        "This is a test using a larger than block-size key and a larger than "
        "block-size data. The key needs to be hashed before being used by the "
        "HMAC algorithm.",
        "9b09ffa71b942fcb27635fbcd5b0e944bfdc63644f0713938a7f51535c3a35e2");
}

/* RFC 5869, cases 1 to 3: the first 32 bytes. */
TEST(the_hkdf_is_that_of_rfc_5869)
{
    uint8_t out[32];

    evidence_hkdf(out, from(0), 13, full_of(0x0b), 22, from(0xf0), 10);
    assert_memory_equal(
        out,
        bytes_of(
            "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf"),
        sizeof(out));
    evidence_hkdf(out, from(0x60), 80, from(0), 80, from(0xb0), 80);
    assert_memory_equal(
        out,
        bytes_of(
            "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"),
        sizeof(out));
    evidence_hkdf(out, "", 0, full_of(0x0b), 22, "", 0);
    assert_memory_equal(
        out,
        bytes_of(
            "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d"),
        sizeof(out));
}

TEST(every_length_of_key_and_message_is_as_another_library_has_it)
{
    const uint8_t *data = from(1);
    uint8_t ours[32], theirs[32];

    for (size_t key = 0; key <= 128; key += 16)
        for (size_t msg = 0; msg <= 128; msg++) {
            br_hmac_key_context kc;
            br_hmac_context c;

            br_hmac_key_init(&kc, &br_sha256_vtable, data, key);
            br_hmac_init(&c, &kc, 0);
            br_hmac_update(&c, data, msg);
            br_hmac_out(&c, theirs);
            evidence_hmac(ours, data, key, data, msg);
            assert_memory_equal(ours, theirs, sizeof(ours));
        }
}

static const uint8_t pool_id[16] = "a pool of hosts";

static struct xen_steward_pool_epoch epoch_of(uint32_t nr)
{
    struct xen_steward_pool_epoch e = { .epoch = nr };

    memset(e.secret, (int)nr, sizeof(e.secret));
    return e;
}

static struct evidence_key key_of(uint32_t epoch, uint32_t flags)
{
    struct xen_steward_pool_epoch e = epoch_of(epoch);
    struct evidence_key k;

    evidence_derive(&k, pool_id, &e, flags);
    return k;
}

TEST(the_key_is_derived_as_the_header_says)
{
    struct xen_steward_pool_epoch e = epoch_of(9);
    struct evidence_key k = key_of(9, 5);
    uint8_t salt[20], info[19 + 4], want[32];
    br_hkdf_context c;

    memcpy(salt, pool_id, 16);
    memcpy(salt + 16, &e.epoch, 4);
    memcpy(info, "freehold evidence 1", 19);
    memcpy(info + 19, &(uint32_t){ 5 }, 4);
    br_hkdf_init(&c, &br_sha256_vtable, salt, sizeof(salt));
    br_hkdf_inject(&c, e.secret, sizeof(e.secret));
    br_hkdf_flip(&c);
    br_hkdf_produce(&c, info, sizeof(info), want, sizeof(want));
    assert_memory_equal(k.key, want, sizeof(want));
    CHECK_EQ(k.epoch, 9);
}

TEST(another_pool_epoch_secret_or_flag_is_another_key)
{
    struct xen_steward_pool_epoch e = epoch_of(1);
    struct evidence_key k[5];

    evidence_derive(&k[0], pool_id, &e, 0);
    evidence_derive(&k[1], (const uint8_t *)"another one    ", &e, 0);
    evidence_derive(&k[2], pool_id, &e, XEN_STEWARD_FLAG_debug);
    e.epoch = 2;
    evidence_derive(&k[3], pool_id, &e, 0);
    e.epoch = 1;
    e.secret[31] ^= 1;
    evidence_derive(&k[4], pool_id, &e, 0);
    for (unsigned i = 0; i < 5; i++)
        for (unsigned j = 0; j < i; j++)
            assert_memory_not_equal(k[i].key, k[j].key, sizeof(k[i].key));
}

static struct xen_steward_evidence sealed(const struct evidence_key *k)
{
    struct xen_steward_evidence ev = { .claims.generation = 3 };

    evidence_seal(&ev, k);
    return ev;
}

TEST(what_was_sealed_is_genuine_and_no_byte_of_it_can_change)
{
    struct evidence_key k = key_of(1, 0);
    struct xen_steward_evidence ev = sealed(&k);

    CHECK_EQ(evidence_check(&ev, sizeof(ev), &k, 1), 0);
    for (unsigned i = 0; i < sizeof(ev); i++)
        for (unsigned bit = 0; bit < 8; bit++) {
            ((uint8_t *)&ev)[i] ^= (uint8_t)(1u << bit);
            CHECK(evidence_check(&ev, sizeof(ev), &k, 1) < 0);
            ((uint8_t *)&ev)[i] ^= (uint8_t)(1u << bit);
        }
    ev.mac[31] ^= 0x80;
    CHECK_EQ(evidence_check(&ev, sizeof(ev), &k, 1), -EBADMSG);
}

TEST(the_form_comes_before_the_mac)
{
    struct evidence_key k = key_of(1, 0);
    struct xen_steward_evidence ev = sealed(&k);

    CHECK_EQ(evidence_check(&ev, 0, &k, 1), -EINVAL);
    CHECK_EQ(evidence_check(&ev, 3, &k, 1), -EINVAL);
    CHECK_EQ(evidence_check(&ev, sizeof(ev) - 1, &k, 1), -EINVAL);
    CHECK_EQ(evidence_check(&ev, sizeof(ev) + 1, &k, 1), -EINVAL);
    ev.claims.len_bytes--;
    CHECK_EQ(evidence_check(&ev, sizeof(ev), &k, 1), -EINVAL);
    ev.claims.provider++;
    CHECK_EQ(evidence_check(&ev, 4, &k, 1), -EOPNOTSUPP);
}

TEST(the_epoch_before_is_still_understood_and_no_older_one)
{
    struct evidence_key k[2] = { key_of(3, 0), key_of(2, 0) };
    struct evidence_key old = key_of(1, 0), debug = key_of(3, 2);
    struct xen_steward_evidence ev = sealed(&k[1]);

    CHECK_EQ(evidence_check(&ev, sizeof(ev), k, 2), 0);
    CHECK_EQ(evidence_check(&ev, sizeof(ev), k, 1), -ETIME);
    ev = sealed(&old);
    CHECK_EQ(evidence_check(&ev, sizeof(ev), k, 2), -ETIME);
    ev = sealed(&debug); /* a host with other flags */
    CHECK_EQ(evidence_check(&ev, sizeof(ev), k, 2), -EBADMSG);
    CHECK_EQ(evidence_check(&ev, sizeof(ev), NULL, 0), -ETIME);
}

TEST(a_module_without_a_secret_is_refused)
{
    struct xen_steward_pool good = { .nr_epochs = 2 }, p;

    memcpy(good.pool_id, pool_id, sizeof(pool_id));
    good.epochs[0] = epoch_of(2);
    good.epochs[1] = epoch_of(1);
    CHECK(!evidence_pool_fault(&good, sizeof(good)));
    CHECK(evidence_pool_fault(&good, sizeof(good) - 1));
    CHECK(evidence_pool_fault(&good, sizeof(good) + 1));
    p = good;
    p.nr_epochs = 0;
    CHECK(evidence_pool_fault(&p, sizeof(p)));
    p.nr_epochs = 3;
    CHECK(evidence_pool_fault(&p, sizeof(p)));
    p = good;
    p.pad = 1;
    CHECK(evidence_pool_fault(&p, sizeof(p)));
    p = good;
    memset(p.pool_id, 0, sizeof(p.pool_id));
    CHECK(evidence_pool_fault(&p, sizeof(p)));
    p = good;
    p.epochs[1].epoch = 2;
    CHECK(evidence_pool_fault(&p, sizeof(p)));
    p = good;
    memset(p.epochs[1].secret, 0, sizeof(p.epochs[1].secret));
    CHECK(evidence_pool_fault(&p, sizeof(p)));
    p.nr_epochs = 1;
    CHECK(!evidence_pool_fault(&p, sizeof(p)));
}

TEST(wiping_wipes)
{
    uint8_t b[3] = { 1, 2, 3 };

    evidence_wipe(b, 2);
    CHECK(b[0] == 0 && b[1] == 0 && b[2] == 3);
}

RUN_TESTS(RULE(the_hmac_is_that_of_rfc_4231),
          RULE(the_hkdf_is_that_of_rfc_5869),
          RULE(every_length_of_key_and_message_is_as_another_library_has_it),
          RULE(the_key_is_derived_as_the_header_says),
          RULE(another_pool_epoch_secret_or_flag_is_another_key),
          RULE(what_was_sealed_is_genuine_and_no_byte_of_it_can_change),
          RULE(the_form_comes_before_the_mac),
          RULE(the_epoch_before_is_still_understood_and_no_older_one),
          RULE(a_module_without_a_secret_is_refused), RULE(wiping_wipes))
