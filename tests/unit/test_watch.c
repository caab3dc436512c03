/* SPDX-License-Identifier: MIT */
/*
 * test_watch.c - events of all guests, whatever becomes of their supervisors
 *
 * Supervisors are processes of their own, with the real api.c and rundir.c;
 * the test tells them what to do when it hears of them.  Nothing sleeps.
 */
#include "toolstack/cli/watch.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/unit/boss.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/rundir.h"

static char heard[512]; /* "is:web state:web " */

typedef bool story(const struct watch_event *v, uint32_t nth);

static uint32_t nr_heard;

static bool on_event(void *arg, const struct watch_event *v)
{
    size_t used = strlen(heard);
    story *next;

    memcpy(&next, arg, sizeof(next));
    if (strcmp(v->what, "state") || !strstr(heard, "state:"))
        snprintf(heard + used, sizeof(heard) - used, "%s:%s ", v->what,
                 v->name);
    return next(v, nr_heard++);
}

static int run(story *next, int timeout_ms, int nr_names, char **names)
{
    struct watch_options o = {
        .base = boss_base,
        .nr_names = nr_names,
        .names = names,
        .timeout_ms = timeout_ms,
        .peer_fd = -1,
        .happened = on_event,
        .arg = &next,
    };

    heard[0] = 0;
    nr_heard = 0;
    return watch_guests(&o, NULL);
}

static struct boss web, mail;

static bool a_life(const struct watch_event *v, uint32_t nth)
{
    (void)v;
    if (nth < 2)
        boss_order(&web, nth == 0 ? 'e' : 'g');
    return nth < 2;
}

TEST(first_how_it_is_then_what_happens_then_its_end)
{
    boss_start(&web, "web");
    CHECK_EQ(run(a_life, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web state:web gone:web ");
    boss_reap(&web);
}

static bool a_birth(const struct watch_event *v, uint32_t nth)
{
    if (nth == 0)
        boss_start(&web, "web");
    if (nth == 1) {
        CHECK_STR(
            json_object_get_string(json_object_object_get(v->detail, "state")),
            "running");
        boss_order(&web, 'g');
    }
    return nth < 2;
}

TEST(a_guest_that_comes_later_is_followed_too)
{
    char *names[] = { (char *)"web" };

    CHECK_EQ(run(a_birth, 20000, 1, names), 0);
    CHECK_STR(heard, "absent:web appears:web gone:web ");
    boss_reap(&web);
}

static bool a_death(const struct watch_event *v, uint32_t nth)
{
    (void)v;
    if (nth == 0)
        kill(web.pid, SIGKILL);
    if (nth == 1) {
        boss_reap(&web);
        boss_start(&web, "web"); /* takes the name over */
    }
    if (nth == 2)
        boss_order(&web, 'g');
    return nth < 3;
}

TEST(a_supervisor_that_dies_is_told_and_so_is_its_successor)
{
    boss_start(&web, "web");
    CHECK_EQ(run(a_death, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web lost:web is:web gone:web ");
    boss_reap(&web);
}

static bool first_only(const struct watch_event *v, uint32_t nth)
{
    (void)v, (void)nth;
    return false;
}

TEST(one_that_is_dead_already_is_told_as_lost)
{
    struct rundir d;

    boss_start(&web, "web");
    boss_reap(&web);
    CHECK_EQ(run(first_only, 20000, 0, NULL), 0);
    CHECK_STR(heard, "lost:web ");
    CHECK_EQ(rundir_take(boss_base, "web", &d, NULL), 0);
    rundir_remove(&d);
}

static bool too_slow(const struct watch_event *v, uint32_t nth)
{
    if (nth == 0)
        boss_order(&web, 'f');
    return nth == 0 || strcmp(v->what, "is");
}

TEST(who_was_too_slow_hears_how_it_is_now)
{
    boss_start(&web, "web");
    CHECK_EQ(run(too_slow, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web state:web is:web ");
    CHECK(nr_heard < BOSS_FLOOD);
    boss_retire(&web);
}

static bool others_go_on(const struct watch_event *v, uint32_t nth)
{
    (void)nth;
    if (strcmp(v->name, "mail") == 0 && strcmp(v->what, "is") == 0)
        boss_order(&mail, 'e');
    return strcmp(v->what, "silent");
}

TEST(one_that_hangs_holds_up_nobody)
{
    boss_start(&web, "web");
    boss_start(&mail, "mail");
    kill(web.pid, SIGSTOP);
    CHECK_EQ(run(others_go_on, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:mail state:mail silent:web ");
    kill(web.pid, SIGCONT);
    boss_retire(&web);
    boss_retire(&mail);
}

static bool a_new_name(const struct watch_event *v, uint32_t nth)
{
    (void)v;
    if (nth == 0) {
        boss_order(&web, 'r');
        boss_order(&web, 'e');
    }
    if (nth == 1)
        boss_order(&web, 'g');
    return nth < 2;
}

TEST(a_guest_with_a_new_name_is_followed_under_it)
{
    boss_start(&web, "web");
    CHECK_EQ(run(a_new_name, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web state:www gone:www ");
    boss_reap(&web);
}

TEST(patience_ends)
{
    CHECK_EQ(run(first_only, 20, 0, NULL), -ETIMEDOUT);
    CHECK_STR(heard, "");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(first_how_it_is_then_what_happens_then_its_end),
        RULE(a_guest_that_comes_later_is_followed_too),
        RULE(a_supervisor_that_dies_is_told_and_so_is_its_successor),
        RULE(one_that_is_dead_already_is_told_as_lost),
        RULE(who_was_too_slow_hears_how_it_is_now),
        RULE(one_that_hangs_holds_up_nobody),
        RULE(a_guest_with_a_new_name_is_followed_under_it),
        RULE(patience_ends),
    };

    return cmocka_run_group_tests(tests, boss_set_up, boss_tear_down);
}
