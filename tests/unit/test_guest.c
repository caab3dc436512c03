/* SPDX-License-Identifier: MIT */
/*
 * test_guest.c - a guest's whole life, and that nothing of it is left
 *
 * The real supervisor runs on a real loop, over a fake host.  Each test ends
 * by counting domains, mappings, handles, xenstore nodes and files.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>
#include <uv.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"

#define KERNEL_BYTES (9 * 4096 + 17)

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, struct err *e);

static const char *daemon_name = "xenstored";
static char base[] = "/tmp/fh-guest-XXXXXX", kernel_path[64];

static struct life { /* what one test's guest went through */
    uv_loop_t loop;
    uv_timer_t closing;
    struct rundir dir;
    struct vm_config cfg;
    struct guest *guest;
    void (*when_running)(struct life *l); /* the test's next step */
    uint32_t nr_outcomes, nr_runs;
    bool gone;
    struct err failed;
    char state[16]; /* as its info said when it ran */
} life;

/* Linked in by --wrap: no daemon runs where tests do. */
int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, struct err *e)
{
    (void)e;
    if (fake_fails())
        return fail(e, -ENOENT, "xenstored: not there");
    snprintf(out, out_bytes, "%s", daemon_name);
    return 0;
}

static void close_now(uv_timer_t *t)
{
    (void)t;
    guest_close(life.guest);
    life.guest = NULL;
    uv_close((uv_handle_t *)&life.closing, NULL);
}

static void on_gone(void *arg, const struct err *failed)
{
    struct life *l = arg;

    l->gone = true;
    if (failed)
        l->failed = *failed;
    rundir_remove(&l->dir);
    uv_timer_start(&l->closing, close_now, 0, 0);
}

static void on_outcome(void *arg, struct guest *g, const struct err *failed)
{
    struct life *l = arg;
    struct json_object *info, *state;

    l->nr_outcomes++;
    if (failed)
        return;
    info = guest_info(g);
    json_object_object_get_ex(info, "state", &state);
    snprintf(l->state, sizeof(l->state), "%s", json_object_get_string(state));
    json_object_put(info);
}

static uv_prepare_t watcher;

/* Runs once a turn: acts when the guest's domain has become a running one. */
static void watch(uv_prepare_t *p)
{
    struct fake_domain *d;

    (void)p;
    d = life.guest ? fake_find(guest_domid(life.guest)) : NULL;
    if (!d || !d->page[2] || d->shutdown ||
        fake_control(d)->steward.state != FH_STATE_RUNNING || d->seen)
        return;
    d->seen = true;
    life.nr_runs++;
    if (life.when_running)
        life.when_running(&life);
}

/* The loop, the name and the guest, of which nothing exists yet. */
static int open_life(const struct guest_options *more)
{
    struct guest_options o = more ? *more : (struct guest_options){ 0 };
    struct err e = { 0 };
    int rc;

    o.log_dir = base;
    o.outcome = on_outcome;
    o.gone = on_gone;
    o.arg = &life;
    uv_loop_init(&life.loop);
    uv_timer_init(&life.loop, &life.closing);
    uv_prepare_init(&life.loop, &watcher);
    uv_prepare_start(&watcher, watch);
    uv_unref((uv_handle_t *)&watcher);
    CHECK_EQ(rundir_take(base, "web", &life.dir, &e), 0);
    rc = guest_open(&life.loop, &life.cfg, &life.dir, &o, &life.guest, &e);
    if (rc == 0)
        return 0;
    life.failed = e;
    rundir_remove(&life.dir);
    uv_close((uv_handle_t *)&life.closing, NULL);
    return rc;
}

static int begin(const struct guest_options *more)
{
    int rc = open_life(more);

    if (rc == 0)
        guest_start(life.guest);
    return rc;
}

static void fresh(void)
{
    fake_reset();
    daemon_name = "xenstored";
    memset(&life, 0, sizeof(life));
    snprintf(life.cfg.name, sizeof(life.cfg.name), "web");
    life.cfg.uuid[0] = 0xab;
    life.cfg.kernel = kernel_path;
    life.cfg.cmdline = (char *)"quiet";
    life.cfg.ram_bytes = life.cfg.target_bytes = 64 << 20;
    life.cfg.nr_vcpus = 2;
    life.cfg.on_reboot = VM_RESTART;
}

/* Run until the guest is gone, then look for what is left. */
static void finish(void)
{
    struct run_state *left;

    uv_run(&life.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&watcher, NULL);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&life.loop), 0);
    CHECK_EQ(fake_left(), 0);
    CHECK_EQ(rundir_list(base, &left, NULL), 0);
    free(left);
    fake_reset();
}

static void power_off(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)), HYP_POWEROFF);
}

TEST(a_guest_is_made_runs_and_powers_off)
{
    fresh();
    life.when_running = power_off;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK_EQ(life.nr_runs, 1);
    CHECK_STR(life.state, "running");
    CHECK_EQ(life.failed.rc, 0);
}

static void check_loaded(struct life *l)
{
    struct fake_domain *d = fake_find(guest_domid(l->guest));
    FILE *f = fopen(kernel_path, "r");
    static char want[KERNEL_BYTES];

    CHECK_EQ(fread(want, 1, sizeof(want), f), sizeof(want));
    fclose(f);
    assert_memory_equal(d->loaded[FH_BLOB_CMDLINE], "quiet", 6);
    assert_memory_equal(d->loaded[FH_BLOB_KERNEL], want, sizeof(want));
    CHECK_EQ(d->loaded[FH_BLOB_KERNEL][KERNEL_BYTES], 0);
    CHECK(d->introduced);
    CHECK_STR(fake_xs_value("/local/domain/7/name"), "web");
    CHECK_STR(fake_xs_value("/local/domain/7/console/type"), "freehold");
    CHECK_STR(fake_xs_value("/local/domain/7/cpu/1/availability"), "online");
    CHECK(fake_xs_value("/local/domain/7/cpu/2/availability") == NULL);
    CHECK_STR(fake_xs_value("/local/domain/7/memory/static-max"), "65536");
    CHECK_STR(fake_xs_value("/local/domain/7/memory/target"), "65536");
    CHECK_EQ(d->max_evtchn_port, 1023);
    CHECK_EQ(d->max_maptrack_frames, -1);
    power_off(l);
}

TEST(the_steward_gets_the_files_and_the_kernel_its_tree)
{
    fresh();
    life.when_running = check_loaded;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_EQ(life.nr_runs, 1);
}

static void check_limits(struct life *l)
{
    struct fake_domain *d = fake_find(guest_domid(l->guest));

    CHECK_STR(fake_xs_value("/local/domain/7/memory/static-max"), "65536");
    CHECK_STR(fake_xs_value("/local/domain/7/memory/target"), "49152");
    CHECK_EQ(d->max_evtchn_port, 2047);
    CHECK_EQ(d->max_maptrack_frames, 64);
    power_off(l);
}

TEST(maxmem_is_built_and_memory_asked_for)
{
    fresh();
    life.cfg.target_bytes = 48 << 20;
    life.cfg.max_event_channels = 2047;
    life.cfg.has_maptrack_frames = true;
    life.cfg.max_maptrack_frames = 64;
    life.when_running = check_limits;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_EQ(life.nr_runs, 1);
}

static uint32_t first_end;

static void end_by_reason(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)),
                  l->nr_runs == 1 ? first_end : HYP_POWEROFF);
}

/* The second run powers off, which ends it: that one is not in the table. */
TEST(each_way_to_end_has_its_own_action)
{
    static const struct {
        uint32_t reason;
        size_t action;
    } row[] = {
        { HYP_REBOOT, offsetof(struct vm_config, on_reboot) },
        { HYP_CRASH, offsetof(struct vm_config, on_crash) },
        { HYP_WATCHDOG, offsetof(struct vm_config, on_watchdog) },
        { HYP_SOFT_RESET, offsetof(struct vm_config, on_soft_reset) },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        for (uint32_t on = 0; on < ARRAY_SIZE(row); on++) {
            fresh();
            life.cfg.on_reboot = VM_DESTROY;
            *(enum vm_action *)((char *)&life.cfg + row[on].action) =
                VM_RESTART;
            first_end = row[i].reason;
            life.when_running = end_by_reason;
            CHECK_EQ(begin(NULL), 0);
            finish();
            CHECK_EQ(life.nr_runs, i == on ? 2 : 1);
        }
    }
}

static void reboot_once(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)),
                  l->nr_runs == 1 ? HYP_REBOOT : HYP_POWEROFF);
}

TEST(a_reboot_makes_it_anew)
{
    fresh();
    life.when_running = reboot_once;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_EQ(life.nr_runs, 2);
    CHECK_EQ(life.nr_outcomes, 1);
}

static void destroy_it(struct life *l)
{
    guest_destroy(l->guest);
}

TEST(destroy_ends_a_running_guest)
{
    fresh();
    life.when_running = destroy_it;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK(life.gone);
}

static uv_timer_t later;

static void later_destroy(uv_timer_t *t)
{
    CHECK(fake_find(guest_domid(life.guest)) != NULL);
    guest_destroy(life.guest);
    uv_close((uv_handle_t *)t, NULL);
}

static void crash_it(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)), HYP_CRASH);
    uv_timer_init(&l->loop, &later);
    uv_timer_start(&later, later_destroy, 20, 0);
}

TEST(a_preserved_guest_stays_until_destroyed)
{
    fresh();
    life.cfg.on_crash = VM_PRESERVE;
    life.when_running = crash_it;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_EQ(life.nr_runs, 1);
}

static void vanish(struct life *l)
{
    struct fake_domain *d = fake_find(guest_domid(l->guest));

    d->dying = true;
    fake_release_event();
}

TEST(a_domain_destroyed_from_outside_is_cleaned_up)
{
    fresh();
    life.when_running = vanish;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK(life.gone);
}

TEST(a_paused_guest_is_not_launched)
{
    struct guest_options o = { .paused = true };
    struct err e = { 0 };

    fresh();
    life.when_running = power_off;
    CHECK_EQ(begin(&o), 0);
    CHECK_STR(life.state, "paused");
    CHECK(!fake_find(guest_domid(life.guest))->launched);
    CHECK_EQ(guest_pause(life.guest, &e), -EBUSY);
    CHECK_EQ(guest_resume(life.guest, &e), 0);
    finish();
    CHECK_EQ(life.nr_runs, 1);
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
        fresh();
        fake.create_errno = table[i].error;
        CHECK_EQ(begin(NULL), 0);
        finish();
        CHECK_EQ(life.failed.rc, -table[i].error);
        CHECK_HAS(life.failed.text, table[i].words);
    }
}

TEST(a_domain_that_is_not_protected_is_removed)
{
    fresh();
    fake.unprotected = true;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_HAS(life.failed.text, "not protected");
}

TEST(too_little_host_memory_is_said)
{
    fresh();
    fake.free_pages = 1000;
    CHECK_EQ(begin(NULL), 0);
    finish();
    CHECK_EQ(life.failed.rc, -ENOMEM);
    CHECK_HAS(life.failed.text, "memory: take 64 MiB: the host has 3 MiB");
}

TEST(oxenstored_is_refused)
{
    fresh();
    daemon_name = "oxenstored";
    CHECK_EQ(begin(NULL), -EPROTONOSUPPORT);
    finish();
    CHECK_HAS(life.failed.text, "XENSTORED");
}

TEST(a_missing_kernel_is_said)
{
    fresh();
    life.cfg.kernel = (char *)"/nowhere/vmlinuz";
    CHECK_EQ(begin(NULL), 0);
    finish();
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
        fresh();
        fake.act = table[i].act;
        CHECK_EQ(begin(NULL), 0);
        finish();
        CHECK_EQ(life.nr_runs, 0);
        CHECK_EQ(life.nr_outcomes, 1);
        CHECK_EQ(life.failed.rc, table[i].rc);
        CHECK_HAS(life.failed.text, table[i].words);
    }
}

TEST(a_silent_steward_can_be_destroyed)
{
    fresh();
    fake.act = FAKE_STEWARD_SILENT;
    CHECK_EQ(begin(NULL), 0);
    uv_timer_init(&life.loop, &later);
    uv_timer_start(&later, later_destroy, 20, 0);
    finish();
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK(life.gone);
}

/* What a supervisor that died left behind, its steward in this state. */
static struct fake_domain *left_behind(uint32_t steward_state)
{
    struct fake_domain *d = &fake.domain[0];

    *d = (struct fake_domain){ .there = true,
                               .protected = true,
                               .domid = 7,
                               .nr_vcpus = 3,
                               .next_port = 4 };
    fake_steward_launch(d);
    fake_control(d)->steward.state = steward_state;
    return d;
}

TEST(a_running_guest_is_taken_over)
{
    struct err e = { 0 };

    fresh();
    left_behind(FH_STATE_RUNNING);
    life.when_running = power_off;
    CHECK_EQ(open_life(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, 3, &e), 0);
    CHECK_STR(life.state, "running");
    finish();
    CHECK_EQ(life.nr_outcomes, 1);
}

TEST(what_happened_while_nobody_looked_is_acted_upon)
{
    struct err e = { 0 };
    struct fake_domain *d;

    fresh();
    d = left_behind(FH_STATE_RUNNING);
    d->shutdown = true;
    d->reason = HYP_POWEROFF;
    CHECK_EQ(open_life(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, 3, &e), 0);
    finish();
    CHECK(life.gone);
}

TEST(a_half_made_guest_is_made_anew)
{
    struct err e = { 0 };

    fresh();
    left_behind(FH_STATE_LOADING);
    life.when_running = power_off;
    CHECK_EQ(open_life(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, 3, &e), -EPROTO);
    CHECK(fake_find(7) == NULL);
    guest_start(life.guest);
    finish();
    CHECK_EQ(life.nr_runs, 1);
}

/* Every call into a library fails once, in turn; nothing may be left. */
TEST(no_single_failure_leaves_anything)
{
    uint32_t n = 0, nr_calls;

    log_set_level(LOG_LEVEL_NONE);
    do {
        fresh();
        fake_fail_at(++n);
        life.when_running = power_off;
        begin(NULL);
        uv_run(&life.loop, UV_RUN_DEFAULT);
        nr_calls = fake.nr_calls;
        finish();
    } while (nr_calls >= n);
    log_set_level(LOG_LEVEL_ERR);
    CHECK(n > 50); /* it did sweep something */
}

static int set_up(void **state)
{
    FILE *f;

    (void)state;
    log_set_level(LOG_LEVEL_ERR);
    if (!mkdtemp(base))
        return -1;
    snprintf(kernel_path, sizeof(kernel_path), "%s.kernel", base);
    f = fopen(kernel_path, "w");
    for (uint32_t i = 0; i < KERNEL_BYTES; i++)
        fputc((int)(i * 7 + i / 4096), f);
    return fclose(f);
}

static int tear_down(void **state)
{
    char path[64];

    (void)state;
    snprintf(path, sizeof(path), "%s/web.log", base);
    unlink(path);
    unlink(kernel_path);
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_is_made_runs_and_powers_off),
        RULE(the_steward_gets_the_files_and_the_kernel_its_tree),
        RULE(maxmem_is_built_and_memory_asked_for),
        RULE(each_way_to_end_has_its_own_action),
        RULE(a_reboot_makes_it_anew),
        RULE(destroy_ends_a_running_guest),
        RULE(a_preserved_guest_stays_until_destroyed),
        RULE(a_domain_destroyed_from_outside_is_cleaned_up),
        RULE(a_paused_guest_is_not_launched),
        RULE(what_xen_lacks_is_said_with_its_remedy),
        RULE(a_domain_that_is_not_protected_is_removed),
        RULE(too_little_host_memory_is_said),
        RULE(oxenstored_is_refused),
        RULE(a_missing_kernel_is_said),
        RULE(a_steward_that_refuses_or_lies_or_dies_ends_it),
        RULE(a_silent_steward_can_be_destroyed),
        RULE(a_running_guest_is_taken_over),
        RULE(what_happened_while_nobody_looked_is_acted_upon),
        RULE(a_half_made_guest_is_made_anew),
        RULE(no_single_failure_leaves_anything),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
