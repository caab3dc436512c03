/* SPDX-License-Identifier: MIT */
/*
 * test_vbd_backend.c - one disk, and a backend that dies, or is the guest's
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/disk.h"
#include "tests/unit/test.h"

/* ---- its backend ---- */

TEST(a_killed_backend_is_followed_by_one_that_goes_on)
{
    disk_fresh();
    disk_start_connected();
    for (uint32_t i = 0; i < 3; i++) {
        puppet_die(&puppets.one[i]);
        UNTIL(puppets.nr == i + 2 && puppets.one[i + 1].connected);
        CHECK(puppets.one[i + 1].open.resume);
        CHECK_EQ(puppets.one[i + 1].heard[BLK_CTL_CONNECT], 0);
        CHECK_STR(stage_node(BACK "/state"), "4");
        CHECK_EQ(vbd_state(disk.vbd), VBD_CONNECTED);
        UNTIL(vbd_process(disk.vbd).pid == puppets.one[i + 1].pid);
        puppet_write_journal(&puppets.one[i + 1], true);
    }
    CHECK_EQ(device.nr_started, 4);
    /* The tests' own, of each puppet; ours would keep the lock of the dead. */
    CHECK_EQ(device_count_fds(".journal"), puppets.nr);
    disk_finish();
}

TEST(one_that_waits_for_a_guest_is_started_afresh)
{
    disk_fresh();
    disk_start();
    UNTIL(IS(BACK "/state", "2"));
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].opened);
    CHECK(!puppets.one[1].open.resume);
    disk_write_keys();
    UNTIL(vbd_state(disk.vbd) == VBD_CONNECTED);
    disk_finish();
}

/* Its in-flight I/O ended with it: the next one has waited for that. */
TEST(one_that_dies_while_it_drains_has_drained_when_the_next_is_open)
{
    disk_fresh();
    disk_start_connected();
    puppets.deaf[BLK_CTL_DISCONNECT] = true;
    fake_xs_set(FRONT "/state", "6");
    UNTIL(puppets.one[0].heard[BLK_CTL_DISCONNECT] == 1);
    puppets.deaf[BLK_CTL_OPEN] = true;
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].heard[BLK_CTL_OPEN] == 1);
    stage_settle();
    CHECK(!puppets.one[1].open.resume);
    CHECK_STR(stage_node(BACK "/state"), "5");
    {
        struct blk_ctl m = { .type = BLK_CTL_OPENED };

        m.u.store = puppets.info;
        puppet_say(&puppets.one[1], &m);
    }
    UNTIL(IS(BACK "/state", "6"));
    disk_finish();
}

/* It was on its way out for an earlier supervisor, or is the guest's. */
TEST(one_that_lets_go_unasked_serves_no_more)
{
    disk_fresh();
    disk_start_connected();
    puppet_say_type(&puppets.one[0], BLK_CTL_DISCONNECTED);
    UNTIL(IS(BACK "/state", "5"));
    CHECK_HAS(stage_node(BACK "/error"), "let go of the guest");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    disk_finish();
}

TEST(one_that_dies_too_often_is_given_up)
{
    disk_fresh();
    disk_start_connected();
    device.hurry = 1000;
    for (uint32_t i = 0; i <= BELINK_DEATHS_MAX; i++) {
        UNTIL(puppets.nr == i + 1 && puppets.one[i].opened);
        CHECK_EQ(vbd_state(disk.vbd), VBD_CONNECTED);
        puppet_die(&puppets.one[i]);
    }
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_EQ(puppets.nr, BELINK_DEATHS_MAX + 1);
    CHECK_STR(stage_node(BACK "/state"), "5");
    CHECK_HAS(stage_node(BACK "/error"), "died 11 times in a minute");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    vbd_detach(disk.vbd, false);
    UNTIL(device.gone);
    disk_finish();
}

TEST(a_store_that_does_not_open_fails_with_its_words)
{
    disk_fresh();
    puppets.refuse = "xvda: the image is cut short";
    disk_start();
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_STR(vbd_why(disk.vbd), "xvda: the image is cut short");
    CHECK_EQ(puppets.nr, 1);
    disk_finish();
}

/* It lived when it was given up: it is killed, and nobody but us reaps it. */
TEST(one_that_is_given_up_leaves_no_zombie)
{
    disk_fresh();
    puppets.build = "another";
    disk_start();
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_HAS(vbd_why(disk.vbd), "its backend is build another, want ");
    UNTIL(kill(puppets.one[0].pid, 0) == -1);
    CHECK_EQ(puppets.nr, 1);
    disk_finish();
}

/* Whoever reads the log or the node has a terminal. */
TEST(what_it_writes_cannot_steer_a_terminal)
{
    struct blk_ctl m = { .type = BLK_CTL_BROKEN };

    disk_fresh();
    disk_start_connected();
    memset(m.u.text, 'x', sizeof(m.u.text)); /* and it does not end */
    memcpy(m.u.text, "a\033[2J\n\xc2\x9b", 8);
    puppet_say(&puppets.one[0], &m);
    UNTIL(IS(BACK "/state", "5"));
    CHECK_HAS(stage_node(BACK "/error"), "a?[2J???xxx");
    CHECK_EQ(strlen(stage_node(BACK "/error")), BLK_TEXT - 1);
    CHECK_HAS(vbd_why(disk.vbd), "a?[2J???xxx");
    disk_finish();
}

static void say_short(struct puppet *p)
{
    puppet_say_bytes(p, "x", 1);
}

static void say_long(struct puppet *p)
{
    static const char long_one[sizeof(struct blk_ctl) + 8];

    puppet_say_bytes(p, long_one, sizeof(long_one));
}

static void say_unknown(struct puppet *p)
{
    puppet_say_type(p, BLK_CTL_TYPES);
}

static void say_ours(struct puppet *p)
{
    puppet_say_type(p, BLK_CTL_OPEN);
}

static void say_opened_twice(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_OPENED };

    m.u.store = puppets.info;
    puppet_say(p, &m);
}

static void say_hello_again(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_HELLO };

    m.u.hello.pid = (uint32_t)p->pid;
    puppet_say(p, &m);
}

static void say_other_pid(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_HELLO };

    m.u.hello.pid = (uint32_t)getpid();
    puppet_say(p, &m);
}

static void say_odd_size(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_SIZE };

    m.u.store = puppets.info;
    m.u.store.size_bytes++;
    puppet_say(p, &m);
}

static void say_odd_physical(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_SIZE };

    m.u.store = puppets.info;
    m.u.store.physical_bytes = 768;
    puppet_say(p, &m);
}

static void say_many_queues(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_SIZE };

    m.u.store = puppets.info;
    m.u.store.nr_queues = 3;
    puppet_say(p, &m);
}

static void want_socket(struct puppet *p)
{
    puppet_say_type(p, BLK_CTL_WANT_SOCKET); /* its store is a file */
}

static void send_a_descriptor(struct puppet *p)
{
    struct msghdr m = { 0 };
    union {
        struct cmsghdr align;
        char bytes[CMSG_SPACE(sizeof(int))];
    } control = { { 0 } };
    struct blk_ctl body = { .type = BLK_CTL_CONNECTED };
    struct iovec io = { &body, sizeof(body) };
    int fd = 1;

    m.msg_iov = &io;
    m.msg_iovlen = 1;
    m.msg_control = control.bytes;
    m.msg_controllen = sizeof(control.bytes);
    CMSG_FIRSTHDR(&m)->cmsg_level = SOL_SOCKET;
    CMSG_FIRSTHDR(&m)->cmsg_type = SCM_RIGHTS;
    CMSG_FIRSTHDR(&m)->cmsg_len = CMSG_LEN(sizeof(fd));
    memcpy(CMSG_DATA(CMSG_FIRSTHDR(&m)), &fd, sizeof(fd));
    CHECK(sendmsg(p->conn_fd, &m, 0) > 0);
}

static void say_too_much(struct puppet *p)
{
    for (uint32_t i = 0; i < 400; i++) {
        puppet_say_type(p, BLK_CTL_CONNECTED);
        if (i % 8 == 0)
            uv_run(&stage.loop, UV_RUN_NOWAIT);
    }
}

static void hang_up(struct puppet *p)
{
    close(p->conn_fd);
    p->conn_fd = -1;
}

TEST(a_backend_that_lies_is_killed_and_followed)
{
    static void (*const lie[])(struct puppet *p) = {
        say_short,        say_long,        say_unknown,   say_ours,
        say_opened_twice, say_hello_again, say_other_pid, say_odd_size,
        say_odd_physical, say_many_queues, want_socket,   send_a_descriptor,
        say_too_much,     hang_up,
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(lie); i++) {
        disk_fresh();
        disk_start_connected();
        lie[i](&puppets.one[0]);
        UNTIL(puppets.nr == 2 && puppets.one[1].connected);
        CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
        CHECK_STR(stage_node(BACK "/state"), "4");
        CHECK_STR(stage_node(BACK "/sectors"), "2048");
        disk_finish();
    }
}

TEST(another_size_is_told_to_the_guest)
{
    disk_fresh();
    disk_start_connected();
    puppets.info.size_bytes = 2 << 20;
    vbd_resize(disk.vbd);
    UNTIL(IS(BACK "/sectors", "4096"));
    CHECK_STR(stage_node(BACK "/state"), "4");
    disk_finish();
}

TEST(limits_reach_the_one_that_is_and_those_that_come)
{
    struct blk_limits limits = { 0, 1000000 };

    disk_fresh();
    disk_start_connected();
    vbd_set_limits(disk.vbd, &limits);
    UNTIL(puppets.one[0].limits.bps == 1000000);
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].opened);
    CHECK_EQ(puppets.one[1].open.limits.bps, 1000000);
    CHECK_EQ(puppets.one[1].open.limits.iops, 0);
    limits.bps = 2000000; /* it has not said OPENED yet, for all we know */
    vbd_set_limits(disk.vbd, &limits);
    UNTIL(puppets.one[1].limits.bps == 2000000);
    disk_finish();
}

TEST(figures_are_the_journals_and_only_figures)
{
    struct vbd_figures f;

    disk_fresh();
    disk_start_connected();
    vbd_figures(disk.vbd, &f);
    CHECK_EQ(f.sum.reads, 11);
    CHECK_EQ(f.nr_queues, 1);
    CHECK_EQ(f.ring_pages, 1);
    CHECK_EQ(f.size_bytes, 1 << 20);
    CHECK_EQ(ftruncate(puppets.one[0].journal_fd, 100), 0); /* as it may */
    vbd_figures(disk.vbd, &f);
    CHECK_EQ(f.sum.reads, 0);
    disk_finish();
}

/* ---- the supervisor's own end ---- */

static void leave_and_adopt(void)
{
    vbd_close(disk.vbd);
    stage_settle();
    disk_open();
    vbd_adopt(disk.vbd, device.store, &device.process);
}

TEST(a_backend_is_taken_over_as_it_serves)
{
    disk_fresh();
    disk_start_connected();
    leave_and_adopt();
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(vbd_state(disk.vbd), VBD_CONNECTED);
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_CONNECT], 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    disk_finish();
}

TEST(one_that_died_meanwhile_is_followed_by_one_that_goes_on)
{
    disk_fresh();
    disk_start_connected();
    vbd_close(disk.vbd);
    puppet_die(&puppets.one[0]);
    close(puppets.one[0].listen_fd);
    close(puppets.one[0].conn_fd);
    puppets.one[0].listen_fd = puppets.one[0].conn_fd = -1;
    disk_open();
    vbd_adopt(disk.vbd, device.store, &device.process);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].open.resume);
    CHECK_EQ(vbd_state(disk.vbd), VBD_CONNECTED);
    disk_finish();
}

TEST(one_of_another_build_is_replaced)
{
    disk_fresh();
    disk_start_connected();
    puppets.build = "older";
    vbd_close(disk.vbd);
    stage_settle();
    disk_open();
    vbd_adopt(disk.vbd, device.store, &device.process);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    puppets.build = FREEHOLD_BUILD;
    puppet_write_journal(&puppets.one[0], false); /* it left the rings */
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(!puppets.one[1].open.resume);
    CHECK_EQ(puppets.one[1].heard[BLK_CTL_CONNECT], 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    disk_finish();
}

/* Its number may be another's by now. */
TEST(a_process_is_not_taken_for_another_with_its_number)
{
    struct beproc_id wrong = { 0 };

    disk_fresh();
    disk_start_connected();
    wrong.pid = getpid();
    wrong.start_ticks = 1;
    beproc_kill_left(&wrong); /* we live */
    wrong = device.process;
    wrong.start_ticks++;
    beproc_kill_left(&wrong);
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    beproc_kill_left(&device.process);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    disk_finish();
}

TEST(without_xenstore_it_serves_on)
{
    disk_fresh();
    disk_start_connected();
    vbd_set_store(disk.vbd, NULL);
    fake_xs_end();
    stage_settle();
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    vbd_detach(disk.vbd, true);
    UNTIL(device.gone);
    store_unwatch(device.store, FRONT "/state", "vbd-51712");
    disk_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_killed_backend_is_followed_by_one_that_goes_on),
        RULE(one_that_waits_for_a_guest_is_started_afresh),
        RULE(one_that_dies_while_it_drains_has_drained_when_the_next_is_open),
        RULE(one_that_lets_go_unasked_serves_no_more),
        RULE(one_that_dies_too_often_is_given_up),
        RULE(a_store_that_does_not_open_fails_with_its_words),
        RULE(one_that_is_given_up_leaves_no_zombie),
        RULE(what_it_writes_cannot_steer_a_terminal),
        RULE(a_backend_that_lies_is_killed_and_followed),
        RULE(another_size_is_told_to_the_guest),
        RULE(limits_reach_the_one_that_is_and_those_that_come),
        RULE(figures_are_the_journals_and_only_figures),
        RULE(a_backend_is_taken_over_as_it_serves),
        RULE(one_that_died_meanwhile_is_followed_by_one_that_goes_on),
        RULE(one_of_another_build_is_replaced),
        RULE(a_process_is_not_taken_for_another_with_its_number),
        RULE(without_xenstore_it_serves_on),
    };

    return cmocka_run_group_tests(tests, disk_set_up, disk_tear_down);
}
