/* SPDX-License-Identifier: MIT */
/*
 * stage.c - the loop that a test's piece of the supervisor runs on
 */
#include "tests/unit/stage.h"

#include <time.h>

#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

struct stage stage;

static void on_besides(uv_poll_t *p, int status, int events)
{
    (void)p, (void)status, (void)events;
    stage.other();
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

void stage_open(void (*other)(void), int fd)
{
    uv_loop_init(&stage.loop);
    stage.other = other;
    if (other) {
        uv_poll_init(&stage.loop, &stage.besides, fd);
        uv_poll_start(&stage.besides, UV_READABLE, on_besides);
    }
    uv_timer_init(&stage.loop, &stage.tick);
    uv_timer_start(&stage.tick, on_tick, 5, 5);
}

void stage_close(void)
{
    if (stage.other)
        uv_close((uv_handle_t *)&stage.besides, NULL);
    uv_close((uv_handle_t *)&stage.tick, NULL);
    uv_run(&stage.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&stage.loop), 0);
}

void stage_settle(void)
{
    for (uint32_t i = 0; i < 12; i++)
        uv_run(&stage.loop, UV_RUN_ONCE);
}

const char *stage_node(const char *path)
{
    const char *v = fake_xs_value(path);

    return v ? v : "";
}

int stage_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}
