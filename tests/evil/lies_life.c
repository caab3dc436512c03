/* SPDX-License-Identifier: MIT */
/*
 * lies_life.c - the control, and lies about the domain's life
 */
#include <errno.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/shm.h"
#include "tests/evil/cases.h"
#include "tests/evil/image.h"
#include "tests/evil/launch.h"
#include "tests/evil/probe.h"

#define LINUX_RAM_BYTES (256 * MIB_BYTES)
#define SMP_VCPUS 4u

/* The other kind of kernel, of many batches, and a kernel that looks around. */
static int with_linux(struct evil *v, struct err *e)
{
    int rc = image_load(v, FH_BLOB_KERNEL, "vmlinuz-6.12", e);

    v->spec.ram_bytes = v->offer[0].ram_bytes = LINUX_RAM_BYTES;
    if (rc == 0)
        rc = image_load(v, FH_BLOB_INITRD, "initrd-small", e);
    if (rc == 0)
        rc = image_text(v, "console=hvc0 quiet", e);
    return rc;
}

static int with_vcpus(struct evil *v, struct err *e)
{
    (void)e;
    v->spec.nr_vcpus = SMP_VCPUS;
    return 0;
}

static void abort_now(struct evil *v)
{
    shm_set_u32(&evil_control(v)->dom0.offer.aborted, 1);
    launch_ring(v);
}

/* Gives up instead of filling the initrd's first batch. */
static int abort_midway(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    if (b->blob != FH_BLOB_INITRD)
        return launch_fill(v, b, e);
    abort_now(v);
    return 0;
}

static int abort_answer(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    (void)e;
    if (b->blob != FH_BLOB_INITRD)
        launch_answer(v, b->window, b->seq);
    return 0;
}

/* Before the offer; what comes after it is not looked at. */
static int abort_first(struct evil *v, struct err *e)
{
    (void)e;
    abort_now(v);
    for (launch_look(v); v->seen.state == FH_STATE_READY; launch_look(v))
        launch_wait(v, 100);
    return 0;
}

static int abort_late(struct evil *v, struct err *e)
{
    (void)e;
    abort_now(v);
    launch_wait(v, 200);
    launch_look(v);
    return 0;
}

/* Takes back its word that there is an offer, once the steward has it. */
static int withdraw(struct evil *v, const struct evil_batch *b, struct err *e)
{
    shm_set_u32(&evil_control(v)->dom0.offer.introduced, 0);
    return launch_fill(v, b, e);
}

static int no_answer(struct evil *v, const struct evil_batch *b, struct err *e)
{
    (void)v, (void)b, (void)e;
    return 0;
}

/* Unpauses no more than a steward's first steps: it never gets to READY. */
static int pause_at_once(struct evil *v, struct err *e)
{
    int rc = hyp_unpause(v->hyp, v->domid, e);

    return rc < 0 ? rc : hyp_pause(v->hyp, v->domid, e);
}

/* A second unpause must find nothing to do. */
static int unpause_twice(struct evil *v, struct err *e)
{
    int rc = hyp_unpause(v->hyp, v->domid, e);

    if (rc < 0)
        return rc;
    if (hyp_unpause(v->hyp, v->domid, NULL) == 0)
        return fail(e, -EIO,
                    "domain %u: unpause it twice: got it, want it "
                    "refused",
                    v->domid);
    return 0;
}

/* Pauses before each answer, so that an answer meets a paused steward. */
static int pause_midway(struct evil *v, const struct evil_batch *b,
                        struct err *e)
{
    int rc = hyp_pause(v->hyp, v->domid, e);

    if (rc < 0)
        return rc;
    launch_answer(v, b->window, b->seq);
    return hyp_unpause(v->hyp, v->domid, e);
}

/* Hangs up, answers into the silence, and comes back. */
static int rebind_bell(struct evil *v, const struct evil_batch *b,
                       struct err *e)
{
    int rc;

    launch_close_bell(v);
    launch_answer(v, b->window, b->seq);
    rc = launch_open_bell(v, e);
    if (rc == 0)
        launch_ring(v);
    return rc;
}

static int late_calls(struct evil *v, struct err *e)
{
    int rc = hyp_unpause(v->hyp, v->domid, e);

    return rc < 0 ? rc : probe_late_calls(v->probe, v->domid, e);
}

static int late_calls_ready(struct evil *v, struct err *e)
{
    return probe_late_calls(v->probe, v->domid, e);
}

static int late_calls_batch(struct evil *v, const struct evil_batch *b,
                            struct err *e)
{
    int rc = probe_late_calls(v->probe, v->domid, e);

    return rc < 0 ? rc : launch_fill(v, b, e);
}

#define RUNS { .end = EVIL_RUNNING, .match = EVIL_SAME }

const struct evil_case lies_life[] = {
    /* clang-format off */
    { .name = "honest", .lie = "none: the control", .want = RUNS },
    { .name = "honest-linux", .lie = "none: a stock kernel, a bzImage",
      .want = { .end = EVIL_RUNNING, .match = EVIL_SAME,
                .prints = "FREEHOLD-INIT" },
      .prepare = with_linux },
    { .name = "honest-vcpus", .lie = "none: four vcpus", .want = RUNS,
      .prepare = with_vcpus },
    { .name = "abort-first", .lie = "gives up before it offers",
      .want = { .end = EVIL_FAILED, .error = FH_ERR_PROTOCOL,
                .words = "gave up before it offered" },
      .ready = abort_first },
    { .name = "abort-midway", .lie = "gives up between two batches",
      .want = { .end = EVIL_FAILED, .error = FH_ERR_PROTOCOL,
                .words = "gave up after [0-9]+ of [0-9]+ bytes" },
      .fill = abort_midway, .answer = abort_answer },
    { .name = "abort-late", .lie = "gives up once the guest runs",
      .want = RUNS, .ended = abort_late },
    { .name = "silent", .lie = "never answers a batch",
      .want = { .end = EVIL_NEVER }, .answer = no_answer },
    { .name = "silent-empty", .lie = "never fills nor answers",
      .want = { .end = EVIL_NEVER }, .fill = no_answer, .answer = no_answer },
    { .name = "paused", .lie = "pauses the steward at once, for good",
      .want = { .end = EVIL_NEVER }, .unpause = pause_at_once },
    { .name = "offer-withdrawn", .lie = "introduced is 0 again while it loads",
      .want = RUNS, .fill = withdraw },
    { .name = "unpause-twice", .lie = "unpauses twice",
      .want = RUNS, .unpause = unpause_twice },
    { .name = "pause-midway", .lie = "answers while the domain is paused",
      .want = RUNS, .answer = pause_midway },
    { .name = "doorbell-rebound", .lie = "closes the doorbell, answers, binds "
                                         "it again",
      .want = RUNS, .answer = rebind_bell },
    { .name = "late-calls", .lie = "builds on after the launch: pages, memory "
                                   "map, parameters, ports, registers",
      .want = RUNS, .unpause = late_calls, .ready = late_calls_ready,
      .fill = late_calls_batch },
    { 0 },
    /* clang-format on */
};
