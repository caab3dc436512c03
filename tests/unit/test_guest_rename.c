/* SPDX-License-Identifier: MIT */
/*
 * test_guest_rename.c - a guest that runs gets another name, whole or not
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/life.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/guest_priv.h"

#define UUID "ab000000-0000-0000-0000-000000000000"

static struct err err;
static bool named_in_time; /* what fails fails before it */

static int rename_to(const char *name)
{
    struct json_object *p = json_object_new_object();
    int rc;

    err = (struct err){ 0 };
    json_object_object_add(p, "name", json_object_new_string(name));
    rc = guest_call(life.guest, "rename", p, NULL, &err);
    json_object_put(p);
    return rc;
}

static bool is_there(const char *leaf)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", life_base, leaf);
    return access(path, F_OK) == 0;
}

static void forget(const char *leaf)
{
    char path[PATH_MAX];

    snprintf(path, sizeof(path), "%s/%s", life_base, leaf);
    unlink(path);
}

/* By every account. */
static void has_name(const char *name)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/name",
             guest_domid(life.guest));
    CHECK_STR(fake_xs_value(path), name);
    CHECK_STR(fake_xs_value("/vm/" UUID "/name"), name);
    CHECK_STR(life.cfg.name, name);
    CHECK(is_there(name));
    snprintf(path, sizeof(path), "%s/api", name);
    CHECK(is_there(path));
}

static void reboot_once(struct life *l)
{
    if (l->nr_runs == 1) {
        has_name("web");
        CHECK_EQ(rename_to("www"), 0);
    }
    has_name("www");
    CHECK(!is_there("web"));
    CHECK(is_there("www.log") && !is_there("web.log"));
    fake_shutdown(fake_find(guest_domid(l->guest)),
                  l->nr_runs == 1 ? HYP_REBOOT : HYP_POWEROFF);
}

TEST(a_new_name_is_everywhere_and_a_restart_keeps_it)
{
    life_fresh();
    life.when_running = reboot_once;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
    CHECK_EQ(life.nr_runs, 2);
    forget("www.log");
}

static void is_refused(struct life *l)
{
    struct rundir other;

    CHECK_EQ(rundir_take(life_base, "mail", &other, NULL), 0);
    CHECK_EQ(rename_to("mail"), -EEXIST);
    CHECK_HAS(err.text, "a guest of this name is there");
    rundir_remove(&other);
    CHECK_EQ(rename_to("web"), -EEXIST);
    CHECK_EQ(rename_to("7"), -EINVAL);
    CHECK_EQ(rename_to("../x"), -EINVAL);
    CHECK_EQ(rename_to(""), -EINVAL);
    setenv("NOTIFY_SOCKET", "@nobody", 1);
    CHECK_EQ(rename_to("www"), -EBUSY);
    CHECK_HAS(err.text, "a service manager runs it");
    unsetenv("NOTIFY_SOCKET");
    has_name("web");
    life_power_off(l);
}

TEST(what_cannot_be_changes_nothing)
{
    life_fresh();
    life.when_running = is_refused;
    CHECK_EQ(life_begin(NULL), 0);
    life_finish();
}

static uint32_t fail_step;

static void fails(struct life *l)
{
    int rc;

    fake_fail_at(fail_step);
    rc = rename_to("www");
    fake_fail_at(0);
    named_in_time = rc == 0;
    CHECK((rc == 0) == (err.text[0] == 0));
    has_name(rc == 0 ? "www" : "web");
    CHECK(!is_there(rc == 0 ? "web" : "www"));
    life_power_off(l);
}

/* Each call of xenstore fails once: the old name then is whole. */
TEST(when_xenstore_fails_it_keeps_its_name)
{
    uint32_t nr_failed = 0;

    named_in_time = false;
    for (fail_step = 1; !named_in_time; fail_step++) {
        life_fresh();
        life.when_running = fails;
        CHECK_EQ(life_begin(NULL), 0);
        life_finish();
        forget("www.log");
        nr_failed += !named_in_time;
    }
    CHECK(nr_failed > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_new_name_is_everywhere_and_a_restart_keeps_it),
        RULE(what_cannot_be_changes_nothing),
        RULE(when_xenstore_fails_it_keeps_its_name),
    };

    return cmocka_run_group_tests(tests, life_set_up, life_tear_down);
}
