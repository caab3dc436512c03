/* SPDX-License-Identifier: MIT */
/*
 * test_migrate.c - `freehold migrate`, `migrate-cancel` and `resolve`, whole:
 * with a shell in ssh's place, and a supervisor that has no guest
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "tests/unit/boss.h"
#include "tests/unit/test.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"

/* It stands for ssh and the other end: it ends when we close the connection. */
#define PEER "printf 'freehold migrate-receive 1\n'; cat >/dev/null"

int __wrap_ask_open(const char *word, struct client **c, struct target *t,
                    struct err *e);
int __wrap_client_open_at(const char *base, const char *name,
                          struct client **out, struct err *e);
int __real_client_open_at(const char *base, const char *name,
                          struct client **out, struct err *e);

/* Linked in by --wrap: the supervisor is below a directory of the test's. */
int __wrap_client_open_at(const char *base, const char *name,
                          struct client **out, struct err *e)
{
    (void)base;
    return __real_client_open_at(boss_base, name, out, e);
}

int __wrap_ask_open(const char *word, struct client **c, struct target *t,
                    struct err *e)
{
    *t = (struct target){ .known = true };
    snprintf(t->name, sizeof(t->name), "%s", word);
    return client_open_at(boss_base, word, c, e);
}

static struct boss boss;
static struct err e;
static char out[4096], err_text[4096];

static int count_fds(void)
{
    DIR *d = opendir("/proc/self/fd");
    int nr = 0;

    while (readdir(d))
        nr++;
    closedir(d);
    return nr;
}

static void read_back(int fd, char *text, size_t room)
{
    ssize_t r = pread(fd, text, room - 1, 0);

    CHECK(r >= 0);
    text[r] = 0;
    close(fd);
}

static bool leaves; /* ssh, to a transfer that may go on */

/* Our only child is the supervisor, dead or not; and what is left on purpose.
 */
static void check_children(void)
{
    char path[64], want[16], got[64] = "";
    FILE *f;

    snprintf(path, sizeof(path), "/proc/self/task/%d/children", getpid());
    snprintf(want, sizeof(want), "%d ", boss.pid);
    f = fopen(path, "r");
    CHECK(f != NULL);
    CHECK(fgets(got, sizeof(got), f) != NULL);
    fclose(f);
    CHECK_EQ(strncmp(got, want, strlen(want)), 0);
    CHECK_EQ(got[strlen(want)] != 0, leaves);
    if (leaves) {
        pid_t pid = atoi(got + strlen(want));

        CHECK_EQ(waitpid(pid, NULL, 0), pid);
    }
}

/* Run it with its outputs in out and err_text; what it returns. */
static int run(cmd_function *cmd, bool json, char **argv)
{
    struct cmd_context x = { .json = json };
    int kept[2] = { dup(1), dup(2) }, to[2], nr = 0, rc, fds;

    for (int i = 0; i < 2; i++) {
        to[i] = open("/tmp", O_TMPFILE | O_RDWR, 0600);
        CHECK(to[i] >= 0);
        CHECK_EQ(dup2(to[i], i + 1), i + 1);
    }
    while (argv[nr])
        nr++;
    fds = count_fds();
    e = (struct err){ 0 };
    rc = cmd(&x, nr, argv, &e);
    fflush(stdout);
    fflush(stderr);
    for (int i = 0; i < 2; i++) {
        dup2(kept[i], i + 1);
        close(kept[i]);
    }
    read_back(to[0], out, sizeof(out));
    read_back(to[1], err_text, sizeof(err_text));
    /* Its signals' descriptor is left to the process' end. */
    CHECK(count_fds() <= fds - 4 + 1);
    check_children();
    return rc;
}

#define RUN(cmd, json, ...)                                                    \
    run(cmd, json, (char *[]){ (char *)#cmd, __VA_ARGS__, NULL })
#define W(word) ((char *)(uintptr_t)(word))

TEST(a_guest_moves_by_ssh_and_its_figures_are_told)
{
    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_migrate, false, W("--bandwidth"), W("79K"), W("-s"), W(""),
                 W("web"), W(PEER)),
             0);
    CHECK_HAS(out, "web: it runs at ");
    CHECK_HAS(out, "\n  downtime  210 ms\n");
    CHECK_HAS(err_text, "web: precopy");
    boss_retire(&boss);
}

TEST(programs_get_each_event_on_a_line_and_the_end_last)
{
    char *left = NULL;
    struct json_object *o = NULL;
    int nr = 0;

    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_migrate, true, W("--bandwidth"), W("80K"), W("-s"), W(""),
                 W("web"), W(PEER)),
             7);
    CHECK_STR(err_text, "");
    for (char *l = strtok_r(out, "\n", &left); l;
         l = strtok_r(NULL, "\n", &left), nr++) {
        json_object_put(o);
        o = json_tokener_parse(l);
        CHECK(o != NULL);
        CHECK_STR(json_object_get_string(json_object_object_get(o, "name")),
                  "web");
    }
    CHECK_EQ(nr, 2);
    CHECK_STR(json_object_get_string(json_object_object_get(o, "event")),
              "migration-end");
    CHECK_STR(json_object_get_string(json_object_object_get(o, "end")),
              "fenced");
    json_object_put(o);
    boss_retire(&boss);
}

TEST(one_that_is_fenced_ends_with_7_and_what_to_do)
{
    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_migrate, false, W("--bandwidth"), W("80K"), W("-s"), W(""),
                 W("web"), W(PEER)),
             7);
    CHECK_HAS(err_text, "between two hosts: it broke");
    CHECK_HAS(err_text, "freehold resolve --abort -s '' web '");
    CHECK_STR(out, "");
    boss_retire(&boss);
}

TEST(a_supervisor_that_dies_leaves_it_open)
{
    boss_start(&boss, "web");
    leaves = true;
    CHECK_EQ(RUN(cmd_migrate, false, W("--bandwidth"), W("81K"), W("-s"), W(""),
                 W("web"), W("printf 'freehold migrate-receive 1\n'")),
             -EINPROGRESS);
    leaves = false;
    boss_reap(&boss);
    boss_start(&boss, "web");
    boss_retire(&boss);
}

/* Else nobody could hear that the supervisor has closed them. */
TEST(the_connections_are_the_supervisors_alone_from_then_on)
{
    char peer[128];

    boss_start(&boss, "web");
    snprintf(peer, sizeof(peer), PEER "; kill -KILL %d", boss.pid);
    leaves = true;
    CHECK_EQ(RUN(cmd_migrate, false, W("-s"), W(""), W("web"), peer),
             -EINPROGRESS);
    leaves = false;
    boss_reap(&boss);
    boss_start(&boss, "web");
    boss_retire(&boss);
}

TEST(what_the_supervisor_refuses_ends_ssh)
{
    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_migrate, false, W("--bandwidth"), W("77K"), W("-s"), W(""),
                 W("web"),
                 W("printf 'freehold migrate-receive 1\n'; "
                   "exec sleep 1000")),
             -EINVAL);
    CHECK_HAS(e.text, "\"purpose\":\"migrate\"");
    boss_retire(&boss);
}

TEST(the_guest_is_not_asked_when_nobody_is_reached)
{
    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_migrate, false, W("-s"), W("false"), W("web"), W("b")),
             -EIO);
    CHECK_STR(e.text, "b: connect: ssh ended with 1 before freehold "
                      "migrate-receive was there");
    CHECK_EQ(
        RUN(cmd_migrate, false, W("--unix"), W("/tmp/fh-nobody"), W("web")),
        -ENOENT);
    boss_retire(&boss);
}

/* Interrupted before it began to look: the socket is there at once. */
TEST(an_interrupt_cancels_it_in_order)
{
    struct sockaddr_un a = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const struct timespec none = { 0 };
    sigset_t set, before;

    snprintf(a.sun_path, sizeof(a.sun_path), "/tmp/fh-migrate-%d", getpid());
    CHECK_EQ(bind(fd, (struct sockaddr *)&a, sizeof(a)), 0);
    CHECK_EQ(listen(fd, 8), 0);
    boss_start(&boss, "web");
    sigemptyset(&set);
    sigaddset(&set, SIGINT);
    sigprocmask(SIG_BLOCK, &set, &before);
    raise(SIGINT);
    CHECK_EQ(RUN(cmd_migrate, false, W("--unix"), a.sun_path, W("web")), 3);
    CHECK_HAS(err_text, "the transfer is being cancelled");
    CHECK_HAS(err_text, "migrate: cancelled");
    raise(SIGINT);
    CHECK_EQ(
        RUN(cmd_migrate, false, W("-s"), W(""), W("web"), W("exec sleep 1000")),
        -EINTR);
    /* A command would have died with it. */
    CHECK_EQ(sigtimedwait(&set, NULL, &none), SIGINT);
    sigprocmask(SIG_SETMASK, &before, NULL);
    boss_retire(&boss);
    unlink(a.sun_path);
    close(fd);
}

TEST(resolve_says_where_it_runs)
{
    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_resolve, false, W("-s"), W(""), W("web"), W(PEER)), 0);
    CHECK_HAS(out, "web: it runs at ");
    CHECK(!strstr(out, "downtime"));
    CHECK_EQ(RUN(cmd_resolve, false, W("--abort"), W("-s"), W(""), W("web"),
                 W(PEER)),
             0);
    CHECK_STR(out, "web: it runs on here\n");
    CHECK_EQ(RUN(cmd_resolve, false, W("web")), 0);
    CHECK_STR(out, "web: it runs here\n");
    boss_retire(&boss);
}

TEST(migrate_cancel_waits_until_it_is_settled)
{
    boss_start(&boss, "web");
    CHECK_EQ(RUN(cmd_migrate_cancel, false, W("web")), 0);
    CHECK_STR(out, "web: it runs on here\n");
    boss_order(&boss, 'k');
    CHECK_EQ(RUN(cmd_migrate_cancel, false, W("web")), -EBUSY);
    boss_retire(&boss);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_guest_moves_by_ssh_and_its_figures_are_told),
        RULE(programs_get_each_event_on_a_line_and_the_end_last),
        RULE(one_that_is_fenced_ends_with_7_and_what_to_do),
        RULE(a_supervisor_that_dies_leaves_it_open),
        RULE(the_connections_are_the_supervisors_alone_from_then_on),
        RULE(what_the_supervisor_refuses_ends_ssh),
        RULE(the_guest_is_not_asked_when_nobody_is_reached),
        RULE(an_interrupt_cancels_it_in_order),
        RULE(resolve_says_where_it_runs),
        RULE(migrate_cancel_waits_until_it_is_settled),
    };

    return cmocka_run_group_tests(tests, boss_set_up, boss_tear_down);
}
