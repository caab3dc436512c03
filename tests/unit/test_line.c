/* SPDX-License-Identifier: MIT */
/*
 * test_line.c - a transfer's line to its supervisor
 */
#include "tests/unit/test.h"

#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include <json-c/json.h>

#include "migrate/line.h"

static uv_loop_t loop;
static struct line line;
static int other;

static void fresh(void)
{
    int fd[2];

    line = (struct line){ 0 };
    CHECK_EQ(uv_loop_init(&loop), 0);
    CHECK_EQ(socketpair(AF_UNIX, SOCK_STREAM, 0, fd), 0);
    CHECK_EQ(line_open(&line, &loop, fd[0], NULL), 0);
    other = fd[1];
}

static size_t waits(void)
{
    return uv_stream_get_write_queue_size((uv_stream_t *)&line.pipe);
}

static struct json_object *object(const char *text)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "event", json_object_new_string(text));
    return o;
}

static size_t drop_all(void)
{
    char in[65536];
    size_t all = 0;

    while (waits()) {
        ssize_t r = recv(other, in, sizeof(in), MSG_DONTWAIT);

        all += r > 0 ? (size_t)r : 0;
        uv_run(&loop, UV_RUN_NOWAIT);
    }
    return all;
}

static void finish(void)
{
    uv_close((uv_handle_t *)&line.pipe, NULL);
    uv_run(&loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&loop), 0);
    line_free(&line);
    close(other);
}

TEST(a_supervisor_that_is_behind_is_told_what_counts)
{
    size_t before;

    fresh();
    for (unsigned i = 0; i < 100000; i++)
        line_tell(&line, object("progress"));
    CHECK(waits() > 0);
    CHECK(waits() < LINE_BEHIND_BYTES + 100);
    before = waits();
    line_say(&line, object("suspend"));
    CHECK(waits() > before);
    drop_all();
    finish();
}

TEST(one_that_reads_is_told_all)
{
    size_t told = 0;
    char in[64];

    fresh();
    for (unsigned i = 0; i < 1000; i++) {
        line_tell(&line, object("progress"));
        while (waits())
            uv_run(&loop, UV_RUN_NOWAIT);
        told += (size_t)recv(other, in, sizeof(in), MSG_DONTWAIT);
    }
    CHECK_EQ(told, 1000 * strlen("{\"event\":\"progress\"}\n"));
    finish();
}

RUN_TESTS(RULE(a_supervisor_that_is_behind_is_told_what_counts),
          RULE(one_that_reads_is_told_all))
