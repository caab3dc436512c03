/* SPDX-License-Identifier: MIT */
/*
 * test_serve.c - one disk of a guest that xl made, between xl, the guest and a
 * backend
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/served.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xldisk.h"

#define FRONT "/local/domain/7/device/vbd/51712"
#define BACK "/local/domain/0/backend/vbd3/7/51712"

static char image[] = "/tmp/fh-image-XXXXXX";

/* As xl writes it. */
static void fresh(void)
{
    char params[80];

    snprintf(params, sizeof(params), "aio:%s", image);
    fake_xs_set(FRONT "/state", "1");
    fake_xs_set(FRONT "/backend", BACK);
    fake_xs_set(BACK "/frontend", FRONT);
    fake_xs_set(BACK "/frontend-id", "7");
    fake_xs_set(BACK "/params", params);
    fake_xs_set(BACK "/script", "/etc/xen/scripts/block-freehold");
    fake_xs_set(BACK "/online", "1");
    fake_xs_set(BACK "/dev", "xvda");
    fake_xs_set(BACK "/mode", "w");
    fake_xs_set(BACK "/device-type", "disk");
    fake_xs_set(BACK "/discard-enable", "1");
    fake_xs_set(BACK "/state", "1");
}

static void take_up(void)
{
    fake_xs_set(FRONT "/ring-ref", "8");
    fake_xs_set(FRONT "/event-channel", "5");
    fake_xs_set(FRONT "/protocol", "x86_64-abi");
    fake_xs_set(FRONT "/state", "3");
    UNTIL(IS(BACK "/state", "4"));
    fake_xs_set(FRONT "/state", "4");
}

static const struct served_kind disk = {
    .what = SERVE_DISK,
    .devid = 51712,
    .label = "disk 7/51712",
    .command = "serve-blk",
    .front = FRONT,
    .back = BACK,
    .fresh = fresh,
    .take_up = take_up,
};

/* ---- what xl writes ---- */

TEST(params_say_format_and_target)
{
    static const struct {
        const char *params, *target;
        enum vm_disk_format format;
    } row[] = {
        { "aio:/dev/vg/web", "/dev/vg/web", VM_DISK_RAW },
        { "raw:/dev/vg/web", "/dev/vg/web", VM_DISK_RAW },
        { "vhd:/i/web.vhd", "/i/web.vhd", VM_DISK_VHD },
        { "aio:qcow2:/i/web", "/i/web", VM_DISK_QCOW2 },
        { "vhd:qcow2:/i/web", "/i/web", VM_DISK_QCOW2 },
        { "aio:qcow:/i/web", "/i/web", VM_DISK_QCOW },
        { "aio:qed:/i/web", "/i/web", VM_DISK_QED },
        { "aio:nbd://h:1/x", "nbd://h:1/x", VM_DISK_RAW },
        { "aio:nbd+unix:///x?socket=/s", "nbd+unix:///x?socket=/s",
          VM_DISK_RAW },
        { "/i/a:b", "/i/a:b", VM_DISK_RAW },
        { "aio:/i/qcow2:x", "/i/qcow2:x", VM_DISK_RAW },
        { "aio:qcow2:vhd:x", "vhd:x", VM_DISK_QCOW2 },
    };
    static const char *const bad[] = { "", "aio:", "aio:qcow2:" };
    struct vm_disk d = { 0 };
    struct err e = { 0 };

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        CHECK_EQ(xldisk_params(row[i].params, &d, &e), 0);
        CHECK_STR(d.target, row[i].target);
        CHECK_EQ(d.format, row[i].format);
        vmdisk_free(&d);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(xldisk_params(bad[i], &d, &e), -EINVAL);
    CHECK_STR(e.text, "params: got \"aio:qcow2:\", want FORMAT:TARGET, as "
                      "aio:/dev/vg/web");
    vmdisk_free(&d);
}

TEST(a_device_is_read_as_xl_wrote_it)
{
    struct store *s;
    struct vbd_nodes n;
    struct vm_disk d;
    struct err e = { 0 };

    served_fresh();
    CHECK_EQ(store_open(&s, NULL), 0);
    xldisk_nodes(7, 51712, &n);
    CHECK_STR(n.back, BACK);
    CHECK_STR(n.front, FRONT);
    CHECK_EQ(xldisk_read(s, &n, NULL, &d, &e), 0);
    CHECK_STR(d.target, image);
    CHECK_STR(d.vdev, "xvda");
    CHECK_EQ(d.devid, 51712);
    CHECK(d.writable && !d.cdrom && !d.direct_io_safe);
    CHECK_EQ(d.discard, VM_YES);
    vmdisk_free(&d);
    fake_xs_set(BACK "/mode", "r");
    fake_xs_set(BACK "/device-type", "cdrom");
    fake_xs_set(BACK "/direct-io-safe", "1");
    fake_xs_set(BACK "/discard-enable", "0");
    fake_xs_set(BACK "/dev", "xvdb"); /* not of this number */
    CHECK_EQ(xldisk_read(s, &n, "vhd:/x", &d, &e), 0);
    CHECK_STR(d.target, "/x");
    CHECK_STR(d.vdev, "51712");
    CHECK(!d.writable && d.cdrom && d.direct_io_safe);
    CHECK_EQ(d.discard, VM_NO);
    vmdisk_free(&d);
    fake_xs_rm(BACK "/params");
    CHECK_EQ(xldisk_read(s, &n, NULL, &d, &e), -EINVAL);
    CHECK_STR(e.text, "disk 7/51712: params: got none, want FORMAT:TARGET");
    vmdisk_free(&d);
    CHECK(xldisk_is_ours(s, n.back));
    fake_xs_set(BACK "/script", "/etc/xen/scripts/block-tap");
    CHECK(!xldisk_is_ours(s, n.back));
    fake_xs_set(BACK "/script", "not-block-freehold");
    CHECK(!xldisk_is_ours(s, n.back));
    store_close(s);
    served_finish();
}

TEST(a_place_has_a_name_that_is_no_guests)
{
    char name[SERVE_NAME_BYTES];
    uint16_t domid;
    uint32_t devid;

    serve_name(SERVE_DISK, 7, 51712, name);
    CHECK_STR(name, ".serve-7-51712");
    CHECK(vmcfg_check_name(name, NULL) < 0);
    CHECK_EQ(serve_name_parse(SERVE_DISK, name, &domid, &devid), 0);
    CHECK_EQ(domid, 7);
    CHECK_EQ(devid, 51712);
    CHECK_EQ(serve_name_parse(SERVE_DISK, ".serve-7-51712x", &domid, &devid),
             -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_DISK, ".serve-07-51712", &domid, &devid),
             -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_DISK, ".serve-7", &domid, &devid), -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_DISK, "web", &domid, &devid), -EINVAL);
}

/* ---- a device's life ---- */

TEST(it_is_offered_served_and_over_when_xl_wants_it)
{
    struct run_state *list = NULL;

    served_fresh();
    served_start_connected();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_EQ(puppets.one[0].open.nr_queues, 2); /* a vCPU each */
    CHECK_STR(stage_node(BACK "/online"), "1");
    CHECK_EQ(rundir_list(served_base, &list, NULL), 0); /* no guest of ours */
    free(list);
    served_detach();
    UNTIL(IS(BACK "/state", "5"));
    stage_settle();
    CHECK_EQ(served.nr_gone, 0); /* the guest has it */
    fake_xs_set(FRONT "/state", "5");
    stage_settle();
    CHECK_EQ(served.nr_gone, 0);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(served.nr_gone == 1);
    CHECK_STR(stage_node(BACK "/state"), "6");    /* what xl waits for */
    CHECK(fake_xs_value(BACK "/params") != NULL); /* xl's to remove */
    served_finish();
}

/* xl waited long enough for a guest that holds on to it. */
TEST(so_it_is_behind_a_wish_that_the_guest_did_not_hear)
{
    served_fresh();
    served_start_connected();
    served_detach();
    stage_settle();
    CHECK_EQ(served.nr_gone, 0);
    served_take_away();
    UNTIL(served.nr_gone == 1);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    served_finish();
}

/* Our word came when the directory was gone: nobody else removes it. */
TEST(what_was_written_behind_the_end_is_removed)
{
    served_fresh();
    served_start_connected();
    served_take_away();
    fake_xs_set(BACK "/state", "2");
    UNTIL(served.nr_gone == 1);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    served_finish();
}

TEST(a_backend_that_dies_is_started_again)
{
    served_fresh();
    served_start_connected();
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].open.resume);
    CHECK_STR(stage_node(BACK "/state"), "4");
    served_detach_and_finish();
}

/* ---- what cannot be served ---- */

TEST(a_target_that_is_not_there_is_told_and_leaves_nothing)
{
    struct err e = { 0 };

    served_fresh();
    fake_xs_set(BACK "/params", "aio:/nowhere/disk");
    CHECK_EQ(served_open(&e), -ENOENT);
    CHECK_HAS(e.text, "/nowhere/disk");
    CHECK_STR(stage_node(BACK "/error"), e.text);
    CHECK_EQ(puppets.nr, 0);
    served_detach(); /* xl gives up */
    CHECK_EQ(served_open(&e), 1);
    CHECK_STR(stage_node(BACK "/state"), "6");
    served_finish();
}

TEST(one_whose_store_does_not_open_stays_until_xl_takes_it)
{
    served_fresh();
    puppets.refuse = "it is broken";
    served_start();
    UNTIL(stage_node(BACK "/error")[0]);
    CHECK_HAS(stage_node(BACK "/error"), "it is broken");
    stage_settle();
    CHECK_EQ(served.nr_gone, 0);
    served_detach();
    served_finish_closed();
}

/* ---- its own death ---- */

TEST(a_backend_is_taken_over_as_it_serves)
{
    served_fresh();
    served_start_connected();
    served_leave();
    CHECK(served_is_left());
    served_start();
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    served_detach_and_finish();
}

TEST(so_is_one_that_nobody_had_taken_up)
{
    served_fresh();
    served_start();
    UNTIL(IS(BACK "/state", "2"));
    served_leave();
    served_detach();
    served_start();
    served_finish_closed();
}

/* Another xenstored than the guest's: its disk is not taken from it. */
TEST(a_xenstored_that_does_not_know_the_guest_has_no_say)
{
    struct err e = { 0 };

    served_fresh();
    served_start_connected();
    served_leave();
    fake_xs_end();
    CHECK_EQ(served_open(&e), -ESTALE);
    CHECK(served_is_left());
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    fake.domain[0].there = false; /* and then it went */
    CHECK_EQ(served_open(&e), -ENOENT);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    served_finish();
}

TEST(without_xenstored_it_ends_and_the_backend_serves_on)
{
    struct err e = { 0 };
    int status;

    served_fresh();
    served.daemon_pid = fork();
    if (served.daemon_pid == 0)
        for (;;)
            pause();
    served_start_connected();
    kill(served.daemon_pid, SIGKILL);
    UNTIL(served.nr_gone == 1);
    waitpid(served.daemon_pid, &status, 0);
    served.daemon_pid = 0;
    CHECK_EQ(served.failed.rc, -ENOTCONN);
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    served.nr_gone = 0;
    CHECK_EQ(served_open(&e), 0);
    served.failed.rc = 0;
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    served_detach_and_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(params_say_format_and_target),
        RULE(a_device_is_read_as_xl_wrote_it),
        RULE(a_place_has_a_name_that_is_no_guests),
        RULE(it_is_offered_served_and_over_when_xl_wants_it),
        RULE(so_it_is_behind_a_wish_that_the_guest_did_not_hear),
        RULE(what_was_written_behind_the_end_is_removed),
        RULE(a_backend_that_dies_is_started_again),
        RULE(a_target_that_is_not_there_is_told_and_leaves_nothing),
        RULE(one_whose_store_does_not_open_stays_until_xl_takes_it),
        RULE(a_backend_is_taken_over_as_it_serves),
        RULE(so_is_one_that_nobody_had_taken_up),
        RULE(a_xenstored_that_does_not_know_the_guest_has_no_say),
        RULE(without_xenstored_it_ends_and_the_backend_serves_on),
    };
    int fd = mkstemp(image), rc;

    if (fd < 0 || ftruncate(fd, 1 << 20) || close(fd))
        return 1;
    rc = served_run(&disk, tests, ARRAY_SIZE(tests));
    unlink(image);
    return rc;
}
