/* SPDX-License-Identifier: MIT */
/*
 * device.c - what a test's disk and card have around them
 */
#include "tests/unit/device.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/log.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

struct device device;

static char base[] = "/tmp/fh-device-XXXXXX";

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    return __real_uv_timer_start(
        t, cb, timeout / (device.hurry ? device.hurry : 1), repeat);
}

void device_moved(void *arg)
{
    CHECK(arg == &device);
    device.nr_moved++;
}

void device_started(struct beproc_id process)
{
    device.nr_started++;
    device.process = process;
}

static void on_stored(uv_poll_t *p, int status, int events)
{
    char token[24];

    (void)p, (void)status, (void)events;
    while (store_take(device.store, token, sizeof(token)))
        device.fired(token);
}

uint32_t device_count_fds(const char *what)
{
    char link[64], to[256];
    uint32_t nr = 0;

    for (int fd = 0; fd < 1024; fd++) {
        ssize_t got;

        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        got = readlink(link, to, sizeof(to) - 1);
        if (got < 0)
            continue;
        to[got] = 0;
        nr += strstr(to, what) != NULL;
    }
    return nr;
}

void device_fresh(void (*fired)(const char *token))
{
    fake_reset();
    puppets_fresh();
    memset(&device, 0, sizeof(device));
    device.fired = fired;
    device.nr_fds = device_count_fds("");
    stage_open(puppets_turn, puppets_fd());
    CHECK_EQ(rundir_take(base, "web", &device.dir, NULL), 0);
    CHECK_EQ(store_open(&device.store, NULL), 0);
    uv_poll_init(&stage.loop, &device.stored, store_fd(device.store));
    uv_poll_start(&device.stored, UV_READABLE, on_stored);
}

void device_finish(void)
{
    UNTIL(device.gone);
    uv_close((uv_handle_t *)&device.stored, NULL);
    stage_close();
    CHECK_EQ(fake_xs_watches(), 0);
    store_close(device.store);
    rundir_remove(&device.dir);
    puppets_fresh();
    fake_reset();
    CHECK_EQ(device_count_fds(""), device.nr_fds);
}

int device_set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    uv_loop_init(&stage.loop); /* libuv opens some once, for all loops */
    uv_loop_close(&stage.loop);
    return !mkdtemp(base) || puppets_set_up(PUPPET) ? -1 : 0;
}

int device_tear_down(void **state)
{
    (void)state;
    puppets_tear_down();
    return rmdir(base);
}
