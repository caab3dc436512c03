/* SPDX-License-Identifier: MIT */
/*
 * test_gather.c - who hangs does not keep the others from being asked
 */
#include "toolstack/cli/gather.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/unit/boss.h"
#include "tests/unit/test.h"

#define PATIENCE_MS 300

static struct target named(const char *name)
{
    struct target t = { .known = true, .state.supervised = true };

    snprintf(t.name, sizeof(t.name), "%s", name);
    return t;
}

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

TEST(who_answers_is_heard_and_who_hangs_is_left)
{
    struct target list[] = { named("web"), named("mail"), named("none") };
    struct json_object *info[3], *pad;
    struct boss web, mail;
    uint64_t start;

    boss_start(&web, "web");
    boss_start(&mail, "mail");
    kill(web.pid, SIGSTOP);
    start = now_ms();
    CHECK_EQ(gather_info(boss_base, list, 3, PATIENCE_MS, info, NULL), 0);
    CHECK(now_ms() - start >= PATIENCE_MS);
    CHECK(info[0] == NULL && info[2] == NULL);
    CHECK(info[1] != NULL);
    CHECK(json_object_object_get_ex(info[1], "pad", &pad));
    CHECK_EQ(json_object_get_string_len(pad), BOSS_PAD);
    json_object_put(info[1]);
    kill(web.pid, SIGCONT);
    boss_retire(&web);
    boss_retire(&mail);
}

TEST(when_all_have_answered_nobody_waits)
{
    struct target list[] = { named("web") };
    struct json_object *info;
    struct boss web;
    uint64_t start = now_ms();

    boss_start(&web, "web");
    CHECK_EQ(gather_info(boss_base, list, 1, 600000, &info, NULL), 0);
    CHECK(info != NULL);
    json_object_put(info);
    list[0].state.supervised = false;
    CHECK_EQ(gather_info(boss_base, list, 1, 600000, &info, NULL), 0);
    CHECK(info == NULL);
    CHECK(now_ms() - start < 600000);
    boss_retire(&web);
}

/* One that takes no connection any more must not hold up who connects. */
TEST(a_full_backlog_is_not_waited_for)
{
    struct target list[] = { named("web") };
    struct json_object *info;
    uint64_t start = now_ms();
    struct boss web;

    boss_start(&web, "web");
    kill(web.pid, SIGSTOP);
    for (int i = 0; i < 20; i++) {
        CHECK_EQ(gather_info(boss_base, list, 1, 1, &info, NULL), 0);
        CHECK(info == NULL);
    }
    CHECK(now_ms() - start < 9000); /* waiting for one would take 10 s */
    kill(web.pid, SIGCONT);
    boss_retire(&web);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(who_answers_is_heard_and_who_hangs_is_left),
        RULE(when_all_have_answered_nobody_waits),
        RULE(a_full_backlog_is_not_waited_for),
    };

    return cmocka_run_group_tests(tests, boss_set_up, boss_tear_down);
}
