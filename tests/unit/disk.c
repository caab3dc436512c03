/* SPDX-License-Identifier: MIT */
/*
 * disk.c - one disk between a test's guest and a test's backend
 */
#include "tests/unit/disk.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/devfile.h"

struct disk_world disk;

static char image[] = "/tmp/fh-image-XXXXXX";

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    CHECK(arg == &device);
    devfile_base(&device.dir, DEVFILE_DISK, 51712, out);
}

static void on_started(void *arg)
{
    CHECK(arg == &device);
    device_started(vbd_process(disk.vbd));
}

static void on_gone(void *arg)
{
    CHECK(arg == &device);
    CHECK_EQ(vbd_state(disk.vbd), VBD_GONE);
    vbd_close(disk.vbd);
    disk.vbd = NULL;
    device.gone = true;
}

static void on_held(void *arg)
{
    CHECK(arg == &device);
    disk.nr_held++;
}

static const struct vbd_ops ops = {
    .base = on_base,
    .started = on_started,
    .moved = device_moved,
    .gone = on_gone,
    .held = on_held,
};

static void on_fired(const char *token)
{
    if (disk.vbd && strcmp(token, vbd_token(disk.vbd)) == 0)
        vbd_fired(disk.vbd);
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
        .later = disk.later,
    };
    struct err e = { 0 };

    vbd_nodes_of(7, 51712, &o.nodes);
    CHECK_EQ(vbd_open(&stage.loop, &o, &ops, &device, &disk.vbd, &e), 0);
}

void disk_fresh(void)
{
    device_fresh(on_fired);
    memset(&disk, 0, sizeof(disk));
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

    CHECK_EQ(vbd_start(disk.vbd, device.store, &e), 0);
}

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
    stage_settle();
}

void disk_finish(void)
{
    for (uint32_t i = 0; i < BLK_CTL_TYPES; i++)
        puppets.deaf[i] = false;
    if (disk.vbd)
        vbd_end(disk.vbd);
    device_finish();
}

int disk_set_up(void **state)
{
    int fd = mkstemp(image);

    if (fd < 0 || ftruncate(fd, 1 << 20) || close(fd))
        return -1;
    return device_set_up(state);
}

int disk_tear_down(void **state)
{
    unlink(image);
    return device_tear_down(state);
}
