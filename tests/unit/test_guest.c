/* SPDX-License-Identifier: MIT */
/*
 * test_guest.c - a guest's whole life, and that nothing of it is left
 */
#include <errno.h>
#include <stdint.h>
#include <stdio.h>
#include <unistd.h>

#include <xen/io/console.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/rundir.h"

TEST(a_guest_is_made_runs_and_powers_off)
{
    life_fresh();
    life.when_running = life_power_off;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK_EQ(life.nr_runs, 1);
    CHECK_STR(life.state, "running");
    CHECK_EQ(life.failed.rc, 0);
}

static void check_loaded(struct life *l)
{
    struct fake_domain *d = fake_find(guest_domid(l->guest));
    FILE *f = fopen(life_kernel_path, "r");
    static char want[LIFE_KERNEL_BYTES];

    CHECK_EQ(fread(want, 1, sizeof(want), f), sizeof(want));
    fclose(f);
    assert_memory_equal(d->loaded[FH_BLOB_CMDLINE], "quiet", 6);
    assert_memory_equal(d->loaded[FH_BLOB_KERNEL], want, sizeof(want));
    CHECK_EQ(d->loaded[FH_BLOB_KERNEL][LIFE_KERNEL_BYTES], 0);
    CHECK(d->introduced);
    CHECK_STR(fake_xs_value("/local/domain/7/name"), "web");
    CHECK_STR(fake_xs_value("/local/domain/7/console/type"), "freehold");
    CHECK_STR(fake_xs_value("/local/domain/7/cpu/1/availability"), "online");
    CHECK(fake_xs_value("/local/domain/7/cpu/2/availability") == NULL);
    CHECK_STR(fake_xs_value("/local/domain/7/memory/static-max"), "65536");
    CHECK_STR(fake_xs_value("/local/domain/7/memory/target"), "65536");
    CHECK_EQ(d->max_evtchn_port, 1023);
    CHECK_EQ(d->max_maptrack_frames, -1);
    life_power_off(l);
}

/* It says something, does not ring, and is gone. */
static void last_words(struct life *l)
{
    struct fake_domain *d = fake_find(guest_domid(l->guest));
    struct xencons_interface *page = (void *)d->page[XEN_STEWARD_CONSOLE_REF];

    memset(page->out, 'w', sizeof(page->out));
    page->out_prod = sizeof(page->out);
    life_power_off(l);
}

TEST(what_a_guest_says_last_is_logged)
{
    char path[64], text[4096];
    FILE *f;

    life_fresh();
    snprintf(path, sizeof(path), "%s/web.log", life_base);
    unlink(path);
    life.when_running = last_words;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    f = fopen(path, "r");
    assert_non_null(f);
    CHECK_EQ(fread(text, 1, sizeof(text), f), 2048);
    fclose(f);
    CHECK_EQ(text[2047], 'w');
}

TEST(the_steward_gets_the_files_and_the_kernel_its_tree)
{
    life_fresh();
    life.when_running = check_loaded;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
}

static void check_limits(struct life *l)
{
    struct fake_domain *d = fake_find(guest_domid(l->guest));

    CHECK_STR(fake_xs_value("/local/domain/7/memory/static-max"), "65536");
    CHECK_STR(fake_xs_value("/local/domain/7/memory/target"), "49152");
    CHECK_EQ(d->max_evtchn_port, 2047);
    CHECK_EQ(d->max_maptrack_frames, 64);
    life_power_off(l);
}

TEST(maxmem_is_built_and_memory_asked_for)
{
    life_fresh();
    life.cfg.target_bytes = 48 << 20;
    life.cfg.max_event_channels = 2047;
    life.cfg.has_maptrack_frames = true;
    life.cfg.max_maptrack_frames = 64;
    life.when_running = check_limits;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
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
            life_fresh();
            life.cfg.on_reboot = VM_DESTROY;
            *(enum vm_action *)((char *)&life.cfg + row[on].action) =
                VM_RESTART;
            first_end = row[i].reason;
            life.when_running = end_by_reason;
            CHECK_EQ(life_begin(NULL), 0);
            life_finish();
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
    life_fresh();
    life.when_running = reboot_once;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 2);
    CHECK_EQ(life.nr_outcomes, 1);
}

static uv_check_t between;
static struct run_state said_between;
static uint32_t nr_between;

/* Runs between a guest's end, of which the store told, and the next timer. */
static void look_between(uv_check_t *c)
{
    if (life.gone) {
        uv_close((uv_handle_t *)c, NULL);
        return;
    }
    if (life.nr_runs == 0 || guest_domid(life.guest) != HYP_DOMID_NONE)
        return;
    nr_between++;
    rundir_read(life_base, "web", &said_between, NULL);
}

/* Xen may give the old one's number to somebody else. */
TEST(a_guest_between_two_domains_names_none)
{
    life_fresh();
    life.when_running = reboot_once;
    CHECK_EQ(life_begin(NULL), 0);
    uv_check_init(&life.loop, &between);
    uv_unref((uv_handle_t *)&between);
    uv_check_start(&between, look_between);
    life_finish();
    CHECK_EQ(nr_between, 1);
    CHECK_EQ(said_between.domid, 0);
    CHECK_EQ(said_between.uuid[0], life.cfg.uuid[0]);
}

static void destroy_it(struct life *l)
{
    guest_destroy(l->guest);
}

TEST(destroy_ends_a_running_guest)
{
    life_fresh();
    life.when_running = destroy_it;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
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
    life_fresh();
    life.cfg.on_crash = VM_PRESERVE;
    life.when_running = crash_it;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
}

TEST(a_paused_guest_is_not_launched)
{
    struct guest_options o = { .paused = true };
    struct err e = { 0 };

    life_fresh();
    life.when_running = life_power_off;
    CHECK_EQ(life_begin(&o), 0);
    CHECK_STR(life.state, "paused");
    CHECK(!fake_find(guest_domid(life.guest))->launched);
    CHECK_EQ(guest_pause(life.guest, &e), -EBUSY);
    CHECK_EQ(guest_resume(life.guest, &e), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
}

static const struct run_state left = { .domid = 7,
                                       .console_port = 3,
                                       .identity.measurement = { 0xab } };

static const struct run_state unmeasured = { .domid = 7 };

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

    life_fresh();
    left_behind(FH_STATE_RUNNING);
    life.when_running = life_power_off;
    CHECK_EQ(life_open(NULL), 0);
    memset(fake_control(&fake.domain[0])->steward.measurement, 0xbd, 32);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &e), 0);
    CHECK_STR(life.state, "running");
    CHECK_HAS(life.measurement, "ab00");
    life_finish();
    CHECK_EQ(life.nr_outcomes, 1);
}

/* Its page is the guest's to write; what we wrote down is not. */
TEST(a_running_guest_is_not_believed_when_it_says_that_it_is_not)
{
    struct err e = { 0 };

    life_fresh();
    left_behind(FH_STATE_LOADING);
    CHECK_EQ(life_open(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &e), 0);
    CHECK(fake_find(7) != NULL);
    life_power_off(&life);
    life_finish();
    CHECK_EQ(life.nr_runs, 0);
}

TEST(a_guest_that_took_everything_back_is_taken_over_all_the_same)
{
    struct err e = { 0 };
    struct fake_domain *d;

    life_fresh();
    d = left_behind(FH_STATE_RUNNING);
    memset(d->granted, 0, sizeof(d->granted));
    log_set_level(LOG_LEVEL_NONE);
    CHECK_EQ(life_open(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &e), 0);
    CHECK_STR(life.state, "running");
    log_set_level(LOG_LEVEL_ERR);
    life_power_off(&life);
    life_finish();
}

static void stop_and_reboot(struct life *l)
{
    struct err e = { 0 };

    CHECK_EQ(guest_stop_for_good(l->guest, &e), 0);
    fake_shutdown(fake_find(guest_domid(l->guest)), HYP_REBOOT);
}

TEST(a_guest_that_is_to_stop_and_reboots_instead_has_stopped)
{
    life_fresh();
    life.when_running = stop_and_reboot;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
}

TEST(what_happened_while_nobody_looked_is_acted_upon)
{
    struct err e = { 0 };
    struct fake_domain *d;

    life_fresh();
    d = left_behind(FH_STATE_RUNNING);
    d->shutdown = true;
    d->reason = HYP_POWEROFF;
    CHECK_EQ(life_open(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &e), 0);
    life_finish();
    CHECK(life.gone);
}

static int nr_reloads;

static int count_reload(void *arg, struct err *e)
{
    (void)arg, (void)e;
    return nr_reloads++ ? -EIO : 0;
}

/* As a reload whose new program cannot be started: everything twice. */
static void leave_and_return(struct life *l)
{
    struct err e = { 0 };
    uint32_t nr_maps = fake.nr_maps;

    CHECK_EQ(guest_reload(l->guest, &e), 0);
    CHECK_EQ(guest_reload(l->guest, &e), -EIO);
    guest_leave(l->guest);
    CHECK_EQ(guest_domid(l->guest), HYP_DOMID_NONE);
    CHECK_EQ(fake.nr_maps, 0);
    CHECK(fake_find(7) && !fake_find(7)->shutdown);
    CHECK_STR(fake_xs_value("/local/domain/7/name"), "web");
    guest_return(l->guest);
    CHECK_EQ(guest_domid(l->guest), 7);
    CHECK_EQ(fake.nr_maps, nr_maps);
    life_power_off(l);
}

TEST(a_guest_that_is_left_runs_on_and_can_be_had_back)
{
    const struct guest_options o = { .reload = count_reload };

    life_fresh();
    nr_reloads = 0;
    life.when_running = leave_and_return;
    CHECK_EQ(life_begin(&o), 0);
    life_finish();
    CHECK_EQ(life.nr_outcomes, 1);
    CHECK_EQ(life.nr_runs, 1);
}

TEST(a_guest_that_is_not_launched_yet_is_not_left)
{
    const struct guest_options o = { .paused = true, .reload = count_reload };
    struct err e = { 0 };

    life_fresh();
    nr_reloads = 0;
    CHECK_EQ(life_begin(&o), 0);
    CHECK_EQ(guest_reload(life.guest, &e), -EBUSY);
    CHECK_HAS(e.text, "it is paused, want running");
    CHECK_EQ(nr_reloads, 0);
    guest_destroy(life.guest);
    life_finish();
}

TEST(a_half_made_guest_is_made_anew)
{
    struct err e = { 0 };

    life_fresh();
    left_behind(FH_STATE_LOADING);
    memset(fake.domain[0].granted, 0, sizeof(fake.domain[0].granted));
    life.when_running = life_power_off;
    CHECK_EQ(life_open(NULL), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, &unmeasured, &e), -EPROTO);
    CHECK(fake_find(7) == NULL);
    guest_start(life.guest);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_is_made_runs_and_powers_off),
        RULE(what_a_guest_says_last_is_logged),
        RULE(the_steward_gets_the_files_and_the_kernel_its_tree),
        RULE(maxmem_is_built_and_memory_asked_for),
        RULE(each_way_to_end_has_its_own_action),
        RULE(a_reboot_makes_it_anew),
        RULE(a_guest_between_two_domains_names_none),
        RULE(destroy_ends_a_running_guest),
        RULE(a_preserved_guest_stays_until_destroyed),
        RULE(a_paused_guest_is_not_launched),
        RULE(a_running_guest_is_taken_over),
        RULE(a_running_guest_is_not_believed_when_it_says_that_it_is_not),
        RULE(a_guest_that_took_everything_back_is_taken_over_all_the_same),
        RULE(a_guest_that_is_to_stop_and_reboots_instead_has_stopped),
        RULE(what_happened_while_nobody_looked_is_acted_upon),
        RULE(a_guest_that_is_left_runs_on_and_can_be_had_back),
        RULE(a_guest_that_is_not_launched_yet_is_not_left),
        RULE(a_half_made_guest_is_made_anew),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
