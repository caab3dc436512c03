/* SPDX-License-Identifier: MIT */
/*
 * test_migask.c - a transfer is asked for, looked at and given up
 *
 * The supervisor is told what to say next when its last word was heard.
 */
#include "toolstack/cli/migask.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/unit/boss.h"
#include "tests/unit/test.h"
#include "toolstack/cli/devinfo.h"

#define PATIENCE_MS 20000

static struct boss boss;
static struct err e;
static struct migask ask;
static struct migask_result result;
static const char *orders; /* one for each event that is heard */
static char heard[256];
static int stop_pipe[2];

static void on_told(void *arg, const char *method, struct json_object *o)
{
    size_t used = strlen(heard);

    (void)arg;
    snprintf(heard + used, sizeof(heard) - used, "%s:%d ", method,
             (int)devinfo_number(o, "epoch"));
    if (*orders == '^')
        CHECK_EQ(write(stop_pipe[1], "", 1), 1);
    else if (*orders)
        boss_order(&boss, *orders);
    if (*orders)
        orders++;
}

static void on_cancelling(void *arg, const struct err *refused)
{
    size_t used = strlen(heard);

    (void)arg;
    snprintf(heard + used, sizeof(heard) - used, "%.100s ",
             refused ? refused->text : "cancelling");
    if (refused && orders[0] == '^')
        CHECK_EQ(write(stop_pipe[1], "", 1), 1);
}

static void begin(void)
{
    boss_start(&boss, "web");
    CHECK_EQ(pipe(stop_pipe), 0);
    heard[0] = 0;
    ask = (struct migask){ .base = boss_base,
                           .name = "web",
                           .stop_fd = stop_pipe[0],
                           .told = on_told,
                           .cancelling = on_cancelling };
}

static void end(void)
{
    migask_close(&ask);
    close(stop_pipe[0]);
    close(stop_pipe[1]);
    boss_retire(&boss);
}

static int migrate(uint64_t bytes_per_s, const char *first, const char *then)
{
    const struct migopts o = { .live = true,
                               .max_downtime_ms = 250,
                               .timeout_s = 7,
                               .bytes_per_s = bytes_per_s };
    struct miglink l = { .nr = 2, .fd = { { 5, 6 }, { 9, 9 } } };
    int rc = migask_begin(&ask, "migrate", migask_migrate(&o, &l), &e);

    if (rc < 0)
        return rc;
    orders = then;
    boss_order(&boss, *first);
    return migask_follow(&ask, PATIENCE_MS, &result, &e);
}

TEST(the_supervisor_is_told_all_of_it_and_which_descriptors)
{
    begin();
    CHECK_EQ(migrate(77, "", ""), -EINVAL);
    CHECK_STR(e.text,
              "{\"purpose\":\"migrate\",\"fds\":[[5,6],[9,9]],\"live\":true,"
              "\"max_downtime_ms\":250,\"timeout_ms\":7000,\"force\":false,"
              "\"bytes_per_s\":77}");
    end();
}

TEST(a_downtime_that_nobody_said_is_no_limit)
{
    const struct migopts o = { .live = true };
    const struct miglink l = { .nr = 1, .fd = { { 5, 6 } } };
    struct json_object *p = migask_migrate(&o, &l);

    CHECK(!json_object_object_get_ex(p, "max_downtime_ms", NULL));
    json_object_put(p);
}

TEST(a_resolve_may_have_nobody_to_reach)
{
    const struct migopts o = { .abort = true };
    const struct miglink l = { .nr = 0 };
    struct json_object *p = migask_resolve(&o, &l);

    CHECK_STR(json_object_to_json_string_ext(p, JSON_C_TO_STRING_PLAIN),
              "{\"fds\":[],\"abort\":true}");
    json_object_put(p);
}

TEST(each_event_is_told_until_the_end_and_the_end_is_read)
{
    begin();
    CHECK_EQ(migrate(0, "0", "1m"), 0);
    CHECK_STR(heard, "migration:0 migration:1 migration-end:0 ");
    CHECK_EQ(result.end, MIGASK_MOVED);
    CHECK_STR(result.session, "00ff");
    CHECK_EQ(result.total_ms, 9400);
    CHECK_EQ(result.downtime_ms, 210);
    CHECK_EQ(result.bytes, 1 << 20);
    CHECK_EQ(result.epochs, 4);
    end();
    begin();
    CHECK_EQ(migrate(0, "s", ""), 0);
    CHECK_EQ(result.end, MIGASK_STAYED);
    CHECK_STR(result.why, "the destination: no bridge br0; no disk xvda");
    end();
}

TEST(an_end_before_the_answer_is_of_another_transfer)
{
    begin();
    CHECK_EQ(migrate(78, "m", ""), 0);
    CHECK_STR(heard, "migration-end:0 ");
    CHECK_EQ(result.end, MIGASK_MOVED);
    end();
}

TEST(an_end_that_nobody_knows_is_none)
{
    begin();
    CHECK_EQ(migrate(0, "x", ""), -EPROTO);
    CHECK_HAS(e.text, "dissolved");
    end();
}

TEST(who_interrupts_it_cancels_it_and_hears_how_that_went)
{
    begin();
    CHECK_EQ(migrate(0, "0", "^"), 0);
    CHECK_STR(heard, "migration:0 cancelling migration-end:0 ");
    CHECK_EQ(result.end, MIGASK_STAYED);
    CHECK_STR(result.why, "cancelled");
    end();
}

TEST(a_cancel_that_is_refused_says_why_and_a_second_one_leaves)
{
    begin();
    boss_order(&boss, 'k');
    CHECK_EQ(migrate(0, "0", "^^"), -EINTR);
    CHECK_STR(heard, "migration:0 guest web: migrate_cancel: it is fenced ");
    end();
}

TEST(migrate_cancel_hears_an_end_that_comes_before_its_answer)
{
    begin();
    orders = "";
    CHECK_EQ(migask_cancel(&ask, &e), 0);
    CHECK_EQ(migask_follow(&ask, PATIENCE_MS, &result, &e), 0);
    CHECK_EQ(result.end, MIGASK_STAYED);
    end();
    begin();
    boss_order(&boss, 'k');
    CHECK_EQ(migask_cancel(&ask, &e), -EBUSY);
    end();
}

TEST(one_that_does_not_end_is_not_waited_for_for_ever)
{
    const struct migopts o = { .live = true };
    const struct miglink l = { .nr = 0 };

    begin();
    orders = "";
    CHECK_EQ(migask_begin(&ask, "migrate", migask_migrate(&o, &l), &e), 0);
    CHECK_EQ(migask_follow(&ask, 50, &result, &e), -ETIMEDOUT);
    end();
}

/* Told of by the first event: the supervisor is another one from then on. */
static char knows; /* by which order; 0: it does not */

static void on_told_dying(void *arg, const char *method, struct json_object *o)
{
    bool first = heard[0] == 0;

    orders = "";
    on_told(arg, method, o);
    if (first) {
        boss_reap(&boss);
        boss_start(&boss, "web");
        if (knows)
            boss_order(&boss, knows);
    } else if (strcmp(method, "migration") == 0 && knows == 'i') {
        boss_order(&boss, 'm');
    }
}

TEST(a_supervisor_that_is_another_one_now_is_heard_if_it_knows)
{
    knows = 'i';
    begin();
    ask.told = on_told_dying;
    CHECK_EQ(migrate(0, "0", ""), 0);
    CHECK_STR(heard, "migration:0 migration:3 migration-end:0 ");
    CHECK_EQ(result.end, MIGASK_MOVED);
    end();
    for (const char *c = "0c"; *c; c++) {
        knows = *c == '0' ? 0 : *c;
        begin();
        ask.told = on_told_dying;
        CHECK_EQ(migrate(0, "0", ""), -EINPROGRESS);
        CHECK_HAS(e.text, "freehold info web");
        end();
    }
}

TEST(without_a_supervisor_there_is_nobody_to_ask)
{
    begin();
    ask.name = "nobody";
    CHECK_EQ(migask_cancel(&ask, &e), -ESRCH);
    CHECK_EQ(migask_begin(&ask, "migrate", json_object_new_object(), &e),
             -ESRCH);
    end();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(the_supervisor_is_told_all_of_it_and_which_descriptors),
        RULE(a_downtime_that_nobody_said_is_no_limit),
        RULE(a_resolve_may_have_nobody_to_reach),
        RULE(each_event_is_told_until_the_end_and_the_end_is_read),
        RULE(an_end_before_the_answer_is_of_another_transfer),
        RULE(an_end_that_nobody_knows_is_none),
        RULE(who_interrupts_it_cancels_it_and_hears_how_that_went),
        RULE(a_cancel_that_is_refused_says_why_and_a_second_one_leaves),
        RULE(migrate_cancel_hears_an_end_that_comes_before_its_answer),
        RULE(one_that_does_not_end_is_not_waited_for_for_ever),
        RULE(a_supervisor_that_is_another_one_now_is_heard_if_it_knows),
        RULE(without_a_supervisor_there_is_nobody_to_ask),
    };

    return cmocka_run_group_tests(tests, boss_set_up, boss_tear_down);
}
