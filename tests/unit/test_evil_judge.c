/* SPDX-License-Identifier: MIT */
/*
 * test_evil_judge.c - the judge of the lab's lies accepts nothing but the truth
 *
 * The real judge, ledger and prediction; what they see of a host is a struct.
 */
#include <errno.h>
#include <stdlib.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/evil/hold.h"
#include "tests/evil/judge.h"
#include "tests/evil/launch.h"
#include "tests/evil/probe.h"
#include "tests/unit/test.h"

#define RAM_BYTES (64ull << 20)
#define TINY_LINE                                                              \
    "TINY vcpus=2 memory_mib=64 initrd_bytes=6 cmdline=spin" FH_CMDLINE_SUFFIX \
    "\r\n"

static struct world { /* what the judge finds when it asks */
    int nr_ran[2];    /* vCPUs that ran; a negative errno */
    uint32_t nr_asked;
    const char *printed;
    uint32_t nr_looks; /* at what was printed */
    uint32_t answered[FH_WINDOWS];
    uint32_t state_later; /* of the steward, after all was made good */
    bool dropped;
} world;

static struct evil v;
static struct evil_case c;
static struct verdict verdict;
static struct err err;

int probe_vcpus_ran(struct probe *p, uint16_t domid, uint32_t nr_vcpus,
                    struct err *e)
{
    int ran = world.nr_ran[world.nr_asked++ > 0];

    (void)p, (void)domid;
    if (ran < 0)
        return fail(e, ran, "probe: lost");
    return MIN_OF(ran, (int)nr_vcpus);
}

int launch_printed(struct evil *evil, const char *words, uint32_t timeout_ms)
{
    (void)evil, (void)timeout_ms;
    world.nr_looks++;
    return strstr(world.printed, words) != NULL;
}

void launch_answer(struct evil *evil, uint32_t window, uint32_t seq)
{
    (void)evil;
    world.answered[window] = seq;
}

void launch_wait(struct evil *evil, uint32_t timeout_ms)
{
    (void)evil, (void)timeout_ms;
}

void launch_look(struct evil *evil)
{
    evil->seen.state = world.state_later;
}

void hold_drop(struct hold *h)
{
    (void)h;
    world.dropped = true;
}

static uint8_t text[FH_BLOBS][8] = {
    [FH_BLOB_CMDLINE] = "spin",
    [FH_BLOB_KERNEL] = "kernel",
    [FH_BLOB_INITRD] = "initrd",
};

/* The guest reports what it was really given, if it was offered offer[i]. */
static void report_given(uint32_t i)
{
    ledger_measure(&v.ledger, v.spec.nr_vcpus, v.offer[i].ram_bytes,
                   v.offer[i].flags, v.seen.measurement);
}

/* A launch by the book, over with this end, of a case that wants it so. */
static void fresh(enum evil_end end)
{
    uint64_t cap_bytes[FH_BLOBS];

    ledger_close(&v.ledger);
    v = (struct evil){ .c = &c, .end = end, .nr_offers = 1 };
    c = (struct evil_case){ .name = "test", .want.end = end };
    world = (struct world){
        .nr_ran = { end == EVIL_RUNNING, 0 },
        .printed = TINY_LINE,
        .state_later = end == EVIL_FAILED ? FH_STATE_FAILED : FH_STATE_LOADING,
    };
    v.spec.nr_vcpus = 2;
    v.offer[0].ram_bytes = RAM_BYTES;
    for (uint32_t i = 0; i < FH_BLOBS; i++) {
        v.file[i].bytes = text[i];
        v.file[i].len_bytes = cap_bytes[i] = strlen((char *)text[i]);
    }
    CHECK_EQ(ledger_open(&v.ledger, cap_bytes, &err), 0);
    for (uint32_t i = 0; i < FH_BLOBS; i++) {
        ledger_asked(&v.ledger, i, 0, v.file[i].len_bytes);
        ledger_filled(&v.ledger, i, 0, text[i], v.file[i].len_bytes);
    }
    v.seen.state = end == EVIL_RUNNING ? FH_STATE_RUNNING : world.state_later;
    if (end == EVIL_FAILED) {
        v.seen.error = FH_ERR_GRANT;
        strcpy(v.seen.text, "grant 9 is still in use");
    }
    report_given(0);
}

static int judge_it(void)
{
    world.nr_asked = 0;
    return judge(&v, &verdict, &err);
}

static void is_right(void)
{
    CHECK_EQ(judge_it(), 0);
    CHECK_STR(verdict.why, "");
    CHECK(verdict.ok);
}

static void is_wrong(const char *why)
{
    CHECK_EQ(judge_it(), 0);
    CHECK(!verdict.ok);
    CHECK_HAS(verdict.why, why);
}

TEST(only_the_wanted_end_is_right)
{
    static const enum evil_end ends[] = { EVIL_PENDING, EVIL_RUNNING,
                                          EVIL_FAILED, EVIL_NEVER,
                                          EVIL_CRASHED };

    for (uint32_t i = 0; i < ARRAY_SIZE(ends); i++)
        for (uint32_t want = 0; want < EVIL_ENDS; want++) {
            fresh(ends[i]);
            c.want.end = want;
            if (want == ends[i] ||
                (want == EVIL_EITHER &&
                 (ends[i] == EVIL_RUNNING || ends[i] == EVIL_FAILED)))
                is_right();
            else
                is_wrong(judge_end_name[want]);
        }
}

TEST(a_guest_that_runs_as_predicted_is_right)
{
    fresh(EVIL_RUNNING);
    c.want.match = EVIL_SAME;
    is_right();
    assert_memory_equal(verdict.predicted, verdict.granted, 32);
    assert_memory_equal(verdict.predicted, v.seen.measurement, 32);
}

TEST(a_measurement_of_what_was_not_given_is_wrong_always)
{
    for (uint32_t match = EVIL_ANY; match <= EVIL_OTHER; match++) {
        fresh(EVIL_RUNNING);
        c.want.match = match;
        v.seen.measurement[31] ^= 1;
        is_wrong("something that it was not given");
        c.want.end = EVIL_EITHER;
        is_wrong("something that it was not given");
    }
}

TEST(other_bytes_must_show_in_the_measurement)
{
    static const struct {
        bool given_other;
        enum evil_match match;
        const char *why; /* NULL: right */
    } table[] = {
        { false, EVIL_ANY, NULL },
        { false, EVIL_SAME, NULL },
        { false, EVIL_OTHER, "measured as predicted from them" },
        { true, EVIL_ANY, NULL },
        { true, EVIL_SAME, "measured differently from the prediction" },
        { true, EVIL_OTHER, NULL },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(table); i++) {
        fresh(EVIL_RUNNING);
        c.want.match = table[i].match;
        if (table[i].given_other)
            ledger_filled(&v.ledger, FH_BLOB_KERNEL, 3, "!", 1);
        report_given(0);
        if (table[i].why)
            is_wrong(table[i].why);
        else
            is_right();
    }
}

/* The kernel has other bytes, and the steward says that it has the files'. */
TEST(a_prediction_that_hides_other_bytes_is_wrong)
{
    fresh(EVIL_RUNNING);
    ledger_filled(&v.ledger, FH_BLOB_KERNEL, 3, "!", 1);
    is_wrong("something that it was not given");
}

TEST(a_race_of_two_offers_may_be_won_field_by_field)
{
    fresh(EVIL_RUNNING);
    c.want.mute = true;
    v.offer[1] = (struct fh_offer){ .ram_bytes = 2 * RAM_BYTES,
                                    .flags = FH_OFFER_TRUST_BACKENDS };
    report_given(1);
    is_wrong("something that it was not given");
    v.nr_offers = 2;
    is_right();
    ledger_measure(&v.ledger, 2, 2 * RAM_BYTES, 0, v.seen.measurement);
    is_right();
    ledger_measure(&v.ledger, 2, RAM_BYTES, FH_OFFER_TRUST_BACKENDS,
                   v.seen.measurement);
    is_right();
    ledger_measure(&v.ledger, 2, 3 * RAM_BYTES, 0, v.seen.measurement);
    is_wrong("something that it was not given");
}

TEST(a_guest_that_runs_has_run)
{
    fresh(EVIL_RUNNING);
    world.nr_ran[0] = 0;
    is_wrong("vcpu 0 never ran");
}

TEST(what_the_guest_prints_must_be_what_it_was_given)
{
    fresh(EVIL_RUNNING);
    world.printed = "TINY vcpus=1 memory_mib=64";
    is_wrong("the guest printed");

    fresh(EVIL_RUNNING); /* without the suffix that was measured */
    world.printed =
        "TINY vcpus=2 memory_mib=64 initrd_bytes=6 cmdline=spin\r\n";
    is_wrong("the guest printed");
    v.offer[0].flags = FH_OFFER_TRUST_BACKENDS;
    report_given(0);
    is_right();

    fresh(EVIL_RUNNING);
    c.want.prints = "Linux version";
    is_wrong("want \"Linux version\"");
    world.printed = "[0.0] Linux version 6.12";
    is_right();

    fresh(EVIL_RUNNING);
    c.want.mute = true;
    world.printed = "";
    is_right();
    CHECK_EQ(world.nr_looks, 0);
}

TEST(a_failed_launch_says_the_wanted_error)
{
    fresh(EVIL_FAILED);
    is_right(); /* any will do */
    fresh(EVIL_FAILED);
    c.want.error = FH_ERR_GRANT;
    c.want.words = "^grant [0-9]+ is";
    is_right();

    fresh(EVIL_FAILED);
    c.want.error = FH_ERR_KERNEL;
    is_wrong("it failed with error grant: grant 9 is still in use; want error "
             "kernel");
    fresh(EVIL_FAILED);
    c.want.words = "^batch";
    is_wrong("want /^batch/");
    fresh(EVIL_FAILED); /* the text has no end of its own */
    memset(v.seen.text, 'x', sizeof(v.seen.text));
    c.want.words = "x$";
    is_right();
}

TEST(of_a_launch_that_is_over_no_vcpu_runs)
{
    static const enum evil_end ends[] = { EVIL_FAILED, EVIL_NEVER,
                                          EVIL_CRASHED };

    for (uint32_t i = 0; i < ARRAY_SIZE(ends); i++) {
        fresh(ends[i]);
        world.nr_ran[0] = 2;
        is_wrong("2 of the guest's vcpus ran");
    }
}

TEST(what_failed_stays_failed_when_all_is_made_good)
{
    fresh(EVIL_FAILED);
    v.seen.want[0].seq = 7;
    v.seen.want[1].seq = 8;
    is_right();
    CHECK(world.dropped);
    CHECK_EQ(world.answered[0], 7);
    CHECK_EQ(world.answered[1], 8);

    fresh(EVIL_FAILED);
    world.state_later = FH_STATE_RUNNING;
    is_wrong("and then went on to state");
    fresh(EVIL_FAILED);
    world.nr_ran[1] = 1;
    is_wrong("1 of the guest's vcpus ran");
}

TEST(what_cannot_be_judged_is_no_verdict)
{
    static const enum evil_end ends[] = { EVIL_RUNNING, EVIL_FAILED,
                                          EVIL_NEVER };

    for (uint32_t i = 0; i < ARRAY_SIZE(ends); i++) {
        fresh(ends[i]);
        world.nr_ran[0] = -EIO;
        CHECK_EQ(judge_it(), -EIO);
    }
    fresh(EVIL_FAILED);
    world.nr_ran[1] = -EIO;
    CHECK_EQ(judge_it(), -EIO);
    fresh(EVIL_FAILED);
    c.want.words = "(";
    CHECK_EQ(judge_it(), -EINVAL);
    ledger_close(&v.ledger);
}

RUN_TESTS(RULE(only_the_wanted_end_is_right),
          RULE(a_guest_that_runs_as_predicted_is_right),
          RULE(a_measurement_of_what_was_not_given_is_wrong_always),
          RULE(other_bytes_must_show_in_the_measurement),
          RULE(a_prediction_that_hides_other_bytes_is_wrong),
          RULE(a_race_of_two_offers_may_be_won_field_by_field),
          RULE(a_guest_that_runs_has_run),
          RULE(what_the_guest_prints_must_be_what_it_was_given),
          RULE(a_failed_launch_says_the_wanted_error),
          RULE(of_a_launch_that_is_over_no_vcpu_runs),
          RULE(what_failed_stays_failed_when_all_is_made_good),
          RULE(what_cannot_be_judged_is_no_verdict))
