/* SPDX-License-Identifier: MIT */
/*
 * disk.c - one disk between a test's guest and a test's backend
 */
#include "tests/unit/disk.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/devfile.h"

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

struct disk_world disk;

static char base[] = "/tmp/fh-vbd-XXXXXX", image[64];

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    return __real_uv_timer_start(t, cb, timeout / (disk.hurry ? disk.hurry : 1),
                                 repeat);
}

/* ---- the world around it ---- */

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    CHECK(arg == &disk);
    devfile_base(&disk.dir, DEVFILE_DISK, 51712, out);
}

static void on_started(void *arg)
{
    CHECK(arg == &disk);
    disk.nr_started++;
    disk.process = vbd_process(disk.vbd);
}

static void on_moved(void *arg)
{
    CHECK(arg == &disk);
    disk.nr_moved++;
}

static void on_gone(void *arg)
{
    CHECK(arg == &disk);
    CHECK_EQ(vbd_state(disk.vbd), VBD_GONE);
    vbd_close(disk.vbd);
    disk.vbd = NULL;
    disk.gone = true;
}

static const struct vbd_ops ops = {
    .base = on_base,
    .started = on_started,
    .moved = on_moved,
    .gone = on_gone,
};

static void on_stored(uv_poll_t *p, int status, int events)
{
    char token[24];

    (void)p, (void)status, (void)events;
    while (store_take(disk.store, token, sizeof(token)))
        if (disk.vbd && strcmp(token, vbd_token(disk.vbd)) == 0)
            vbd_fired(disk.vbd);
}

static void on_puppets(uv_poll_t *p, int status, int events)
{
    (void)p, (void)status, (void)events;
    puppets_turn();
}

static void on_tick(uv_timer_t *t)
{
    (void)t;
}

int disk_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}

/* Everything that is on its way has come: a while without a sign. */
void disk_settle(void)
{
    for (uint32_t i = 0; i < 12; i++)
        uv_run(&disk.loop, UV_RUN_ONCE);
}

const char *disk_node(const char *path)
{
    const char *v = fake_xs_value(path);

    return v ? v : "";
}

/* Descriptors of this process; what: only those that are called so. */
uint32_t disk_count_fds(const char *what)
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

void disk_open(void)
{
    struct vbd_options o = {
        .link = {
            .disk = &disk.spec,
            .program = PUPPET,
            .name = "web/xvda",
            .domid = 7,
            .devid = 51712,
            .nr_queues = 2,
            .limits = { 500, 0 },
        },
    };
    struct err e = { 0 };

    vbd_nodes_of(7, 51712, &o.nodes);
    CHECK_EQ(vbd_open(&disk.loop, &o, &ops, &disk, &disk.vbd, &e), 0);
}

void disk_fresh(void)
{
    fake_reset();
    puppets_fresh();
    memset(&disk, 0, sizeof(disk));
    disk.nr_fds = disk_count_fds("");
    uv_loop_init(&disk.loop);
    CHECK_EQ(rundir_take(base, "web", &disk.dir, NULL), 0);
    CHECK_EQ(store_open(&disk.store, NULL), 0);
    uv_poll_init(&disk.loop, &disk.stored, store_fd(disk.store));
    uv_poll_start(&disk.stored, UV_READABLE, on_stored);
    uv_poll_init(&disk.loop, &disk.puppeteer, puppets_fd());
    uv_poll_start(&disk.puppeteer, UV_READABLE, on_puppets);
    uv_timer_init(&disk.loop, &disk.tick);
    uv_timer_start(&disk.tick, on_tick, 5, 5);
    disk.spec = (struct vm_disk){
        .target = image,
        .vdev = (char *)"xvda",
        .format = VM_DISK_RAW,
        .devid = 51712,
        .writable = true,
    };
    disk_open();
}

void disk_start(void)
{
    struct err e = { 0 };

    CHECK_EQ(vbd_start(disk.vbd, disk.store, &e), 0);
}

/* A guest with one queue writes its keys, and is connected. */
void disk_write_keys(void)
{
    fake_xs_set(FRONT "/ring-ref", "8");
    fake_xs_set(FRONT "/event-channel", "5");
    fake_xs_set(FRONT "/protocol", "x86_64-abi");
    fake_xs_set(FRONT "/state", "3");
}

void disk_start_connected(void)
{
    disk_start();
    UNTIL(IS(BACK "/state", "2"));
    disk_write_keys();
    UNTIL(vbd_state(disk.vbd) == VBD_CONNECTED);
    fake_xs_set(FRONT "/state", "4");
    disk_settle();
}

/* Whatever is left is ended, and then nothing is left. */
void disk_finish(void)
{
    for (uint32_t i = 0; i < BLK_CTL_TYPES; i++)
        puppets.deaf[i] = false;
    if (disk.vbd)
        vbd_end(disk.vbd);
    UNTIL(disk.gone);
    uv_close((uv_handle_t *)&disk.stored, NULL);
    uv_close((uv_handle_t *)&disk.puppeteer, NULL);
    uv_close((uv_handle_t *)&disk.tick, NULL);
    uv_run(&disk.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&disk.loop), 0);
    CHECK_EQ(fake_xs_watches(), 0);
    store_close(disk.store);
    rundir_remove(&disk.dir);
    puppets_fresh();
    fake_reset();
    CHECK_EQ(disk_count_fds(""), disk.nr_fds);
}

int disk_set_up(void **state)
{
    FILE *f;

    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    uv_loop_init(&disk.loop); /* libuv opens some once, for all loops */
    uv_loop_close(&disk.loop);
    if (!mkdtemp(base) || puppets_set_up(PUPPET))
        return -1;
    snprintf(image, sizeof(image), "%s.img", base);
    f = fopen(image, "w");
    return ftruncate(fileno(f), 1 << 20) | fclose(f);
}

int disk_tear_down(void **state)
{
    (void)state;
    puppets_tear_down();
    unlink(image);
    return rmdir(base);
}
