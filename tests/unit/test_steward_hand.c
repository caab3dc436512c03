/* SPDX-License-Identifier: MIT */
/*
 * test_steward_hand.c - tests of steward/hand.c, hand_src.c and hand_dst.c
 */
#include "tests/unit/steward_test.h"

#include <stdlib.h>

#include "tests/unit/migpair.h"

static struct pair p;

static struct {
    struct fh_mig_side h1;
    struct fh_mig_h2 h2;
    struct fh_mig_h3 h3;
    struct fh_mig_finished h4, h5;
} say;

/* As far as message n, which the next one then gets: 0, or the error. */
static int shake(unsigned n)
{
    int rc = export_begin(&p.x, 2, false, &say.h1);

    if (rc == 0 && n >= 2)
        rc = import_h1(&p.m, &say.h1, &say.h2);
    if (rc == 0 && n >= 3)
        rc = export_h2(&p.x, &say.h2, &say.h3);
    if (rc == 0 && n >= 4)
        rc = import_h3(&p.m, &say.h3, &say.h4);
    if (rc == 0 && n >= 5)
        rc = export_h4(&p.x, &say.h4, &say.h5);
    if (rc == 0 && n >= 6)
        rc = import_h5(&p.m, &say.h5);
    return rc;
}

static struct {
    void *p;
    size_t bytes;
} message[] = {
    { &say.h1, sizeof(say.h1) }, { &say.h2, sizeof(say.h2) },
    { &say.h3, sizeof(say.h3) }, { &say.h4, sizeof(say.h4) },
    { &say.h5, sizeof(say.h5) },
};

/* From message n on: it was changed on its way. */
static int shake_on(unsigned n)
{
    int rc = 0;

    if (n == 1)
        rc = import_h1(&p.m, &say.h1, &say.h2);
    if (rc == 0 && n <= 2)
        rc = export_h2(&p.x, &say.h2, &say.h3);
    if (rc == 0 && n <= 3)
        rc = import_h3(&p.m, &say.h3, &say.h4);
    if (rc == 0 && n <= 4)
        rc = export_h4(&p.x, &say.h4, &say.h5);
    return rc ? rc : import_h5(&p.m, &say.h5);
}

/* Each byte of each message: nobody gets as far as a page. */
TEST(a_message_that_was_changed_ends_the_handshake)
{
    for (unsigned n = 1; n <= 5; n++)
        for (size_t i = 0; i < message[n - 1].bytes; i += n == 1 ? 1 : 3) {
            pair_open(&p, 2);
            CHECK_EQ(shake(n), 0);
            ((uint8_t *)message[n - 1].p)[i] ^= (uint8_t)(1u << i % 8);
            if (shake_on(n) >= 0)
                FAIL_WITH("H%u, byte %zu: nobody noticed", n, i);
            CHECK(p.m.state != IMPORT_IMPORT);
            CHECK(p.x.state == EXPORT_CANCELLED ||
                  p.m.state == IMPORT_POISONED);
            pair_close(&p);
        }
}

TEST(both_have_the_same_keys_and_each_its_own)
{
    pair_open(&p, 2);
    CHECK_EQ(shake(6), 0);
    CHECK_EQ(p.x.state, EXPORT_PRECOPY);
    CHECK_EQ(p.m.state, IMPORT_IMPORT);
    assert_memory_equal(p.x.hand.session, p.m.hand.session, 16);
    for (unsigned i = 0; i < 2; i++) {
        assert_memory_equal(&p.x.hand.s2d[i].gcm, &p.m.hand.s2d[i].gcm,
                            sizeof(struct gcm));
        CHECK(memcmp(&p.x.hand.s2d[i].gcm, &p.x.hand.d2s.gcm,
                     sizeof(struct gcm)) != 0);
    }
    CHECK(memcmp(&p.x.hand.s2d[0].gcm, &p.x.hand.s2d[1].gcm,
                 sizeof(struct gcm)) != 0);
    CHECK(mig_is_zero(p.x.hand.fin_s, 32));
    CHECK(mig_is_zero(p.m.hand.fin_d, 32));
    CHECK(mig_is_zero(&p.x.hand.dh, sizeof(p.x.hand.dh)));
    CHECK(mig_is_zero(&p.m.hand.dh, sizeof(p.m.hand.dh)));
    pair_close(&p);
}

/* The words name what differs, in the destination's answer. */
TEST(machines_that_differ_do_not_go_on)
{
    static const struct {
        enum fh_mig_error code;
        const char *words;
    } row[] = {
        { FH_MIG_ERR_SHAPE, "vcpus: the other side has 2, this one 3" },
        { FH_MIG_ERR_SHAPE, "grant frames" },
        { FH_MIG_ERR_SHAPE, "memory in bytes" },
        { FH_MIG_ERR_SHAPE, "memory map" },
        { FH_MIG_ERR_POLICY, "mode 1, want 2" },
        { FH_MIG_ERR_POLICY, "time stamp counter in kHz" },
        { FH_MIG_ERR_POLICY, "time stamp counter in kHz" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        pair_open(&p, 1);
        p.d.me.nr_guest_vcpus += i == 0;
        p.d.me.visible_grant_frames += i == 1;
        p.d.me.ram_bytes += i == 2;
        p.d.me.config.map[3].len_bytes += i == 3;
        p.d.me.tsc.mode -= i == 4;
        p.d.me.tsc.khz += i == 5 ? 1002 : 0;
        p.d.me.tsc.khz -= i == 6 ? 1002 : 0;
        CHECK_FAILS(shake(2), &p.m.why, row[i].code, row[i].words);
        CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
        CHECK(mig_is_zero(p.m.token.session, 16)); /* it unfences nobody */
        pair_close(&p);
    }
    pair_open(&p, 1);
    p.d.me.tsc.khz += 999; /* within 500 ppm */
    CHECK_EQ(shake(6), 0);
    pair_close(&p);
}

/* Evidence is good, and the wrong side's. */
TEST(a_peer_that_is_not_what_it_should_be_is_refused)
{
    static const struct {
        enum fh_mig_error code;
        const char *words;
    } row[] = {
        { FH_MIG_ERR_EVIDENCE, "does not accept" }, /* another pool */
        { FH_MIG_ERR_PEER, "another steward" },
        { FH_MIG_ERR_PEER, "state 2, want 3" }, /* a guest ran there */
        { FH_MIG_ERR_PEER, "is this one" },
        { FH_MIG_ERR_POLICY, "cpu policy" },
        { FH_MIG_ERR_PEER, "made otherwise" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        pair_open(&p, 1);
        p.d.pool_key[0] ^= i == 0;
        p.d.me.own.image[0] ^= i == 1;
        if (i == 2)
            p.d.state = FAKE_MIG_RUN;
        if (i == 3)
            memcpy(p.d.me.own.instance, p.s.me.own.instance, 16);
        p.d.me.own.cpu_policy[31] ^= i == 4;
        p.d.me.own.config[31] ^= i == 5;
        CHECK_FAILS(shake(3), &p.x.why, row[i].code, row[i].words);
        CHECK_EQ(p.x.state, EXPORT_CANCELLED);
        pair_close(&p);
    }
    pair_open(&p, 1);
    p.s.state = FAKE_MIG_FENCED;
    CHECK_FAILS(shake(4), &p.m.why, FH_MIG_ERR_PEER, "state 4, want 2");
    pair_close(&p);
    pair_open(&p, 1);
    memset(p.s.me.own.guest_id, 0, 16);
    CHECK_FAILS(shake(4), &p.m.why, FH_MIG_ERR_PEER, "names no guest");
    pair_close(&p);
    pair_open(&p, 1);
    p.s.me.own.flags &= ~MIG_FLAG_MIGRATABLE;
    CHECK_FAILS(shake(1), &p.x.why, FH_MIG_ERR_GUEST, "pinned");
    p.s.me.own.flags |= MIG_FLAG_MIGRATABLE;
    CHECK_EQ(shake(2), 0);
    p.s.me.own.flags &= ~MIG_FLAG_MIGRATABLE; /* a source that is not ours */
    CHECK_EQ(export_h2(&p.x, &say.h2, &say.h3), 0);
    CHECK_FAILS(import_h3(&p.m, &say.h3, &say.h4), &p.m.why, FH_MIG_ERR_PEER,
                "pinned");
    pair_close(&p);
}

/* A peer of small order and evidence to match: a steward that is not ours. */
TEST(a_public_key_that_is_none_is_refused_though_evidence_covers_it)
{
    struct hand_piece piece[2];
    uint8_t t2[32];

    pair_open(&p, 1);
    CHECK_EQ(shake(2), 0);
    memset(say.h2.side.x, 0, sizeof(say.h2.side.x));
    piece[0] = (struct hand_piece){ &say.h1, sizeof(say.h1) };
    piece[1] = (struct hand_piece){ &say.h2.side, sizeof(say.h2.side) };
    hand_hash(FH_MIG_LABEL_H2, piece, 2, t2);
    CHECK_EQ(p.d.world.attest(&p.d, t2, say.h2.evidence), 0);
    CHECK_FAILS(export_h2(&p.x, &say.h2, &say.h3), &p.x.why,
                FH_MIG_ERR_HANDSHAKE, "key exchange");
    CHECK(mig_is_zero(p.x.hand.s2d, sizeof(p.x.hand.s2d)));
    pair_close(&p);
}

TEST(messages_out_of_order_end_it)
{
    pair_open(&p, 1);
    CHECK_EQ(import_h3(&p.m, &say.h3, &say.h4), -FH_MIG_ERR_HANDSHAKE);
    CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
    pair_close(&p);
    pair_open(&p, 1);
    CHECK_EQ(export_h2(&p.x, &say.h2, &say.h3), 1); /* nothing began */
    CHECK_EQ(shake(2), 0);
    CHECK_EQ(import_h1(&p.m, &say.h1, &say.h2), -FH_MIG_ERR_HANDSHAKE);
    CHECK_EQ(export_h4(&p.x, &say.h4, &say.h5), -FH_MIG_ERR_HANDSHAKE);
    pair_close(&p);
    pair_open(&p, 1);
    CHECK_EQ(shake(6), 0);
    CHECK_EQ(import_h5(&p.m, &say.h5), -FH_MIG_ERR_HANDSHAKE);
    CHECK_EQ(p.m.token.type, FH_MIG_ABORT);
    assert_memory_equal(p.m.token.session, p.m.hand.session, 16);
    CHECK_EQ(export_h2(&p.x, &say.h2, &say.h3), -FH_MIG_ERR_HANDSHAKE);
    pair_close(&p);
}

TEST(frames_before_the_handshake_is_over_end_it)
{
    static struct fh_mig_long f;

    for (unsigned n = 1; n <= 5; n++) {
        pair_open(&p, 2);
        CHECK_EQ(shake(n), 0);
        CHECK(import_long(&p.m, 0, &f) < 0);
        CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
        pair_close(&p);
    }
}

/* clang-format off */
RUN_TESTS(
    RULE(a_message_that_was_changed_ends_the_handshake),
    RULE(both_have_the_same_keys_and_each_its_own),
    RULE(machines_that_differ_do_not_go_on),
    RULE(a_peer_that_is_not_what_it_should_be_is_refused),
    RULE(a_public_key_that_is_none_is_refused_though_evidence_covers_it),
    RULE(messages_out_of_order_end_it),
    RULE(frames_before_the_handshake_is_over_end_it))
/* clang-format on */
