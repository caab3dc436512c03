/* SPDX-License-Identifier: MIT */
/*
 * served.c - one device of a guest that xl made, between xl, the guest and a
 * backend
 */
#include "tests/unit/served.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "toolstack/supervisor/xsdaemon.h"

#define RULES_MAX 48u

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid,
                         struct err *e);

struct served served;
char served_base[32] = "/tmp/fh-serve-XXXXXX";

static const struct served_kind *kind;
static char place[80];

/* Linked in by --wrap: a xenstored that is as long as the test wants. */
int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    (void)e;
    snprintf(out, out_bytes, "oxenstored"); /* it is stock's business */
    *pid = served.daemon_pid ? served.daemon_pid : getpid();
    return 0;
}

/* ---- the world around it ---- */

static const char *path_of(const char *dir, const char *leaf)
{
    static char path[96];

    snprintf(path, sizeof(path), "%s/%s", dir, leaf);
    return path;
}

static const char *back_state(void)
{
    return stage_node(path_of(kind->back, "state"));
}

static bool is_offered(void)
{
    return strcmp(back_state(), "2") == 0;
}

/* As a guest that has let go of it. */
static void let_go(void)
{
    fake_xs_set(path_of(kind->front, "state"), "6");
}

static void on_gone(void *arg, const struct err *failed)
{
    CHECK(arg == &served);
    served.nr_gone++;
    if (failed)
        served.failed = *failed;
    serve_close(served.serve);
    served.serve = NULL;
}

void served_detach(void)
{
    fake_xs_set(path_of(kind->back, "online"), "0");
    fake_xs_set(path_of(kind->back, "state"), "5");
}

void served_take_away(void)
{
    fake_xs_rm(kind->front);
    fake_xs_rm(kind->back);
}

void served_fresh(void)
{
    fake_reset();
    puppets_fresh();
    memset(&served, 0, sizeof(served));
    stage_open(puppets_turn, puppets_fd());
    fake.domain[0].there = true;
    fake.domain[0].domid = 7;
    fake_xs_set("/local/domain/7/name", "old");
    fake_xs_set("/local/domain/7/cpu/0/availability", "online");
    fake_xs_set("/local/domain/7/cpu/1/availability", "online");
    kind->fresh();
}

int served_open(struct err *e)
{
    struct serve_options o = {
        .base = served_base,
        .what = kind->what,
        .domid = 7,
        .devid = kind->devid,
        .any_mac = served.any_mac,
        .program = PUPPET,
        .gone = on_gone,
        .arg = &served,
    };

    return serve_open(&stage.loop, &o, &served.serve, e);
}

void served_start(void)
{
    struct err e = { 0 };
    int rc = served_open(&e);

    if (rc)
        fprintf(stderr, "%s\n", e.text);
    CHECK_EQ(rc, 0);
}

void served_start_connected(void)
{
    served_start();
    UNTIL(is_offered());
    kind->take_up();
    CHECK_STR(back_state(), "4");
    stage_settle();
}

void served_leave(void)
{
    serve_close(served.serve);
    served.serve = NULL;
    stage_settle();
}

bool served_is_left(void)
{
    return access(place, F_OK) == 0;
}

void served_finish(void)
{
    CHECK(served.serve == NULL);
    CHECK(!served_is_left());
    stage_close();
    CHECK_EQ(fake.nr_handles, 0);
    if (kind->finished)
        kind->finished();
    for (uint32_t i = 0; i < puppets.nr; i++) /* reaped by its link */
        CHECK(kill(puppets.one[i].pid, 0) < 0 && errno == ESRCH);
    puppets_fresh();
    fake.domain[0].there = false;
    fake_reset();
}

void served_finish_closed(void)
{
    UNTIL(served.nr_gone == 1);
    CHECK_STR(back_state(), "6");
    served_finish();
}

void served_detach_and_finish(void)
{
    served_detach();
    let_go();
    UNTIL(served.nr_gone == 1);
    CHECK_EQ(served.failed.rc, 0);
    served_finish_closed();
}

/* ---- what any device must keep ---- */

/* A guest that never looked at it has nothing to let go of. */
TEST(one_that_nobody_took_up_is_over_at_once)
{
    served_fresh();
    served_start();
    UNTIL(is_offered());
    served_detach();
    served_finish_closed();
}

TEST(a_directory_that_is_taken_away_is_the_end)
{
    served_fresh();
    served_start_connected();
    served_take_away();
    UNTIL(served.nr_gone == 1);
    CHECK(fake_xs_value(path_of(kind->back, "state")) == NULL); /* it stays */
    served_finish();
}

TEST(a_domain_that_is_gone_is_the_end)
{
    served_fresh();
    served_start_connected();
    fake_release_event(); /* another one's */
    stage_settle();
    CHECK_EQ(served.nr_gone, 0);
    fake.domain[0].there = false;
    fake_release_event();
    served_finish_closed();
}

TEST(no_device_is_an_error)
{
    char text[160];
    struct err e = { 0 };

    served_fresh();
    served_take_away();
    CHECK_EQ(served_open(&e), -ENOENT);
    snprintf(text, sizeof(text), "%s: %s: there is no such device", kind->label,
             kind->back);
    CHECK_STR(e.text, text);
    served_finish();
}

TEST(two_do_not_serve_one_device)
{
    struct serve *first;
    char text[160];
    struct err e = { 0 };

    served_fresh();
    served_start_connected();
    first = served.serve;
    CHECK_EQ(served_open(&e), -EEXIST);
    snprintf(text, sizeof(text), "%s: another freehold %s serves it",
             kind->label, kind->command);
    CHECK_STR(e.text, text);
    served.serve = first;
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_STR(back_state(), "4");
    served_detach_and_finish();
}

TEST(one_that_was_let_go_meanwhile_is_over)
{
    served_fresh();
    served_start_connected();
    served_leave();
    served_detach();
    let_go();
    served_start();
    served_finish_closed();
}

TEST(what_is_left_of_a_device_that_went_is_removed)
{
    struct err e = { 0 };
    pid_t pid;

    served_fresh();
    served_start_connected();
    served_leave();
    pid = puppets.one[0].pid;
    served_take_away();
    CHECK_EQ(served_open(&e), -ENOENT);
    CHECK_EQ(kill(pid, 0), -1); /* killed, and no zombie */
    served_finish();
}

static int set_up(void **state)
{
    char name[SERVE_NAME_BYTES];

    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    if (!mkdtemp(served_base) || puppets_set_up(PUPPET))
        return -1;
    serve_name(kind->what, 7, kind->devid, name);
    snprintf(place, sizeof(place), "%s/%s", served_base, name);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    puppets_tear_down();
    return rmdir(served_base);
}

int served_run(const struct served_kind *k, const struct CMUnitTest *own,
               uint32_t nr_own)
{
    static const struct CMUnitTest both[] = {
        RULE(one_that_nobody_took_up_is_over_at_once),
        RULE(a_directory_that_is_taken_away_is_the_end),
        RULE(a_domain_that_is_gone_is_the_end),
        RULE(no_device_is_an_error),
        RULE(two_do_not_serve_one_device),
        RULE(one_that_was_let_go_meanwhile_is_over),
        RULE(what_is_left_of_a_device_that_went_is_removed),
    };
    struct CMUnitTest tests[RULES_MAX] = { 0 }; /* cmocka passes over these */

    kind = k;
    assert(nr_own <= RULES_MAX - ARRAY_SIZE(both));
    memcpy(tests, own, nr_own * sizeof(*own));
    memcpy(tests + nr_own, both, sizeof(both));
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
