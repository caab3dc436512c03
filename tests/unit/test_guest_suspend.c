/* SPDX-License-Identifier: MIT */
/*
 * test_guest_suspend.c - a guest suspends itself and goes on; what its steward
 * is asked meanwhile
 */
#include <errno.h>

#include "tests/fakes/fake.h"
#include "tests/unit/lifescript.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_priv.h"

#define SUSPEND_MS 60000u

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

/* A minute is over at once, and so is what is looked at every second. */
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    bool look = repeat == GUEST_LOOK_MS;

    return __real_uv_timer_start(t, cb,
                                 timeout == SUSPEND_MS ? 300
                                 : look                ? 5
                                                       : timeout,
                                 look ? 5 : repeat);
}

static void begin(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("suspend", NULL), 0);
    CHECK_STR(script_asked(), "suspend");
}

static void run(void (*first)(struct life *l))
{
    life.when_running = first;
    script_open(NULL);
    guest_start(life.guest);
    script_finish();
}

#define DEAD "state ended, state gone, "

static void wake(void)
{
    CHECK_EQ(script_domain()->nr_resumes, 0);
    CHECK_EQ(script_call("pause", NULL), -EBUSY);
    CHECK_EQ(script_call("suspend", NULL), -EBUSY);
    CHECK_EQ(script_call("shutdown", NULL), -EBUSY);
    CHECK_HAS(script.err.text, "freehold resume lets it go on");
    CHECK_EQ(script_call("resume", NULL), 0);
    CHECK_EQ(script_domain()->nr_resumes, 1);
    CHECK_EQ(script_domain()->nr_xs_resumes, 1);
    CHECK_EQ(script_call("resume", NULL), -EBUSY);
    script_ends();
}

TEST(a_guest_suspends_when_asked_and_goes_on_when_told)
{
    script_fresh();
    script_add("suspend", script_suspends);
    script_add("state suspended", wake);
    run(begin);
    CHECK_STR(script.told, SCRIPT_BORN
              "suspend, state suspended, resume, state running, " DEAD);
}

/* Before XS_RESUME xenstored tells of no other end. */
static void wake_and_end(void)
{
    script_domain()->ends_at_once = true;
    CHECK_EQ(script_call("resume", NULL), 0);
    CHECK(!fake_find(guest_domid(life.guest))); /* it is gone already */
}

TEST(an_end_right_behind_a_resume_is_seen)
{
    script_fresh();
    script_add("suspend", script_suspends);
    script_add("state suspended", wake_and_end);
    run(begin);
    CHECK_STR(script.told, SCRIPT_BORN
              "suspend, state suspended, resume, state running, " DEAD);
}

static void wait_on(void)
{
}

static void unheard(void)
{
    CHECK_STR(script_asked(), ""); /* taken back */
    CHECK_EQ(script_domain()->nr_resumes, 0);
    script_suspends(); /* all the same, and late */
}

static void look_and_end(uv_timer_t *t)
{
    if (script_domain()->nr_resumes == 0)
        return;
    CHECK_EQ(script_domain()->nr_xs_resumes, 1);
    CHECK(!script_domain()->shutdown);
    uv_close((uv_handle_t *)t, NULL);
    script_ends();
}

static void unheard_then_end(void)
{
    static uv_timer_t look;

    unheard();
    uv_timer_init(&life.loop, &look);
    uv_timer_start(&look, look_and_end, 1, 1);
}

TEST(a_deaf_kernel_is_told_of_and_its_late_suspend_cancelled)
{
    script_fresh();
    script_add("suspend", wait_on);
    script_add("unsuspended", unheard_then_end);
    run(begin);
    CHECK_STR(script.told, SCRIPT_BORN "suspend, unsuspended, " DEAD);
}

TEST(a_kernel_that_heard_and_takes_too_long_is_told_of)
{
    script_fresh();
    script_add("suspend", script_acknowledges);
    script_add("unsuspended", unheard_then_end);
    run(begin);
    CHECK_STR(script.told, SCRIPT_BORN "suspend, unsuspended, " DEAD);
}

static void suspend_unasked(struct life *l)
{
    (void)l;
    script_suspends();
}

TEST(a_suspend_that_nobody_asked_for_is_the_guests_end)
{
    script_fresh();
    life.cfg.on_crash = VM_DESTROY;
    run(suspend_unasked);
    CHECK_STR(script.told, SCRIPT_BORN DEAD);
}

/* Xenstored has told of an end already, and tells of no other. */
static void crashes(void)
{
    script_domain()->reason = HYP_CRASH;
}

TEST(a_suspended_guest_that_crashes_ends)
{
    script_fresh();
    life.cfg.on_crash = VM_DESTROY;
    script_add("suspend", script_suspends);
    script_add("state suspended", crashes);
    run(begin);
    CHECK_STR(script.told, SCRIPT_BORN "suspend, state suspended, " DEAD);
}

static void refused(void)
{
    script_domain()->reason = HYP_CRASH; /* and nobody has looked yet */
    CHECK_EQ(script_call("resume", NULL), -EPERM);
    CHECK_HAS(script.err.text, "xen refuses");
    CHECK_EQ(script_domain()->nr_xs_resumes, 0);
    CHECK_EQ(script_call("destroy", NULL), 0);
}

TEST(what_xen_refuses_to_resume_stays_as_it_is)
{
    script_fresh();
    script_add("suspend", script_suspends);
    script_add("state suspended", refused);
    run(begin);
    CHECK_STR(script.told,
              SCRIPT_BORN "suspend, state suspended, state gone, ");
}

static void stop_meanwhile(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("shutdown", NULL), 0);
    CHECK_EQ(script_call("suspend", NULL), -EBUSY);
    CHECK_HAS(script.err.text, "asked to stop");
    script_acknowledges();
    CHECK_EQ(script_call("suspend", NULL), 0);
    CHECK_EQ(script_call("suspend", NULL), -EBUSY);
    CHECK_EQ(script_call("shutdown", NULL), 0); /* outdoes it */
    CHECK_STR(script_asked(), "poweroff");
    CHECK(!uv_is_active((uv_handle_t *)&life.guest->suspending));
    script_ends();
}

TEST(a_stop_and_a_suspend_do_not_mix)
{
    script_fresh();
    run(stop_meanwhile);
    CHECK_STR(script.told, SCRIPT_BORN "shutdown, suspend, shutdown, " DEAD);
}

/* ---- the steward ---- */

static void pass(void)
{
    CHECK_EQ(script_call("steward", "{\"op\": \"pass\"}"), 0);
}

static void final_too_early(void)
{
    CHECK_EQ(script_call("steward", "{\"op\": \"final\"}"), 0);
}

static void silent(void)
{
    fake.act = FAKE_STEWARD_SILENT;
    pass();
    CHECK_EQ(script_call("steward", "{\"op\": \"cancel\"}"), -EBUSY);
    CHECK_HAS(script.err.text, "has not answered pass yet");
    script_ends();
}

static void track(struct life *l)
{
    (void)l;
    CHECK_EQ(script_call("steward", "{\"op\": \"nonsense\"}"), -EINVAL);
    CHECK_EQ(script_call("steward", "{\"op\": \"\"}"), -EINVAL);
    CHECK_EQ(script_call("steward", "{\"op\": 7}"), -EINVAL);
    CHECK_EQ(script_call("steward", NULL), -EINVAL);
    CHECK_EQ(script_call("steward", "{\"op\": \"track\"}"), 0);
}

TEST(commands_reach_the_steward_one_at_a_time)
{
    script_fresh();
    script_add("steward track tracking ", pass);
    script_add("steward pass tracking ", final_too_early);
    script_add("steward final tracking guest: it runs??", silent);
    run(track);
    CHECK_STR(script.told,
              SCRIPT_BORN "steward track tracking , steward pass tracking , "
                          "steward final tracking guest: it runs??, " DEAD);
}

static void unasked_answer(void)
{
    fake_control(script_domain())->steward.answer =
        (struct fh_answer){ .transfer = FH_TRANSFER_IDLE };
    fake_ring(script_domain()->domid, XEN_STEWARD_DOORBELL_PORT);
}

static void ring_for_nothing(void)
{
    fake_control(script_domain())->steward.answer.transfer = FH_TRANSFER_IDLE;
    fake_ring(script_domain()->domid, XEN_STEWARD_DOORBELL_PORT);
    script_ends();
}

TEST(a_transfer_that_became_void_is_told_once)
{
    script_fresh();
    script_add("steward track tracking ", unasked_answer);
    script_add("steward  idle ", ring_for_nothing);
    run(track);
    CHECK_STR(script.told,
              SCRIPT_BORN "steward track tracking , steward  idle , " DEAD);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_suspends_when_asked_and_goes_on_when_told),
        RULE(an_end_right_behind_a_resume_is_seen),
        RULE(a_deaf_kernel_is_told_of_and_its_late_suspend_cancelled),
        RULE(a_kernel_that_heard_and_takes_too_long_is_told_of),
        RULE(a_suspend_that_nobody_asked_for_is_the_guests_end),
        RULE(a_suspended_guest_that_crashes_ends),
        RULE(what_xen_refuses_to_resume_stays_as_it_is),
        RULE(a_stop_and_a_suspend_do_not_mix),
        RULE(commands_reach_the_steward_one_at_a_time),
        RULE(a_transfer_that_became_void_is_told_once),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
