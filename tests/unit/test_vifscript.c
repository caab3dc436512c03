/* SPDX-License-Identifier: MIT */
/*
 * test_vifscript.c - what a user's own vif script hears, and what hooks do;
 * those that fail, hang, or leave something running
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "tests/unit/vifnet.h"

#define HEARD SCRIPT_DIR "/heard"

static void on_never(void *arg, const struct err *failed)
{
    (void)arg, (void)failed;
    CHECK(false);
}

static void write_file(const char *path, const char *text, mode_t mode)
{
    FILE *f = fopen(path, "w");

    CHECK(f != NULL);
    fputs(text, f);
    CHECK_EQ(fchmod(fileno(f), mode), 0);
    fclose(f);
}

/* A script of the user's own that writes down all it hears, and then more. */
static void make_script(const char *more)
{
    char text[1024];

    snprintf(text, sizeof(text),
             "#!/bin/sh\n{ echo \"args=$*\"; env; } >>" HEARD "\n%s\n", more);
    write_file(SCRIPT_DIR "/own", text, 0755);
    w.vif.script = (char *)"own";
}

static const char *heard(void)
{
    static char text[8192];
    FILE *f = fopen(HEARD, "r");
    size_t nr = f ? fread(text, 1, sizeof(text) - 1, f) : 0;

    text[nr] = 0;
    if (f)
        fclose(f);
    return text;
}

/* A whole line of it. */
static bool has_line(const char *line)
{
    size_t len = strlen(line);

    for (const char *at = heard(); (at = strstr(at, line)); at++)
        if ((at == heard() || at[-1] == '\n') && at[len] == '\n')
            return true;
    fprintf(stderr, "no \"%s\" in:\n%s", line, heard());
    return false;
}

/* What a script started, and left its number. */
static int left_running(void)
{
    FILE *f = fopen(SCRIPT_DIR "/pid", "r");
    int pid = 0;

    CHECK(f && fscanf(f, "%d", &pid) == 1);
    fclose(f);
    return pid;
}

/* Not dead, whoever is to bury it. */
static bool is_running(int pid)
{
    char path[64], mark = 'Z';
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "r");
    if (!f)
        return false;
    CHECK(fscanf(f, "%*d %*s %c", &mark) == 1);
    fclose(f);
    return mark != 'Z' && mark != 'X';
}

/* ---- a script of the user's own ---- */

TEST(a_script_is_run_as_xl_runs_it)
{
    vifnet_fresh();
    make_script("exit 0");
    w.vif.bridge = (char *)"none-such"; /* the script's business */
    w.vif.gateway = (char *)"eth7";
    w.vif.name = (char *)"lan0"; /* it renames it, if it likes */
    w.vif.mtu = 1400;
    setenv("XENBUS_PATH", "backend/vif/1/1", 1);
    setenv("netdev", "wrong", 1);
    vifnet_opened();
    unsetenv("XENBUS_PATH");
    unsetenv("netdev");
    CHECK(has_line("args=online type_if=vif"));
    CHECK(has_line("script=" SCRIPT_DIR "/own"));
    CHECK(has_line("XENBUS_TYPE=vif"));
    CHECK(has_line("XENBUS_PATH=backend/fh-vif/7/0"));
    CHECK(has_line("XENBUS_BASE_PATH=backend"));
    CHECK(has_line("netdev=eth7"));
    CHECK(has_line("vif=vif7.0"));
    CHECK(strstr(heard(), "wrong") == NULL);
    CHECK_STR(vifdev_name(w.dev), "vif7.0");
    CHECK_STR(vifdev_bridge(w.dev), "");
    CHECK_EQ(vifdev_mtu(w.dev), 1400);
    CHECK(!netns_link("vif7.0").up);
    unlink(HEARD);
    vifnet_removed();
    CHECK(has_line("args=offline type_if=vif"));
    CHECK(has_line("vif=vif7.0"));
    CHECK(!netns_has("vif7.0"));
    vifnet_finish();
}

TEST(a_script_may_rename_it_and_sees_it_to_the_end)
{
    vifnet_fresh();
    make_script("[ $1 = online ] || exit 0\n"
                "while [ ! -e " SCRIPT_DIR "/go ]; do sleep 0.05; done");
    CHECK_EQ(vifnet_open(), 0);
    netns_rename("vif7.0", "lan0");
    write_file(SCRIPT_DIR "/go", "", 0600);
    UNTIL(w.nr_done == 1);
    CHECK_EQ(w.failed.rc, 0);
    CHECK_STR(vifdev_name(w.dev), "lan0");
    /* At its end the device is there still. */
    make_script("grep -o lan0 /proc/net/dev >>" HEARD);
    vifnet_removed();
    CHECK(has_line("lan0"));
    CHECK(!netns_has("lan0"));
    vifnet_finish();
}

TEST(a_script_that_fails_is_told_in_its_own_words)
{
    vifnet_fresh();
    make_script("[ $1 = offline ] && exit 0\n"
                "echo one; echo no such network >&2; exit 3");
    CHECK_EQ(vifnet_open(), 0);
    UNTIL(w.nr_done == 1);
    CHECK_EQ(w.failed.rc, -EIO);
    CHECK_HAS(w.failed.text, SCRIPT_DIR "/own online: it exited with 3, want "
                                        "0: no such network");
    CHECK(has_line("args=offline type_if=vif")); /* to undo what it did */
    CHECK(!netns_has("vif7.0"));
    vifnet_removed(); /* nothing to do */
    vifnet_finish();
}

TEST(a_script_that_hangs_is_killed_with_all_it_started)
{
    int pid;

    vifnet_fresh();
    make_script("[ $1 = offline ] && exit 0\n"
                "echo still waiting\nsleep 1000 &\n"
                "echo $! >" SCRIPT_DIR "/pid\nwait");
    w.hurry = 40;
    CHECK_EQ(vifnet_open(), 0);
    UNTIL(w.nr_done == 1);
    CHECK_EQ(w.failed.rc, -ETIMEDOUT);
    CHECK_HAS(w.failed.text, "own online: it did not end in 40 s: still "
                             "waiting");
    CHECK(!netns_has("vif7.0"));
    pid = left_running();
    UNTIL(!is_running(pid));
    vifnet_finish();
}

TEST(a_script_that_is_not_there_fails_at_once)
{
    vifnet_fresh();
    w.vif.script = (char *)"/nowhere/script";
    vifnet_refused(-ENOENT, "script /nowhere/script online: start it: ");
    vifnet_finish();
}

/* What it leaves running keeps its stderr, and does not hold us up. */
TEST(a_script_may_leave_something_running)
{
    char command[64];
    int pid;

    vifnet_fresh();
    make_script("sleep 1000 & echo $! >" SCRIPT_DIR "/pid");
    vifnet_opened();
    pid = left_running();
    CHECK(is_running(pid));
    snprintf(command, sizeof(command), "test -w /proc/%d/fd/2", pid);
    CHECK_EQ(system(command), 0);
    CHECK_EQ(kill(pid, SIGKILL), 0);
    make_script("exit 0");
    vifnet_removed();
    vifnet_finish();
}

TEST(a_vif_removed_while_it_comes_goes_when_its_script_ends)
{
    vifnet_fresh();
    make_script("[ $1 = offline ] && exit 0\n"
                "while [ ! -e " SCRIPT_DIR "/go ]; do sleep 0.05; done");
    CHECK_EQ(vifdev_open(&w.loop, &w.spec, on_never, NULL, &w.dev, &w.e), 0);
    vifdev_remove(w.dev, vifnet_done, &w);
    uv_run(&w.loop, UV_RUN_NOWAIT);
    CHECK(netns_has("vif7.0"));
    CHECK_EQ(w.nr_done, 0);
    write_file(SCRIPT_DIR "/go", "", 0600);
    UNTIL(w.nr_done == 1);
    CHECK_EQ(w.failed.rc, 0);
    CHECK(has_line("args=offline type_if=vif"));
    CHECK(!netns_has("vif7.0"));
    vifnet_finish();
}

/* ---- hooks ---- */

#define TELL                                                                   \
    "{ echo \"$command $type_if $dev $bridge $vifname\"; "                     \
    "echo \"ip=$ip vif=$vif $XENBUS_PATH $0\"; } >>" HEARD "\n"

TEST(hooks_are_read_where_no_script_is_named)
{
    vifnet_fresh();
    write_file(HOOK_DIR "/10-tell.hook", TELL "mine=1\n", 0755);
    write_file(HOOK_DIR "/20-more.hook", "echo more $mine >>" HEARD, 0755);
    write_file(HOOK_DIR "/30-off.hook", "echo off >>" HEARD, 0644);
    write_file(HOOK_DIR "/40-other", "echo other >>" HEARD, 0755);
    w.vif.name = (char *)"lan0";
    w.vif.ip = (char *)"10.0.0.7 10.0.0.8";
    vifnet_opened();
    CHECK_STR(heard(),
              "online vif lan0 xenbr0 lan0\n"
              "ip=10.0.0.7 10.0.0.8 vif=vif7.0 backend/fh-vif/7/0 " SCRIPT_DIR
              "/vif-bridge\n"
              "more 1\n");
    CHECK(netns_link("lan0").up);
    unlink(HEARD);
    vifnet_removed();
    CHECK(has_line("offline vif lan0 xenbr0 lan0"));
    CHECK(has_line("more 1"));
    vifnet_finish();
}

/* With the functions that xl's own give them. */
TEST(hooks_have_xls_functions)
{
    vifnet_fresh();
    write_file(SCRIPT_DIR "/xen-hotplug-common.sh",
               "exec 2>>" SCRIPT_DIR "/xen-hotplug.log\n"
               "log() { echo \"log $*\" >>" HEARD "; }\n"
               "fatal() { log err \"$@\"; echo \"$@\" >&2; exit 1; }\n",
               0644);
    write_file(SCRIPT_DIR "/xen-network-common.sh", "net=1\n", 0644);
    write_file(HOOK_DIR "/a.hook", "log debug $net $dev\n", 0755);
    vifnet_opened();
    CHECK_STR(heard(), "log debug 1 vif7.0\n");
    vifnet_removed();
    write_file(HOOK_DIR "/a.hook",
               "[ $command = offline ] || fatal not on \"$bridge\"\n", 0755);
    CHECK_EQ(vifnet_open(), 0);
    UNTIL(w.nr_done == 3);
    CHECK_HAS(w.failed.text, "vif-post.d online: it exited with 1, want 0: "
                             "not on xenbr0");
    CHECK(!netns_has("vif7.0"));
    vifnet_finish();
}

TEST(a_hook_that_fails_keeps_the_vif_away)
{
    vifnet_fresh();
    write_file(HOOK_DIR "/a.hook", "[ $command = offline ]\n", 0755);
    write_file(HOOK_DIR "/b.hook", "echo b $command >>" HEARD "\n", 0755);
    CHECK_EQ(vifnet_open(), 0);
    UNTIL(w.nr_done == 1);
    CHECK_EQ(w.failed.rc, -EIO);
    CHECK_STR(heard(), "b offline\n");
    CHECK(!netns_has("vif7.0"));
    vifnet_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_script_is_run_as_xl_runs_it),
        RULE(a_script_may_rename_it_and_sees_it_to_the_end),
        RULE(a_script_that_fails_is_told_in_its_own_words),
        RULE(a_script_that_hangs_is_killed_with_all_it_started),
        RULE(a_script_that_is_not_there_fails_at_once),
        RULE(a_script_may_leave_something_running),
        RULE(a_vif_removed_while_it_comes_goes_when_its_script_ends),
        RULE(hooks_are_read_where_no_script_is_named),
        RULE(hooks_have_xls_functions),
        RULE(a_hook_that_fails_keeps_the_vif_away),
    };

    return cmocka_run_group_tests(tests, vifnet_set_up, NULL);
}
