/* SPDX-License-Identifier: MIT */
/*
 * test_vif_backend.c - one network card, and a backend that dies, or is the
 * guest's
 */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/blk/blk_ctl.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/card.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/belink.h"

TEST(a_killed_backend_is_followed_by_one_that_goes_on)
{
    card_fresh();
    card_start_connected();
    for (uint32_t i = 0; i < 3; i++) {
        puppet_die(&puppets.one[i]);
        UNTIL(puppets.nr == i + 2 && puppets.one[i + 1].connected);
        CHECK(puppets.one[i + 1].net.open.resume);
        CHECK_EQ(puppets.one[i + 1].net.nr_taps, 2);
        CHECK_EQ(puppets.one[i + 1].heard[NET_CTL_CONNECT], 0);
        CHECK_STR(stage_node(BACK "/state"), "4");
        CHECK_EQ(vif_state(card.vif), VBD_CONNECTED);
        UNTIL(vif_process(card.vif).pid == puppets.one[i + 1].pid);
        puppet_net_write_journal(&puppets.one[i + 1], true);
    }
    CHECK_EQ(device.nr_started, 4);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    card_finish();
}

TEST(one_that_waits_for_a_guest_is_started_afresh)
{
    card_fresh();
    card_start();
    UNTIL(IS(BACK "/state", "2"));
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].opened);
    CHECK(!puppets.one[1].net.open.resume);
    card_write_keys();
    UNTIL(vif_state(card.vif) == VBD_CONNECTED);
    card_finish();
}

TEST(a_broken_guest_is_closed_and_told_why)
{
    struct net_ctl m = { .type = NET_CTL_BROKEN };

    card_fresh();
    card_start_connected();
    strcpy(m.u.text, "queue 0: \033]0;x\a slot 3 crosses a page");
    puppet_net_say(&puppets.one[0], &m);
    UNTIL(IS(BACK "/state", "5"));
    CHECK_STR(stage_node(BACK "/error"),
              "queue 0: ?]0;x? slot 3 crosses a page");
    UNTIL(puppets.one[0].heard[NET_CTL_DISCONNECT] == 1);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    card_finish();
}

TEST(a_guest_that_takes_no_packets_is_told_of)
{
    struct net_ctl m = { .type = NET_CTL_STALLED, .u.stalled = 1 };
    uint32_t nr;

    card_fresh();
    card_start_connected();
    nr = device.nr_moved;
    puppet_net_say(&puppets.one[0], &m);
    UNTIL(vif_stalled(card.vif));
    CHECK_EQ(device.nr_moved, nr + 1);
    puppet_net_say(&puppets.one[0], &m); /* no news */
    stage_settle();
    CHECK_EQ(device.nr_moved, nr + 1);
    m.u.stalled = 0;
    puppet_net_say(&puppets.one[0], &m);
    UNTIL(!vif_stalled(card.vif));
    CHECK_EQ(device.nr_moved, nr + 2);
    CHECK_STR(stage_node(BACK "/state"), "4");
    card_finish();
}

/* Its guest's driver would wait for Closed without end. */
TEST(one_that_does_not_let_go_is_killed_and_the_guest_closed)
{
    card_fresh();
    card_start_connected();
    puppets.deaf[NET_CTL_DISCONNECT] = true;
    device.hurry = 100;
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    CHECK_EQ(puppets.nr, 2);
    UNTIL(kill(puppets.one[0].pid, 0) == -1);
    card_finish();
}

/* Whoever has taken it over may say anything but that it let go. */
TEST(one_that_complains_when_it_is_to_let_go_is_killed)
{
    card_fresh();
    card_start_connected();
    puppets.deaf[NET_CTL_DISCONNECT] = true;
    fake_xs_set(FRONT "/state", "6");
    UNTIL(puppets.one[0].heard[NET_CTL_DISCONNECT] == 1);
    puppet_net_say_type(&puppets.one[0], NET_CTL_BROKEN);
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "5");
    device.hurry = 100;
    UNTIL(IS(BACK "/state", "6"));
    CHECK_EQ(puppets.nr, 2);
    card_finish();
}

TEST(one_that_does_not_connect_is_killed_and_followed)
{
    card_fresh();
    card_start();
    UNTIL(IS(BACK "/state", "2"));
    puppets.deaf[NET_CTL_CONNECT] = true;
    device.hurry = 100;
    card_write_keys();
    UNTIL(puppets.nr == 1 && puppets.one[0].heard[NET_CTL_CONNECT] == 1);
    puppets.deaf[NET_CTL_CONNECT] = false;
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(puppets.nr, 2);
    card_finish();
}

TEST(one_that_dies_too_often_is_given_up)
{
    card_fresh();
    card_start_connected();
    device.hurry = 1000;
    for (uint32_t i = 0; i <= BELINK_DEATHS_MAX; i++) {
        UNTIL(puppets.nr == i + 1 && puppets.one[i].opened);
        puppet_die(&puppets.one[i]);
    }
    UNTIL(vif_state(card.vif) == VBD_FAILED);
    CHECK_STR(stage_node(BACK "/state"), "5");
    CHECK_HAS(stage_node(BACK "/error"), "died 11 times in a minute");
    CHECK_EQ(fake_vifdev.nr_rested, 1); /* the network sees it */
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    card_finish();
}

static void say_nothing_of_ours(struct puppet *p)
{
    puppet_net_say_type(p, NET_CTL_OPEN);
}

static void say_unknown(struct puppet *p)
{
    puppet_net_say_type(p, NET_CTL_TYPES);
}

static void say_opened_twice(struct puppet *p)
{
    puppet_net_say_type(p, NET_CTL_OPENED);
}

static void say_what_disks_say(struct puppet *p)
{
    struct blk_ctl m = { .type = BLK_CTL_CONNECTED };

    puppet_say_bytes(p, &m, sizeof(m));
}

static void say_other_pid(struct puppet *p)
{
    struct net_ctl m = { .type = NET_CTL_HELLO };

    m.u.hello.pid = (uint32_t)getpid();
    puppet_net_say(p, &m);
}

static void say_too_much(struct puppet *p)
{
    for (uint32_t i = 0; i < 400; i++) {
        puppet_net_say_type(p, NET_CTL_CONNECTED);
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
        say_nothing_of_ours, say_unknown,  say_opened_twice, say_what_disks_say,
        say_other_pid,       say_too_much, hang_up,
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(lie); i++) {
        card_fresh();
        card_start_connected();
        lie[i](&puppets.one[0]);
        UNTIL(puppets.nr == 2 && puppets.one[1].connected);
        CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
        CHECK_STR(stage_node(BACK "/state"), "4");
        card_finish();
    }
}

/* They are in place, but nobody has asked for them. */
TEST(words_out_of_turn_move_nothing)
{
    card_fresh();
    card_start();
    UNTIL(IS(BACK "/state", "2"));
    puppet_net_say_type(&puppets.one[0], NET_CTL_CONNECTED);
    puppet_net_say_type(&puppets.one[0], NET_CTL_DISCONNECTED);
    puppet_net_say_type(&puppets.one[0], NET_CTL_STALLED);
    puppet_net_say_type(&puppets.one[0], NET_CTL_BROKEN);
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "2");
    CHECK_EQ(vif_state(card.vif), VBD_WAITING);
    card_write_keys();
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(puppets.nr, 1);
    card_finish();
}

TEST(figures_are_the_journals_and_only_figures)
{
    struct vif_figures f;

    card_fresh();
    card_start_connected();
    vif_figures(card.vif, &f);
    CHECK_EQ(f.sum.tx_packets, 11);
    CHECK_EQ(f.sum.stalls, 2);
    CHECK_EQ(f.nr_queues, 2);
    CHECK(f.wiring.sg && f.wiring.gso_v4);
    puppets.one[0].net.wiring.nr_queues = 200; /* as it may */
    puppet_net_write_journal(&puppets.one[0], true);
    vif_figures(card.vif, &f);
    CHECK_EQ(f.nr_queues, NET_QUEUES_MAX);
    CHECK_EQ(f.wiring.nr_queues, NET_QUEUES_MAX);
    CHECK_EQ(ftruncate(puppets.one[0].journal_fd, 100), 0);
    vif_figures(card.vif, &f);
    CHECK_EQ(f.sum.tx_packets, 0);
    CHECK_EQ(f.nr_queues, 0);
    card_finish();
}

/* ---- the supervisor's own end ---- */

static void leave_and_adopt(void)
{
    vif_close(card.vif);
    stage_settle();
    card_open();
    vif_adopt(card.vif, device.store, &device.process);
}

TEST(a_backend_is_taken_over_as_it_serves)
{
    card_fresh();
    card_start_connected();
    puppets.one[0].net.stalled = true;
    card.spec.rate_bytes = 77;
    leave_and_adopt();
    UNTIL(vif_stalled(card.vif));
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(vif_state(card.vif), VBD_CONNECTED);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    CHECK_EQ(fake_vifdev.nr_adopted, 1);
    UNTIL(puppets.one[0].net.rules.rate_bytes == 77);
    CHECK_STR(stage_node(BACK "/state"), "4");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    card_finish();
}

TEST(a_guest_that_reconfigures_over_supervisors_goes_on)
{
    card_fresh();
    card_start_connected();
    fake_xs_set(FRONT "/state", "7");
    UNTIL(IS(BACK "/state", "8"));
    leave_and_adopt();
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "8");
    fake_xs_set(FRONT "/xdp-headroom", "256");
    fake_xs_set(FRONT "/state", "4");
    UNTIL(IS(BACK "/state", "4"));
    UNTIL(puppets.one[0].net.headroom == 256);
    card_finish();
}

TEST(one_that_died_meanwhile_is_followed_by_one_that_goes_on)
{
    card_fresh();
    card_start_connected();
    vif_close(card.vif);
    puppet_die(&puppets.one[0]);
    close(puppets.one[0].listen_fd);
    close(puppets.one[0].conn_fd);
    puppets.one[0].listen_fd = puppets.one[0].conn_fd = -1;
    card_open();
    vif_adopt(card.vif, device.store, &device.process);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].net.open.resume);
    CHECK_EQ(vif_state(card.vif), VBD_CONNECTED);
    card_finish();
}

/* Somebody has deleted it: whoever has its queues serves nothing. */
TEST(a_tap_that_is_gone_is_made_anew_with_its_backend)
{
    card_fresh();
    card_start_connected();
    vif_close(card.vif);
    stage_settle();
    fake_vifdev.there = false;
    card_open();
    vif_adopt(card.vif, device.store, &device.process);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK_EQ(kill(puppets.one[0].pid, 0), -1);
    CHECK_EQ(fake_vifdev.nr_opened, 2);
    CHECK(puppets.one[1].net.open.resume);
    CHECK_STR(stage_node(BACK "/state"), "4");
    card_finish();
}

/* Its supervisor died between tap and bridge: what is there is half made. */
TEST(a_tap_that_was_not_attached_is_not_taken_over)
{
    card_fresh();
    fake_vifdev.late = true;
    card_start();
    stage_settle();
    vif_close(card.vif);
    fake_vifdev.there = true;
    fake_vifdev.late = false;
    card_open();
    vif_adopt(card.vif, device.store, &device.process);
    UNTIL(IS(BACK "/state", "2"));
    CHECK_EQ(fake_vifdev.nr_adopted, 0);
    CHECK_EQ(fake_vifdev.nr_opened, 2);
    CHECK_EQ(puppets.nr, 1);
    card_finish();
}

TEST(one_of_another_build_is_replaced)
{
    card_fresh();
    card_start_connected();
    puppets.build = "older";
    vif_close(card.vif);
    stage_settle();
    card_open();
    vif_adopt(card.vif, device.store, &device.process);
    UNTIL(puppets.one[0].heard[NET_CTL_QUIT] == 1);
    puppets.build = FREEHOLD_BUILD;
    puppet_net_write_journal(&puppets.one[0], false); /* it left the rings */
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(!puppets.one[1].net.open.resume);
    CHECK_EQ(puppets.one[1].heard[NET_CTL_CONNECT], 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    card_finish();
}

TEST(without_xenstore_it_serves_on)
{
    card_fresh();
    card_start_connected();
    vif_set_store(card.vif, NULL);
    stage_settle();
    CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], 0);
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    vif_set_store(card.vif, device.store);
    stage_settle();
    CHECK_EQ(vif_state(card.vif), VBD_CONNECTED);
    card_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_killed_backend_is_followed_by_one_that_goes_on),
        RULE(one_that_waits_for_a_guest_is_started_afresh),
        RULE(a_broken_guest_is_closed_and_told_why),
        RULE(a_guest_that_takes_no_packets_is_told_of),
        RULE(one_that_does_not_let_go_is_killed_and_the_guest_closed),
        RULE(one_that_complains_when_it_is_to_let_go_is_killed),
        RULE(one_that_does_not_connect_is_killed_and_followed),
        RULE(one_that_dies_too_often_is_given_up),
        RULE(a_backend_that_lies_is_killed_and_followed),
        RULE(words_out_of_turn_move_nothing),
        RULE(figures_are_the_journals_and_only_figures),
        RULE(a_backend_is_taken_over_as_it_serves),
        RULE(a_guest_that_reconfigures_over_supervisors_goes_on),
        RULE(one_that_died_meanwhile_is_followed_by_one_that_goes_on),
        RULE(a_tap_that_is_gone_is_made_anew_with_its_backend),
        RULE(a_tap_that_was_not_attached_is_not_taken_over),
        RULE(one_of_another_build_is_replaced),
        RULE(without_xenstore_it_serves_on),
    };

    return cmocka_run_group_tests(tests, device_set_up, device_tear_down);
}
