/* SPDX-License-Identifier: MIT */
/*
 * test_guest_faults.c - what goes wrong in a guest's life leaves nothing behind
 */
#include <errno.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/hyp.h"

static uv_timer_t later;

static void later_destroy(uv_timer_t *t)
{
    CHECK(fake_find(guest_domid(life.guest)) != NULL);
    guest_destroy(life.guest);
    uv_close((uv_handle_t *)t, NULL);
}

/* Somebody's xl destroy: our mappings are all that holds the domain now. */
static void kill_from_outside(void)
{
    fake_find(guest_domid(life.guest))->dying = true;
}

static void vanish(struct life *l)
{
    (void)l;
    kill_from_outside();
    fake_release_event();
}

static uint32_t nr_heard;
static uint64_t storm_ms;

static void end_storm(uv_timer_t *t)
{
    if (fake.nr_unmasks < 4 * GUEST_RINGS_MAX) /* it is heard again */
        return;
    fake.storms = false;
    nr_heard = fake.nr_unmasks;
    storm_ms = uv_now(&life.loop) - storm_ms;
    life_power_off(&life);
    uv_close((uv_handle_t *)t, NULL);
}

static void begin_storm(struct life *l)
{
    fake.nr_unmasks = 0;
    fake.storms = true;
    fake_ring(guest_domid(l->guest), XEN_STEWARD_DOORBELL_PORT);
    uv_timer_init(&l->loop, &later);
    storm_ms = uv_now(&l->loop);
    uv_timer_start(&later, end_storm, 20, 20);
}

/* It may ring as fast as it likes; it is not heard as fast. */
TEST(a_guest_that_rings_without_end_is_held_off)
{
    life_fresh();
    life.when_running = begin_storm;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.failed.rc, 0);
    CHECK(nr_heard <= (storm_ms / GUEST_RINGS_SLICE_MS + 2) * GUEST_RINGS_MAX);
}

TEST(a_domain_destroyed_from_outside_is_cleaned_up)
{
    life_fresh();
    life.when_running = vanish;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK(life.gone);
}

#define PATIENCE_MS 3000u
#define TICK_MS 10u

static uint32_t waited_ms;

/* A guest that does not notice fails its test, rather than hang it. */
static void await_gone(uv_timer_t *t)
{
    if (!life.gone && (waited_ms += TICK_MS) < PATIENCE_MS)
        return;
    if (!life.gone)
        guest_destroy(life.guest);
    uv_close((uv_handle_t *)t, NULL);
}

static void start_waiting(uv_timer_t *t)
{
    waited_ms = 0;
    uv_timer_start(t, await_gone, TICK_MS, TICK_MS);
}

static void later_vanish(uv_timer_t *t)
{
    vanish(&life);
    start_waiting(t);
}

static void crash_and_vanish(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)), HYP_CRASH);
    uv_timer_init(&l->loop, &later);
    uv_timer_start(&later, later_vanish, 20, 0);
}

TEST(a_preserved_domain_destroyed_from_outside_is_cleaned_up)
{
    life_fresh();
    life.cfg.on_crash = VM_PRESERVE;
    life.when_running = crash_and_vanish;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK(waited_ms < PATIENCE_MS);
    CHECK_EQ(life.failed.rc, 0);
}

/* Xenstored was not told of it yet, so it tells nobody of its end. */
TEST(a_domain_destroyed_before_its_launch_is_cleaned_up)
{
    struct guest_options o = { .paused = true };

    life_fresh();
    CHECK_EQ(life_begin(&o), 0);
    CHECK_STR(life.state, "paused");
    kill_from_outside();
    uv_timer_init(&life.loop, &later);
    start_waiting(&later);
    life_finish();
    CHECK(waited_ms < PATIENCE_MS);
}

TEST(what_xen_lacks_is_said_with_its_remedy)
{
    static const struct {
        int error;
        const char *words;
    } table[] = {
        { EINVAL, "Freehold's patches" }, { EOPNOTSUPP, "protected=on" },
        { EPERM, "protected=on,lab" },    { ENOENT, "steward.bin" },
        { ENOMEM, "no memory" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(table); i++) {
        life_fresh();
        fake.create_errno = table[i].error;
        CHECK_EQ(life_begin(NULL), 0);
        life_finish();
        CHECK_EQ(life.failed.rc, -table[i].error);
        CHECK_HAS(life.failed.text, table[i].words);
    }
}

TEST(a_domain_that_is_not_protected_is_removed)
{
    life_fresh();
    fake.unprotected = true;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_HAS(life.failed.text, "not protected");
}

TEST(too_little_host_memory_is_said)
{
    life_fresh();
    fake.free_pages = 1000;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.failed.rc, -ENOMEM);
    CHECK_HAS(life.failed.text, "memory: take 64 MiB: the host has 3 MiB");
}

TEST(oxenstored_is_refused)
{
    life_fresh();
    life.daemon_name = "oxenstored";
    CHECK_EQ(life_begin(NULL), -EPROTONOSUPPORT);
    life_finish();
    CHECK_HAS(life.failed.text, "XENSTORED");
}

TEST(a_missing_kernel_is_said)
{
    life_fresh();
    life.cfg.kernel = (char *)"/nowhere/vmlinuz";
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.failed.rc, -ENOENT);
    CHECK_HAS(life.failed.text, "kernel /nowhere/vmlinuz: open: No such");
}

TEST(a_steward_that_refuses_or_lies_or_dies_ends_it)
{
    static const struct {
        enum fake_steward_act act;
        int rc;
        const char *words;
    } table[] = {
        { FAKE_STEWARD_REFUSES, -ECANCELED, "neither a bzImage" },
        { FAKE_STEWARD_LIES, -EPROTO, "steward: batch" },
        { FAKE_STEWARD_CRASHES, -EIO, "before its kernel ran" },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(table); i++) {
        life_fresh();
        fake.act = table[i].act;
        CHECK_EQ(life_begin(NULL), 0);
        life_finish();
        CHECK_EQ(life.nr_runs, 0);
        CHECK_EQ(life.nr_outcomes, 1);
        CHECK_EQ(life.failed.rc, table[i].rc);
        CHECK_HAS(life.failed.text, table[i].words);
    }
}

TEST(a_silent_steward_can_be_destroyed)
{
    life_fresh();
    fake.act = FAKE_STEWARD_SILENT;
    CHECK_EQ(life_begin(NULL), 0);
    uv_timer_init(&life.loop, &later);
    uv_timer_start(&later, later_destroy, 20, 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK(life.gone);
}

/* Every call into a library fails once, in turn; nothing may be left. */
TEST(no_single_failure_leaves_anything)
{
    uint32_t n = 0, nr_calls;

    log_set_level(LOG_LEVEL_NONE);
    do {
        life_fresh();
        fake_fail_at(++n);
        life.when_running = life_power_off;
        life_begin(NULL);
        uv_run(&life.loop, UV_RUN_DEFAULT);
        nr_calls = fake.nr_calls;
        life_finish();
    } while (nr_calls >= n);
    log_set_level(LOG_LEVEL_ERR);
    CHECK(n > 50); /* it did sweep something */
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_that_rings_without_end_is_held_off),
        RULE(a_domain_destroyed_from_outside_is_cleaned_up),
        RULE(a_preserved_domain_destroyed_from_outside_is_cleaned_up),
        RULE(a_domain_destroyed_before_its_launch_is_cleaned_up),
        RULE(what_xen_lacks_is_said_with_its_remedy),
        RULE(a_domain_that_is_not_protected_is_removed),
        RULE(too_little_host_memory_is_said),
        RULE(oxenstored_is_refused),
        RULE(a_missing_kernel_is_said),
        RULE(a_steward_that_refuses_or_lies_or_dies_ends_it),
        RULE(a_silent_steward_can_be_destroyed),
        RULE(no_single_failure_leaves_anything),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
