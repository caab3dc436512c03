/* SPDX-License-Identifier: MIT */
/*
 * test_rundir.c - a name is held by one, and told from leftovers
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/rundir.h"

static char base[] = "/tmp/fh-rundir-XXXXXX";
static struct err err;

static const struct run_state some = {
    .uuid = { 1, 2, 3 },
    .pid = 99,
    .domid = 5,
    .console_port = 3,
    .receives = true,
    .leaves = true,
    .identity = { .measurement = { [0] = 0xab, [31] = 0x01 },
                  .guest_id = { [15] = 0xf0 } },
};

TEST(a_name_is_held_once)
{
    struct rundir a, b;
    struct run_state s;

    CHECK_EQ(rundir_take(base, "web", &a, &err), 0);
    CHECK_EQ(rundir_take(base, "web", &b, &err), -EEXIST);
    rundir_remove(&b); /* must not touch what is a's */
    CHECK_EQ(rundir_write(&a, &some, &err), 0);
    CHECK_EQ(rundir_read(base, "web", &s, &err), 0);
    CHECK(s.supervised);
    CHECK_EQ(s.pid, 99);
    CHECK_EQ(s.domid, 5);
    CHECK_EQ(s.console_port, 3);
    CHECK(s.receives && s.leaves);
    assert_memory_equal(&s.identity, &some.identity, sizeof(s.identity));
    assert_memory_equal(s.uuid, some.uuid, 16);
    rundir_remove(&a);
    CHECK_EQ(rundir_read(base, "web", &s, &err), -ENOENT);
}

TEST(leftovers_of_a_dead_supervisor_show)
{
    struct rundir a;
    struct run_state s, *list;
    pid_t pid = fork();

    if (pid == 0) {
        if (rundir_take(base, "db", &a, &err) == 0)
            rundir_write(&a, &some, &err);
        _exit(0); /* as kill -9 would end it */
    }
    waitpid(pid, NULL, 0);
    CHECK_EQ(rundir_list(base, &list, &err), 1);
    CHECK_STR(list[0].name, "db");
    CHECK(!list[0].supervised);
    free(list);
    CHECK_EQ(rundir_take(base, "db", &a, &err), 0);
    CHECK_EQ(rundir_read(base, "db", &s, &err), 0);
    CHECK(s.supervised);
    assert_memory_equal(s.uuid, some.uuid, 16);
    rundir_remove(&a);
    CHECK_EQ(rundir_list(base, &list, &err), 0);
    free(list);
}

/* As over an exec(): the number is all that the new program has. */
TEST(a_name_is_inherited_by_its_own_lock_alone)
{
    struct rundir a, b, other;
    struct run_state s;

    CHECK_EQ(rundir_take(base, "web", &a, &err), 0);
    CHECK_EQ(rundir_take(base, "db", &other, &err), 0);
    CHECK_EQ(rundir_write(&a, &some, &err), 0);
    CHECK_EQ(rundir_inherit(base, "web", other.lock_fd, &b, &err), -EBADF);
    rundir_remove(&b); /* must not touch what is a's */
    CHECK_EQ(rundir_inherit(base, "web", -1, &b, &err), -EBADF);
    CHECK_EQ(rundir_inherit(base, "none", a.lock_fd, &b, &err), -EBADF);
    CHECK_EQ(rundir_inherit(base, "web", a.lock_fd, &b, &err), 0);
    CHECK_EQ(rundir_read(base, "web", &s, &err), 0);
    CHECK(s.supervised);
    CHECK_EQ(s.pid, 99);
    rundir_remove(&b);
    rundir_remove(&other);
    CHECK_EQ(rundir_list(base, &(struct run_state *){ NULL }, &err), 0);
}

TEST(a_configuration_is_replaced_whole)
{
    char path[PATH_MAX], text[64] = "";
    struct rundir a;
    FILE *f;

    CHECK_EQ(rundir_take(base, "web", &a, &err), 0);
    CHECK_EQ(rundir_keep_config(&a, "name = \"a long first one\"\n", &err), 0);
    CHECK_EQ(rundir_keep_config(&a, "name = \"web\"\n", &err), 0);
    rundir_mark_ended(&a);
    CHECK(rundir_has_ended(base, "web"));
    CHECK(!rundir_has_ended(base, "other"));
    CHECK_EQ(rundir_keep_config(&a, "name = \"web\"\n", &err), 0);
    CHECK(!rundir_has_ended(base, "web")); /* another one has begun */
    rundir_mark_ended(&a);
    rundir_config_path(base, "web", path);
    f = fopen(path, "r");
    assert_non_null(f);
    CHECK_EQ(fread(text, 1, sizeof(text) - 1, f), 13);
    fclose(f);
    CHECK_STR(text, "name = \"web\"\n");
    rundir_remove(&a);
    CHECK(access(path, F_OK) != 0);
}

TEST(a_name_is_changed_in_one_step_and_replaces_nothing)
{
    struct rundir a, b;
    struct run_state s, *list;

    CHECK_EQ(rundir_take(base, "web", &a, &err), 0);
    CHECK_EQ(rundir_write(&a, &some, &err), 0);
    CHECK_EQ(rundir_take(base, "mail", &b, &err), 0);
    CHECK_EQ(rundir_rename(&a, "mail", &err), -EEXIST);
    CHECK_EQ(rundir_rename(&a, "web", &err), -EEXIST);
    CHECK_EQ(rundir_rename(&a, "www", &err), 0);
    CHECK_EQ(rundir_list(base, &list, &err), 2);
    free(list);
    CHECK_EQ(rundir_read(base, "web", &s, &err), -ENOENT);
    CHECK_EQ(rundir_read(base, "www", &s, &err), 0);
    CHECK(s.supervised);
    CHECK_EQ(s.pid, 99);
    rundir_remove(&b);

    /* Both names are as they look: this one free, that one held. */
    CHECK_EQ(rundir_take(base, "web", &b, &err), 0);
    rundir_remove(&b);
    CHECK_EQ(rundir_take(base, "www", &b, &err), -EEXIST);
    rundir_remove(&a);
    CHECK_EQ(rundir_list(base, &list, &err), 0);
    free(list);
}

/* Others take and let go of both names all the while. */
TEST(in_no_moment_has_a_guest_no_name_or_two)
{
    struct rundir a, b;
    struct run_state *list;
    pid_t pid;
    int nr;

    CHECK_EQ(rundir_take(base, "one", &a, &err), 0);
    pid = fork();
    if (pid == 0)
        for (uint32_t i = 0;; i++) {
            if (rundir_rename(&a, i % 2 ? "one" : "two", NULL) == -EEXIST)
                i--;
        }
    for (uint32_t i = 0; i < 3000; i++) {
        int one = rundir_take(base, "one", &b, &err);
        int two;

        if (one == 0)
            rundir_remove(&b);
        two = rundir_take(base, "two", &b, &err);
        if (two == 0)
            rundir_remove(&b);
        CHECK(one == 0 || one == -EEXIST);
        CHECK(two == 0 || two == -EEXIST);
    }
    kill(pid, SIGKILL);
    waitpid(pid, NULL, 0);
    nr = rundir_list(base, &list, &err);
    CHECK_EQ(nr, 1);
    CHECK(list[0].supervised); /* by us: the lock was never lost */
    snprintf(a.path, sizeof(a.path), "%s/%s", base, list[0].name);
    free(list);
    rundir_remove(&a);
}

static int set_up(void **state)
{
    (void)state;
    return mkdtemp(base) ? 0 : -1;
}

static int tear_down(void **state)
{
    (void)state;
    return rmdir(base);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_name_is_held_once),
        cmocka_unit_test(leftovers_of_a_dead_supervisor_show),
        cmocka_unit_test(a_name_is_inherited_by_its_own_lock_alone),
        cmocka_unit_test(a_configuration_is_replaced_whole),
        cmocka_unit_test(a_name_is_changed_in_one_step_and_replaces_nothing),
        cmocka_unit_test(in_no_moment_has_a_guest_no_name_or_two),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
