/* SPDX-License-Identifier: MIT */
/*
 * test_storewatch.c - watches that fire are told, and what comes at once, once
 */
#include <stdio.h>
#include <unistd.h>

#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/stage.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/storewatch.h"

static struct storewatch *watch;
static char heard[64]; /* the tokens' first letters */
static bool closes;

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid,
                         struct err *e);
int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    (void)e;
    snprintf(out, out_bytes, "xenstored");
    *pid = getpid();
    return 0;
}

static void on_fired(void *arg, const char *token)
{
    size_t nr = strlen(heard);

    (void)arg;
    CHECK(nr + 1 < sizeof(heard));
    heard[nr] = token[0];
    heard[nr + 1] = 0;
    if (closes)
        storewatch_close(watch);
}

static void on_ended(void *arg)
{
    (void)arg;
    CHECK(false);
}

/* Each watch fires once as it is set. */
static void open_with_two(void)
{
    struct err e = { 0 };

    fake_reset();
    stage_open(NULL, -1);
    closes = false;
    CHECK_EQ(storewatch_open(&stage.loop, on_fired, on_ended, NULL, &watch, &e),
             0);
    CHECK_EQ(store_watch(storewatch_store(watch), "/a", "a", &e), 0);
    CHECK_EQ(store_watch(storewatch_store(watch), "/b", "b", &e), 0);
    stage_settle();
    heard[0] = 0;
}

TEST(what_comes_at_once_is_told_once)
{
    open_with_two();
    fake_xs_set("/a/1", "");
    fake_xs_set("/a/2", "");
    fake_xs_set("/a/3", "");
    stage_settle();
    CHECK_STR(heard, "a");
    fake_xs_set("/a/1", "x");
    stage_settle();
    CHECK_STR(heard, "aa");
    storewatch_close(watch);
    stage_close();
}

TEST(each_watch_is_told)
{
    open_with_two();
    fake_xs_set("/a/1", "");
    fake_xs_set("/b/1", "");
    fake_xs_set("/b/2", "");
    stage_settle();
    CHECK_EQ(strlen(heard), 2);
    CHECK(strchr(heard, 'a') && strchr(heard, 'b'));
    storewatch_close(watch);
    stage_close();
}

TEST(who_closes_hears_no_more)
{
    open_with_two();
    closes = true;
    fake_xs_set("/a/1", "");
    fake_xs_set("/b/1", "");
    stage_settle();
    CHECK_EQ(strlen(heard), 1);
    stage_close();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(what_comes_at_once_is_told_once),
        RULE(each_watch_is_told),
        RULE(who_closes_hears_no_more),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
