/* SPDX-License-Identifier: MIT */
/*
 * test_xen_passage.c - tests of the Xen series' passage.c
 *
 * Domains are their claims and what they made.  step() does what the rest of
 * Xen does with passage.c's answers, but for the guest itself.
 */
#include "tests/unit/test.h"

#include <errno.h>
#include <stdlib.h>
#include <xen/evidence.h>

#define STATES 7u
#define FENCE XEN_STEWARD_fence
#define COMMIT XEN_STEWARD_commit
#define POISON XEN_STEWARD_poison
#define UNFENCE XEN_STEWARD_unfence
#define RETIRE XEN_STEWARD_retire

struct dom {
    struct xen_steward_claims own;
    struct passage in, out;
};

static const struct evidence_key key = { .epoch = 1, .key = { 42 } };

static struct dom dom(uint8_t nr, uint32_t state)
{
    struct dom d = { .own = { .state = state,
                              .flags = XEN_STEWARD_FLAG_migratable } };

    memset(d.own.instance, nr, sizeof(d.own.instance));
    if (state == XEN_STEWARD_STATE_run) {
        memset(d.own.guest_id, 0x80 | nr, sizeof(d.own.guest_id));
        memset(d.own.measurement, 0x40 | nr, sizeof(d.own.measurement));
    }
    return d;
}

static bool goes_out(unsigned cmd)
{
    return cmd == FENCE || cmd == UNFENCE || cmd == RETIRE;
}

static bool needs(unsigned cmd)
{
    return cmd != FENCE && cmd != POISON;
}

static int step(struct dom *d, unsigned cmd, const struct xen_steward_step *s,
                const struct xen_steward_evidence *given,
                struct xen_steward_evidence *made)
{
    struct passage *last = goes_out(cmd) ? &d->out : &d->in;
    struct xen_steward_evidence ev = { .claims = d->own };
    int rc = passage_form(cmd, s);

    if (rc == 0 && needs(cmd))
        rc = evidence_check(given, sizeof(*given), &key, 1);
    if (rc == 0)
        rc = passage_judge(cmd, s, &ev.claims, needs(cmd) ? given : NULL, last);
    if (rc < 0)
        return rc;
    if (rc == 0) {
        passage_claims(cmd, s, given, &ev.claims);
        d->own.state = ev.claims.state;
        d->own.generation = ev.claims.generation;
        memcpy(d->own.guest_id, ev.claims.guest_id, 16);
        memcpy(d->own.measurement, ev.claims.measurement, 32);
        if (cmd == UNFENCE)
            last->made = false;
        if (cmd == UNFENCE || cmd == RETIRE)
            return 0;
        evidence_seal(&ev, &key);
        last->made = true;
        last->evidence = ev;
        last->step = *s;
        passage_normal(&last->step);
        if (given)
            memcpy(last->given_mac, given->mac, sizeof(last->given_mac));
    }
    if (made && !goes_out(cmd))
        *made = last->evidence;
    if (made && cmd == FENCE)
        *made = last->evidence;
    return rc;
}

static struct xen_steward_step with(uint8_t session, uint8_t digest,
                                    const struct dom *peer)
{
    struct xen_steward_step s = { 0 };

    memset(s.session, session, sizeof(s.session));
    memset(s.digest, digest, sizeof(s.digest));
    if (peer)
        memcpy(s.peer, peer->own.instance, sizeof(s.peer));
    return s;
}

static const struct xen_steward_step none;

/* A source that is fenced for a destination, and what it made. */
struct fenced {
    struct dom s, d;
    struct xen_steward_step fence, commit;
    struct xen_steward_evidence start;
};

static struct fenced fenced(void)
{
    struct fenced f = { .s = dom(1, XEN_STEWARD_STATE_run),
                        .d = dom(2, XEN_STEWARD_STATE_receiving) };

    f.fence = with(7, 8, &f.d);
    f.fence.suspension = 1;
    f.commit = with(7, 8, &f.s);
    CHECK_EQ(step(&f.s, FENCE, &f.fence, NULL, &f.start), 0);
    CHECK_EQ(f.s.own.state, XEN_STEWARD_STATE_fenced);
    return f;
}

TEST(each_step_leaves_one_state_alone)
{
    static const uint32_t leaves[] = {
        [FENCE - FENCE] = XEN_STEWARD_STATE_run,
        [COMMIT - FENCE] = XEN_STEWARD_STATE_receiving,
        [POISON - FENCE] = XEN_STEWARD_STATE_receiving,
        [UNFENCE - FENCE] = XEN_STEWARD_STATE_fenced,
        [RETIRE - FENCE] = XEN_STEWARD_STATE_fenced,
    };
    struct dom other = dom(9, XEN_STEWARD_STATE_receiving);

    for (unsigned cmd = FENCE; cmd <= RETIRE; cmd++)
        for (uint32_t at = 0; at < STATES; at++) {
            struct fenced f = fenced();
            struct dom d = dom(1, at);
            struct xen_steward_step s =
                cmd == UNFENCE || cmd == RETIRE ? none : with(7, 8, &other);
            int rc = step(&d, cmd, &s, &f.start, NULL);

            if (at == leaves[cmd - FENCE])
                CHECK(rc != -EBUSY);
            else
                CHECK_EQ(rc, -EBUSY);
            if (rc != 0)
                CHECK_EQ(d.own.state, at);
        }
}

TEST(a_guest_moves_and_is_the_same_one)
{
    struct fenced f = fenced();
    struct xen_steward_evidence done;

    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, &done), 0);
    CHECK_EQ(f.d.own.state, XEN_STEWARD_STATE_run);
    assert_memory_equal(f.d.own.guest_id, f.s.own.guest_id, 16);
    assert_memory_equal(f.d.own.measurement, f.s.own.measurement, 32);
    CHECK_EQ(f.d.own.generation, 1);
    CHECK_EQ(done.claims.type, XEN_STEWARD_EVIDENCE_committed);
    CHECK_EQ(step(&f.s, RETIRE, &none, &done, NULL), 0);
    CHECK_EQ(f.s.own.state, XEN_STEWARD_STATE_retired);
}

TEST(a_guest_stays_when_its_destination_gives_up)
{
    struct fenced f = fenced();
    struct xen_steward_evidence aborted;
    struct xen_steward_step s = with(7, 0, &f.s);

    CHECK_EQ(step(&f.d, POISON, &s, NULL, &aborted), 0);
    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, NULL), -EBUSY);
    CHECK_EQ(step(&f.s, UNFENCE, &none, &aborted, NULL), 0);
    CHECK_EQ(f.s.own.state, XEN_STEWARD_STATE_run);
    CHECK_EQ(step(&f.s, UNFENCE, &none, &aborted, NULL), -EBUSY);
}

TEST(a_step_made_again_gives_the_same_bytes)
{
    struct fenced f = fenced();
    struct xen_steward_evidence again, done;
    struct xen_steward_step s = f.fence;

    s.made = 5; /* elsewhere */
    s.made_bytes = 6;
    CHECK_EQ(step(&f.s, FENCE, &s, NULL, &again), 1);
    assert_memory_equal(&again, &f.start, sizeof(again));
    s.suspension++;
    CHECK_EQ(step(&f.s, FENCE, &s, NULL, NULL), -EBUSY);
    for (unsigned i = 0; i < 3; i++) {
        s = f.fence;
        (i == 0 ? s.session : i == 1 ? s.digest : s.peer)[3]++;
        CHECK_EQ(step(&f.s, FENCE, &s, NULL, NULL), -EBUSY);
    }
    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, &done), 0);
    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, &again), 1);
    assert_memory_equal(&again, &done, sizeof(again));
    /* Also when it has moved on. */
    f.fence.peer[0]++;
    CHECK_EQ(step(&f.d, FENCE, &f.fence, NULL, NULL), 0);
    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, &again), 1);
    assert_memory_equal(&again, &done, sizeof(again));
}

TEST(a_commit_wants_all_that_it_was_told)
{
    struct fenced f = fenced();
    struct dom other = dom(3, XEN_STEWARD_STATE_receiving);
    struct xen_steward_step s;

    CHECK_EQ(step(&other, COMMIT, &f.commit, &f.start, NULL), -EXDEV);
    for (unsigned i = 0; i < 3; i++) {
        s = f.commit;
        (i == 0 ? s.session : i == 1 ? s.digest : s.peer)[15]++;
        CHECK_EQ(step(&f.d, COMMIT, &s, &f.start, NULL), -EXDEV);
    }
    f.start.claims.type = XEN_STEWARD_EVIDENCE_attest;
    evidence_seal(&f.start, &key);
    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, NULL), -EXDEV);
    f.start.claims.type = XEN_STEWARD_EVIDENCE_fenced;
    f.start.claims.generation = UINT64_MAX;
    evidence_seal(&f.start, &key);
    CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, NULL), -EXDEV);
    CHECK_EQ(f.d.own.state, XEN_STEWARD_STATE_receiving);
}

/* What would end the fence, but for one thing. */
TEST(only_the_peers_own_word_ends_a_fence)
{
    for (unsigned end = 0; end < 2; end++)
        for (unsigned i = 0; i < 6; i++) {
            struct fenced f = fenced();
            struct xen_steward_evidence word;
            struct xen_steward_step s = with(7, 0, &f.s);
            unsigned cmd = end ? RETIRE : UNFENCE;

            if (end)
                CHECK_EQ(step(&f.d, COMMIT, &f.commit, &f.start, &word), 0);
            else
                CHECK_EQ(step(&f.d, POISON, &s, NULL, &word), 0);
            switch (i) {
            case 0:
                word.claims.instance[0]++;
                break;
            case 1:
                word.claims.peer[0]++;
                break;
            case 2:
                word.claims.session[0]++;
                break;
            case 3:
                word.claims.type = XEN_STEWARD_EVIDENCE_fenced;
                break;
            case 4:
                word.claims.guest_id[0] += end;
                break;
            case 5:
                word.claims.generation += end;
                break;
            }
            evidence_seal(&word, &key);
            if (end || i < 4)
                CHECK_EQ(step(&f.s, cmd, &none, &word, NULL), -EXDEV);
            CHECK_EQ(f.s.own.state, XEN_STEWARD_STATE_fenced);
        }
}

TEST(a_fence_names_somebody_else_and_a_pinned_guest_has_none)
{
    struct dom s = dom(1, XEN_STEWARD_STATE_run);
    struct dom d = dom(2, XEN_STEWARD_STATE_receiving);
    struct xen_steward_step f = with(7, 8, NULL);

    CHECK_EQ(step(&s, FENCE, &f, NULL, NULL), -EINVAL);
    f = with(7, 8, &s);
    CHECK_EQ(step(&s, FENCE, &f, NULL, NULL), -EINVAL);
    f = with(7, 8, &d);
    s.own.flags = 0;
    CHECK_EQ(step(&s, FENCE, &f, NULL, NULL), -EPERM);
}

TEST(what_a_step_has_no_use_for_is_zero)
{
    struct dom d = dom(1, XEN_STEWARD_STATE_run);
    struct {
        unsigned cmd;
        size_t off;
    } bad[] = {
#define BAD(cmd, field) { cmd, offsetof(struct xen_steward_step, field) }
        BAD(FENCE, pad),         BAD(FENCE, given),
        BAD(FENCE, given_bytes), BAD(COMMIT, pad),
        BAD(COMMIT, suspension), BAD(POISON, pad),
        BAD(POISON, given),      BAD(POISON, given_bytes),
        BAD(POISON, suspension), BAD(UNFENCE, pad),
        BAD(UNFENCE, made),      BAD(UNFENCE, made_bytes),
        BAD(UNFENCE, session),   BAD(UNFENCE, peer),
        BAD(UNFENCE, digest),    BAD(UNFENCE, suspension),
        BAD(RETIRE, made),       BAD(RETIRE, session),
        BAD(RETIRE, peer),       BAD(RETIRE, digest),
        BAD(RETIRE, suspension),
    };

    for (unsigned i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
        struct xen_steward_step s =
            bad[i].cmd >= UNFENCE ? none : with(7, 8, &d);

        CHECK_EQ(passage_form(bad[i].cmd, &s), 0);
        ((uint8_t *)&s)[bad[i].off] = 1;
        CHECK_EQ(passage_form(bad[i].cmd, &s), -EINVAL);
    }
    CHECK_EQ(passage_form(FENCE, &none), -EINVAL); /* no session */
    CHECK_EQ(passage_form(COMMIT, &none), -EINVAL);
    CHECK_EQ(passage_form(POISON, &none), 0);
}

/*
 * Two guests and four domains to receive; whoever calls makes any step, with
 * any evidence that there ever was, and any names.  Nothing here is honest.
 */
#define DOMS 6u
#define EVIDENCES 64u

static void walk(unsigned seed, unsigned *commits, unsigned *unfences)
{
    struct xen_steward_evidence known[EVIDENCES];
    struct dom d[DOMS];
    unsigned nr = 0;

    srand(seed);
    for (unsigned i = 0; i < DOMS; i++)
        d[i] = dom((uint8_t)(i + 1),
                   i < 2 ? XEN_STEWARD_STATE_run : XEN_STEWARD_STATE_receiving);
    for (unsigned n = 0; n < 400; n++) {
        struct dom *x = &d[(unsigned)rand() % DOMS];
        unsigned cmd = FENCE + (unsigned)rand() % 5;
        struct xen_steward_evidence made,
            *given = nr ? &known[(unsigned)rand() % nr] : NULL;
        struct xen_steward_step s = with(1, 1, &d[(unsigned)rand() % DOMS]);
        unsigned running[DOMS] = { 0 };
        int rc;

        if (needs(cmd) && !given)
            continue;
        if (cmd == POISON && rand() % 8) /* or it is all there is */
            continue;
        if (cmd == COMMIT)
            memcpy(s.peer, given->claims.instance, sizeof(s.peer));
        rc = step(x, cmd, cmd >= UNFENCE ? &none : &s,
                  needs(cmd) ? given : NULL, &made);
        if (rc == 0 && cmd < UNFENCE && nr < EVIDENCES)
            known[nr++] = made;
        *commits += rc == 0 && cmd == COMMIT;
        *unfences += rc == 0 && cmd == UNFENCE;
        for (unsigned i = 0; i < DOMS; i++)
            if (d[i].own.state == XEN_STEWARD_STATE_run)
                CHECK_EQ(running[(d[i].own.guest_id[0] & 15) - 1]++, 0);
    }
}

TEST(no_guest_ever_runs_twice_whoever_asks_for_what)
{
    unsigned commits = 0, unfences = 0;

    for (unsigned seed = 1; seed <= 1000; seed++)
        walk(seed, &commits, &unfences);
    CHECK(commits > 500); /* it went places */
    CHECK(unfences > 50);
}

RUN_TESTS(RULE(each_step_leaves_one_state_alone),
          RULE(a_guest_moves_and_is_the_same_one),
          RULE(a_guest_stays_when_its_destination_gives_up),
          RULE(a_step_made_again_gives_the_same_bytes),
          RULE(a_commit_wants_all_that_it_was_told),
          RULE(only_the_peers_own_word_ends_a_fence),
          RULE(a_fence_names_somebody_else_and_a_pinned_guest_has_none),
          RULE(what_a_step_has_no_use_for_is_zero),
          RULE(no_guest_ever_runs_twice_whoever_asks_for_what))
