/* SPDX-License-Identifier: MIT */
/*
 * test_steward_migrate.c - a guest's way from one steward to another
 */
#include "tests/unit/steward_test.h"

#include <errno.h>
#include <stdlib.h>

#include "tests/unit/migpair.h"

static struct pair p;

/* The guest runs at D now, and S knows. */
static void check_moved(void)
{
    struct fh_mig_token done;
    uint8_t id[16];

    memcpy(id, p.s.me.own.guest_id, sizeof(id));
    CHECK_EQ(p.x.state, EXPORT_AGREED);
    CHECK_EQ(p.m.state, IMPORT_READY);
    CHECK_EQ(export_drained(&p.x), 0);
    CHECK_EQ(p.s.state, FAKE_MIG_FENCED);
    CHECK_EQ(import_token(&p.m, &p.x.start), 0);
    CHECK_EQ(p.m.state, IMPORT_DONE);
    CHECK_EQ(p.d.state, FAKE_MIG_RUN);
    done = p.m.token;
    CHECK_EQ(export_token(&p.x, &done), 0);
    CHECK_EQ(p.s.state, FAKE_MIG_RETIRED);
    CHECK_EQ(p.x.state, EXPORT_RETIRED);
    CHECK(fake_mig_same(&p.s, &p.d));
    assert_memory_equal(p.d.me.own.guest_id, id, sizeof(id));
    CHECK_EQ(p.d.me.own.generation, 5);
    CHECK_EQ(p.d.context_bytes, p.s.context_bytes);
    assert_memory_equal(p.d.context, p.s.context, p.s.context_bytes);
    CHECK_EQ(p.d.callback, p.s.callback);
}

static void check_no_keys(void)
{
    CHECK(mig_is_zero(p.x.hand.s2d, sizeof(p.x.hand.s2d)));
    CHECK(mig_is_zero(p.m.hand.s2d, sizeof(p.m.hand.s2d)));
    CHECK(mig_is_zero(&p.x.hand.d2s, sizeof(p.x.hand.d2s)));
    CHECK(mig_is_zero(&p.m.hand.d2s, sizeof(p.m.hand.d2s)));
    CHECK(mig_is_zero(&p.x.hand.dh, sizeof(p.x.hand.dh)));
    CHECK(mig_is_zero(&p.m.hand.dh, sizeof(p.m.hand.dh)));
}

TEST(memory_arrives_through_any_number_of_streams_and_epochs)
{
    for (uint16_t streams = 1; streams <= 4; streams++) {
        pair_open(&p, streams);
        pair_fill(&p, streams * 17u);
        CHECK_EQ(pair_handshake(&p, false), 0);
        for (uint32_t epoch = 0; epoch < 5; epoch++) {
            CHECK_EQ(pair_round(&p), 0);
            CHECK_EQ(p.x.nr_acked, epoch + 1);
            CHECK(fake_mig_same(&p.s, &p.d));
            pair_mutate(&p, 3 + epoch * 100, streams * 100u + epoch);
        }
        CHECK_EQ(pair_last(&p), 0);
        check_moved();
        check_no_keys();
        pair_close(&p);
    }
}

/* What a page costs: nothing of it may depend on what the page holds. */
TEST(a_guest_of_zeroes_is_a_handful_of_frames)
{
    pair_open(&p, 2);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(p.x.totals.zero_pages, p.x.ram.pages);
    CHECK_EQ(p.x.totals.data_pages, 0);
    CHECK(p.nr_long <= 2 * 7u); /* a frame a window and stream, at most */
    CHECK_EQ(pair_last(&p), 0);
    check_moved();
    pair_close(&p);
}

TEST(sixteen_pages_fill_a_frame)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    for (uint64_t gfn = 0; gfn < 160; gfn++) {
        uint8_t page[4096] = { 1 };

        CHECK(fake_mig_write(&p.s, gfn, page));
    }
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(p.x.totals.data_pages, 160);
    CHECK_EQ(pair_last(&p), 0);
    check_moved();
    pair_close(&p);
}

/* A page that changes to zero, and one that is zero again. */
TEST(a_page_that_becomes_zero_or_a_hole_later_does_so_there)
{
    uint8_t page[4096] = { 5 };

    pair_open(&p, 2);
    pair_fill(&p, 5);
    for (uint64_t gfn = 600; gfn < 604; gfn++) {
        fake_mig_balloon(&p.s, gfn, false);
        fake_mig_write(&p.s, gfn, page);
    }
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    memset(page, 0, sizeof(page));
    fake_mig_write(&p.s, 600, page);
    fake_mig_balloon(&p.s, 601, true);
    CHECK_EQ(pair_round(&p), 0);
    CHECK(fake_mig_same(&p.s, &p.d));
    CHECK(fake_mig_page(&p.d, 601) == NULL);
    fake_mig_balloon(&p.s, 601, false);
    CHECK_EQ(pair_last(&p), 0);
    CHECK(fake_mig_page(&p.d, 601) != NULL);
    check_moved();
    pair_close(&p);
}

/* Xen maps it for somebody else, who writes at the last moment. */
TEST(a_page_that_changes_behind_the_log_is_in_the_last_epoch)
{
    uint8_t page[4096] = { 9 };

    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    p.s.mapped_gfn = 700;
    p.s.logging = false;
    fake_mig_write(&p.s, 700, page);
    p.s.logging = true;
    CHECK_EQ(pair_last(&p), 0);
    check_moved();
    pair_close(&p);
}

TEST(an_epoch_waits_for_the_answer_to_the_one_before)
{
    struct fh_mig_long f;
    enum export_frame kind;

    pair_open(&p, 1);
    CHECK_EQ(export_round(&p.x), 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(export_paused(&p.x), 1); /* the first epoch names all */
    CHECK_EQ(export_round(&p.x), 0);
    CHECK_EQ(export_round(&p.x), 1);
    do
        CHECK_EQ(export_next(&p.x, 0, &f, &kind), 0);
    while (kind == EXPORT_LONG);
    CHECK_EQ(kind, EXPORT_SHORT);
    CHECK_EQ(export_round(&p.x), 1);
    CHECK_EQ(export_next(&p.x, 0, &f, &kind), 1);
    CHECK_EQ(export_next(&p.x, 1, &f, &kind), 1);
    pair_close(&p);
}

TEST(a_guest_is_slowed_only_while_its_changes_are_logged)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(export_slow(&p.x, 50), 1);
    CHECK_EQ(export_slow(&p.x, 81), 1);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(export_slow(&p.x, 0), 1);
    CHECK_EQ(export_slow(&p.x, 50), 0);
    CHECK_EQ(p.s.slow_percent, 50);
    CHECK_EQ(export_slow(&p.x, 50), 1); /* nothing new */
    CHECK_EQ(p.s.nr_slowed, 1);
    CHECK_EQ(export_slow(&p.x, 0), 0);
    CHECK_EQ(p.s.slow_percent, 0);
    CHECK_EQ(export_slow(&p.x, 80), 0);
    CHECK_EQ(export_cancel(&p.x), -FH_MIG_ERR_CANCELLED);
    CHECK_EQ(p.s.slow_percent, 0); /* with the log */
    CHECK_EQ(export_slow(&p.x, 20), 1);
    pair_close(&p);

    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    p.s.fail_at = p.s.nr_calls + 1;
    CHECK_EQ(export_slow(&p.x, 20), -FH_MIG_ERR_XEN);
    CHECK_HAS(p.x.why.text, "slowing the guest");
    CHECK_EQ(p.x.state, EXPORT_CANCELLED);
    pair_close(&p);
}

/* dom0 asks early; the last epoch starts with the answer. */
TEST(paused_during_an_epoch_takes_effect_at_its_end)
{
    pair_open(&p, 3);
    pair_fill(&p, 6);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(export_round(&p.x), 0);
    p.s.suspension = 1;
    CHECK_EQ(export_paused(&p.x), 0);
    CHECK_EQ(pair_carry(&p), 0);
    check_moved();
    pair_close(&p);
}

TEST(drained_counts_from_the_moment_paused_was_asked_for)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(export_drained(&p.x), 1);
    CHECK_EQ(export_round(&p.x), 0);
    p.s.suspension = 1;
    CHECK_EQ(export_paused(&p.x), 0);
    CHECK_EQ(export_drained(&p.x), 0);
    CHECK_EQ(pair_carry(&p), 0);
    CHECK_EQ(p.x.state, EXPORT_FENCED);
    pair_close(&p);
}

TEST(a_guest_that_is_not_suspended_is_not_sent_off)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(export_paused(&p.x), 1);
    CHECK_EQ(p.x.state, EXPORT_PRECOPY);
    pair_close(&p);
}

/* Between the last page and the fence: old memory must not run elsewhere. */
TEST(a_guest_that_ran_after_its_last_page_is_not_fenced)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    p.s.suspension++;
    CHECK_EQ(export_drained(&p.x), -FH_MIG_ERR_RESUMED);
    CHECK_EQ(p.x.state, EXPORT_CANCELLED);
    CHECK_EQ(p.s.state, FAKE_MIG_RUN);
    CHECK(!p.s.logging);
    pair_close(&p);
}

TEST(no_fence_before_the_disks_are_drained)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    CHECK_EQ(p.s.state, FAKE_MIG_RUN);
    CHECK_EQ(p.x.state, EXPORT_AGREED);
    pair_close(&p);
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    p.s.suspension = 1;
    CHECK_EQ(export_paused(&p.x), 0);
    CHECK_EQ(export_drained(&p.x), 0); /* early, and it counts */
    CHECK_EQ(pair_carry(&p), 0);
    CHECK_EQ(p.s.state, FAKE_MIG_FENCED);
    pair_close(&p);
}

TEST(an_abort_brings_the_guest_back_and_a_second_attempt_succeeds)
{
    struct fake_mig first;

    pair_open(&p, 1);
    pair_fill(&p, 8);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    CHECK_EQ(export_drained(&p.x), 0);
    CHECK_EQ(export_cancel(&p.x), 1); /* the source cannot, alone */
    CHECK_EQ(import_ask(&p.m, true), -FH_MIG_ERR_CANCELLED);
    CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
    CHECK_EQ(import_token(&p.m, &p.x.start), 0); /* ABORT is the answer */
    CHECK_EQ(p.m.token.type, FH_MIG_ABORT);
    CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
    CHECK_EQ(export_token(&p.x, &p.m.token), 0);
    CHECK_EQ(p.s.state, FAKE_MIG_RUN);
    CHECK_EQ(p.x.state, EXPORT_CANCELLED);
    first = p.d;
    fake_mig_open(&p.d, FAKE_MIG_RECEIVING, 3, 4, 3000);
    memset(&p.m, 0, sizeof(p.m));
    p.m = (struct import){ .world = &p.d.world,
                           .me = &p.d.me,
                           .holed = p.d.holed,
                           .holed_blocks = 4096,
                           .context = p.d.context_buffer,
                           .context_room = FAKE_MIG_CONTEXT_MAX,
                           .soft = !gcm_fast(),
                           .drbg = &p.d.drbg };
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    check_moved();
    fake_mig_close(&first);
    pair_close(&p);
}

/* Every cut is a message that was not taken; each can come again. */
TEST(tokens_may_come_again_and_say_the_same)
{
    struct fh_mig_token start, done;

    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    CHECK_EQ(import_ask(&p.m, false), 0); /* READY again */
    CHECK(p.m.have_answer);
    CHECK_EQ(export_drained(&p.x), 0);
    start = p.x.start;
    CHECK_EQ(import_token(&p.m, &start), 0);
    done = p.m.token;
    CHECK_EQ(import_token(&p.m, &start), 0);
    CHECK_EQ(import_ask(&p.m, true), 0);
    CHECK_EQ(import_cancel(&p.m), 1);
    assert_memory_equal(&p.m.token, &done, sizeof(done));
    CHECK_EQ(p.d.state, FAKE_MIG_RUN);
    CHECK_EQ(export_token(&p.x, &start), 1);
    CHECK_EQ(p.s.state, FAKE_MIG_FENCED);
    CHECK_EQ(export_token(&p.x, &done), 0);
    CHECK_EQ(export_token(&p.x, &done), 1);
    CHECK_EQ(p.s.state, FAKE_MIG_RETIRED);
    pair_close(&p);
}

TEST(a_dry_run_moves_no_page)
{
    uint8_t before[32], after[32];

    pair_open(&p, 1);
    fake_mig_hash(&p.d, before);
    CHECK_EQ(pair_handshake(&p, true), 0);
    CHECK_EQ(export_round(&p.x), 1);
    p.s.suspension = 1;
    CHECK_EQ(export_paused(&p.x), 1);
    CHECK_EQ(export_cancel(&p.x), -FH_MIG_ERR_CANCELLED);
    CHECK_EQ(import_cancel(&p.m), -FH_MIG_ERR_CANCELLED);
    fake_mig_hash(&p.d, after);
    assert_memory_equal(before, after, sizeof(before));
    check_no_keys();
    pair_close(&p);
}

TEST(a_guest_with_memory_outside_its_map_does_not_migrate)
{
    struct fh_mig_side h1;

    pair_open(&p, 1);
    p.s.stray = 3;
    CHECK_EQ(export_begin(&p.x, 1, false, &h1), -FH_MIG_ERR_GUEST);
    CHECK(strstr(p.x.why.text, "3 pages outside") != NULL);
    pair_close(&p);
}

/* Whatever Xen refuses: an end at both sides, and the guest at the source. */
TEST(any_refusal_of_xen_ends_in_a_guest_that_runs_once)
{
    for (int side = 0; side < 2; side++) {
        for (uint32_t n = 1;; n++) {
            struct fake_mig *f;
            int rc;

            pair_open_sized(&p, 2, 1, 1);
            pair_fill(&p, 3);
            f = side ? &p.d : &p.s;
            f->fail_at = n;
            rc = pair_handshake(&p, false);
            if (rc == 0)
                rc = pair_round(&p);
            pair_mutate(&p, 50, 4);
            if (rc == 0)
                rc = pair_last(&p);
            if (rc == 0)
                rc = export_drained(&p.x);
            if (rc == 0)
                rc = import_token(&p.m, &p.x.start);
            if (f->nr_calls < n) {
                CHECK_EQ(rc, 0);
                pair_close(&p);
                break;
            }
            CHECK(rc < 0);
            if (p.s.state == FAKE_MIG_FENCED) { /* commit was refused */
                CHECK_EQ(p.m.state, IMPORT_READY);
                CHECK_EQ(p.d.state, FAKE_MIG_RECEIVING);
                CHECK_EQ(import_token(&p.m, &p.x.start), 0);
                CHECK_EQ(p.d.state, FAKE_MIG_RUN);
            } else {
                CHECK_EQ(p.s.state, FAKE_MIG_RUN);
                CHECK(p.d.state != FAKE_MIG_RUN);
                CHECK(p.x.state == EXPORT_CANCELLED ||
                      p.m.state == IMPORT_POISONED);
                export_cancel(&p.x);
                CHECK(!p.s.logging);
            }
            pair_close(&p);
        }
    }
}

/* clang-format off */
RUN_TESTS(
    RULE(memory_arrives_through_any_number_of_streams_and_epochs),
    RULE(a_guest_of_zeroes_is_a_handful_of_frames),
    RULE(sixteen_pages_fill_a_frame),
    RULE(a_page_that_becomes_zero_or_a_hole_later_does_so_there),
    RULE(a_page_that_changes_behind_the_log_is_in_the_last_epoch),
    RULE(an_epoch_waits_for_the_answer_to_the_one_before),
    RULE(a_guest_is_slowed_only_while_its_changes_are_logged),
    RULE(paused_during_an_epoch_takes_effect_at_its_end),
    RULE(drained_counts_from_the_moment_paused_was_asked_for),
    RULE(a_guest_that_is_not_suspended_is_not_sent_off),
    RULE(a_guest_that_ran_after_its_last_page_is_not_fenced),
    RULE(no_fence_before_the_disks_are_drained),
    RULE(an_abort_brings_the_guest_back_and_a_second_attempt_succeeds),
    RULE(tokens_may_come_again_and_say_the_same),
    RULE(a_dry_run_moves_no_page),
    RULE(a_guest_with_memory_outside_its_map_does_not_migrate),
    RULE(any_refusal_of_xen_ends_in_a_guest_that_runs_once))
/* clang-format on */
