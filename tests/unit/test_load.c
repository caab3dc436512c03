/* SPDX-License-Identifier: MIT */
/*
 * test_load.c - a hostile steward's control page
 */
#include <errno.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/load.h"

#define DOMID 7
#define KERNEL_BYTES (3 * 4096 + 100)

static struct load l;
static struct gnt *gnt;
static struct fake_domain *dom;
static struct err err;

/* A guest whose steward has just said READY; each test plays the steward. */
static void fresh(void)
{
    fake_reset();
    memset(&err, 0, sizeof(err));
    dom = &fake.domain[0];
    *dom =
        (struct fake_domain){ .there = true, .domid = DOMID, .next_port = 2 };
    fake_steward_launch(dom);
    CHECK_EQ(gnt_open(&gnt, &err), 0);
    l = (struct load){ .gnt = gnt, .domid = DOMID, .ram_bytes = 16 << 20 };
    CHECK_EQ(blob_from_text(&l.blob[FH_BLOB_CMDLINE], "quiet", &err), 0);
    l.blob[FH_BLOB_KERNEL].va = aligned_alloc(4096, 4 * 4096);
    l.blob[FH_BLOB_KERNEL].len_bytes = KERNEL_BYTES;
    memset((void *)l.blob[FH_BLOB_KERNEL].va, 'k', 4 * 4096);
}

static void done(void)
{
    free((void *)l.blob[FH_BLOB_KERNEL].va);
    load_close(&l);
    gnt_close(gnt);
    dom->there = false;
    CHECK_EQ(fake_left(), 0);
    fake_reset();
}

static struct fh_steward_half *steward(void)
{
    return &fake_control(dom)->steward;
}

static void offered(void)
{
    fresh();
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.state, LOAD_OFFER);
    load_offer(&l);
    steward()->state = FH_STATE_LOADING;
}

TEST(the_offer_says_what_there_is)
{
    struct fh_offer *o;

    offered();
    o = &fake_control(dom)->dom0.offer;
    CHECK_EQ(o->introduced, 1);
    CHECK_EQ(o->aborted, 0);
    CHECK_EQ(o->ram_bytes, 16 << 20);
    CHECK_EQ(o->len_bytes[FH_BLOB_CMDLINE], 5);
    CHECK_EQ(o->len_bytes[FH_BLOB_KERNEL], KERNEL_BYTES);
    CHECK_EQ(o->len_bytes[FH_BLOB_INITRD], 0);
    done();
}

TEST(before_ready_nothing_is_mapped)
{
    fresh();
    dom->granted[XEN_STEWARD_CONTROL_REF] = false;
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.state, LOAD_WAIT);
    CHECK_EQ(fake.nr_maps, 0);
    done();
}

TEST(a_wrong_greeting_ends_it)
{
    static const struct {
        uint32_t magic, version, state;
        const char *words;
    } bad[] = {
        { 0, FH_ABI_VERSION, FH_STATE_READY, "magic: got 0, want" },
        { FH_CONTROL_MAGIC, FH_ABI_VERSION + 1, FH_STATE_READY, "version" },
        { FH_CONTROL_MAGIC, FH_ABI_VERSION, FH_STATE_LOADING, "before READY" },
        { FH_CONTROL_MAGIC, FH_ABI_VERSION, FH_STATE_RUNNING, "before READY" },
        { FH_CONTROL_MAGIC, FH_ABI_VERSION, 0xffffffff, "before READY" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        fresh();
        steward()->magic = bad[i].magic;
        steward()->abi_version = bad[i].version;
        steward()->state = bad[i].state;
        CHECK_EQ(load_step(&l, &err), -EPROTO);
        CHECK_HAS(err.text, bad[i].words);
        CHECK_EQ(l.state, LOAD_DEAD);
        CHECK_EQ(load_step(&l, &err), 0); /* dead is dead */
        done();
    }
}

static const struct fh_batch good = {
    .seq = 1,
    .blob = FH_BLOB_KERNEL,
    .off_bytes = 4096,
    .len_bytes = KERNEL_BYTES - 4096,
    .nr_refs = 3,
    .first_ref = 8,
};

TEST(a_batch_is_filled_once)
{
    offered();
    dom->loaded[FH_BLOB_KERNEL] = calloc(4, 4096);
    dom->batch[0].seq = 1;
    dom->batch[0].blob = FH_BLOB_KERNEL;
    dom->batch[0].nr_refs = 3;
    dom->batch[0].first_ref = 8;
    dom->batch[0].off_bytes = 4096;
    steward()->want[0] = good;
    CHECK_EQ(load_step(&l, &err), 1);
    CHECK_EQ(fake_control(dom)->dom0.done[0], 1);
    CHECK_EQ(dom->loaded[FH_BLOB_KERNEL][0], 0);
    CHECK_EQ(dom->loaded[FH_BLOB_KERNEL][4096], 'k');
    CHECK_EQ(dom->loaded[FH_BLOB_KERNEL][KERNEL_BYTES - 1], 'k');
    CHECK_EQ(dom->loaded[FH_BLOB_KERNEL][KERNEL_BYTES], 0);
    CHECK_EQ(l.loaded_bytes, good.len_bytes);
    steward()->want[0].seq = 1; /* the fetch destroyed it */
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.loaded_bytes, good.len_bytes);
    done();
}

TEST(a_batch_outside_the_rules_ends_it)
{
    static const struct {
        struct fh_batch want;
        int rc;
    } bad[] = {
        { { 1, FH_BLOBS, 0, 100, 1, 8, 0 }, -EPROTO },
        { { 1, 0xffffffff, 0, 100, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, 0, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, FH_BATCH_PAGES + 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 0, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 4097, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, 2, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 1, 100, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 12288, 101, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 16384, 1, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, ~4095ull, 4096, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_INITRD, 0, 1, 1, 8, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, 1, 0, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, 1, 2, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, 1, 0xffffffff, 0 }, -EPROTO },
        { { 1, FH_BLOB_KERNEL, 0, 100, 1, 8, 0 }, -EIO }, /* not granted */
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++) {
        offered();
        steward()->want[1] = bad[i].want;
        CHECK_EQ(load_step(&l, &err), bad[i].rc);
        CHECK_EQ(l.state, LOAD_DEAD);
        CHECK_EQ(fake_control(dom)->dom0.done[1], 0);
        done();
    }
}

TEST(the_stewards_words_reach_the_operator_tamed)
{
    offered();
    memset(steward()->text, '!', sizeof(steward()->text));
    memcpy(steward()->text, "no\033kernel", 9);
    steward()->error = FH_ERR_KERNEL;
    steward()->state = FH_STATE_FAILED;
    CHECK_EQ(load_step(&l, &err), -ECANCELED);
    CHECK_HAS(err.text, "steward: no?kernel");
    CHECK_HAS(err.text, "; kernel= wants");
    done();
    offered();
    steward()->error = 1u << 31;
    steward()->state = FH_STATE_FAILED;
    CHECK_EQ(load_step(&l, &err), -ECANCELED);
    CHECK_HAS(err.text, "unknown error");
    done();
}

static void measured(void)
{
    offered();
    memset(steward()->measurement, 0x11, 32);
    steward()->state = FH_STATE_STARTING;
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.state, LOAD_MEASURED);
}

TEST(what_was_measured_is_read_before_the_guest_runs)
{
    measured();
    CHECK_EQ(fake_control(dom)->dom0.noted, 0);
    load_noted(&l);
    CHECK_EQ(fake_control(dom)->dom0.noted, 1);
    memset(steward()->measurement, 0x22, 32); /* the guest's kernel did that */
    steward()->state = FH_STATE_RUNNING;
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.identity.measurement[31], 0x11);
    done();
}

TEST(a_guest_that_runs_unmeasured_ends_it)
{
    offered();
    steward()->state = FH_STATE_RUNNING;
    CHECK_EQ(load_step(&l, &err), -EPROTO);
    CHECK_EQ(l.state, LOAD_DEAD);
    done();
}

TEST(a_dying_guest_talks_ascii)
{
    offered();
    strcpy(steward()->text, "a\xc2\x9b"
                            "31m\x1b[2Jb");
    steward()->state = FH_STATE_FAILED;
    CHECK_EQ(load_step(&l, &err), -ECANCELED);
    CHECK_HAS(err.text, "a??31m");
    for (const char *c = err.text; *c; c++)
        CHECK(*c >= 0x20 && *c < 0x7f);
    done();
}

TEST(running_is_the_end_of_it)
{
    measured();
    load_noted(&l);
    steward()->state = FH_STATE_RUNNING;
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.state, LOAD_DONE);
    steward()->state = FH_STATE_FAILED;
    CHECK_EQ(load_step(&l, &err), 0);
    CHECK_EQ(l.state, LOAD_DONE);
    done();
}

TEST(a_state_that_makes_no_sense_ends_it)
{
    offered();
    steward()->state = FH_STATES;
    CHECK_EQ(load_step(&l, &err), -EPROTO);
    done();
}

RUN_TESTS(RULE(the_offer_says_what_there_is),
          RULE(before_ready_nothing_is_mapped),
          RULE(what_was_measured_is_read_before_the_guest_runs),
          RULE(a_guest_that_runs_unmeasured_ends_it),
          RULE(a_dying_guest_talks_ascii), RULE(a_wrong_greeting_ends_it),
          RULE(a_batch_is_filled_once), RULE(a_batch_outside_the_rules_ends_it),
          RULE(the_stewards_words_reach_the_operator_tamed),
          RULE(running_is_the_end_of_it),
          RULE(a_state_that_makes_no_sense_ends_it))
