/* SPDX-License-Identifier: MIT */
/*
 * test_guest_suspend.c - a guest suspends itself and goes on; what its steward
 * is asked meanwhile
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_priv.h"

#define SUSPEND_MS 60000u

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params);
int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

static struct err err;
static char told[1024]; /* "suspend, state suspended, " */
/* What the test does when this is told; in turn. */
static struct {
    const char *when;
    void (*then)(void);
} script[12];
static uint32_t at, ran; /* two may be told in one turn of the loop */
static uv_timer_t soon;

/* A minute is over at once, and so is what is looked at every second. */
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    bool look = repeat == GUEST_LOOK_MS;

    return __real_uv_timer_start(t, cb,
                                 timeout == SUSPEND_MS ? 20
                                 : look                ? 5
                                                       : timeout,
                                 look ? 5 : repeat);
}

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
                                                 : "";
}

/* From the loop, as a client would: not from within what tells of it. */
static void on_soon(uv_timer_t *t)
{
    (void)t;
    while (ran < at)
        script[ran++].then();
}

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params)
{
    size_t used = strlen(told);
    char line[256];

    (void)a;
    snprintf(line, sizeof(line), "%s%s%s%s%s%s%s%s%s", method,
             strcmp(method, "state") ? "" : " ", text_of(params, "state"),
             strcmp(method, "steward") ? "" : " ", text_of(params, "op"),
             strcmp(method, "steward") ? "" : " ", text_of(params, "transfer"),
             strcmp(method, "steward") ? "" : " ",
             strcmp(method, "steward") ? "" : text_of(params, "why"));
    snprintf(told + used, sizeof(told) - used, "%s, ", line);
    if (script[at].when && strcmp(script[at].when, line) == 0) {
        at++;
        uv_timer_start(&soon, on_soon, 0, 0);
    }
    json_object_put(params);
}

static struct fake_domain *domain(void)
{
    return fake_find(guest_domid(life.guest));
}

static const char *asked(void)
{
    char path[64];
    const char *v;

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
             guest_domid(life.guest));
    v = fake_xs_value(path);
    return v ? v : "";
}

static int call(const char *method, const char *params)
{
    struct json_object *p = params ? json_tokener_parse(params) : NULL;
    struct json_object *result = NULL;
    int rc;

    err = (struct err){ 0 };
    rc = guest_call(life.guest, method, p, &result, &err);
    json_object_put(p);
    return rc;
}

/* The kernel hears, and takes the word away; then it suspends. */
static void acknowledge(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
             guest_domid(life.guest));
    fake_xs_set(path, "");
}

static void suspends(void)
{
    acknowledge();
    fake_shutdown(domain(), HYP_SUSPEND);
}

static void ends(void)
{
    fake_shutdown(domain(), HYP_POWEROFF);
}

static void begin(struct life *l)
{
    (void)l;
    CHECK_EQ(call("suspend", NULL), 0);
    CHECK_STR(asked(), "suspend");
}

static void run(void (*first)(struct life *l))
{
    life.when_running = first;
    CHECK_EQ(life_open(NULL), 0);
    uv_timer_init(&life.loop, &soon);
    uv_unref((uv_handle_t *)&soon);
    guest_start(life.guest);
    uv_run(&life.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&soon, NULL);
    life_finish();
    if (script[at].when)
        print_error("waits for `%s`, was told: %s\n", script[at].when, told);
    assert_null(script[at].when);
}

static void fresh(void)
{
    life_fresh();
    told[0] = 0;
    at = ran = 0;
    memset(script, 0, sizeof(script));
    log_set_level(LOG_LEVEL_NONE);
}

static void script_add(const char *when, void (*then)(void))
{
    uint32_t i = 0;

    while (script[i].when)
        i++;
    script[i].when = when;
    script[i].then = then;
}

#define BORN "state building, state launching, state running, "
#define DEAD "state ended, state gone, "

static void wake(void)
{
    CHECK_EQ(domain()->nr_resumes, 0);
    CHECK_EQ(call("pause", NULL), -EBUSY);
    CHECK_EQ(call("suspend", NULL), -EBUSY);
    CHECK_EQ(call("shutdown", NULL), -EBUSY);
    CHECK_HAS(err.text, "freehold resume lets it go on");
    CHECK_EQ(call("resume", NULL), 0);
    CHECK_EQ(domain()->nr_resumes, 1);
    CHECK_EQ(domain()->nr_xs_resumes, 1);
    CHECK_EQ(call("resume", NULL), -EBUSY);
    ends();
}

TEST(a_guest_suspends_when_asked_and_goes_on_when_told)
{
    fresh();
    script_add("suspend", suspends);
    script_add("state suspended", wake);
    run(begin);
    CHECK_STR(told,
              BORN "suspend, state suspended, resume, state running, " DEAD);
}

/* Before XS_RESUME xenstored tells of no other end. */
static void wake_and_end(void)
{
    domain()->ends_at_once = true;
    CHECK_EQ(call("resume", NULL), 0);
    CHECK(!fake_find(guest_domid(life.guest))); /* it is gone already */
}

TEST(an_end_right_behind_a_resume_is_seen)
{
    fresh();
    script_add("suspend", suspends);
    script_add("state suspended", wake_and_end);
    run(begin);
    CHECK_STR(told,
              BORN "suspend, state suspended, resume, state running, " DEAD);
}

static void wait_on(void)
{
}

static void unheard(void)
{
    CHECK_STR(asked(), ""); /* taken back */
    CHECK_EQ(domain()->nr_resumes, 0);
    suspends(); /* all the same, and late */
}

static void look_and_end(uv_timer_t *t)
{
    if (domain()->nr_resumes == 0)
        return;
    CHECK_EQ(domain()->nr_xs_resumes, 1);
    CHECK(!domain()->shutdown);
    uv_close((uv_handle_t *)t, NULL);
    ends();
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
    fresh();
    script_add("suspend", wait_on);
    script_add("unsuspended", unheard_then_end);
    run(begin);
    CHECK_STR(told, BORN "suspend, unsuspended, " DEAD);
}

TEST(a_kernel_that_heard_and_takes_too_long_is_told_of)
{
    fresh();
    script_add("suspend", acknowledge);
    script_add("unsuspended", unheard_then_end);
    run(begin);
    CHECK_STR(told, BORN "suspend, unsuspended, " DEAD);
}

static void suspend_unasked(struct life *l)
{
    (void)l;
    suspends();
}

TEST(a_suspend_that_nobody_asked_for_is_the_guests_end)
{
    fresh();
    life.cfg.on_crash = VM_DESTROY;
    run(suspend_unasked);
    CHECK_STR(told, BORN DEAD);
}

/* Xenstored has told of an end already, and tells of no other. */
static void crashes(void)
{
    domain()->reason = HYP_CRASH;
}

TEST(a_suspended_guest_that_crashes_ends)
{
    fresh();
    life.cfg.on_crash = VM_DESTROY;
    script_add("suspend", suspends);
    script_add("state suspended", crashes);
    run(begin);
    CHECK_STR(told, BORN "suspend, state suspended, " DEAD);
}

static void refused(void)
{
    domain()->reason = HYP_CRASH; /* and nobody has looked yet */
    CHECK_EQ(call("resume", NULL), -EPERM);
    CHECK_HAS(err.text, "xen refuses");
    CHECK_EQ(domain()->nr_xs_resumes, 0);
    CHECK_EQ(call("destroy", NULL), 0);
}

TEST(what_xen_refuses_to_resume_stays_as_it_is)
{
    fresh();
    script_add("suspend", suspends);
    script_add("state suspended", refused);
    run(begin);
    CHECK_STR(told, BORN "suspend, state suspended, state gone, ");
}

static void stop_meanwhile(struct life *l)
{
    (void)l;
    CHECK_EQ(call("shutdown", NULL), 0);
    CHECK_EQ(call("suspend", NULL), -EBUSY);
    CHECK_HAS(err.text, "asked to stop");
    acknowledge();
    CHECK_EQ(call("suspend", NULL), 0);
    CHECK_EQ(call("suspend", NULL), -EBUSY);
    CHECK_EQ(call("shutdown", NULL), 0); /* outdoes it */
    CHECK_STR(asked(), "poweroff");
    CHECK(!uv_is_active((uv_handle_t *)&life.guest->suspending));
    ends();
}

TEST(a_stop_and_a_suspend_do_not_mix)
{
    fresh();
    run(stop_meanwhile);
    CHECK_STR(told, BORN "shutdown, suspend, shutdown, " DEAD);
}

/* ---- the steward ---- */

static void pass(void)
{
    CHECK_EQ(call("steward", "{\"op\": \"pass\"}"), 0);
}

static void final_too_early(void)
{
    CHECK_EQ(call("steward", "{\"op\": \"final\"}"), 0);
}

static void silent(void)
{
    fake.act = FAKE_STEWARD_SILENT;
    pass();
    CHECK_EQ(call("steward", "{\"op\": \"cancel\"}"), -EBUSY);
    CHECK_HAS(err.text, "has not answered pass yet");
    ends();
}

static void track(struct life *l)
{
    (void)l;
    CHECK_EQ(call("steward", "{\"op\": \"nonsense\"}"), -EINVAL);
    CHECK_EQ(call("steward", "{\"op\": \"\"}"), -EINVAL);
    CHECK_EQ(call("steward", "{\"op\": 7}"), -EINVAL);
    CHECK_EQ(call("steward", NULL), -EINVAL);
    CHECK_EQ(call("steward", "{\"op\": \"track\"}"), 0);
}

TEST(commands_reach_the_steward_one_at_a_time)
{
    fresh();
    script_add("steward track tracking ", pass);
    script_add("steward pass tracking ", final_too_early);
    script_add("steward final tracking guest: it runs??", silent);
    run(track);
    CHECK_STR(told, BORN "steward track tracking , steward pass tracking , "
                         "steward final tracking guest: it runs??, " DEAD);
}

static void unasked_answer(void)
{
    fake_control(domain())->steward.answer =
        (struct fh_answer){ .transfer = FH_TRANSFER_IDLE };
    fake_ring(domain()->domid, XEN_STEWARD_DOORBELL_PORT);
}

static void ring_for_nothing(void)
{
    fake_control(domain())->steward.answer.transfer = FH_TRANSFER_IDLE;
    fake_ring(domain()->domid, XEN_STEWARD_DOORBELL_PORT);
    ends();
}

TEST(a_transfer_that_became_void_is_told_once)
{
    fresh();
    script_add("steward track tracking ", unasked_answer);
    script_add("steward  idle ", ring_for_nothing);
    run(track);
    CHECK_STR(told, BORN "steward track tracking , steward  idle , " DEAD);
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
