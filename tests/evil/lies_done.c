/* SPDX-License-Identifier: MIT */
/*
 * lies_done.c - answers that are early, late, repeated, or to no question
 *
 * How this works: with the default files the steward asks for five batches:
 * seq 1 the command line, 2 the kernel, both in window 0; then the initrd's
 * three, seq 3 in window 0 and 4 in window 1 at the same time, and 5 in
 * window 0 again.  It looks at one window at a time, so while it waits for
 * seq 3 whatever happens to window 1 is not seen: that makes races into
 * orders.
 */
#include <stdlib.h>

#include "common/checked.h"
#include "common/shm.h"
#include "tests/evil/cases.h"
#include "tests/evil/launch.h"

#define FIRST_INITRD_SEQ 3u
#define RINGS_BEFORE_ANSWER 50u

static bool is_initrd(const struct evil_batch *b, uint32_t index)
{
    return b->blob == FH_BLOB_INITRD && b->index == index;
}

static int truth(struct evil *v, const struct evil_batch *b)
{
    launch_answer(v, b->window, b->seq);
    return 0;
}

/* Answer the initrd's first batch with `lie`, all others truly. */
static int first_with(struct evil *v, const struct evil_batch *b, uint32_t lie)
{
    launch_answer(v, b->window, is_initrd(b, 0) ? lie : b->seq);
    return 0;
}

static int future(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)e;
    return first_with(v, b, b->seq + 1);
}

static int far_future(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)e;
    return first_with(v, b, 0xffffffffu);
}

static int stale(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)e;
    return first_with(v, b, 1);
}

static int zero(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)e;
    return first_with(v, b, 0);
}

/* Seq 3 into window 1; the steward finds it there once it waits for 4. */
static int wrong_window(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    (void)e;
    if (is_initrd(b, 0))
        launch_answer(v, 1, b->seq);
    else if (is_initrd(b, 1))
        launch_answer(v, 0, FIRST_INITRD_SEQ);
    else
        launch_answer(v, b->window, b->seq);
    return 0;
}

static int repeated(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)e;
    for (uint32_t i = 0; i < 3; i++)
        launch_answer(v, b->window, b->seq);
    return 0;
}

static int late(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)e;
    for (uint32_t i = 0; i < RINGS_BEFORE_ANSWER; i++)
        launch_ring(v);
    return truth(v, b);
}

/* In window 1 the answer stands before the bytes do, but nobody looks yet. */
static int early_fill(struct evil *v, const struct evil_batch *b, struct err *e)
{
    if (is_initrd(b, 1))
        launch_answer(v, b->window, b->seq);
    return launch_fill(v, b, e);
}

static int early_answer(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    (void)e;
    if (is_initrd(b, 0))
        return 0;
    if (is_initrd(b, 1))
        launch_answer(v, 0, FIRST_INITRD_SEQ);
    return truth(v, b);
}

/* Right by luck, and before it was asked: taken as it is, which is empty. */
static int luck_offered(struct evil *v, struct err *e)
{
    (void)e;
    shm_set_u32(&evil_control(v)->dom0.done[1], FIRST_INITRD_SEQ + 1);
    return 0;
}

static int luck_fill(struct evil *v, const struct evil_batch *b, struct err *e)
{
    return is_initrd(b, 1) ? 0 : launch_fill(v, b, e);
}

static int luck_answer(struct evil *v, const struct evil_batch *b,
                       struct err *e)
{
    (void)e;
    return is_initrd(b, 1) ? 0 : truth(v, b);
}

static int not_filled(struct evil *v, const struct evil_batch *b, uint32_t blob,
                      struct err *e)
{
    return b->blob == blob ? 0 : launch_fill(v, b, e);
}

static int empty_cmdline(struct evil *v, const struct evil_batch *b,
                         struct err *e)
{
    return not_filled(v, b, FH_BLOB_CMDLINE, e);
}

static int empty_kernel(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    return not_filled(v, b, FH_BLOB_KERNEL, e);
}

static int empty_initrd(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    return not_filled(v, b, FH_BLOB_INITRD, e);
}

static int no_fill(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)v, (void)b, (void)e;
    return 0;
}

/* Any number in any window, at any time; none that will be asked for. */
static void wild(struct evil *v)
{
    uint32_t *done = evil_control(v)->dom0.done;

    shm_set_u32(&done[(uint32_t)random() % FH_WINDOWS],
                0x100u + (uint32_t)random() % 0x10000u);
}

#define FAILS(err, re) { .end = EVIL_FAILED, .error = err, .words = re }
#define RUNS(as) { .end = EVIL_RUNNING, .match = as }

const struct evil_case lies_done[] = {
    /* clang-format off */
    { .name = "done-future", .lie = "answers the next seq",
      .want = FAILS(FH_ERR_PROTOCOL, "window 0: dom0 answers batch 4, want 3"),
      .answer = future },
    { .name = "done-far-future", .lie = "answers seq 2^32 - 1",
      .want = FAILS(FH_ERR_PROTOCOL, "dom0 answers batch 4294967295, want 3"),
      .answer = far_future },
    { .name = "done-stale", .lie = "answers a seq of long ago",
      .want = FAILS(FH_ERR_PROTOCOL, "window 0: dom0 answers batch 1, want 3"),
      .answer = stale },
    { .name = "done-zero", .lie = "answers seq 0",
      .want = FAILS(FH_ERR_PROTOCOL, "window 0: dom0 answers batch 0, want 3"),
      .answer = zero },
    { .name = "done-wrong-window", .lie = "answers in the other window",
      .want = FAILS(FH_ERR_PROTOCOL, "window 1: dom0 answers batch 3, want 4"),
      .answer = wrong_window },
    { .name = "done-repeated", .lie = "answers three times",
      .want = RUNS(EVIL_SAME), .answer = repeated },
    { .name = "done-late", .lie = "rings often before it answers",
      .want = RUNS(EVIL_SAME), .answer = late },
    { .name = "done-early", .lie = "answers, and only then fills, while "
                                   "another batch is awaited",
      .want = RUNS(EVIL_SAME), .fill = early_fill, .answer = early_answer },
    { .name = "done-by-luck", .lie = "answers before it is asked, never fills",
      .want = RUNS(EVIL_OTHER), .offered = luck_offered, .fill = luck_fill,
      .answer = luck_answer },
    { .name = "done-empty-cmdline", .lie = "never fills the command line",
      .want = FAILS(FH_ERR_CMDLINE, "byte 0 is the control character 0x0"),
      .fill = empty_cmdline },
    { .name = "done-empty-kernel", .lie = "never fills the kernel",
      .want = FAILS(FH_ERR_KERNEL, "starts with 0 0 0 0"),
      .fill = empty_kernel },
    { .name = "done-empty-initrd", .lie = "never fills the initrd: zeroes are "
                                          "measured",
      .want = RUNS(EVIL_OTHER), .fill = empty_initrd },
    { .name = "done-empty-all", .lie = "answers all, fills nothing",
      .want = { .end = EVIL_FAILED }, .fill = no_fill },
    { .name = "done-storm", .lie = "writes any number into done[] all the "
                                   "time",
      .want = { .end = EVIL_EITHER, .error = FH_ERR_PROTOCOL },
      .storm = wild },
    { 0 },
    /* clang-format on */
};
