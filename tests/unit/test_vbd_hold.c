/* SPDX-License-Identifier: MIT */
/*
 * test_vbd_hold.c - one disk of a guest that moves: it lets go of its store at
 * the source, and waits for its guest at the destination
 */
#include <signal.h>
#include <unistd.h>

#include "tests/fakes/fake.h"
#include "tests/unit/disk.h"
#include "tests/unit/test.h"

/* ---- the source ---- */

static void hold(void)
{
    disk_fresh();
    disk_start_connected();
    vbd_hold(disk.vbd);
    UNTIL(disk.nr_held == 1);
}

TEST(a_disk_is_held_when_its_backend_has_finished_and_ended)
{
    disk_fresh();
    disk_start_connected();
    puppets.deaf[BLK_CTL_QUIT] = true; /* it has a request in flight */
    device.hurry = 1000;
    vbd_hold(disk.vbd);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    stage_settle();
    CHECK_EQ(disk.nr_held, 0);
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0); /* however long it takes */
    puppet_end(&puppets.one[0]);
    UNTIL(disk.nr_held == 1);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    stage_settle();
    CHECK_EQ(puppets.nr, 1); /* and no other one follows */
    CHECK_EQ(disk.nr_held, 1);
    disk_finish();
}

TEST(its_guest_sees_nothing_of_it_and_goes_on)
{
    hold();
    CHECK_STR(stage_node(BACK "/state"), "4");
    CHECK_EQ(puppets.one[0].heard[BLK_CTL_DISCONNECT], 0);
    vbd_go_on(disk.vbd);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].open.resume);
    CHECK_STR(stage_node(BACK "/state"), "4");
    CHECK_EQ(vbd_state(disk.vbd), VBD_CONNECTED);
    disk_finish();
}

TEST(a_disk_may_be_held_again)
{
    hold();
    vbd_go_on(disk.vbd);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    vbd_hold(disk.vbd);
    UNTIL(disk.nr_held == 2);
    stage_settle();
    CHECK_EQ(puppets.nr, 2);
    disk_finish();
}

TEST(a_backend_that_dies_while_it_is_held_is_not_started)
{
    disk_fresh();
    disk_start_connected();
    puppet_die(&puppets.one[0]);
    vbd_hold(disk.vbd);
    UNTIL(disk.nr_held == 1);
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    vbd_go_on(disk.vbd);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].open.resume);
    disk_finish();
}

/* It was told to end, and does not. */
static void hold_deaf(void)
{
    disk_fresh();
    disk_start_connected();
    puppets.deaf[BLK_CTL_QUIT] = true;
    vbd_hold(disk.vbd);
    UNTIL(puppets.one[0].heard[BLK_CTL_QUIT] == 1);
    device.hurry = 1000;
}

/* The drain was given up: the guest stays, and its disk cannot wait. */
TEST(one_that_does_not_end_is_replaced_when_the_guest_goes_on)
{
    hold_deaf();
    vbd_go_on(disk.vbd);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    CHECK_EQ(disk.nr_held, 0);
    disk_finish();
}

TEST(a_guest_that_moved_leaves_no_disk)
{
    hold();
    vbd_end(disk.vbd);
    UNTIL(device.gone);
    CHECK_STR(stage_node(BACK "/state"), "");
    CHECK_EQ(puppets.nr, 1);
    disk_finish();
}

TEST(one_that_drains_when_its_guest_ends_is_ended)
{
    hold_deaf();
    vbd_end(disk.vbd);
    UNTIL(device.gone);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    CHECK_EQ(disk.nr_held, 0);
    disk_finish();
}

/* ---- the destination ---- */

static void fresh_later(void)
{
    disk_fresh();
    vbd_close(disk.vbd);
    disk.later = true;
    disk_open();
}

TEST(a_disk_for_later_has_nodes_and_no_process)
{
    fresh_later();
    disk_start();
    stage_settle();
    CHECK_EQ(puppets.nr, 0);
    CHECK_EQ(device.nr_started, 0);
    CHECK_EQ(vbd_state(disk.vbd), VBD_STARTING);
    CHECK_STR(stage_node(BACK "/state"), "1");
    CHECK_HAS(vbd_why(disk.vbd), "when its guest is here");
    vbd_serve(disk.vbd);
    vbd_serve(disk.vbd);
    UNTIL(IS(BACK "/state", "2"));
    disk_write_keys();
    UNTIL(vbd_state(disk.vbd) == VBD_CONNECTED);
    CHECK_EQ(puppets.nr, 1);
    CHECK(!puppets.one[0].open.resume);
    disk_finish();
}

TEST(one_whose_guest_does_not_come_goes_without_a_process)
{
    fresh_later();
    disk_start();
    vbd_end(disk.vbd);
    UNTIL(device.gone);
    CHECK_EQ(puppets.nr, 0);
    CHECK_STR(stage_node(BACK "/state"), "");
    disk_finish();
}

/* Whose words they are is known when the guest is here. */
TEST(a_script_is_not_run_before_its_guest_is_here)
{
    fresh_later();
    vbd_close(disk.vbd);
    disk.spec.script = (char *)"/nowhere/script";
    disk_open();
    disk_start();
    stage_settle();
    CHECK_EQ(vbd_state(disk.vbd), VBD_STARTING);
    vbd_serve(disk.vbd);
    UNTIL(vbd_state(disk.vbd) == VBD_FAILED);
    CHECK_HAS(vbd_why(disk.vbd), "/nowhere/script add");
    disk_finish();
}

TEST(one_that_was_served_before_is_left_alone_until_it_is_asked_for)
{
    disk_fresh();
    disk_start_connected();
    vbd_close(disk.vbd);
    disk.later = true;
    disk_open();
    vbd_adopt(disk.vbd, device.store, &device.process);
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(kill(puppets.one[0].pid, 0), 0);
    CHECK_EQ(vbd_process(disk.vbd).pid, 0);
    vbd_serve(disk.vbd);
    UNTIL(vbd_process(disk.vbd).pid == puppets.one[0].pid);
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    disk_finish();
}

/* Nothing of it is in flight, for nothing was begun. */
TEST(a_disk_that_waits_is_held_at_once)
{
    fresh_later();
    disk_start();
    vbd_hold(disk.vbd);
    UNTIL(disk.nr_held == 1);
    vbd_go_on(disk.vbd);
    stage_settle();
    CHECK_EQ(puppets.nr, 0);
    vbd_serve(disk.vbd);
    UNTIL(IS(BACK "/state", "2"));
    disk_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_disk_is_held_when_its_backend_has_finished_and_ended),
        RULE(its_guest_sees_nothing_of_it_and_goes_on),
        RULE(a_disk_may_be_held_again),
        RULE(a_backend_that_dies_while_it_is_held_is_not_started),
        RULE(one_that_does_not_end_is_replaced_when_the_guest_goes_on),
        RULE(a_guest_that_moved_leaves_no_disk),
        RULE(one_that_drains_when_its_guest_ends_is_ended),
        RULE(a_disk_for_later_has_nodes_and_no_process),
        RULE(one_whose_guest_does_not_come_goes_without_a_process),
        RULE(a_script_is_not_run_before_its_guest_is_here),
        RULE(one_that_was_served_before_is_left_alone_until_it_is_asked_for),
        RULE(a_disk_that_waits_is_held_at_once),
    };

    return cmocka_run_group_tests(tests, disk_set_up, disk_tear_down);
}
