/* SPDX-License-Identifier: MIT */
/*
 * test_servewatch.c - a process for each disk, or card, that xl means for us
 *
 * The processes are of the test's own: a script that writes what it was asked
 * for, and ends as a file of its device's name says, or lives.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/stage.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/netback.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/serve.h"
#include "toolstack/supervisor/servewatch.h"
#include "toolstack/supervisor/xsdaemon.h"

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid,
                         struct err *e);
bool __wrap_netback_is_loaded(void);

#define VBD3 "/local/domain/0/backend/vbd3"
#define VIF "/local/domain/0/backend/vif"
#define STARTS_MAX 32u

static struct world {
    struct servewatch *watch;
    uint32_t nr_ended;
    int daemon_pid;
    enum serve_what what;
    bool any_mac, netback;
    uint32_t nr_starts;
    struct start {
        int pid;
        uint32_t domid, devid;
    } start[STARTS_MAX];
} w;

static char base[] = "/tmp/fh-watch-XXXXXX", program[64], starts[64];

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    (void)e;
    snprintf(out, out_bytes, "xenstored");
    *pid = w.daemon_pid ? w.daemon_pid : getpid();
    return 0;
}

bool __wrap_netback_is_loaded(void)
{
    return w.netback;
}

static void on_ended(void *arg, const struct err *failed)
{
    CHECK(arg == &w);
    CHECK_EQ(failed->rc, -ENOTCONN);
    w.nr_ended++;
    servewatch_close(w.watch);
    w.watch = NULL;
}

static const char *const formats[] = {
    "%d serve-blk %u %u\n",
    "%d serve-net %u %u\n",
    "%d serve-net -m %u %u\n",
};

/* Every process that was started so far. */
static uint32_t nr_starts(void)
{
    FILE *f = fopen(starts, "r");

    w.nr_starts = 0;
    while (f && w.nr_starts < STARTS_MAX) {
        struct start *s = &w.start[w.nr_starts];

        if (fscanf(f, formats[w.what + w.any_mac], &s->pid, &s->domid,
                   &s->devid) != 3)
            break;
        w.nr_starts++;
    }
    if (f)
        fclose(f);
    return w.nr_starts;
}

/* Processes take longer than what is sent. */
static void settle(void)
{
    for (uint32_t i = 0; i < 30; i++)
        uv_run(&stage.loop, UV_RUN_ONCE);
}

static void set(uint32_t domid, uint32_t devid, const char *leaf,
                const char *value)
{
    char path[96];

    snprintf(path, sizeof(path), VBD3 "/%u/%u/%s", domid, devid, leaf);
    fake_xs_set(path, value);
}

static void attach(uint32_t domid, uint32_t devid, const char *script)
{
    set(domid, devid, "frontend", "there");
    set(domid, devid, "online", "1");
    set(domid, devid, "state", "1");
    set(domid, devid, "script", script);
}

#define OURS "/etc/xen/scripts/block-freehold"

static void take_away(uint32_t domid, uint32_t devid)
{
    char path[96];

    snprintf(path, sizeof(path), VBD3 "/%u/%u", domid, devid);
    fake_xs_rm(path);
}

/* What the processes of a device end with from now on. */
static void ends_with(uint32_t devid, const char *code)
{
    char path[96];
    FILE *f;

    snprintf(path, sizeof(path), "%s.end-%u", program, devid);
    unlink(path);
    if (!code)
        return;
    f = fopen(path, "w");
    fprintf(f, "%s\n", code);
    fclose(f);
}

static void watch(void)
{
    struct servewatch_options o = {
        .base = base,
        .what = w.what,
        .program = program,
        .any_mac = w.any_mac,
        .ended = on_ended,
        .arg = &w,
    };
    struct err e = { 0 };

    CHECK_EQ(servewatch_open(&stage.loop, &o, &w.watch, &e), 0);
}

static void fresh(void)
{
    fake_reset();
    memset(&w, 0, sizeof(w));
    unlink(starts);
    stage_open(NULL, -1);
}

static bool is_alive(uint32_t start)
{
    char path[64], state = 0;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", w.start[start].pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    if (fscanf(f, "%*d (%*[^)]) %c", &state) != 1)
        state = 0;
    fclose(f);
    return state && state != 'Z';
}

static void finish(void)
{
    servewatch_close(w.watch);
    stage_close();
    for (uint32_t i = 0, nr = nr_starts(); i < nr; i++)
        if (is_alive(i))
            kill(w.start[i].pid, SIGKILL);
    while (waitpid(-1, NULL, 0) > 0) {
    }
    ends_with(51712, NULL);
    CHECK_EQ(fake.nr_handles, 0);
    fake_reset();
}

/* ---- the rules ---- */

TEST(each_disk_of_ours_gets_a_process_and_no_other)
{
    fresh();
    attach(7, 51712, OURS);
    attach(7, 51728, "/etc/xen/scripts/block-tap");
    watch();
    UNTIL(nr_starts() == 1);
    CHECK_EQ(w.start[0].domid, 7);
    CHECK_EQ(w.start[0].devid, 51712);
    attach(8, 51712, OURS);
    attach(8, 51728, OURS);
    UNTIL(nr_starts() == 3);
    set(8, 51728, "state", "4");
    settle();
    CHECK_EQ(nr_starts(), 3);
    for (uint32_t i = 0; i < 3; i++)
        CHECK(is_alive(i));
    finish();
}

/* Names that no toolstack writes start nothing. */
TEST(what_is_no_number_is_no_device)
{
    fresh();
    fake_xs_set(VBD3 "/7x/51712/script", OURS);
    fake_xs_set(VBD3 "/7/51712x/script", OURS);
    fake_xs_set(VBD3 "/7/99999999999/script", OURS);
    fake_xs_set(VBD3 "/70000/51712/script", OURS);
    watch();
    settle();
    CHECK_EQ(nr_starts(), 0);
    finish();
}

TEST(one_that_dies_is_started_again)
{
    fresh();
    attach(7, 51712, OURS);
    watch();
    UNTIL(nr_starts() == 1);
    kill(w.start[0].pid, SIGKILL);
    UNTIL(nr_starts() == 2);
    kill(w.start[1].pid, SIGKILL);
    UNTIL(nr_starts() == 3); /* after a pause */
    CHECK(is_alive(2));
    finish();
}

TEST(one_that_fails_is_tried_again_more_and_more_slowly)
{
    uint64_t from_ms;

    fresh();
    ends_with(51712, "3");
    attach(7, 51712, OURS);
    from_ms = uv_hrtime() / 1000000;
    watch();
    UNTIL(nr_starts() == 4); /* at once, at once, 200 ms, 400 ms */
    CHECK(uv_hrtime() / 1000000 - from_ms >= 600);
    take_away(7, 51712);
    settle();
    CHECK_EQ(nr_starts(), 4);
    finish();
}

TEST(one_that_is_over_is_not_started_again_until_there_is_another)
{
    fresh();
    ends_with(51712, "0");
    attach(7, 51712, OURS);
    set(7, 51712, "state", "4");
    watch();
    UNTIL(nr_starts() == 1);
    UNTIL(!is_alive(0));
    set(7, 51712, "online", "0");
    set(7, 51712, "state", "6");
    settle();
    CHECK_EQ(nr_starts(), 1);
    ends_with(51712, NULL);
    take_away(7, 51712); /* and back, in one look */
    attach(7, 51712, OURS);
    UNTIL(nr_starts() == 2);
    settle();
    CHECK_EQ(nr_starts(), 2);
    finish();
}

/* As `systemctl restart` does it; the lock says who serves. */
TEST(those_of_an_earlier_one_serve_on_and_are_looked_after)
{
    struct run_state said = { .domid = 7 };
    char name[SERVE_NAME_BYTES];
    struct rundir dir;

    fresh();
    attach(7, 51712, OURS);
    watch();
    UNTIL(nr_starts() == 1);
    serve_name(SERVE_DISK, 7, 51712, name);
    CHECK_EQ(rundir_take(base, name, &dir, NULL), 0); /* for it */
    said.pid = w.start[0].pid;
    CHECK_EQ(rundir_write(&dir, &said, NULL), 0);
    servewatch_close(w.watch);
    settle();
    CHECK(is_alive(0));
    watch();
    settle();
    CHECK_EQ(nr_starts(), 1);
    kill(w.start[0].pid, SIGKILL);
    rundir_remove(&dir);
    UNTIL(nr_starts() == 2);
    finish();
}

/* Somebody serves it, and has not yet said who. */
TEST(one_that_is_about_to_serve_is_waited_for)
{
    char name[SERVE_NAME_BYTES];
    struct rundir dir;

    fresh();
    serve_name(SERVE_DISK, 7, 51712, name);
    CHECK_EQ(rundir_take(base, name, &dir, NULL), 0);
    attach(7, 51712, OURS);
    watch();
    settle();
    CHECK_EQ(nr_starts(), 0);
    rundir_remove(&dir);
    UNTIL(nr_starts() == 1);
    finish();
}

TEST(what_is_left_of_devices_that_are_gone_is_cleaned_up_once)
{
    char path[96];

    fresh();
    snprintf(path, sizeof(path), "%s/.serve-9-51712", base);
    CHECK_EQ(mkdir(path, 0700), 0);
    ends_with(51712, "23");
    watch();
    UNTIL(nr_starts() == 1);
    CHECK_EQ(w.start[0].domid, 9);
    UNTIL(!is_alive(0));
    settle();
    CHECK_EQ(nr_starts(), 1);
    CHECK_EQ(rmdir(path), 0);
    finish();
}

TEST(a_program_that_is_not_there_is_asked_for_again)
{
    fresh();
    CHECK_EQ(chmod(program, 0600), 0);
    attach(7, 51712, OURS);
    watch();
    settle();
    CHECK_EQ(nr_starts(), 0);
    CHECK_EQ(chmod(program, 0700), 0);
    UNTIL(nr_starts() == 1);
    finish();
}

TEST(without_xenstored_it_ends)
{
    fresh();
    w.daemon_pid = fork();
    if (w.daemon_pid == 0)
        for (;;)
            pause();
    attach(7, 51712, OURS);
    watch();
    UNTIL(nr_starts() == 1);
    kill(w.daemon_pid, SIGKILL);
    UNTIL(w.nr_ended == 1);
    CHECK(is_alive(0));
    finish();
}

/* ---- cards ---- */

static void set_card(uint32_t devid, const char *leaf, const char *value)
{
    char path[96];

    snprintf(path, sizeof(path), VIF "/7/%u/%s", devid, leaf);
    fake_xs_set(path, value);
}

static void attach_card(uint32_t devid, const char *state)
{
    set_card(devid, "frontend", "there");
    set_card(devid, "online", "1");
    set_card(devid, "script", "/etc/xen/scripts/vif-bridge");
    set_card(devid, "state", state);
}

static void fresh_cards(void)
{
    fresh();
    w.what = SERVE_CARD;
}

/* Everything that waits for a timer of the obstacle's has had its time. */
static void wait_a_look(void)
{
    uint64_t end_ms = uv_hrtime() / 1000000 + 1500;

    while (uv_hrtime() / 1000000 < end_ms)
        uv_run(&stage.loop, UV_RUN_ONCE);
}

TEST(each_card_that_nobody_offered_gets_a_process)
{
    fresh_cards();
    attach(7, 51712, OURS);
    attach_card(0, "1");
    attach_card(1, "2"); /* another backend's */
    attach_card(2, "5");
    set_card(3, "state", "1"); /* half there */
    watch();
    UNTIL(nr_starts() == 1);
    CHECK_EQ(w.start[0].domid, 7);
    CHECK_EQ(w.start[0].devid, 0);
    attach_card(3, "1");
    UNTIL(nr_starts() == 2);
    CHECK_EQ(w.start[1].devid, 3);
    set_card(0, "state", "4");
    settle();
    CHECK_EQ(nr_starts(), 2);
    finish();
}

TEST(a_card_that_dies_is_started_again_in_any_state)
{
    fresh_cards();
    attach_card(0, "1");
    watch();
    UNTIL(nr_starts() == 1);
    set_card(0, "state", "4");
    kill(w.start[0].pid, SIGKILL);
    UNTIL(nr_starts() == 2);
    finish();
}

TEST(what_the_watcher_is_told_of_addresses_each_process_is)
{
    fresh_cards();
    w.any_mac = true;
    attach_card(0, "1");
    watch();
    UNTIL(nr_starts() == 1);
    finish();
}

TEST(while_the_kernel_takes_cards_none_is_begun_with)
{
    fresh_cards();
    w.netback = true;
    attach_card(0, "1");
    watch();
    attach_card(1, "1");
    settle();
    CHECK_EQ(nr_starts(), 0);
    w.netback = false; /* nobody tells */
    set_card(0, "state", "2");
    UNTIL(nr_starts() == 1);
    CHECK_EQ(w.start[0].devid, 1);
    finish();
}

TEST(but_those_that_were_begun_with_go_on)
{
    char path[96];

    fresh_cards();
    attach_card(0, "4");
    attach_card(1, "1");
    snprintf(path, sizeof(path), "%s/.serve-net-7-0", base);
    CHECK_EQ(mkdir(path, 0700), 0);
    w.netback = true;
    watch();
    UNTIL(nr_starts() == 1);
    CHECK_EQ(w.start[0].devid, 0);
    kill(w.start[0].pid, SIGKILL);
    UNTIL(nr_starts() == 2);
    CHECK_EQ(w.start[1].devid, 0);
    CHECK_EQ(rmdir(path), 0);
    kill(w.start[1].pid, SIGKILL);
    wait_a_look();
    CHECK_EQ(nr_starts(), 2);
    finish();
}

/* Disks have a kind of their own, which no kernel takes. */
TEST(disks_are_served_whatever_the_kernel_does_with_cards)
{
    fresh();
    w.netback = true;
    attach(7, 51712, OURS);
    watch();
    UNTIL(nr_starts() == 1);
    finish();
}

static int set_up(void **state)
{
    FILE *f;

    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    if (!mkdtemp(base))
        return -1;
    snprintf(program, sizeof(program), "%s.prog", base);
    snprintf(starts, sizeof(starts), "%s.starts", base);
    f = fopen(program, "w");
    fprintf(f,
            "#!/bin/sh\n"
            "echo \"$$ $*\" >>%s\n"
            "[ -e $0.end-$3 ] && exit $(cat $0.end-$3)\n"
            "exec sleep 1000\n",
            starts);
    return fclose(f) | chmod(program, 0700);
}

static int tear_down(void **state)
{
    (void)state;
    unlink(program);
    unlink(starts);
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(each_disk_of_ours_gets_a_process_and_no_other),
        RULE(what_is_no_number_is_no_device),
        RULE(one_that_dies_is_started_again),
        RULE(one_that_fails_is_tried_again_more_and_more_slowly),
        RULE(one_that_is_over_is_not_started_again_until_there_is_another),
        RULE(those_of_an_earlier_one_serve_on_and_are_looked_after),
        RULE(one_that_is_about_to_serve_is_waited_for),
        RULE(what_is_left_of_devices_that_are_gone_is_cleaned_up_once),
        RULE(a_program_that_is_not_there_is_asked_for_again),
        RULE(without_xenstored_it_ends),
        RULE(each_card_that_nobody_offered_gets_a_process),
        RULE(a_card_that_dies_is_started_again_in_any_state),
        RULE(what_the_watcher_is_told_of_addresses_each_process_is),
        RULE(while_the_kernel_takes_cards_none_is_begun_with),
        RULE(but_those_that_were_begun_with_go_on),
        RULE(disks_are_served_whatever_the_kernel_does_with_cards),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
