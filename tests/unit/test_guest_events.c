/* SPDX-License-Identifier: MIT */
/*
 * test_guest_events.c - what a guest's API tells of a guest's life
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/dump.h"
#include "toolstack/supervisor/guest_priv.h"

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params);

static char told[1024]; /* "state running, restart 1 0, " */
static uint64_t last_us;

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) ? json_object_get_string(v)
                                                 : "";
}

/* Linked in by --wrap: what every subscriber would be sent. */
void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params)
{
    size_t used = strlen(told);
    struct json_object *time = json_object_object_get(params, "time_us");
    uint64_t us = json_object_get_uint64(time);

    CHECK(a != NULL && us >= last_us);
    last_us = us;
    snprintf(told + used, sizeof(told) - used, "%s%s%s%s%s", method,
             strcmp(method, "state") ? "" : " ", text_of(params, "state"),
             strcmp(method, "restart") ? "" : " ", text_of(params, "restarts"));
    used = strlen(told);
    snprintf(told + used, sizeof(told) - used, "%s%s, ", text_of(params, "how"),
             text_of(params, "asked"));
    CHECK_EQ(json_object_object_get_ex(params, "domid", NULL),
             guest_domid(life.guest) != HYP_DOMID_NONE);
    json_object_put(params);
}

static void run(void (*step)(struct life *l))
{
    told[0] = 0;
    last_us = (uint64_t)time(NULL) * 1000000;
    life_fresh();
    life.when_running = step;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
}

#define BORN "state building, state launching, state running, "

TEST(each_move_is_told_in_order)
{
    run(life_power_off);
    CHECK_STR(told, BORN "state ended, state gone, ");
}

static void reboot_once(struct life *l)
{
    fake_shutdown(fake_find(guest_domid(l->guest)),
                  l->nr_runs == 1 ? HYP_REBOOT : HYP_POWEROFF);
}

TEST(a_restart_tells_its_number)
{
    run(reboot_once);
    CHECK_STR(told, BORN "state ended, state waiting, restart 1, " BORN
                         "state ended, state gone, ");
}

static int call(const char *method, const char *params,
                struct json_object **result)
{
    struct json_object *p = json_tokener_parse(params);
    int rc = guest_call(life.guest, method, p, result, NULL);

    json_object_put(p);
    return rc;
}

static void ask_all(struct life *l)
{
    CHECK_EQ(call("pause", "{}", NULL), 0);
    CHECK_EQ(call("unpause", "{}", NULL), 0);
    CHECK_EQ(call("set_memory", "{\"target_kib\": 32768}", NULL), 0);
    CHECK_EQ(call("set_memory", "{\"target_kib\": 1048576}", NULL), -ERANGE);
    CHECK_EQ(call("shutdown", "{\"how\": \"reboot\"}", NULL), 0);
    life_power_off(l);
}

TEST(what_was_done_is_told_and_what_was_refused_is_not)
{
    run(ask_all);
    CHECK_STR(told, BORN "pause, unpause, "
                         "set_memory{ \"target_kib\": 32768 }, "
                         "shutdownreboot, state ended, state gone, ");
}

static void look(struct life *l)
{
    struct json_object *config = NULL, *info = NULL, *want;

    CHECK_EQ(call("config", "{}", &config), 0);
    want = dump_config(&life.cfg);
    CHECK_STR(json_object_to_json_string(config),
              json_object_to_json_string(want));
    json_object_put(config);
    json_object_put(want);
    CHECK_EQ(call("info", "{}", &info), 0);
    CHECK_STR(text_of(info, "why"), "its kernel was started");
    CHECK(strtoull(text_of(info, "since_us"), NULL, 10) / 1000000 >=
          (uint64_t)time(NULL) - 600);
    json_object_put(info);
    life_power_off(l);
}

TEST(config_is_what_the_guest_runs_by_and_info_says_why_and_since_when)
{
    run(look);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(each_move_is_told_in_order),
        RULE(a_restart_tells_its_number),
        RULE(what_was_done_is_told_and_what_was_refused_is_not),
        RULE(config_is_what_the_guest_runs_by_and_info_says_why_and_since_when),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
