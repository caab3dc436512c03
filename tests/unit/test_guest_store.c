/* SPDX-License-Identifier: MIT */
/*
 * test_guest_store.c - a guest outlives its xenstored
 */
#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/guest_priv.h"

static uv_timer_t later;

/* A process for xenstored's, which can be ended. */
static void fresh(void)
{
    life_fresh();
    memset(&later, 0, sizeof(later));
    log_set_level(LOG_LEVEL_NONE);
    life.daemon_pid = fork();
    if (life.daemon_pid == 0) {
        pause();
        _exit(0);
    }
}

static void end_daemon(void)
{
    kill(life.daemon_pid, SIGKILL);
    waitpid(life.daemon_pid, NULL, 0);
    life.daemon_pid = 0;
    life.daemon_name = NULL;
    fake_xs_end();
}

/* Look again and again, until the test's condition holds. */
static bool (*condition)(void);
static void (*then)(void);

static void on_later(uv_timer_t *t)
{
    if (!condition())
        return;
    condition = NULL;
    then();
    if (!condition) /* the test has no further step */
        uv_close((uv_handle_t *)t, NULL);
}

static void when(bool (*holds)(void), void (*next)(void))
{
    condition = holds;
    then = next;
    if (uv_is_active((uv_handle_t *)&later))
        return;
    uv_timer_init(&life.loop, &later);
    uv_timer_start(&later, on_later, 5, 5);
}

static bool is_noticed(void)
{
    return life.guest->store == NULL;
}

static bool is_back(void)
{
    return life.guest->store != NULL;
}

/* Nobody tells of it: no watch fires. */
static void power_off_silently(void)
{
    struct fake_domain *d = fake_find(guest_domid(life.guest));

    d->shutdown = true;
    d->reason = HYP_POWEROFF;
}

static int set_memory(struct err *e)
{
    struct json_object *o = json_tokener_parse("{\"target_kib\": 65536}");
    int rc = guest_tune(life.guest, "set_memory", o, e);

    json_object_put(o);
    return rc;
}

static void ask_without(void)
{
    struct err e = { 0 };

    CHECK_EQ(guest_stop(life.guest, "poweroff", &e), -ENOTCONN);
    CHECK_HAS(e.text, "xenstored ended");
    CHECK(!fake_find(guest_domid(life.guest))->shutdown);
    power_off_silently();
}

static void lose_it(struct life *l)
{
    (void)l;
    end_daemon();
    when(is_noticed, ask_without);
}

TEST(without_xenstored_a_guest_runs_on_and_its_end_is_seen)
{
    fresh();
    life.when_running = lose_it;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
    CHECK_EQ(life.failed.rc, 0);
}

static void ask_stale(void)
{
    struct err e = { 0 };

    CHECK_EQ(guest_stop(life.guest, "poweroff", &e), -ESTALE);
    CHECK_HAS(e.text, "do it from inside");
    CHECK_EQ(set_memory(&e), -ESTALE);
    CHECK_EQ(fake.nr_xs_nodes, 0); /* and nothing is written */
    power_off_silently();
}

static void bring_back(void)
{
    life.daemon_name = "xenstored";
    when(is_back, ask_stale);
}

static void lose_and_regain(struct life *l)
{
    (void)l;
    if (life.nr_runs > 1) {
        CHECK(!life.guest->stale);
        life.cfg.on_poweroff = VM_DESTROY;
        power_off_silently();
        fake_release_event(); /* the new one knows this domain */
        return;
    }
    end_daemon();
    when(is_noticed, bring_back);
}

TEST(a_new_xenstored_does_not_know_a_guest_that_runs)
{
    fresh();
    life.when_running = lose_and_regain;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 1);
    CHECK_EQ(life.failed.rc, 0);
}

TEST(under_a_new_xenstored_a_guest_can_be_made_anew)
{
    fresh();
    life.cfg.on_poweroff = VM_RESTART;
    life.when_running = lose_and_regain;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 2);
}

static bool is_waiting(void)
{
    return life.guest->state == GUEST_WAITING;
}

static void come_back(void)
{
    life.cfg.on_poweroff = VM_DESTROY;
    life.daemon_name = "xenstored";
}

static void off_then_back(void)
{
    power_off_silently();
    when(is_waiting, come_back);
}

static void lose_and_reboot(struct life *l)
{
    (void)l;
    if (life.nr_runs > 1) {
        power_off_silently();
        fake_release_event();
        return;
    }
    end_daemon();
    when(is_noticed, off_then_back);
}

TEST(a_restart_waits_for_a_xenstored)
{
    fresh();
    life.cfg.on_poweroff = VM_RESTART;
    life.when_running = lose_and_reboot;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 2);
    CHECK_EQ(life.failed.rc, 0);
}

static const struct run_state left = { .domid = 7,
                                       .console_port = 3,
                                       .identity.measurement = { 0xab } };

/* Its supervisor and its xenstored died, and only the one comes back. */
TEST(without_xenstored_a_guest_is_taken_over)
{
    const struct guest_options o = { .adopting = true };
    struct fake_domain *d = &fake.domain[0];
    struct err e = { 0 };

    fresh();
    end_daemon();
    *d = (struct fake_domain){ .there = true,
                               .protected = true,
                               .domid = 7,
                               .nr_vcpus = 3,
                               .next_port = 4 };
    fake_steward_launch(d);
    fake_control(d)->steward.state = FH_STATE_RUNNING;
    CHECK_EQ(life_open(&o), 0);
    CHECK_EQ(guest_adopt(life.guest, 7, &left, &e), 0);
    CHECK_STR(life.state, "running");
    CHECK_EQ(guest_stop(life.guest, "poweroff", &e), -ENOTCONN);
    power_off_silently();
    life_finish();
    CHECK(life.gone);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(without_xenstored_a_guest_runs_on_and_its_end_is_seen),
        RULE(a_new_xenstored_does_not_know_a_guest_that_runs),
        RULE(under_a_new_xenstored_a_guest_can_be_made_anew),
        RULE(a_restart_waits_for_a_xenstored),
        RULE(without_xenstored_a_guest_is_taken_over),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
