/* SPDX-License-Identifier: MIT */
/*
 * test_steward_track.c - a running guest's steward follows dom0's commands,
 * and believes Xen alone
 */
#include "tests/unit/steward_test.h"

#include "tests/fakes/fake_steward.h"
#include "tests/unit/steward_images.h"

static struct elf_image image;

/* What dom0 does, step by step; each looks at what the last one led to. */
static bool (*const *steps)(struct fake_steward *f);

static bool next_step(struct fake_steward *f)
{
    return *steps && (*steps++)(f);
}

static void run(bool (*const *list)(struct fake_steward *f))
{
    steps = list;
    fake.while_running = next_step;
    CHECK_EQ(fake_launch(), FAKE_RUNNING);
    assert_null(*steps); /* all of them came to pass */
}

static void fresh(void)
{
    fake_reset();
    make_elf(&image);
    fake_blob(FH_BLOB_CMDLINE, "halt", 4);
    fake_blob(FH_BLOB_KERNEL, &image, sizeof(image));
    fake.has[0] = (struct xen_steward_run){ 0, 1000, XEN_STEWARD_PAGES_ram, 0 };
    fake.has[1] =
        (struct xen_steward_run){ 1000, 24, XEN_STEWARD_PAGES_hole, 0 };
    fake.has[2] =
        (struct xen_steward_run){ 1024, 5120, XEN_STEWARD_PAGES_ram, 9 };
    fake.has[3] =
        (struct xen_steward_run){ 0xc0000, 3, XEN_STEWARD_PAGES_special, 0 };
    fake.nr_has = 4;
    fake.context_bytes = 9000;
}

static bool ask(struct fake_steward *f, uint32_t op)
{
    f->control->dom0.command.op = op;
    f->control->dom0.command.seq++;
    return true;
}

static const struct fh_answer *answer(const struct fake_steward *f)
{
    const struct fh_answer *a = &f->control->steward.answer;

    CHECK_EQ(a->seq, f->control->dom0.command.seq);
    return a;
}

static void expect(const struct fake_steward *f, enum fh_transfer transfer,
                   uint32_t nr_passes, uint64_t dirty_pages)
{
    const struct fh_answer *a = answer(f);

    assert_string_equal(a->text, "");
    CHECK_EQ(a->error, FH_ERR_NONE);
    CHECK_EQ(a->transfer, transfer);
    CHECK_EQ(a->nr_passes, nr_passes);
    CHECK_EQ(a->dirty_pages, dirty_pages);
}

static void expect_error(const struct fake_steward *f, enum fh_error code,
                         enum fh_transfer transfer, const char *words)
{
    const struct fh_answer *a = answer(f);

    CHECK_EQ(a->error, code);
    CHECK_EQ(a->transfer, transfer);
    if (!strstr(a->text, words))
        FAIL_WITH("`%s` lacks `%s`", a->text, words);
}

static void wrote(struct fake_steward *f, uint64_t gfn)
{
    if (f->logs)
        f->wrote[f->nr_wrote++] = gfn;
}

static bool track(struct fake_steward *f)
{
    wrote(f, 7); /* before there is a log */
    return ask(f, FH_OP_TRACK);
}

static bool pass(struct fake_steward *f)
{
    return ask(f, FH_OP_PASS);
}

static bool final(struct fake_steward *f)
{
    return ask(f, FH_OP_FINAL);
}

static bool cancel(struct fake_steward *f)
{
    return ask(f, FH_OP_CANCEL);
}

static bool write_some(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_TRACKING, 0, 0);
    CHECK_EQ(answer(f)->ram_pages, 6120);
    CHECK(f->logs);
    wrote(f, 0);
    wrote(f, 999);
    wrote(f, 6143);
    wrote(f, 999);
    return pass(f);
}

static bool write_more(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_TRACKING, 1, 3);
    wrote(f, 2000);
    return pass(f);
}

static bool suspend(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_TRACKING, 2, 1);
    wrote(f, 5);
    f->mapped[0] = 6;
    f->nr_mapped = 1;
    f->suspension = 3;
    return final(f);
}

static bool was_final(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_FINAL, 3, 2);
    CHECK_EQ(answer(f)->context_bytes, 9000);
    CHECK_EQ(f->nr_private, 3);
    return cancel(f);
}

static bool was_cancelled(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_IDLE, 3, 0);
    CHECK(!f->logs);
    CHECK_EQ(f->nr_private, 0);
    CHECK(f->context_clear);
    return false;
}

TEST(a_transfer_takes_what_changed_and_cancels_without_a_trace)
{
    static bool (*const list[])(struct fake_steward *) = {
        track, write_some, write_more, suspend, was_final, was_cancelled, NULL
    };

    fresh();
    run(list);
    fresh();
    fake.step = XEN_STEWARD_TAKE_STEP; /* Xen does a little at a time */
    run(list);
}

static bool plug_in(struct fake_steward *f)
{
    f->has[4] =
        (struct xen_steward_run){ 0x100000, 1, XEN_STEWARD_PAGES_ram, 0 };
    f->nr_has = 5;
    wrote(f, 0x100000);
    return pass(f);
}

static bool was_plugged(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_TRACKING, 1, 1);
    CHECK_EQ(answer(f)->ram_pages, 6121);
    f->has[4].gfn = (FH_HIGH_RAM_GPA + FH_RAM_MAX) / PAGE_BYTES;
    return pass(f);
}

static bool is_beyond(struct fake_steward *f)
{
    expect_error(f, FH_ERR_MEMORY, FH_TRANSFER_IDLE, "want it below");
    CHECK(!f->logs);
    return false;
}

TEST(pages_that_a_guest_plugs_in_are_found_and_those_too_far_refused)
{
    static bool (*const list[])(struct fake_steward *) = { track, plug_in,
                                                           was_plugged,
                                                           is_beyond, NULL };

    fresh();
    run(list);
}

static bool not_idle(struct fake_steward *f)
{
    expect_error(f, FH_ERR_STATE, FH_TRANSFER_TRACKING, "it is in state 1");
    return final(f);
}

static bool not_suspended(struct fake_steward *f)
{
    expect_error(f, FH_ERR_STATE, FH_TRANSFER_TRACKING, "want it suspended");
    return ask(f, FH_OPS);
}

static bool not_known(struct fake_steward *f)
{
    expect_error(f, FH_ERR_PROTOCOL, FH_TRANSFER_TRACKING,
                 "command: got 10, want 1 to 9");
    return ask(f, FH_OP_NONE);
}

static bool not_one(struct fake_steward *f)
{
    expect_error(f, FH_ERR_PROTOCOL, FH_TRANSFER_TRACKING, "got 0");
    CHECK(f->logs); /* none of it did harm */
    return cancel(f);
}

static bool early_pass(struct fake_steward *f)
{
    expect(f, FH_TRANSFER_IDLE, 0, 0);
    return pass(f);
}

static bool was_early(struct fake_steward *f)
{
    expect_error(f, FH_ERR_STATE, FH_TRANSFER_IDLE, "it is in state 0, want 1");
    return false;
}

TEST(a_command_at_the_wrong_time_does_nothing)
{
    static bool (*const list[])(struct fake_steward *) = {
        track,   track,      not_idle,  not_suspended, not_known,
        not_one, early_pass, was_early, NULL
    };

    fresh();
    run(list);
}

static bool same_ring(struct fake_steward *f)
{
    static unsigned nr;

    expect(f, FH_TRANSFER_TRACKING, 0, 0);
    wrote(f, 1);
    if (nr++ == 0)
        f->nr_notify = 0;
    return true;
}

static bool was_silent(struct fake_steward *f)
{
    CHECK_EQ(f->nr_notify, 0);
    CHECK_EQ(f->nr_wrote, 2);
    return cancel(f);
}

TEST(a_ring_without_a_command_repeats_none)
{
    static bool (*const list[])(struct fake_steward *) = { track, same_ring,
                                                           same_ring,
                                                           was_silent, NULL };

    fresh();
    run(list);
}

static bool suspend_now(struct fake_steward *f)
{
    f->suspension = 1;
    return final(f);
}

static bool resume(struct fake_steward *f)
{
    CHECK_EQ(answer(f)->transfer, FH_TRANSFER_FINAL);
    f->suspension = 0;
    return true; /* Xen rings */
}

static bool was_void(struct fake_steward *f)
{
    expect_error(f, FH_ERR_STATE, FH_TRANSFER_IDLE, "it runs again");
    CHECK(!f->logs && f->context_clear);
    return false;
}

TEST(a_guest_that_runs_again_makes_the_end_void)
{
    static bool (*const list[])(
        struct fake_steward *) = { track, suspend_now, resume, was_void, NULL };

    fresh();
    run(list);
}

static bool resume_and_suspend(struct fake_steward *f)
{
    CHECK_EQ(answer(f)->transfer, FH_TRANSFER_FINAL);
    f->suspension = 2; /* between two rings */
    return true;
}

TEST(another_suspend_is_not_the_one_it_took)
{
    static bool (*const list[])(struct fake_steward *) = { track, suspend_now,
                                                           resume_and_suspend,
                                                           was_void, NULL };

    fresh();
    run(list);
}

static bool failed(struct fake_steward *f)
{
    const struct fh_answer *a = answer(f);

    CHECK(a->error == FH_ERR_XEN || a->error == FH_ERR_POPULATE ||
          a->error == FH_ERR_MEMORY);
    CHECK(a->text[0]);
    CHECK_EQ(a->transfer, FH_TRANSFER_IDLE);
    CHECK(!f->logs);
    CHECK_EQ(f->nr_private, 0);
    return false;
}

/* TRACK makes 6 calls, FINAL 9; each is refused once. */
TEST(whatever_xen_refuses_ends_the_transfer)
{
    static bool (*const first[])(struct fake_steward *) = { track, failed,
                                                            NULL };
    static bool (*const last[])(struct fake_steward *) = { track, suspend_now,
                                                           failed, NULL };

    for (uint32_t at = 1; at <= 6; at++) {
        fresh();
        fake.refuse_at = at;
        run(first);
    }
    for (uint32_t at = 7; at <= 15; at++) {
        fresh();
        fake.refuse_at = at;
        run(last);
    }
    fresh();
    fake.context_bytes = LAYOUT_CONTEXT_BYTES_MAX + 1;
    run(last);
}

RUN_TESTS(RULE(a_transfer_takes_what_changed_and_cancels_without_a_trace),
          RULE(pages_that_a_guest_plugs_in_are_found_and_those_too_far_refused),
          RULE(a_command_at_the_wrong_time_does_nothing),
          RULE(a_ring_without_a_command_repeats_none),
          RULE(a_guest_that_runs_again_makes_the_end_void),
          RULE(another_suspend_is_not_the_one_it_took),
          RULE(whatever_xen_refuses_ends_the_transfer))
