/* SPDX-License-Identifier: MIT */
/*
 * test_api.c - a guest's API socket: who is slow pays, and nobody else
 *
 * A real loop and real sockets.  What the supervisor grows by is read off the
 * heap itself.
 */
#include "toolstack/supervisor/api.h"

#include <errno.h>
#include <malloc.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "tests/unit/test.h"

#define MANY 20000u

size_t __sanitizer_get_current_allocated_bytes(void) __attribute__((weak));

static struct {
    uv_loop_t loop;
    struct api *api;
    char dir[32], path[64];
    uint32_t nr_calls;
} t;

static size_t heap_bytes(void)
{
    if (__sanitizer_get_current_allocated_bytes)
        return __sanitizer_get_current_allocated_bytes();
    return mallinfo2().uordblks;
}

static int on_call(void *arg, const char *method, struct json_object *params,
                   struct json_object **result, struct err *e)
{
    (void)arg, (void)params, (void)e;
    t.nr_calls++;
    if (strcmp(method, "info"))
        return -ENOSYS;
    *result = json_object_new_object();
    json_object_object_add(*result, "state", json_object_new_string("running"));
    return 0;
}

static void begin(void)
{
    memset(&t, 0, sizeof(t));
    strcpy(t.dir, "/tmp/fh-api-XXXXXX");
    CHECK(mkdtemp(t.dir) != NULL);
    snprintf(t.path, sizeof(t.path), "%s/api", t.dir);
    uv_loop_init(&t.loop);
    CHECK_EQ(api_open(&t.loop, t.path, on_call, NULL, &t.api, NULL), 0);
}

static void finish(void)
{
    api_close(t.api);
    uv_run(&t.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&t.loop), 0);
    CHECK_EQ(unlink(t.path), 0); /* ours to remove, and nobody else did */
    CHECK_EQ(rmdir(t.dir), 0);   /* and nothing else is there */
}

static void turns(uint32_t nr)
{
    while (nr-- > 0)
        uv_run(&t.loop, UV_RUN_NOWAIT);
}

static int attach(void)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

    strcpy(where.sun_path, t.path);
    CHECK_EQ(connect(fd, (struct sockaddr *)&where, sizeof(where)), 0);
    turns(2);
    return fd;
}

static void say(int fd, const char *line)
{
    CHECK_EQ(send(fd, line, strlen(line), MSG_NOSIGNAL), strlen(line));
    turns(2);
}

/* Lines that are there; sets *ended at the end of the stream. */
static uint32_t hear(int fd, char *last, bool *ended)
{
    char bytes[65536];
    uint32_t nr = 0;
    ssize_t r;

    *ended = false;
    while ((r = recv(fd, bytes, sizeof(bytes) - 1, MSG_DONTWAIT)) > 0) {
        for (ssize_t i = 0; i < r; i++)
            nr += bytes[i] == '\n';
        bytes[r] = 0;
        if (last)
            snprintf(last, 256, "%.255s", bytes);
    }
    *ended = r == 0 || errno == ECONNRESET;
    return nr;
}

#define SUBSCRIBE "{\"jsonrpc\":\"2.0\",\"id\":1,\"method\":\"subscribe\"}\n"

static struct json_object *some_event(void)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "why", json_object_new_string("it is told"));
    return o;
}

TEST(subscribe_tells_how_things_are)
{
    char text[256];
    bool ended;
    int fd;

    begin();
    fd = attach();
    say(fd, SUBSCRIBE);
    CHECK_EQ(hear(fd, text, &ended), 1);
    CHECK_HAS(text, "\"result\":{\"state\":\"running\"}");
    api_event(t.api, "state", some_event());
    turns(1);
    CHECK_EQ(hear(fd, text, &ended), 1);
    CHECK_HAS(text, "\"method\":\"state\"");
    close(fd);
    finish();
}

TEST(who_did_not_subscribe_hears_nothing)
{
    bool ended;
    int fd;

    begin();
    fd = attach();
    api_event(t.api, "state", some_event());
    turns(2);
    CHECK_EQ(hear(fd, NULL, &ended), 0);
    CHECK(!ended);
    close(fd);
    finish();
}

TEST(who_does_not_listen_is_hung_up_on_and_others_hear_everything)
{
    uint32_t heard = 0;
    size_t before, most = 0;
    int slow, quick;
    bool ended;

    begin();
    slow = attach();
    quick = attach();
    say(slow, SUBSCRIBE);
    say(quick, SUBSCRIBE);
    before = heap_bytes();
    for (uint32_t i = 0; i < MANY; i++) {
        api_event(t.api, "state", some_event());
        turns(1);
        heard += hear(quick, NULL, &ended);
        CHECK(!ended);
        if (heap_bytes() - before > most && heap_bytes() > before)
            most = heap_bytes() - before;
    }
    CHECK_EQ(heard, 1 + MANY);
    CHECK(most > API_QUEUE_BYTES_MAX / 2); /* it did wait for him, */
    CHECK(most < API_QUEUE_BYTES_MAX * 2); /* but not for ever */
    CHECK(hear(slow, NULL, &ended) < MANY);
    CHECK(ended);
    close(slow);
    close(quick);
    finish();
}

/* Answers wait as events do. */
TEST(who_asks_and_does_not_listen_is_hung_up_on)
{
    char ask[16 * 64] = "";
    size_t before, most = 0;
    uint32_t i;
    int fd;

    begin();
    fd = attach();
    for (i = 0; i < 16; i++)
        strcat(ask, "{\"id\":1,\"method\":\"info\"}\n");
    before = heap_bytes();
    for (i = 0; i < MANY; i++) {
        if (send(fd, ask, strlen(ask), MSG_NOSIGNAL | MSG_DONTWAIT) < 0)
            break;
        turns(1);
        if (heap_bytes() > before + most)
            most = heap_bytes() - before;
    }
    CHECK(i < MANY);
    CHECK(most < API_QUEUE_BYTES_MAX * 2);
    close(fd);
    finish();
}

TEST(one_client_too_many_is_let_go_and_the_others_stay)
{
    int fd[API_CLIENTS_MAX + 1];
    bool ended;

    begin();
    for (uint32_t i = 0; i <= API_CLIENTS_MAX; i++)
        fd[i] = attach();
    turns(2);
    for (uint32_t i = 0; i <= API_CLIENTS_MAX; i++) {
        hear(fd[i], NULL, &ended);
        CHECK_EQ(ended, i == API_CLIENTS_MAX);
        close(fd[i]);
    }
    finish();
}

/* A dead supervisor's socket lies there; the new one takes its place. */
TEST(a_socket_takes_the_place_of_what_lies_there)
{
    struct api *second;
    char text[256];
    bool ended;
    int fd;

    begin();
    CHECK_EQ(api_open(&t.loop, t.path, on_call, NULL, &second, NULL), 0);
    api_close(t.api);
    t.api = second;
    turns(3);
    fd = attach(); /* closing the first left the second's name alone */
    say(fd, SUBSCRIBE);
    CHECK_EQ(hear(fd, text, &ended), 1);
    close(fd);
    finish();
}

TEST(a_path_that_is_too_long_or_not_there_is_an_error)
{
    char path[160];
    struct err e = { 0 };
    struct api *api;

    begin();
    memset(path, 'x', sizeof(path));
    path[0] = '/';
    path[sizeof(path) - 1] = 0;
    CHECK_EQ(api_open(&t.loop, path, on_call, NULL, &api, &e), -ENAMETOOLONG);
    CHECK_EQ(api_open(&t.loop, "/nowhere/api", on_call, NULL, &api, &e),
             -ENOENT);
    CHECK_STR(e.text, "/nowhere/api: listen: No such file or directory");
    finish();
}

RUN_TESTS(RULE(subscribe_tells_how_things_are),
          RULE(who_did_not_subscribe_hears_nothing),
          RULE(who_does_not_listen_is_hung_up_on_and_others_hear_everything),
          RULE(who_asks_and_does_not_listen_is_hung_up_on),
          RULE(one_client_too_many_is_let_go_and_the_others_stay),
          RULE(a_socket_takes_the_place_of_what_lies_there),
          RULE(a_path_that_is_too_long_or_not_there_is_an_error))
