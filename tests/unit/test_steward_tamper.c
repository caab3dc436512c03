/* SPDX-License-Identifier: MIT */
/*
 * test_steward_tamper.c - a relay between two stewards that is evil
 *
 * Each test has one evil.  It must be found, the guest must not run at the
 * destination, and no byte may be written there after it.
 */
#include "tests/unit/steward_test.h"

#include <stdlib.h>

#include "steward/token.h"
#include "tests/unit/migpair.h"

#define AT_FRAME 5u /* the evil is done to this one */

static struct pair p;

static struct evil {
    const char *name;
    pair_relay *relay;
    uint32_t arg;
    const char *words; /* of the error; NULL: any */
} *now;

/* ---- frames ---- */

static bool it_is_time(const struct pair *q, bool is_long)
{
    return is_long && q->nr_long == AT_FRAME;
}

static unsigned flip(struct pair *q, uint16_t *stream, struct fh_mig_long *f,
                     bool is_long)
{
    (void)stream;
    if (it_is_time(q, is_long))
        ((uint8_t *)f)[now->arg / 8] ^= (uint8_t)(1u << now->arg % 8);
    return 1;
}

static unsigned drop(struct pair *q, uint16_t *stream, struct fh_mig_long *f,
                     bool is_long)
{
    (void)stream, (void)f;
    return it_is_time(q, is_long) ? 0 : 1;
}

static unsigned repeat(struct pair *q, uint16_t *stream, struct fh_mig_long *f,
                       bool is_long)
{
    (void)stream, (void)f;
    return it_is_time(q, is_long) ? 2 : 1;
}

/* One frame late: the next one goes first. */
static unsigned swap(struct pair *q, uint16_t *stream, struct fh_mig_long *f,
                     bool is_long)
{
    static struct fh_mig_long kept;

    (void)stream;
    if (it_is_time(q, is_long)) {
        kept = *f;
        return 0;
    }
    if (is_long && q->nr_long == AT_FRAME + 1)
        *f = kept;
    return 1;
}

static unsigned other_stream(struct pair *q, uint16_t *stream,
                             struct fh_mig_long *f, bool is_long)
{
    (void)f;
    if (it_is_time(q, is_long))
        *stream = (uint16_t)(*stream + now->arg);
    return 1;
}

static unsigned truncate_text(struct pair *q, uint16_t *stream,
                              struct fh_mig_long *f, bool is_long)
{
    (void)stream;
    if (it_is_time(q, is_long))
        memset(f->text + now->arg, 0, sizeof(f->text) - now->arg);
    return 1;
}

/* An old frame of this session, under the number that is due. */
static unsigned replay_here(struct pair *q, uint16_t *stream,
                            struct fh_mig_long *f, bool is_long)
{
    static struct fh_mig_long old;

    (void)stream;
    if (is_long && q->nr_long == 0)
        old = *f;
    if (it_is_time(q, is_long)) {
        uint64_t seq = f->head.seq;

        *f = old;
        f->head.seq = seq;
    }
    return 1;
}

/* A frame of another session between the same two. */
static unsigned replay_session(struct pair *q, uint16_t *stream,
                               struct fh_mig_long *f, bool is_long)
{
    static struct fh_mig_long old;
    static bool have;

    (void)stream;
    if (now->arg == 0) { /* record */
        if (it_is_time(q, is_long)) {
            old = *f;
            have = true;
        }
        return 1;
    }
    if (it_is_time(q, is_long) && have) {
        if (now->arg == 2) /* with the head of this one */
            old.head = f->head;
        *f = old;
    }
    return 1;
}

static unsigned flip_epoch(struct pair *q, uint16_t *stream,
                           struct fh_mig_long *f, bool is_long)
{
    (void)stream, (void)q;
    if (!is_long)
        ((uint8_t *)f)[now->arg / 8] ^= (uint8_t)(1u << now->arg % 8);
    return 1;
}

static unsigned long_as_short(struct pair *q, uint16_t *stream,
                              struct fh_mig_long *f, bool is_long)
{
    struct fh_mig_long copy = *f;

    (void)stream;
    if (!it_is_time(q, is_long))
        return 1;
    import_short(&q->m, (struct fh_mig_short *)&copy);
    return 1;
}

/* ---- what holds after each ---- */

static void start(struct evil *e, uint16_t streams)
{
    now = e;
    pair_open(&p, streams);
    pair_fill(&p, 11);
    p.relay = e->relay;
}

/* The honest rest of the stream, after an error: nothing is written. */
static void check_found(int rc)
{
    static struct fh_mig_long f;
    uint8_t before[32], after[32];
    enum export_frame kind;

    if (rc == 0 || p.m.state != IMPORT_POISONED)
        FAIL_WITH("%s: it was not found (%d)", now->name, rc);
    if (now->words && !strstr(p.m.why.text, now->words))
        FAIL_WITH("%s: `%s` lacks `%s`", now->name, p.m.why.text, now->words);
    CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
    CHECK_EQ(p.m.token.type, FH_MIG_ABORT);
    CHECK(mig_is_zero(p.m.hand.s2d, sizeof(p.m.hand.s2d)));
    CHECK(p.m.why.text[0] != '\0');
    fake_mig_hash(&p.d, before);
    for (uint16_t i = 0; i < p.nr_streams; i++)
        while (export_next(&p.x, i, &f, &kind) == 0 && kind == EXPORT_LONG)
            CHECK_EQ(import_long(&p.m, i, &f), 1);
    fake_mig_hash(&p.d, after);
    assert_memory_equal(before, after, sizeof(before));
    pair_close(&p);
}

static int go(void)
{
    int rc = pair_handshake(&p, false);

    if (rc == 0)
        rc = pair_round(&p);
    pair_mutate(&p, 20, 12);
    if (rc == 0 && p.x.nr_acked == 1)
        rc = pair_last(&p);
    return rc;
}

TEST(a_frame_that_was_changed_or_misplaced_ends_it)
{
    static struct evil evil[] = {
        { "flip: magic", flip, 0, "no frame" },
        { "flip: version", flip, 4 * 8, "no frame" },
        { "flip: type", flip, 5 * 8 + 1, "of a type" },
        { "flip: stream", flip, 6 * 8, "another stream" },
        { "flip: session", flip, 8 * 8 + 3, "another session" },
        { "flip: epoch", flip, 16 * 8, "another epoch" },
        { "flip: length", flip, 20 * 8 + 5, "of a type" },
        { "flip: sequence", flip, 24 * 8 + 7, "out of sequence" },
        { "flip: first of text", flip, 32 * 8, "not as it was sealed" },
        { "flip: middle of text", flip, 30000 * 8 + 6, NULL },
        { "flip: last of text", flip, (32 + 65855) * 8 + 7, NULL },
        { "flip: first of tag", flip, (32 + 65856) * 8, NULL },
        { "flip: last of tag", flip, (32 + 65871) * 8 + 7, NULL },
        { "repeat", repeat, 0, "out of sequence" },
        { "swap", swap, 0, NULL },
        { "another stream", other_stream, 1, NULL },
        { "a stream that is not there", other_stream, 100, "there are" },
        { "truncate: all", truncate_text, 0, NULL },
        { "truncate: a tail", truncate_text, 60000, NULL },
        { "replay in the session", replay_here, 0, NULL },
        { "as a short one", long_as_short, 0, NULL },
        { "epoch: flip head", flip_epoch, 16 * 8 + 1, NULL },
        { "epoch: flip totals", flip_epoch, (32 + 8) * 8, NULL },
        { "epoch: flip digest", flip_epoch, (32 + 90) * 8, NULL },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(evil); i++)
        for (uint16_t streams = 1; streams <= 3; streams += 2) {
            if (streams == 1 && evil[i].relay == other_stream)
                continue;
            start(&evil[i], streams);
            check_found(go());
        }
}

/* The frame never comes; the next of its stream, or EPOCH, shows it. */
TEST(a_frame_that_is_missing_is_missed)
{
    static struct evil evil = { "drop", drop, 0, NULL };

    for (uint16_t streams = 1; streams <= 4; streams++) {
        start(&evil, streams);
        check_found(go());
    }
}

/* The last frame of a stream: no later one of it can show. */
static unsigned drop_last(struct pair *q, uint16_t *stream,
                          struct fh_mig_long *f, bool is_long)
{
    (void)f;
    return !(is_long && *stream == 1 && q->nr_long >= now->arg);
}

TEST(a_stream_that_was_cut_short_gets_no_answer)
{
    static struct evil evil = { "cut", drop_last, 0, NULL };

    start(&evil, 2);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(p.x.nr_acked, 0);
    CHECK_EQ(p.m.state, IMPORT_IMPORT);
    CHECK(p.m.ending);
    CHECK_EQ(export_round(&p.x), 1);
    pair_close(&p);
}

TEST(a_recorded_session_is_of_no_use_in_another)
{
    static struct evil evil[] = {
        { "record", replay_session, 0, NULL },
        { "replay", replay_session, 1, NULL },
        { "replay with this head", replay_session, 2, NULL },
    };
    struct fh_mig_token start_token;

    start(&evil[0], 1);
    CHECK_EQ(go(), 0);
    CHECK_EQ(export_drained(&p.x), 0);
    start_token = p.x.start;
    pair_close(&p);
    start(&evil[1], 1);
    p.s.drbg.ctx.V[0] ^= 1; /* another run has other random bytes */
    check_found(go());
    start(&evil[2], 1);
    p.s.drbg.ctx.V[0] ^= 2;
    check_found(go());
    start(&evil[0], 1);
    p.s.drbg.ctx.V[0] ^= 3;
    CHECK_EQ(go(), 0);
    CHECK(import_token(&p.m, &start_token) < 0); /* and READY stays */
    CHECK_EQ(p.m.state, IMPORT_READY);
    memcpy(start_token.session, p.m.hand.session, 16);
    CHECK_EQ(import_token(&p.m, &start_token), -FH_MIG_ERR_EVIDENCE);
    CHECK_EQ(p.m.state, IMPORT_READY);
    CHECK_EQ(p.d.state, FAKE_MIG_RECEIVING);
    CHECK_EQ(export_drained(&p.x), 0);
    CHECK_EQ(import_token(&p.m, &p.x.start), 0);
    pair_close(&p);
}

/* ---- a source's steward that lies, with the right keys ---- */

/* The EPOCH, with one byte of its text changed, sealed again. */
static unsigned lie(struct pair *q, uint16_t *stream, struct fh_mig_long *f,
                    bool is_long)
{
    struct fh_mig_short *s = (struct fh_mig_short *)f;
    struct frame_kind kind = { FH_MIG_EPOCH, f->head.epoch };

    (void)stream;
    if (is_long)
        return 1;
    memcpy(s->text, &q->x.last_epoch, sizeof(q->x.last_epoch));
    s->text[now->arg] ^= 1;
    q->x.hand.s2d[0].seq--;
    frame_seal(&q->x.hand.s2d[0], kind, &s->head, sizeof(s->text));
    return 1;
}

/* Too much in last_seq is waited for; all else is an error. */
TEST(an_epoch_that_lies_is_refused)
{
    static struct evil evil = { "lie", lie, 0, NULL };

    for (evil.arg = 0; evil.arg < FH_MIG_TEXT_SHORT; evil.arg++) {
        now = &evil;
        pair_open_sized(&p, 1, 2, 0);
        p.relay = lie;
        CHECK_EQ(pair_handshake(&p, false), 0);
        pair_round(&p);
        CHECK(!p.m.have_answer);
        CHECK_EQ(p.x.nr_acked, 0);
        if (evil.arg < 48 || evil.arg >= 80)
            CHECK_EQ(p.m.state, IMPORT_POISONED);
        pair_close(&p);
    }
}

TEST(a_first_epoch_without_a_page_is_refused)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(export_round(&p.x), 0);
    p.s.window[3] &= ~1ull; /* the engine forgets one */
    CHECK_EQ(pair_carry(&p), -FH_MIG_ERR_EPOCH);
    CHECK_HAS(p.m.why.text, "want all");
    CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
    pair_close(&p);
}

TEST(a_last_epoch_without_its_state_is_refused)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    p.s.suspension = 1;
    CHECK_EQ(export_paused(&p.x), 0);
    p.x.out.id = FH_MIG_STATES;
    CHECK_EQ(pair_carry(&p), -FH_MIG_ERR_EPOCH); /* it counts them */
    pair_close(&p);
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    p.s.suspension = 1;
    CHECK_EQ(export_paused(&p.x), 0);
    p.m.totals.states = FH_MIG_STATES - 1; /* and both count wrong */
    p.x.out.id = FH_MIG_STATES;
    p.m.in.nr_done = FH_MIG_STATES - 2;
    CHECK(pair_carry(&p) < 0);
    CHECK_EQ(p.d.state, FAKE_MIG_POISONED);
    CHECK(!p.d.context_set);
    pair_close(&p);
}

/* Its evidence is good, but says another digest, or comes of elsewhere. */
TEST(a_ready_that_lies_is_refused)
{
    for (unsigned what = 0; what < 4; what++) {
        struct frame_key key;
        struct fh_mig_short answer;
        struct fh_mig_ack *a = (struct fh_mig_ack *)answer.text;
        struct frame_kind kind = { FH_MIG_READY, FH_MIG_EPOCH_LAST };
        static struct fh_mig_long f;
        enum export_frame sent;
        uint8_t digest[32] = { 1 };

        pair_open(&p, 1);
        CHECK_EQ(pair_handshake(&p, false), 0);
        CHECK_EQ(pair_round(&p), 0);
        p.s.suspension = 1;
        CHECK_EQ(export_paused(&p.x), 0);
        do
            CHECK_EQ(export_next(&p.x, 0, &f, &sent), 0);
        while (sent != EXPORT_SHORT);
        key = p.x.hand.d2s;
        memset(&answer, 0, sizeof(answer));
        a->epoch = FH_MIG_EPOCH_LAST;
        a->frames = p.x.last_epoch.frames;
        memcpy(a->digest, p.x.last_epoch.digest, 32);
        if (what == 0)
            p.d.world.attest(&p.d, digest, a->evidence);
        if (what == 1) /* the right digest, a guest that ran there */
            p.d.state = FAKE_MIG_RUN;
        if (what == 2)
            p.d.me.own.instance[0] ^= 1;
        if (what > 0) {
            const struct hand_piece piece[] = {
                { p.x.hand.session, 16 },
                { p.x.last_epoch.digest, 32 },
            };

            hand_hash(FH_MIG_LABEL_READY, piece, 2, digest);
            p.d.world.attest(&p.d, digest, a->evidence);
        }
        a->frames += what == 3;
        frame_seal(&key, kind, &answer.head, sizeof(answer.text));
        CHECK_EQ(export_short(&p.x, &answer),
                 what == 3 ? -FH_MIG_ERR_EPOCH : -FH_MIG_ERR_PEER);
        CHECK_EQ(p.x.state, EXPORT_CANCELLED);
        CHECK_EQ(p.s.state, FAKE_MIG_RUN);
        pair_close(&p);
    }
}

/* ---- answers and tokens ---- */

TEST(an_answer_that_was_changed_ends_it_at_the_source)
{
    static struct evil evil = { "none", drop, 0, NULL };

    for (unsigned bit = 0; bit < 8 * 512; bit += 61) {
        static struct fh_mig_long f;
        struct fh_mig_short answer;
        enum export_frame kind;

        now = &evil;
        pair_open(&p, 1);
        CHECK_EQ(pair_handshake(&p, false), 0);
        CHECK_EQ(export_round(&p.x), 0);
        do {
            CHECK_EQ(export_next(&p.x, 0, &f, &kind), 0);
            if (kind == EXPORT_LONG)
                CHECK_EQ(import_long(&p.m, 0, &f), 0);
        } while (kind == EXPORT_LONG);
        CHECK_EQ(import_short(&p.m, (struct fh_mig_short *)&f), 0);
        CHECK(p.m.have_answer);
        answer = p.m.answer;
        ((uint8_t *)&answer)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK_EQ(export_short(&p.x, &answer), -FH_MIG_ERR_FRAME);
        CHECK_EQ(p.x.state, EXPORT_CANCELLED);
        CHECK_EQ(p.s.state, FAKE_MIG_RUN);
        CHECK(mig_is_zero(p.x.hand.s2d, sizeof(p.x.hand.s2d)));
        pair_close(&p);
    }
}

static void to_fenced(void)
{
    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    CHECK_EQ(export_drained(&p.x), 0);
    CHECK_EQ(p.x.state, EXPORT_FENCED);
}

/* Bit by bit: none may move a guest, at either side. */
TEST(a_token_that_was_changed_changes_nothing)
{
    struct fh_mig_token t;

    to_fenced();
    for (unsigned bit = 0; bit < 8 * sizeof(t); bit++) {
        t = p.x.start;
        ((uint8_t *)&t)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(import_token(&p.m, &t) != 0);
        CHECK_EQ(p.d.state, FAKE_MIG_RECEIVING);
    }
    CHECK_EQ(import_token(&p.m, &p.x.start), 0);
    for (unsigned bit = 0; bit < 8 * sizeof(t); bit++) {
        t = p.m.token;
        ((uint8_t *)&t)[bit / 8] ^= (uint8_t)(1u << bit % 8);
        CHECK(export_token(&p.x, &t) != 0);
        CHECK_EQ(p.s.state, FAKE_MIG_FENCED);
    }
    pair_close(&p);
}

/* DONE for ABORT, and ABORT of a domain that was never ours. */
TEST(no_other_domains_token_unfences)
{
    struct fake_mig other;
    struct fh_mig_token t;

    to_fenced();
    fake_mig_open(&other, FAKE_MIG_RECEIVING, 2, 0, 4000);
    t = p.x.start;
    t.type = FH_MIG_ABORT;
    CHECK_EQ(other.world.poison(&other, p.x.hand.session, p.s.me.own.instance,
                                t.evidence),
             0);
    CHECK_EQ(export_token(&p.x, &t), -FH_MIG_ERR_EVIDENCE);
    CHECK_EQ(import_token(&p.m, &p.x.start), 0);
    t = p.m.token;
    t.type = FH_MIG_ABORT;
    CHECK_EQ(export_token(&p.x, &t), -FH_MIG_ERR_EVIDENCE);
    CHECK_EQ(p.s.state, FAKE_MIG_FENCED);
    CHECK_EQ(p.x.state, EXPORT_FENCED);
    fake_mig_close(&other);
    pair_close(&p);
}

/* Another guest fences itself for us, in our session and with our digest. */
TEST(a_start_that_fences_another_guest_is_refused)
{
    struct fake_mig other;
    struct mig_fence f = { .suspension = 1 };
    struct fh_mig_token t;

    pair_open(&p, 1);
    CHECK_EQ(pair_handshake(&p, false), 0);
    CHECK_EQ(pair_round(&p), 0);
    CHECK_EQ(pair_last(&p), 0);
    fake_mig_open(&other, FAKE_MIG_RUN, 2, 0, 5000);
    other.suspension = 1;
    memcpy(f.session, p.x.hand.session, 16);
    memcpy(f.peer, p.d.me.own.instance, 16);
    memcpy(f.digest, p.x.last_epoch.digest, 32);
    token_make(&t, FH_MIG_START, f.session, (const uint8_t[320]){ 0 });
    CHECK_EQ(other.world.fence(&other, &f, t.evidence), 0);
    CHECK_EQ(import_token(&p.m, &t), -FH_MIG_ERR_PEER);
    CHECK_EQ(p.m.state, IMPORT_READY);
    CHECK_EQ(p.d.state, FAKE_MIG_RECEIVING);
    CHECK_EQ(export_drained(&p.x), 0);
    CHECK_EQ(import_token(&p.m, &p.x.start), 0);
    CHECK_EQ(p.d.state, FAKE_MIG_RUN);
    fake_mig_close(&other);
    pair_close(&p);
}

/* clang-format off */
RUN_TESTS(
    RULE(a_frame_that_was_changed_or_misplaced_ends_it),
    RULE(a_frame_that_is_missing_is_missed),
    RULE(a_stream_that_was_cut_short_gets_no_answer),
    RULE(a_recorded_session_is_of_no_use_in_another),
    RULE(an_epoch_that_lies_is_refused),
    RULE(a_first_epoch_without_a_page_is_refused),
    RULE(a_last_epoch_without_its_state_is_refused),
    RULE(a_ready_that_lies_is_refused),
    RULE(an_answer_that_was_changed_ends_it_at_the_source),
    RULE(a_token_that_was_changed_changes_nothing),
    RULE(a_start_that_fences_another_guest_is_refused),
    RULE(no_other_domains_token_unfences))
/* clang-format on */
