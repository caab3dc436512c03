/* SPDX-License-Identifier: MIT */
/*
 * test_migrate_move.c - whole transfers: cut, doubled, cancelled, resolved
 */
#include "tests/unit/test.h"

#include "tests/unit/movepair.h"

static struct pair pair;

static void settle(struct pair *p, bool want_abort, uint32_t first_cut)
{
    for (unsigned n = 0; n < 4 && !pair_is_settled(p); n++)
        pair_resolve(p, want_abort, n == 0 ? first_cut : 0);
    CHECK(pair_is_settled(p));
    pair_close(p);
}

static struct pair *fresh(uint32_t seed, bool live, uint32_t nr_streams)
{
    memset(&pair, 0, sizeof(pair));
    pair.seed = seed;
    pair.live = live;
    pair.nr_streams = nr_streams;
    return &pair;
}

/* How many messages an honest transfer takes, at most. */
static uint32_t honest(uint32_t seed, bool live, uint32_t nr_streams)
{
    struct pair *p = fresh(seed, live, nr_streams);

    pair_open(p);
    pair_run(p);
    CHECK_EQ(p->src.end, MOVE_END_MOVED);
    CHECK_EQ(p->dst.end, MOVE_END_RUNS);
    CHECK(p->nr_rounds >= 1);
    CHECK_STR(p->src.why, "");
    pair_close(p);
    return p->nr_messages;
}

TEST(a_guest_moves)
{
    for (uint32_t seed = 1; seed < 40; seed++) {
        honest(seed, true, 1);
        honest(seed, false, 1);
        honest(seed, true, 2);
        honest(seed, true, 4);
    }
}

TEST(a_cut_after_any_message_costs_nothing)
{
    for (uint32_t seed = 1; seed < 6; seed++) {
        uint32_t nr = honest(seed, true, 2);

        for (uint32_t at = 1; at <= nr; at++)
            for (unsigned abort = 0; abort < 2; abort++) {
                struct pair *p = fresh(seed, true, 2);

                p->cut_at = at;
                pair_open(p);
                pair_run(p);
                settle(p, abort, 0);
            }
    }
}

TEST(a_resolve_may_be_cut_as_well)
{
    uint32_t nr = honest(3, true, 1);

    for (uint32_t at = 1; at <= nr; at++)
        for (uint32_t again = 1; again < 5; again++)
            for (unsigned abort = 0; abort < 2; abort++) {
                struct pair *p = fresh(3, true, 1);

                p->cut_at = at;
                pair_open(p);
                pair_run(p);
                settle(p, abort, again);
            }
}

TEST(a_doubled_message_ends_it_at_worst)
{
    uint32_t nr = honest(5, true, 2);

    for (uint32_t at = 1; at <= nr; at++) {
        struct pair *p = fresh(5, true, 2);

        p->twice_at = at;
        pair_open(p);
        pair_run(p);
        settle(p, false, 0);
    }
}

TEST(cancel_at_any_message_leaves_one)
{
    for (uint32_t seed = 1; seed < 6; seed++) {
        uint32_t nr = honest(seed, true, 2), stayed = 0, moved = 0;

        for (uint32_t at = 1; at <= nr; at++)
            for (unsigned who = PAIR_SOURCE; who <= PAIR_DEST; who++) {
                struct pair *p = fresh(seed, true, 2);

                p->cancel_at = at;
                p->cancels = who;
                pair_open(p);
                pair_run(p);
                /* Over a link that stands it needs no resolve. */
                CHECK(pair_is_settled(p));
                CHECK(p->src.end == MOVE_END_STAYED ||
                      p->src.end == MOVE_END_MOVED);
                stayed += p->src.end == MOVE_END_STAYED;
                moved += p->src.end == MOVE_END_MOVED;
                if (p->src.end == MOVE_END_STAYED && p->cd.nr_slots)
                    CHECK_EQ(p->d.xen, FAKE_XEN_POISONED);
                pair_close(p);
            }
        CHECK(stayed > nr);
        CHECK(moved > 0);
    }
}

TEST(a_destination_without_a_supervisor_keeps_what_is_ready)
{
    uint32_t nr = honest(3, true, 1), ready = 0;

    for (uint32_t at = 1; at <= nr; at++) {
        struct pair *p = fresh(3, true, 1);

        p->cancel_at = at;
        p->cancels = PAIR_DEST;
        p->alone = true;
        pair_open(p);
        pair_run(p);
        ready += p->dst.end == MOVE_END_READY;
        CHECK(p->dst.end != MOVE_END_READY || p->d.xen == FAKE_XEN_RECEIVING);
        settle(p, false, 0);
    }
    CHECK(ready > 0);
}

/* The ABORT of an operator at the destination, and our fence, cross. */
TEST(an_abort_that_comes_before_our_fence_is_kept)
{
    uint32_t crossed = 0;

    for (uint32_t seed = 1; seed < 80; seed++) {
        uint32_t nr = honest(seed, true, 1);

        for (uint32_t at = nr > 8 ? nr - 8 : 1; at <= nr; at++) {
            struct pair *p = fresh(seed, true, 1);

            p->cancel_at = at;
            p->cancels = PAIR_DEST;
            pair_open(p);
            pair_run(p);
            CHECK(p->src.end == MOVE_END_STAYED ||
                  p->src.end == MOVE_END_MOVED);
            crossed += p->src.have_early && p->src.token_mailed;
            pair_close(p);
        }
    }
    CHECK(crossed > 0);
}

TEST(a_dry_run_moves_nothing)
{
    struct pair *p = fresh(1, true, 1);

    p->check = true;
    pair_open(p);
    pair_run(p);
    CHECK_EQ(p->src.end, MOVE_END_CHECKED);
    CHECK_EQ(p->dst.end, MOVE_END_POISONED);
    CHECK_EQ(p->d.nr_frames, 0);
    pair_close(p);
}

/* dom0's page says how much, and no longer when it is to suspend. */
TEST(a_guest_whose_rounds_do_not_get_less_is_slowed)
{
    struct pair *p = fresh(9, true, 2);

    pair_open(p);
    p->s.busy_until = 20;
    pair_run(p);
    CHECK_EQ(p->src.end, MOVE_END_MOVED);
    CHECK_EQ(p->src.rule.slowed, RULE_SLOW_MAX);
    CHECK_EQ(p->s.slow_most, RULE_SLOW_MAX);
    CHECK(p->nr_slow >= 3);
    CHECK_EQ(p->asked_at, 0);
    pair_close(p);

    p = fresh(9, true, 2);
    pair_open(p);
    pair_run(p);
    CHECK_EQ(p->s.slow_most, 0);
    pair_close(p);
}

/* What nobody does in time is given up, with his name. */
static void late(struct pair *p, const char *words)
{
    pair_open(p);
    pair_run(p);
    CHECK_EQ(p->src.end, MOVE_END_STAYED);
    CHECK_HAS(p->src.why, words);
    CHECK(p->now_ms < 200000);
    pair_close(p);
}

TEST(who_is_late_is_named)
{
    struct pair *p = fresh(1, true, 1);

    p->no_suspend = true;
    late(p, "does not suspend");
    p = fresh(1, true, 1);
    p->no_drain = true;
    late(p, "drained");
    p = fresh(1, true, 1);
    p->no_answer = true;
    late(p, "PLAN");
}

/* Somebody let the guest run while PAUSED waited for its epoch's answer; or the
   steward is its guest's by now, and says so much. */
TEST(a_steward_that_forgets_the_pause_does_not_keep_the_guest_suspended)
{
    for (unsigned live = 0; live < 2; live++) {
        struct pair *p = fresh(1, live, 1);

        pair_open(p);
        p->s.forgets = true;
        pair_run(p);
        CHECK_EQ(p->src.end, MOVE_END_STAYED);
        CHECK_HAS(p->src.why, "nothing of the guest moves");
        CHECK(p->now_ms < 100000);
        CHECK(pair_is_settled(p));
        pair_close(p);
    }
}

/* Its kernel writes what dom0 says to the page, and suspends unasked. */
TEST(a_guest_that_has_itself_fenced_stays)
{
    for (uint32_t seed = 1; seed < 40; seed++) {
        struct pair *p = fresh(seed, true, 1);

        p->no_suspend = p->no_drain = true;
        pair_open(p);
        p->s.by_itself = true;
        pair_run(p);
        CHECK_EQ(p->src.end, MOVE_END_STAYED);
        CHECK_HAS(p->src.why, "nobody said DRAINED");
        CHECK(p->src.token_mailed); /* ABORT: it was fenced */
        CHECK(pair_is_settled(p));
        pair_close(p);
    }
}

/* ALIVE comes, and no frame goes. */
TEST(a_peer_that_does_not_read_does_not_keep_the_guest_suspended)
{
    for (unsigned live = 0; live < 2; live++) {
        struct pair *p = fresh(1, live, 1);

        p->no_frames = true;
        pair_open(p);
        pair_run(p);
        CHECK_EQ(p->src.end, MOVE_END_STAYED);
        CHECK_HAS(p->src.why,
                  live ? "READY does not come" : "nothing of the guest moves");
        CHECK(p->now_ms < 100000);
        CHECK(pair_is_settled(p));
        pair_close(p);
    }
}

/* ALIVE comes, and no frame goes, while the guest runs. */
TEST(a_transfer_in_which_nothing_moves_ends_and_the_guest_runs_on)
{
    struct pair *p = fresh(1, true, 2);

    p->holds = true;
    pair_open(p);
    pair_run(p);
    CHECK_EQ(p->src.end, MOVE_END_STAYED);
    CHECK_HAS(p->src.why, "nothing of the guest moves: it goes on running");
    CHECK(!p->suspend_asked);
    CHECK(p->now_ms >= MOVE_STALL_MS && p->now_ms < 100000);
    CHECK(pair_is_settled(p));
    pair_close(p);
}

/* Half a guest came; then the source says that it lives, and that alone. */
TEST(a_source_that_sends_no_more_does_not_keep_a_domain)
{
    const struct wire_unit alive = { WIRE_ALIVE, 0, 0 };
    struct chan_view v = { .state = FH_MOVE_IMPORT };
    struct pair *p = fresh(1, true, 1);
    struct wire_unit plan = { WIRE_PLAN, 0, 0 };
    uint64_t begun;

    pair_open(p);
    p->is_up = false; /* nothing else happens */
    plan.len_bytes = p->src.opts.plan_bytes;
    dest_hello(&p->dst, WIRE_MIGRATE, p->now_ms);
    dest_unit(&p->dst, &plan, p->src.opts.plan, p->now_ms);
    dest_answer(&p->dst, true, "{}", 2, p->now_ms);
    dest_steward(&p->dst, &v, p->now_ms);
    CHECK_EQ(p->dst.state, DEST_IMPORT);
    begun = p->now_ms;
    for (uint32_t i = 0; i < 60 && p->dst.state == DEST_IMPORT; i++) {
        p->now_ms += 10000;
        if (i < 20) /* slowly is well */
            dest_came(&p->dst, FH_FRAME_SHORT_BYTES);
        dest_unit(&p->dst, &alive, NULL, p->now_ms);
        dest_tick(&p->dst, p->now_ms);
    }
    CHECK_EQ(p->dst.state, DEST_POISONING);
    CHECK_HAS(p->dst.why, "nothing of the guest comes");
    CHECK(p->now_ms - begun >= 200000 + MOVE_IMPORT_MS / 2);
    pair_close(p);
}

/* Who it is, and that it lives, is all that it ever says. */
TEST(a_source_without_a_plan_is_not_waited_for)
{
    const struct wire_unit alive = { WIRE_ALIVE, 0, 0 };
    struct pair *p = fresh(1, true, 1);

    pair_open(p);
    p->is_up = false; /* nothing else happens */
    dest_hello(&p->dst, WIRE_MIGRATE, p->now_ms);
    for (uint32_t i = 0; i < 10 && p->dst.state != DEST_ENDED; i++) {
        p->now_ms += 10000;
        dest_unit(&p->dst, &alive, NULL, p->now_ms);
        dest_tick(&p->dst, p->now_ms);
    }
    CHECK_EQ(p->dst.end, MOVE_END_REFUSED);
    CHECK_HAS(p->dst.why, "PLAN");
    pair_close(p);
}

/* Else nobody could resolve it by another way, and nobody end it. */
TEST(a_peer_that_sends_bad_tokens_is_not_heard_for_ever)
{
    const struct wire_unit u = { WIRE_TOKEN, FH_TOKEN_BYTES, 0 };
    const struct source_opts o = { .resolve = true, .want_abort = true };
    uint8_t bad[FH_TOKEN_BYTES] = "FHMT\1\2";
    struct pair *p = fresh(1, true, 1);

    pair_open(p);
    source_open(&p->src, p->src.io, &o, p->now_ms);
    source_hello(&p->src, p->now_ms);
    CHECK_EQ(p->src.state, SOURCE_FENCED);
    for (uint32_t i = 0; i < 10 && p->src.state != SOURCE_ENDED; i++) {
        p->now_ms += 10000;
        source_unit(&p->src, &u, bad, p->now_ms);
        source_tick(&p->src, p->now_ms);
    }
    CHECK_EQ(p->src.end, MOVE_END_FENCED);
    CHECK_HAS(p->src.why, "does not unfence");
    pair_close(p);
}

/* A resolve's destination says its token, its end, and hangs up. */
TEST(who_has_said_the_token_may_go)
{
    const struct wire_unit u = { WIRE_TOKEN, FH_TOKEN_BYTES, 0 };
    const struct wire_unit end = { WIRE_END, 0, 2 };
    const struct source_opts o = { .resolve = true, .want_abort = true };
    const struct chan_view fenced = { .state = FH_MOVE_FENCED };
    const struct chan_view cancelled = { .state = FH_MOVE_CANCELLED };
    uint8_t abort[FH_TOKEN_BYTES] = "FHMT\1\2";
    struct pair *p = fresh(1, true, 1);

    pair_open(p);
    source_open(&p->src, p->src.io, &o, p->now_ms);
    source_hello(&p->src, p->now_ms);
    source_unit(&p->src, &u, abort, p->now_ms);
    source_unit(&p->src, &end, "{}", p->now_ms);
    source_lost(&p->src, "closed", p->now_ms);
    source_order(&p->src, SOURCE_CANCEL, p->now_ms);
    source_steward(&p->src, &fenced, p->now_ms);
    CHECK_EQ(p->src.state, SOURCE_FENCED);
    source_steward(&p->src, &cancelled, p->now_ms);
    CHECK_EQ(p->src.end, MOVE_END_STAYED);
    pair_close(p);
}

TEST(a_destination_that_errs_leaves_the_guest)
{
    for (uint32_t at = 1; at < 8; at++) {
        struct pair *p = fresh(at, true, 1);

        pair_open(p);
        p->d.fail_at_frame = at;
        pair_run(p);
        if (p->d.xen == FAKE_XEN_POISONED) {
            CHECK_EQ(p->src.end, MOVE_END_STAYED);
            CHECK_EQ(p->dst.end, MOVE_END_POISONED);
            CHECK_HAS(p->dst.why, "frame");
        }
        CHECK(pair_is_settled(p));
        pair_close(p);
    }
}

TEST(a_steward_that_is_silent_ends_it)
{
    struct pair *p = fresh(1, true, 1);

    pair_open(p);
    p->s.dead = true;
    pair_run(p);
    CHECK_EQ(p->src.end, MOVE_END_STUCK);
    CHECK_HAS(p->src.why, "handshake");
    pair_close(p);
}

RUN_TESTS(
    RULE(a_guest_moves), RULE(a_cut_after_any_message_costs_nothing),
    RULE(a_resolve_may_be_cut_as_well),
    RULE(a_doubled_message_ends_it_at_worst),
    RULE(cancel_at_any_message_leaves_one),
    RULE(a_destination_without_a_supervisor_keeps_what_is_ready),
    RULE(an_abort_that_comes_before_our_fence_is_kept),
    RULE(a_dry_run_moves_nothing),
    RULE(a_guest_whose_rounds_do_not_get_less_is_slowed),
    RULE(who_is_late_is_named),
    RULE(a_steward_that_forgets_the_pause_does_not_keep_the_guest_suspended),
    RULE(a_guest_that_has_itself_fenced_stays),
    RULE(a_peer_that_does_not_read_does_not_keep_the_guest_suspended),
    RULE(a_transfer_in_which_nothing_moves_ends_and_the_guest_runs_on),
    RULE(a_source_that_sends_no_more_does_not_keep_a_domain),
    RULE(a_source_without_a_plan_is_not_waited_for),
    RULE(a_peer_that_sends_bad_tokens_is_not_heard_for_ever),
    RULE(who_has_said_the_token_may_go),
    RULE(a_destination_that_errs_leaves_the_guest),
    RULE(a_steward_that_is_silent_ends_it))
