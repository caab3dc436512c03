/* SPDX-License-Identifier: MIT */
/*
 * test_moveproc.c - a transfer's process, and the line to it
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>
#include <uv.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/moveproc.h"

static char log_path[] = "/tmp/fh-mover-XXXXXX";
static struct err err;
static uv_loop_t loop;
static struct moveproc *p;
static char told[512];
static int nr_ended;

static void on_event(void *arg, const char *name, struct json_object *o)
{
    (void)arg, (void)o;
    strcat(told, name);
    strcat(told, ", ");
    if (strcmp(name, "suspend") == 0)
        moveproc_order(p, "suspended");
}

static void on_ended(void *arg)
{
    (void)arg;
    nr_ended++;
    moveproc_close(p);
    p = NULL;
}

static const struct moveproc_events events = { on_event, on_ended, NULL };

static const char *heard(void)
{
    static char text[4096];
    FILE *f = fopen(log_path, "r");
    size_t nr = fread(text, 1, sizeof(text) - 1, f);

    fclose(f);
    text[nr] = 0;
    return text;
}

/* A connection each; they are closed here, and the process has its own. */
static int begin(const char *script, uint32_t nr)
{
    struct moveproc_fds fds = { .nr = nr, .listen_fd = -1 };
    struct json_object *first = json_object_new_object();
    int pair[2], rc;

    CHECK_EQ(truncate(log_path, 0), 0);
    setenv("MOVER", script, 1);
    setenv("MOVER_LOG", log_path, 1);
    json_object_object_add(first, "side", json_object_new_string("source"));
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair), 0);
    for (uint32_t i = 0; i < MOVEPROC_CONNECTIONS_MAX; i++) {
        fds.fd[i][0] = pair[0];
        fds.fd[i][1] = i ? pair[0] : pair[1];
    }
    err = (struct err){ 0 };
    told[0] = 0;
    nr_ended = 0;
    rc = moveproc_start(MOVER, first, &fds, &p, &err);
    json_object_put(first);
    close(pair[0]);
    close(pair[1]);
    return rc;
}

static void run(void)
{
    uv_loop_init(&loop);
    CHECK_EQ(moveproc_watch(p, &loop, &events, &err), 0);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
}

TEST(it_is_told_its_descriptors_and_tells_events)
{
    CHECK_EQ(
        begin("{\"event\": \"suspend\"}\n?suspended\n{\"event\": \"end\"}", 2),
        0);
    run();
    CHECK_STR(told, "suspend, end, ");
    CHECK_EQ(nr_ended, 1);
    CHECK_HAS(heard(), "\"connections\":[[4,5],[6,6]]");
    CHECK_HAS(heard(), "{\"order\":\"suspended\"}");
}

TEST(one_that_dies_is_told_of_after_its_last_word)
{
    CHECK_EQ(begin("{\"event\": \"state\"}\n!", 1), 0);
    run();
    CHECK_STR(told, "state, ");
    CHECK_EQ(nr_ended, 1);
}

TEST(one_that_says_nonsense_is_killed)
{
    CHECK_EQ(begin("{\"event\": \"state\"}\n{\"event\": 7}\n#", 1), 0);
    run();
    CHECK_STR(told, "state, ");
    CHECK_EQ(nr_ended, 1);
    CHECK_EQ(begin("no object\n#", 1), 0);
    run();
    CHECK_STR(told, "");
    CHECK_EQ(nr_ended, 1);
}

TEST(a_line_without_an_end_is_its_end)
{
    char *script = malloc((5u << 20) + 8);

    memset(script, 'x', 5u << 20); /* more than the environment takes */
    script[100000] = 0;
    for (uint32_t i = 0; i < 100000; i++)
        script[i] = i % 50000 == 49999 ? '\n' : 'x';
    CHECK_EQ(begin(script, 1), 0); /* lines that are no events, at least */
    run();
    CHECK_EQ(nr_ended, 1);
    free(script);
}

TEST(before_the_loop_its_events_are_waited_for)
{
    struct json_object *o, *name;

    CHECK_EQ(begin("{\"event\": \"state\"}\n{\"event\": \"plan\"}\n?answer", 1),
             0);
    CHECK_EQ(moveproc_wait(p, 5000, &o, &err), 0);
    json_object_put(o);
    CHECK_EQ(moveproc_wait(p, 5000, &o, &err), 0);
    CHECK(json_object_object_get_ex(o, "event", &name));
    CHECK_STR(json_object_get_string(name), "plan");
    json_object_put(o);
    CHECK_EQ(moveproc_wait(p, 50, &o, &err), -ETIMEDOUT);
    moveproc_order(p, "answer");
    CHECK_EQ(moveproc_wait(p, 5000, &o, &err), -EPIPE);
    moveproc_close(p);
}

TEST(what_cannot_be_started_is_told)
{
    struct moveproc_fds fds = { .nr = 1, .listen_fd = -1 };
    struct json_object *first = json_object_new_object();

    CHECK_EQ(moveproc_start("/nowhere/mover", first, &fds, &p, &err), -ENOENT);
    CHECK_HAS(err.text, "/nowhere/mover: start it");
    fds.nr = 0;
    CHECK_EQ(moveproc_start(MOVER, first, &fds, &p, &err), -EINVAL);
    fds.nr = 1;
    fds.fd[0][0] = 1000;
    CHECK_EQ(moveproc_start(MOVER, first, &fds, &p, &err), -EBADF);
    json_object_put(first);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(it_is_told_its_descriptors_and_tells_events),
        RULE(one_that_dies_is_told_of_after_its_last_word),
        RULE(one_that_says_nonsense_is_killed),
        RULE(a_line_without_an_end_is_its_end),
        RULE(before_the_loop_its_events_are_waited_for),
        RULE(what_cannot_be_started_is_told),
    };
    int fd = mkstemp(log_path), rc;

    close(fd);
    log_set_level(LOG_LEVEL_NONE);
    rc = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(log_path);
    return rc;
}
