/* SPDX-License-Identifier: MIT */
/*
 * test_steward_whole.c - stewards and dom0s together: whole migrations, cut,
 * cancelled, starved and lied to
 */
#include "tests/unit/steward_test.h"

#include "tests/unit/whole.h"

static struct whole w;

static void fresh(uint32_t seed, uint16_t nr_streams, bool live)
{
    memset(&w, 0, sizeof(w));
    w.seed = seed;
    w.nr_streams = nr_streams;
    w.live = live;
    whole_open(&w);
}

static struct fh_steward_half *page(struct whole_side *side)
{
    return &side->h.page->steward;
}

/* No page, no key, no plaintext: what a transfer leaves with a steward. */
static void check_clean(struct whole_side *side)
{
    const struct mover *v = &side->serve.mover;

    CHECK_EQ(side->h.nr_private, 0);
    CHECK(mig_is_zero(side->h.private,
                      FAKE_HOST_PRIVATE_PAGES * (size_t)PAGE_BYTES));
    CHECK(mig_is_zero(&v->drbg, sizeof(v->drbg)));
    CHECK(!side->h.mig.logging || side->h.mig.state == FAKE_MIG_FENCED);
    CHECK_EQ(side->h.mig.slow_percent, 0);
    if (v->receives) {
        CHECK(mig_is_zero(v->m.hand.s2d, sizeof(v->m.hand.s2d)));
        CHECK(mig_is_zero(&v->m.hand.dh, sizeof(v->m.hand.dh)));
    } else {
        CHECK(mig_is_zero(v->x.hand.s2d, sizeof(v->x.hand.s2d)));
        CHECK(mig_is_zero(&v->x.hand.dh, sizeof(v->x.hand.dh)));
    }
}

static void check_moved(uint64_t generation)
{
    const struct mig_claims *was = &w.s.h.mig.me.own, *is = &w.d.h.mig.me.own;

    if (w.src.end != MOVE_END_MOVED || w.dst.end != MOVE_END_RUNS)
        FAIL_WITH("source: %s, destination: %s", w.src.why, w.dst.why);
    CHECK_EQ(w.s.h.mig.state, FAKE_MIG_RETIRED);
    CHECK_EQ(w.d.h.mig.state, FAKE_MIG_RUN);
    CHECK(fake_mig_same(&w.s.h.mig, &w.d.h.mig));
    assert_memory_equal(w.d.h.mig.context, w.s.h.mig.context,
                        w.s.h.mig.context_bytes);
    CHECK_EQ(w.d.h.mig.callback, w.s.h.mig.callback);
    CHECK_EQ(is->generation, generation);
    assert_memory_equal(is->guest_id, was->guest_id, 16);
    CHECK_EQ(page(&w.d)->state, FH_STATE_RUNNING);
    assert_memory_equal(page(&w.d)->guest_id, was->guest_id, 16);
    assert_memory_equal(page(&w.d)->measurement, was->measurement, 32);
    CHECK(!w.d.h.rang_nameless);
    CHECK_EQ(page(&w.s)->move.error, 0);
    check_clean(&w.s);
    check_clean(&w.d);
}

/* The guest runs where it did, and can go on or be moved. */
static void check_stayed(void)
{
    CHECK_EQ(w.s.h.mig.state, FAKE_MIG_RUN);
    CHECK_EQ(w.s.h.mig.suspension, 0);
    CHECK(w.d.h.mig.state == FAKE_MIG_RECEIVING ||
          w.d.h.mig.state == FAKE_MIG_POISONED);
    check_clean(&w.s);
    if (w.d.h.mig.state == FAKE_MIG_POISONED)
        check_clean(&w.d);
}

TEST(a_guest_moves_whole_over_any_number_of_streams)
{
    for (uint32_t seed = 1; seed <= 8; seed++) {
        fresh(seed, (uint16_t)(1 + seed % 4), seed % 3 != 0);
        whole_run(&w);
        check_moved(5);
        CHECK(w.nr_frames > 20);
        whole_close(&w);
    }
}

/* Rings are kept few: a look of a steward costs its guest. */
TEST(a_steward_does_not_look_more_often_than_there_is_something)
{
    fresh(3, 1, false);
    whole_run(&w);
    check_moved(5);
    CHECK(w.d.nr_looks <= 3 * w.nr_frames + 40);
    CHECK(w.s.nr_looks <= 3 * w.nr_frames + 40);
    CHECK(w.s.h.nr_rings <= w.nr_frames + 40);
    CHECK(w.d.h.nr_rings <= w.nr_frames + 40);
    whole_close(&w);
}

/* dom0 has nothing left each time, and hears of the next frame by a ring. */
TEST(a_steward_that_is_slower_than_the_link_is_not_forgotten)
{
    fresh(4, 2, true);
    w.slow = true;
    whole_run(&w);
    check_moved(5);
    CHECK(w.now_ms < 2000); /* no time-out was what woke anybody */
    whole_close(&w);
}

struct seen { /* of the counts on one side's page */
    uint64_t sent, epoch;
    uint32_t changes,
        odd; /* odd: no step of 1/64 of memory, or a little more */
};

static void see_counts(struct whole *x, struct whole_side *side)
{
    const struct fh_move_steward *m = &page(side)->move;
    struct seen *seen = x->evil_arg;

    seen += side == &x->d;
    seen->changes += m->sent_pages != seen->sent;
    seen->odd += m->epoch_pages != seen->epoch &&
                 m->epoch_pages % (m->ram_pages / 64 + 1) != 0;
    seen->sent = m->sent_pages;
    seen->epoch = m->epoch_pages;
}

/* A frame that names more pages than fit it has zero ones: which is ours. */
TEST(dom0_does_not_see_how_many_pages_a_frame_names)
{
    for (uint32_t seed = 1; seed <= 2; seed++) {
        struct seen seen[2] = { 0 };

        fresh(seed, 1, false); /* two epochs */
        w.evil = see_counts;
        w.evil_arg = seen;
        whole_run(&w);
        check_moved(5);
        CHECK(w.nr_frames > 20);
        CHECK(seen[0].odd <= 2); /* their ends */
        CHECK_EQ(seen[1].odd, 0);
        CHECK(seen[0].changes <= 2 * (64 + 2));
        CHECK(seen[1].changes <= 2 * (64 + 2));
        whole_close(&w);
    }
}

TEST(a_guest_that_came_can_leave_again)
{
    fresh(11, 2, true);
    whole_run(&w);
    check_moved(5);
    for (uint32_t i = 0; i < 3; i++) {
        whole_turn(&w, 100 + i);
        whole_mutate(&w, 20);
        whole_run(&w);
        check_moved(6 + i);
    }
    whole_close(&w);
}

/* It writes several times what the link takes, and yet it ends. */
TEST(a_guest_that_outruns_the_link_is_slowed_until_it_does_not)
{
    fresh(6, 2, true);
    w.frame_ms = 50;
    w.changes = 8;
    whole_run(&w);
    check_moved(5);
    CHECK(w.s.h.mig.nr_slowed >= 3);
    CHECK_EQ(w.s.h.page->dom0.move.slow_percent, 0);
    whole_close(&w);
}

TEST(a_dry_run_moves_no_page)
{
    fresh(5, 3, true);
    w.check = true;
    whole_run(&w);
    CHECK_EQ(w.src.end, MOVE_END_CHECKED);
    CHECK_EQ(w.nr_frames, 0);
    check_stayed();
    whole_close(&w);
}

static void new_destination(uint32_t seed)
{
    struct whole_side *d = &w.d;
    struct machine_shape shape = w.s.serve.mover.shape;
    static const uint8_t none[16];

    fake_host_close(&d->h);
    memset(d, 0, sizeof(*d));
    fake_host_open(&d->h, FAKE_MIG_RECEIVING, 3, 2, seed);
    fake_host_enter(&d->h);
    control_open(&d->control, none);
    d->control.state = FH_STATE_RECEIVING;
    serve_open(&d->serve, &d->control, &shape, true);
}

static void settle(bool want_abort)
{
    const enum fake_mig_state *s = &w.s.h.mig.state, *d = &w.d.h.mig.state;

    for (unsigned n = 0; n < 3 && *s == FAKE_MIG_FENCED; n++)
        whole_resolve(&w, want_abort);
    CHECK((*s == FAKE_MIG_RUN) != (*d == FAKE_MIG_RUN));
    check_clean(&w.s);
    if (*d == FAKE_MIG_RUN)
        CHECK(fake_mig_same(&w.s.h.mig, &w.d.h.mig));
    else
        w.s.h.mig.suspension = 0;
}

/* How many messages one takes. */
static uint32_t honest(uint32_t seed)
{
    fresh(seed, 2, true);
    whole_run(&w);
    check_moved(5);
    whole_close(&w);
    return w.nr_messages;
}

TEST(cancelled_at_any_moment_the_guest_runs_at_one_side)
{
    uint32_t nr = honest(21), stayed = 0;

    for (uint32_t at = 1; at <= nr; at += at < 12 || at + 12 > nr ? 1 : 5) {
        for (uint32_t who = WHOLE_SOURCE; who <= WHOLE_DEST; who++) {
            fresh(21, 2, true);
            w.cancel_at = at;
            w.cancels = (enum whole_who)who;
            whole_run(&w);
            settle(at & 1);
            stayed += w.s.h.mig.state == FAKE_MIG_RUN;
            if (w.s.h.mig.state == FAKE_MIG_RUN && at % 4 == 0) {
                w.cancel_at = 0;
                new_destination(777);
                whole_run(&w);
                check_moved(5);
            }
            whole_close(&w);
        }
    }
    CHECK(stayed > 20);
}

TEST(cut_at_any_moment_resolve_brings_it_to_one_side)
{
    uint32_t nr = honest(31), moved = 0, stayed = 0;

    for (uint32_t at = 1; at <= nr; at += at < 12 || at + 12 > nr ? 1 : 7) {
        for (uint32_t want_abort = 0; want_abort < 2; want_abort++) {
            fresh(31, 2, true);
            w.cut_at = at;
            whole_run(&w);
            settle(want_abort);
            moved += w.d.h.mig.state == FAKE_MIG_RUN;
            stayed += w.s.h.mig.state == FAKE_MIG_RUN;
            whole_close(&w);
        }
    }
    CHECK(moved > 2 && stayed > 20);
}

/* ---- a Xen without ---- */

TEST(whatever_xen_refuses_ends_it_in_words_and_leaves_nothing)
{
    uint32_t failed = 0;

    for (uint32_t at = 1; at < 60; at++) {
        for (uint32_t side = 0; side < 2; side++) {
            fresh(41, 1, false);
            (side ? &w.d : &w.s)->h.calls_left = at;
            whole_run(&w);
            if (w.src.end != MOVE_END_MOVED) {
                CHECK(w.src.why[0] || w.dst.why[0]);
                failed++;
            }
            (side ? &w.d : &w.s)->h.calls_left = 0;
            settle(true);
            whole_close(&w);
        }
    }
    CHECK(failed > 30);
}

TEST(without_memory_or_secret_nothing_begins)
{
    fresh(42, 1, true);
    w.s.h.no_memory = true;
    whole_run(&w);
    CHECK_EQ(w.src.end, MOVE_END_STAYED);
    CHECK_HAS(w.src.why, "memory: none");
    check_stayed();
    whole_close(&w);

    fresh(42, 1, true);
    w.d.h.no_memory = true;
    whole_run(&w);
    CHECK_EQ(w.src.end, MOVE_END_STAYED);
    CHECK_EQ(w.dst.end, MOVE_END_POISONED);
    CHECK_HAS(w.dst.why, "memory: none");
    check_stayed();
    whole_close(&w);

    fresh(42, 1, true);
    w.s.h.mig.stray = 3;
    whole_run(&w);
    CHECK_HAS(w.src.why, "guest: guest: it has 3 pages outside its memory map");
    check_stayed();
    w.s.h.mig.stray = 0;
    new_destination(43);
    whole_run(&w);
    check_moved(5);
    whole_close(&w);
}

/* ---- a dom0 that lies ---- */

static uint32_t evil_nr;

static struct fh_move_dom0 *lies(struct whole_side *side)
{
    return &side->h.page->dom0.move;
}

static void evil_refs_later(struct whole *p, struct whole_side *side)
{
    (void)p;
    if (side->serve.mover.slots.nr_streams == 0 ||
        page(side)->move.state == FH_MOVE_IDLE)
        return;
    memset(lies(side)->ref, 0xff, sizeof(lies(side)->ref));
    lies(side)->nr_streams = 77;
    lies(side)->nr_slots = 0;
    lies(side)->flags = 0xffffffff;
}

/* Fetched once: SEND's and RECEIVE's words may change, and nobody looks. */
TEST(what_a_transfer_began_with_is_not_looked_at_again)
{
    fresh(51, 4, true);
    w.evil = evil_refs_later;
    whole_run(&w);
    check_moved(5);
    whole_close(&w);
}

static bool is_moving(const struct whole_side *side)
{
    uint32_t state = side->h.page->steward.move.state;

    return state == FH_MOVE_PRECOPY || state == FH_MOVE_LAST ||
           state == FH_MOVE_IMPORT;
}

static void evil_page(struct whole *p, struct whole_side *side)
{
    struct fh_move_dom0 *m = lies(side);
    const char *what = p->evil_arg;

    if (!is_moving(side) || evil_nr++ < 20 ||
        (side == &p->s) != (what[0] == 's'))
        return;
    switch (what[1]) {
    case 'm': /* moved: more than can be */
        m->moved[0] += 1000;
        break;
    case 'b': /* and less */
        m->moved[0] -= 1000;
        break;
    case 'l':
        memset(m->len_bytes, 7, sizeof(m->len_bytes));
        break;
    case 's': /* a length, but not of this stream */
        for (unsigned i = 1; i < FH_MOVE_SLOTS; i += 2)
            m->len_bytes[i] = FH_FRAME_SHORT_BYTES;
        break;
    case 'g':
        side->h.revoked = true;
        break;
    case 'h': /* a message of the handshake, again */
        m->mail = (struct fh_mail){ FH_MAIL_HAND, 1, 192, 5000, { 1 } };
        break;
    case 'o': /* one of a length that none has */
        m->mail = (struct fh_mail){ FH_MAIL_SHORT, 0, 9999, 5000, { 1 } };
        break;
    case 'f': /* bits of every frame */
        for (unsigned i = 0; i < FAKE_HOST_SLOTS; i++)
            side->h.slots[i * CHAN_SLOT_BYTES + 40000] ^= 1;
        break;
    }
}

TEST(a_page_that_makes_no_sense_ends_the_transfer_in_words)
{
    static const struct {
        const char *what, *words;
    } row[] = {
        { "sm", "dom0 took frames that were not there" },
        { "sb", "dom0 took frames that were not there" },
        { "sg", "Xen does not copy into" },
        { "sh", "a message that is none" },
        { "so", "no frame of 512" },
        { "dm", "dom0 filled more than there are" },
        { "db", "dom0 filled more than there are" },
        { "dl", "a length that none has" },
        { "ds", "a length that none has" },
        { "dg", "Xen does not copy from" },
        { "dh", "H1 came" },
        { "df", "not as it was sealed" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(row); i++) {
        const struct whole_side *side = row[i].what[0] == 's' ? &w.s : &w.d;

        fresh(52 + i, row[i].what[1] == 's' ? 2 : 1, true);
        evil_nr = 0;
        w.evil = evil_page;
        w.evil_arg = (void *)(uintptr_t)row[i].what;
        whole_run(&w);
        if (!strstr(side->h.page->steward.move.text, row[i].words))
            FAIL_WITH("%s: `%s` lacks `%s`", row[i].what,
                      side->h.page->steward.move.text, row[i].words);
        w.evil = NULL;
        settle(true);
        CHECK_EQ(w.s.h.mig.state, FAKE_MIG_RUN);
        check_stayed();
        whole_close(&w);
    }
}

static void evil_slow(struct whole *p, struct whole_side *side)
{
    const uint32_t *row = p->evil_arg;

    if (side == &p->s && page(side)->move.state == FH_MOVE_PRECOPY)
        lies(side)->slow_percent = row[evil_nr++ % 4];
}

/* Again and again, up to the end: whatever it says, Xen has to be told. */
TEST(dom0_may_change_its_mind_about_a_guests_speed_at_any_time)
{
    static const uint32_t row[] = { 80, 0, 1, 79 };

    fresh(58, 2, true);
    w.evil = evil_slow;
    w.evil_arg = (void *)(uintptr_t)row;
    evil_nr = 0;
    whole_run(&w);
    check_moved(5);
    CHECK(w.s.h.mig.nr_slowed > 20);
    CHECK(w.s.h.mig.nr_slowed <= evil_nr);
    whole_close(&w);
}

TEST(a_guest_that_would_stand_still_altogether_stays)
{
    static const uint32_t row[] = { 80, 80, 80, 81 };

    fresh(59, 2, true);
    w.evil = evil_slow;
    w.evil_arg = (void *)(uintptr_t)row;
    evil_nr = 0;
    whole_run(&w);
    CHECK_EQ(w.src.end, MOVE_END_STAYED);
    CHECK_HAS(w.src.why, "slowed by 81 per cent, want 0 to 80");
    CHECK_EQ(page(&w.s)->move.error, FH_MIG_ERR_FRAME);
    check_stayed();
    whole_close(&w);
}

/* ---- commands out of place ---- */

static uint32_t ask(struct whole_side *side, uint32_t op)
{
    struct fh_command *c = &side->h.page->dom0.command;

    c->op = op;
    c->seq++;
    whole_look(&w, side);
    CHECK_EQ(page(side)->answer.seq, c->seq);
    return page(side)->answer.error;
}

TEST(a_command_out_of_place_is_refused_and_changes_nothing)
{
    struct fh_move_dom0 *m;

    fresh(61, 1, true);
    m = lies(&w.s);
    CHECK_EQ(ask(&w.s, FH_OP_RECEIVE), FH_ERR_STATE);
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_PROTOCOL); /* 0 streams */
    CHECK_HAS(page(&w.s)->answer.text, "0 slots for 0 streams");
    m->nr_streams = 2;
    m->nr_slots = 3;
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_PROTOCOL);
    m->nr_slots = 18;
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_PROTOCOL);
    m->nr_streams = 5;
    m->nr_slots = 5;
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_PROTOCOL);
    m->nr_streams = m->nr_slots = 1;
    m->flags = 2;
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_PROTOCOL);
    m->flags = 0;
    CHECK_EQ(ask(&w.s, FH_OP_ROUND), FH_ERR_NONE); /* ignored */
    CHECK_EQ(ask(&w.s, FH_OPS), FH_ERR_PROTOCOL);
    check_clean(&w.s);
    CHECK_EQ(page(&w.s)->move.state, FH_MOVE_IDLE);
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_NONE);
    CHECK_EQ(page(&w.s)->move.state, FH_MOVE_HELLO);
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_STATE);
    CHECK_EQ(ask(&w.s, FH_OP_TRACK), FH_ERR_STATE);
    CHECK_EQ(ask(&w.s, FH_OP_ROUND), FH_ERR_STATE);
    CHECK_EQ(ask(&w.s, FH_OP_PAUSED), FH_ERR_STATE);
    CHECK_EQ(ask(&w.s, FH_OP_DRAINED), FH_ERR_STATE);
    CHECK_EQ(page(&w.s)->move.state, FH_MOVE_HELLO);
    CHECK_EQ(ask(&w.s, FH_OP_CANCEL), FH_ERR_NONE);
    CHECK_EQ(page(&w.s)->move.state, FH_MOVE_CANCELLED);
    CHECK_EQ(page(&w.s)->move.error, FH_MIG_ERR_CANCELLED);
    check_clean(&w.s);
    CHECK_EQ(ask(&w.s, FH_OP_CANCEL), FH_ERR_NONE);

    CHECK_EQ(ask(&w.d, FH_OP_SEND), FH_ERR_STATE);
    CHECK_EQ(ask(&w.d, FH_OP_ROUND), FH_ERR_STATE);
    CHECK_EQ(ask(&w.d, FH_OP_TRACK), FH_ERR_STATE);
    CHECK_EQ(ask(&w.d, FH_OP_RECEIVE), FH_ERR_PROTOCOL);
    m = lies(&w.d);
    m->nr_streams = m->nr_slots = 1;
    CHECK_EQ(ask(&w.d, FH_OP_RECEIVE), FH_ERR_NONE);
    CHECK_EQ(ask(&w.d, FH_OP_RECEIVE), FH_ERR_STATE);
    CHECK_EQ(ask(&w.d, FH_OP_CANCEL), FH_ERR_NONE);
    CHECK_EQ(page(&w.d)->move.state, FH_MOVE_POISONED);
    CHECK_EQ(w.d.h.mig.state, FAKE_MIG_POISONED);
    check_clean(&w.d);
    CHECK_EQ(ask(&w.d, FH_OP_RECEIVE), FH_ERR_STATE);
    whole_close(&w);
}

/* Nothing was received yet, and nothing ever will be. */
TEST(cancel_before_receive_poisons)
{
    fresh(62, 1, true);
    CHECK_EQ(ask(&w.d, FH_OP_CANCEL), FH_ERR_NONE);
    CHECK_EQ(w.d.h.mig.state, FAKE_MIG_POISONED);
    CHECK_EQ(page(&w.d)->move.state, FH_MOVE_POISONED);
    CHECK_EQ(page(&w.d)->move.token[5], FH_MIG_ABORT);
    whole_close(&w);
}

/* TRACK's log and a transfer's are one log. */
TEST(one_at_a_time_of_tracking_and_sending)
{
    fresh(63, 1, true);
    lies(&w.s)->nr_streams = lies(&w.s)->nr_slots = 1;
    CHECK_EQ(ask(&w.s, FH_OP_TRACK), FH_ERR_NONE);
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_STATE);
    CHECK_EQ(ask(&w.s, FH_OP_CANCEL), FH_ERR_NONE);
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_NONE);
    CHECK_EQ(page(&w.s)->move.state, FH_MOVE_HELLO);
    whole_close(&w);
}

/* A relay died, and its mail was never taken: the next one is not led astray.
 */
TEST(mail_that_a_dead_relay_left_is_none_of_the_next)
{
    fresh(64, 2, true);
    lies(&w.s)->nr_streams = lies(&w.s)->nr_slots = 1;
    CHECK_EQ(ask(&w.s, FH_OP_SEND), FH_ERR_NONE);
    CHECK_EQ(ask(&w.s, FH_OP_CANCEL), FH_ERR_NONE);
    CHECK_EQ(page(&w.s)->move.mail.arg, 1);
    whole_run(&w);
    check_moved(5);
    whole_close(&w);
}

/* clang-format off */
static const struct CMUnitTest tests[] = {
    RULE(a_steward_that_is_slower_than_the_link_is_not_forgotten),
    RULE(a_guest_moves_whole_over_any_number_of_streams),
    RULE(a_steward_does_not_look_more_often_than_there_is_something),
    RULE(dom0_does_not_see_how_many_pages_a_frame_names),
    RULE(a_guest_that_came_can_leave_again),
    RULE(a_guest_that_outruns_the_link_is_slowed_until_it_does_not),
    RULE(a_dry_run_moves_no_page),
    RULE(cancelled_at_any_moment_the_guest_runs_at_one_side),
    RULE(cut_at_any_moment_resolve_brings_it_to_one_side),
    RULE(whatever_xen_refuses_ends_it_in_words_and_leaves_nothing),
    RULE(without_memory_or_secret_nothing_begins),
    RULE(what_a_transfer_began_with_is_not_looked_at_again),
    RULE(a_page_that_makes_no_sense_ends_the_transfer_in_words),
    RULE(dom0_may_change_its_mind_about_a_guests_speed_at_any_time),
    RULE(a_guest_that_would_stand_still_altogether_stays),
    RULE(a_command_out_of_place_is_refused_and_changes_nothing),
    RULE(cancel_before_receive_poisons),
    RULE(one_at_a_time_of_tracking_and_sending),
    RULE(mail_that_a_dead_relay_left_is_none_of_the_next),
};
/* clang-format on */

int main(void)
{
    if (!gcm_fast())
        return 77; /* this CPU cannot be a steward's */
    return cmocka_run_group_tests(tests, NULL, NULL);
}
