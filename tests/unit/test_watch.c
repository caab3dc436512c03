/* SPDX-License-Identifier: MIT */
/*
 * test_watch.c - events of all guests, whatever becomes of their supervisors
 *
 * Supervisors are processes of their own, with the real api.c and rundir.c;
 * the test tells them what to do when it hears of them.  Nothing sleeps.
 */
#include "toolstack/cli/watch.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <json-c/json.h>
#include <uv.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/rundir.h"

#define FLOOD 20000
#define LAST_FD 900

struct boss { /* a supervisor */
    pid_t pid;
    int fd;
};

static char base[32];
static char heard[512]; /* "is:web state:web " */

/* ---- the supervisor's side ---- */

static struct {
    struct rundir dir;
    struct api *api;
    int fd;
} own;

static int on_call(void *arg, const char *method, struct json_object *params,
                   struct json_object **result, struct err *e)
{
    (void)arg, (void)params, (void)e;
    if (strcmp(method, "info"))
        return -ENOSYS;
    *result = json_object_new_object();
    json_object_object_add(*result, "state", json_object_new_string("running"));
    return 0;
}

static void tell_event(void)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "state", json_object_new_string("ended"));
    api_event(own.api, "state", o);
}

static void on_order(uv_poll_t *p, int status, int events)
{
    char order, path[PATH_MAX];

    (void)p, (void)status, (void)events;
    if (read(own.fd, &order, 1) != 1)
        _exit(0);
    switch (order) {
    case 'e':
        tell_event();
        return; /* no answer: it is to be heard by the other way */
    case 'f':
        for (int i = 0; i < FLOOD; i++)
            tell_event();
        break;
    case 'r':
        snprintf(path, sizeof(path), "%s/www", base);
        if (rename(own.dir.path, path))
            abort();
        strcpy(own.dir.path, path);
        break;
    case 'g':
        rundir_remove(&own.dir);
        _exit(0);
    }
    if (write(own.fd, ".", 1) != 1)
        _exit(1);
}

static void be_boss(const char *name, int fd)
{
    struct run_state s = { .uuid = { 1 } };
    char path[PATH_MAX + 8];
    uv_loop_t loop;
    uv_poll_t poll;
    int lock_fd;

    prctl(PR_SET_PDEATHSIG, SIGKILL);
    own.fd = fd;
    uv_loop_init(&loop);
    uv_poll_init(&loop, &poll, fd);
    if (rundir_take(base, name, &own.dir, NULL) < 0 ||
        rundir_write(&own.dir, &s, NULL) < 0)
        _exit(1);
    /* Should it be killed, the lock is the last that goes. */
    lock_fd = own.dir.lock_fd;
    own.dir.lock_fd = fcntl(lock_fd, F_DUPFD_CLOEXEC, LAST_FD);
    close(lock_fd);
    snprintf(path, sizeof(path), "%s/api", own.dir.path);
    if (api_open(&loop, path, on_call, NULL, &own.api, NULL) < 0 ||
        write(fd, ".", 1) != 1)
        _exit(1);
    uv_poll_start(&poll, UV_READABLE, on_order);
    uv_run(&loop, UV_RUN_DEFAULT);
    _exit(0);
}

/* ---- the test's side ---- */

static void wait_answer(struct boss *b)
{
    char dot;

    CHECK_EQ(read(b->fd, &dot, 1), 1);
}

static void start(struct boss *b, const char *name)
{
    int fd[2];

    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fd), 0);
    b->pid = fork();
    if (b->pid == 0) {
        close(fd[0]);
        be_boss(name, fd[1]);
    }
    close(fd[1]);
    b->fd = fd[0];
    wait_answer(b);
}

static void order(struct boss *b, char what)
{
    CHECK_EQ(write(b->fd, &what, 1), 1);
    if (what != 'e' && what != 'g')
        wait_answer(b);
}

static void reap(struct boss *b)
{
    kill(b->pid, SIGKILL);
    CHECK_EQ(waitpid(b->pid, NULL, 0), b->pid);
    close(b->fd);
}

static void retire(struct boss *b)
{
    order(b, 'g');
    CHECK_EQ(waitpid(b->pid, NULL, 0), b->pid);
    close(b->fd);
}

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
        .base = base,
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
        order(&web, nth == 0 ? 'e' : 'g');
    return nth < 2;
}

TEST(first_how_it_is_then_what_happens_then_its_end)
{
    start(&web, "web");
    CHECK_EQ(run(a_life, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web state:web gone:web ");
    reap(&web);
}

static bool a_birth(const struct watch_event *v, uint32_t nth)
{
    if (nth == 0)
        start(&web, "web");
    if (nth == 1) {
        CHECK_STR(
            json_object_get_string(json_object_object_get(v->detail, "state")),
            "running");
        order(&web, 'g');
    }
    return nth < 2;
}

TEST(a_guest_that_comes_later_is_followed_too)
{
    char *names[] = { (char *)"web" };

    CHECK_EQ(run(a_birth, 20000, 1, names), 0);
    CHECK_STR(heard, "absent:web appears:web gone:web ");
    reap(&web);
}

static bool a_death(const struct watch_event *v, uint32_t nth)
{
    (void)v;
    if (nth == 0)
        kill(web.pid, SIGKILL);
    if (nth == 1) {
        reap(&web);
        start(&web, "web"); /* takes the name over */
    }
    if (nth == 2)
        order(&web, 'g');
    return nth < 3;
}

TEST(a_supervisor_that_dies_is_told_and_so_is_its_successor)
{
    start(&web, "web");
    CHECK_EQ(run(a_death, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web lost:web is:web gone:web ");
    reap(&web);
}

static bool first_only(const struct watch_event *v, uint32_t nth)
{
    (void)v, (void)nth;
    return false;
}

TEST(one_that_is_dead_already_is_told_as_lost)
{
    struct rundir d;

    start(&web, "web");
    reap(&web);
    CHECK_EQ(run(first_only, 20000, 0, NULL), 0);
    CHECK_STR(heard, "lost:web ");
    CHECK_EQ(rundir_take(base, "web", &d, NULL), 0);
    rundir_remove(&d);
}

static bool too_slow(const struct watch_event *v, uint32_t nth)
{
    if (nth == 0)
        order(&web, 'f');
    return nth == 0 || strcmp(v->what, "is");
}

TEST(who_was_too_slow_hears_how_it_is_now)
{
    start(&web, "web");
    CHECK_EQ(run(too_slow, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web state:web is:web ");
    CHECK(nr_heard < FLOOD);
    retire(&web);
}

static bool others_go_on(const struct watch_event *v, uint32_t nth)
{
    (void)nth;
    if (strcmp(v->name, "mail") == 0 && strcmp(v->what, "is") == 0)
        order(&mail, 'e');
    return strcmp(v->what, "silent");
}

TEST(one_that_hangs_holds_up_nobody)
{
    start(&web, "web");
    start(&mail, "mail");
    kill(web.pid, SIGSTOP);
    CHECK_EQ(run(others_go_on, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:mail state:mail silent:web ");
    kill(web.pid, SIGCONT);
    retire(&web);
    retire(&mail);
}

static bool a_new_name(const struct watch_event *v, uint32_t nth)
{
    (void)v;
    if (nth == 0) {
        order(&web, 'r');
        order(&web, 'e');
    }
    if (nth == 1)
        order(&web, 'g');
    return nth < 2;
}

TEST(a_guest_with_a_new_name_is_followed_under_it)
{
    start(&web, "web");
    CHECK_EQ(run(a_new_name, 20000, 0, NULL), 0);
    CHECK_STR(heard, "is:web state:www gone:www ");
    reap(&web);
}

TEST(patience_ends)
{
    CHECK_EQ(run(first_only, 20, 0, NULL), -ETIMEDOUT);
    CHECK_STR(heard, "");
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_ERR);
    strcpy(base, "/tmp/fh-watch-XXXXXX");
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
        RULE(first_how_it_is_then_what_happens_then_its_end),
        RULE(a_guest_that_comes_later_is_followed_too),
        RULE(a_supervisor_that_dies_is_told_and_so_is_its_successor),
        RULE(one_that_is_dead_already_is_told_as_lost),
        RULE(who_was_too_slow_hears_how_it_is_now),
        RULE(one_that_hangs_holds_up_nobody),
        RULE(a_guest_with_a_new_name_is_followed_under_it),
        RULE(patience_ends),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
