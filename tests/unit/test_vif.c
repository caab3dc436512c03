/* SPDX-License-Identifier: MIT */
/*
 * test_vif.c - one network card, and a guest that does as it likes
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/card.h"
#include "tests/unit/test.h"

/* ---- connect ---- */

TEST(a_card_is_offered_when_its_tap_and_backend_are_there)
{
    static const char *const one[] = {
        "feature-rx-copy",
        "feature-sg",
        "feature-gso-tcpv4",
        "feature-gso-tcpv6",
        "feature-xdp-headroom",
        "feature-ipv6-csum-offload",
        "feature-split-event-channels",
    };
    char path[96];

    card_fresh();
    card.options.hot = true;
    fake_vifdev.late = true;
    card_start();
    CHECK(fake_xs_value(FRONT "/state") == NULL);
    CHECK_STR(stage_node(BACK "/frontend"), FRONT);
    CHECK_STR(stage_node(BACK "/frontend-id"), "7");
    CHECK_STR(stage_node(BACK "/online"), "1");
    CHECK_STR(stage_node(BACK "/state"), "1");
    CHECK_STR(stage_node(BACK "/mac"), "00:16:3e:0a:0b:0c");
    CHECK_STR(stage_node(BACK "/handle"), "0");
    CHECK_STR(stage_node(BACK "/bridge"), "xenbr0");
    CHECK_STR(stage_node(BACK "/rate"), "2500000,20000");
    CHECK_STR(stage_node(BACK "/hotplug-status"), "");
    CHECK_STR(fake_xs_perms(BACK), "n0 r7");
    CHECK_STR(fake_xs_perms(BACK "/state"), "n0 r7");
    stage_settle();
    CHECK_EQ(vif_state(card.vif), VBD_STARTING);
    CHECK_EQ(puppets.nr, 0);
    fake_vifdev_done();
    UNTIL(vif_state(card.vif) == VBD_WAITING);
    CHECK_STR(stage_node(FRONT "/backend"), BACK);
    CHECK_STR(stage_node(FRONT "/backend-id"), "0");
    CHECK_STR(stage_node(FRONT "/state"), "1");
    CHECK_STR(stage_node(FRONT "/handle"), "0");
    CHECK_STR(stage_node(FRONT "/mac"), "00:16:3e:0a:0b:0c");
    CHECK_STR(stage_node(FRONT "/trusted"), "1");
    CHECK_STR(fake_xs_perms(FRONT), "n7");
    CHECK_STR(fake_xs_perms(FRONT "/state"), "n7");
    CHECK_EQ(puppets.one[0].net.nr_taps, 2);
    CHECK_EQ(puppets.one[0].net.open.nr_queues, 2);
    CHECK_EQ(puppets.one[0].net.open.domid, 7);
    CHECK_EQ(vif_mtu(card.vif), 9000);
    CHECK_EQ(puppets.one[0].net.rules.rate_bytes, 2500000);
    CHECK_EQ(puppets.one[0].net.rules.rate_usecs, 20000);
    assert_memory_equal(puppets.one[0].net.rules.mac, card.spec.mac, 6);
    CHECK(!puppets.one[0].net.open.resume);
    for (uint32_t i = 0; i < ARRAY_SIZE(one); i++) {
        snprintf(path, sizeof(path), BACK "/%s", one[i]);
        CHECK_STR(stage_node(path), "1");
    }
    CHECK_STR(stage_node(BACK "/feature-rx-flip"), "0");
    CHECK_STR(stage_node(BACK "/multi-queue-max-queues"), "2");
    CHECK_STR(stage_node(BACK "/hotplug-status"), "connected");
    CHECK_STR(stage_node(BACK "/mtu"), "9000");
    CHECK_STR(stage_node(FRONT "/mtu"), "9000");
    CHECK_STR(stage_node(BACK "/state"), "2");
    CHECK(fake_xs_value(BACK "/feature-ctrl-ring") == NULL);
    CHECK_STR(vif_tap(card.vif), "vif7.0");
    card_finish();
}

TEST(a_guest_that_wrote_its_keys_is_connected)
{
    const struct net_wiring *w = &puppets.one[0].net.wiring;

    card_fresh();
    card_start();
    UNTIL(IS(BACK "/state", "2"));
    fake_xs_set(FRONT "/state", "3"); /* says nothing yet */
    stage_settle();
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 0);
    card_write_keys();
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    CHECK_EQ(w->nr_queues, 2);
    CHECK_EQ(w->queue[1].rx_ref, 11);
    CHECK_EQ(w->queue[1].rx_port, 8);
    CHECK(w->sg && w->gso_v4 && w->gso_v6 && w->split && w->rx_notify);
    fake_xs_set(FRONT "/state", "4"); /* again: a frontend may */
    stage_settle();
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    card_finish();
}

/* What FreeBSD's does whenever it changes what it takes. */
TEST(a_guest_closes_and_comes_again)
{
    card_fresh();
    card_start_connected();
    for (uint32_t i = 0; i < 3; i++) {
        if (i != 1) { /* Linux's may go to Closed straight */
            fake_xs_set(FRONT "/state", "5");
            UNTIL(IS(BACK "/state", "5"));
        }
        fake_xs_set(FRONT "/state", "6");
        UNTIL(IS(BACK "/state", "6"));
        CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], i + 1);
        fake_xs_set(FRONT "/state", "1");
        UNTIL(IS(BACK "/state", "2"));
        card_write_keys();
        UNTIL(IS(BACK "/state", "4"));
    }
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    card_finish();
}

TEST(a_guest_that_starts_anew_is_offered_it_again)
{
    card_fresh();
    card_start_connected();
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], 1);
    card_write_keys();
    UNTIL(IS(BACK "/state", "4"));
    card_finish();
}

/* As Linux's xennet_xdp_set() does: its state, its key, and then it waits. */
TEST(an_xdp_program_comes_and_goes)
{
    card_fresh();
    card_start_connected();
    for (uint32_t i = 0; i < 2; i++) {
        const char *headroom = i ? "0" : "256";

        fake_xs_set(FRONT "/state", "7");
        fake_xs_set(FRONT "/xdp-headroom", headroom);
        UNTIL(IS(BACK "/state", "8"));
        UNTIL(puppets.one[0].net.headroom == atoi(headroom));
        fake_xs_set(FRONT "/state", "4");
        UNTIL(IS(BACK "/state", "4"));
    }
    CHECK_EQ(puppets.one[0].heard[NET_CTL_HEADROOM], 2);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], 0);
    card_finish();
}

TEST(a_key_that_comes_late_is_heeded_when_it_goes_on)
{
    card_fresh();
    card_start_connected();
    fake_xs_set(FRONT "/state", "7");
    UNTIL(IS(BACK "/state", "8"));
    fake_xs_set(FRONT "/xdp-headroom", "256");
    fake_xs_set(FRONT "/state", "4");
    UNTIL(puppets.one[0].net.headroom == 256);
    fake_xs_set(FRONT "/state", "7");
    fake_xs_set(FRONT "/xdp-headroom", "9999"); /* of the rings, no word */
    UNTIL(IS(BACK "/state", "8"));
    fake_xs_set(FRONT "/state", "4");
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(puppets.one[0].net.headroom, 256);
    CHECK_EQ(vif_state(card.vif), VBD_CONNECTED);
    card_finish();
}

/* It would wait without end, and could not let go. */
TEST(a_guest_that_reconfigures_is_answered_also_when_it_is_to_let_go)
{
    card_fresh();
    card_start_connected();
    vif_detach(card.vif, false);
    fake_xs_set(FRONT "/state", "7");
    UNTIL(IS(BACK "/state", "8"));
    CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], 0);
    fake_xs_set(FRONT "/state", "4");
    UNTIL(IS(BACK "/state", "5"));
    fake_xs_set(FRONT "/state", "6");
    UNTIL(device.gone);
    card_finish();
}

TEST(bad_keys_close_it_with_words)
{
    card_fresh();
    card_start();
    UNTIL(IS(BACK "/state", "2"));
    card_write_keys();
    fake_xs_set(FRONT "/multi-queue-num-queues", "4294967295");
    UNTIL(IS(BACK "/state", "5"));
    CHECK_STR(stage_node(BACK "/error"),
              "multi-queue-num-queues: got \"4294967295\", want 1..2");
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 0);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK(fake_xs_value(BACK "/error") == NULL);
    card_write_keys();
    UNTIL(IS(BACK "/state", "4"));
    card_finish();
}

TEST(a_directory_that_is_gone_is_as_good_as_closed)
{
    card_fresh();
    card_start_connected();
    fake_xs_rm(FRONT);
    UNTIL(vif_state(card.vif) == VBD_CLOSED);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], 1);
    CHECK(fake_xs_value(FRONT "/mtu") == NULL);
    card_finish();
}

/* Any state at any time, quicker than we look. */
TEST(a_storm_of_states_ends_where_the_guest_does)
{
    static const char *const value[] = { "1", "3", "4", "5", "6",  "0", "2",
                                         "7", "8", "",  "x", "-1", "7" };

    card_fresh();
    card_start_connected();
    srandom(7);
    for (uint32_t i = 0; i < 3000; i++) {
        fake_xs_set(FRONT "/state", value[random() % ARRAY_SIZE(value)]);
        if (random() % 8 == 0)
            uv_run(&stage.loop, UV_RUN_NOWAIT);
        if (random() % 200 == 0)
            stage_settle();
    }
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    CHECK(puppets.one[0].heard[NET_CTL_CONNECT] ==
          puppets.one[0].heard[NET_CTL_DISCONNECT]);
    CHECK_EQ(puppets.nr, 1);
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    card_finish();
}

/* Each time costs a backend's work, and lines of the log. */
TEST(a_guest_that_comes_and_goes_without_end_is_slowed_down)
{
    uint32_t nr_moved;
    int end_s;

    card_fresh();
    card_start_connected();
    nr_moved = device.nr_moved;
    for (end_s = stage_now_s() + 3; stage_now_s() < end_s;) {
        const char *back = stage_node(BACK "/state");

        if (strcmp(back, "2") == 0)
            fake_xs_set(FRONT "/state", "4");
        else if (strcmp(back, "4") == 0)
            fake_xs_set(FRONT "/state", "6");
        else if (strcmp(back, "6") == 0)
            fake_xs_set(FRONT "/state", "1");
        uv_run(&stage.loop, UV_RUN_ONCE);
    }
    CHECK(device.nr_moved - nr_moved >= 16); /* not too soon */
    CHECK(device.nr_moved - nr_moved < 60);
    card_finish();
}

/* ---- its tap ---- */

/* Its guest numbers its cards as it finds them. */
TEST(a_card_of_a_guest_that_does_not_run_yet_is_shown_at_once)
{
    card_fresh();
    fake_vifdev.late = true;
    card_start();
    CHECK_STR(stage_node(FRONT "/state"), "1");
    CHECK_STR(fake_xs_perms(FRONT "/state"), "n7");
    fake_vifdev_done();
    UNTIL(vif_state(card.vif) == VBD_WAITING);
    CHECK_STR(stage_node(FRONT "/state"), "1");
    card_finish();
}

TEST(a_tap_that_fails_says_so_and_no_guest_waits)
{
    card_fresh();
    card.options.hot = true;
    fake_vifdev.fails = "vif7.0: bridge xenbr0: it is not there";
    card_start();
    UNTIL(vif_state(card.vif) == VBD_FAILED);
    CHECK_STR(vif_why(card.vif), fake_vifdev.fails);
    CHECK(fake_xs_value(FRONT "/state") == NULL); /* it was never shown */
    CHECK_STR(stage_node(BACK "/error"), fake_vifdev.fails);
    CHECK_STR(stage_node(BACK "/state"), "5"); /* not Closed: it would wait */
    CHECK_EQ(puppets.nr, 0);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1"); /* its driver is bound again */
    UNTIL(IS(BACK "/state", "5"));
    vif_detach(card.vif, false);
    UNTIL(device.gone);
    CHECK_EQ(fake_vifdev.nr_removed, 0); /* it has removed itself */
    card_finish();
}

TEST(a_tap_that_cannot_be_made_fails_at_once)
{
    struct err e = { 0 };

    card_fresh();
    fake_vifdev.fails_at_once = -ENODEV;
    card_open();
    CHECK_EQ(vif_start(card.vif, device.store, &e), -ENODEV);
    CHECK_HAS(e.text, "no such bridge");
    CHECK(fake_xs_value(BACK) == NULL && fake_xs_value(FRONT) == NULL);
    CHECK_EQ(puppets.nr, 0);
    card_finish();
}

TEST(a_card_that_ends_while_its_tap_is_attached_ends_after_it)
{
    card_fresh();
    fake_vifdev.late = true;
    card_start();
    vif_end(card.vif);
    stage_settle();
    CHECK(!device.gone);
    fake_vifdev_done();
    UNTIL(device.gone);
    CHECK_EQ(fake_vifdev.nr_removed, 1);
    CHECK_EQ(puppets.nr, 0);
    card_finish();
}

TEST(queues_that_cannot_be_had_are_the_cards_end)
{
    card_fresh();
    fake_vifdev.queues_fail = -EBUSY;
    card_start();
    UNTIL(vif_state(card.vif) == VBD_FAILED);
    CHECK_STR(vif_why(card.vif), "its queues are another's");
    card_finish();
}

/* ---- detach ---- */

TEST(a_guest_that_lets_go_loses_the_card)
{
    card_fresh();
    card_start_connected();
    vif_detach(card.vif, false);
    CHECK_STR(stage_node(BACK "/online"), "0");
    CHECK_STR(stage_node(BACK "/state"), "5");
    fake_xs_set(FRONT "/state", "6");
    UNTIL(device.gone);
    CHECK(fake_xs_value(FRONT) == NULL && fake_xs_value(BACK) == NULL);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_DISCONNECT], 1);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_QUIT], 1);
    CHECK_EQ(fake_vifdev.nr_removed, 1);
    card_finish();
}

TEST(force_asks_nobody)
{
    card_fresh();
    card_start_connected();
    vif_detach(card.vif, true);
    CHECK(fake_xs_value(FRONT "/state") == NULL);
    CHECK_STR(stage_node(BACK "/state"), "6");
    CHECK_STR(stage_node(BACK "/mac"), "00:16:3e:0a:0b:0c"); /* for a script */
    UNTIL(device.gone);
    CHECK_EQ(fake_vifdev.nr_removed, 1);
    card_finish();
}

TEST(a_deaf_guest_keeps_it_until_it_is_taken_by_force)
{
    card_fresh();
    card_start_connected();
    device.hurry = 100;
    vif_detach(card.vif, false);
    UNTIL(strstr(vif_why(card.vif), "has not let go"));
    CHECK_EQ(vif_state(card.vif), VBD_CLOSING);
    device.hurry = 1;
    vif_detach(card.vif, true);
    UNTIL(device.gone);
    card_finish();
}

/* ---- what is configured ---- */

TEST(addresses_are_rules)
{
    static const uint8_t v4[4] = { 10, 0, 0, 2 };

    card_fresh();
    card.spec.ip = (char *)" 10.0.0.2  2001:db8::2/128 fe80::1,192.0.2.1/32 "
                           "fe80::/10 fe80::/64";
    card.options.any_mac = true;
    card_start();
    UNTIL(vif_state(card.vif) == VBD_WAITING);
    CHECK_EQ(puppets.one[0].net.rules.nr_addresses, 6);
    for (uint32_t i = 0; i < 6; i++)
        CHECK_EQ(puppets.one[0].net.rules.address[i].any_link_local, i >= 4);
    CHECK_EQ(puppets.one[0].net.rules.address[4].is_v6, 1);
    CHECK_EQ(puppets.one[0].net.rules.address[4].bytes[0], 0);
    assert_memory_equal(puppets.one[0].net.rules.address[0].bytes, v4, 4);
    CHECK_EQ(puppets.one[0].net.rules.address[0].is_v6, 0);
    CHECK_EQ(puppets.one[0].net.rules.address[1].is_v6, 1);
    CHECK_EQ(puppets.one[0].net.rules.address[1].bytes[15], 2);
    CHECK_EQ(puppets.one[0].net.rules.any_mac, 1);
    CHECK_STR(stage_node(BACK "/ip"), card.spec.ip);
    card_finish();
}

TEST(what_is_no_address_is_named)
{
    static const struct {
        const char *ip;
        int rc;
        const char *words;
    } row[] = {
        { "10.0.0.0/24", -EINVAL, "vif web/vif-0: ip: got \"10.0.0.0/24\"" },
        { "10.0.0.2 2001:db8::/64", -EINVAL, "got \"2001:db8::/64\"" },
        { "fe80::1/64", -EINVAL, "got \"fe80::1/64\"" },
        { "fe80::/9", -EINVAL, "got \"fe80::/9\"" },
        { "10.0.0", -EINVAL, "got \"10.0.0\"" },
        { "010.0.0.2x", -EINVAL, "got \"010.0.0.2x\"" },
        { "1::1 1::2 1::3 1::4 1::5 1::6 1::7 1::8 1::9 1::a 1::b 1::c 1::d "
          "1::e 1::f 1::10 1::11",
          -E2BIG, "more than 16 addresses" },
    };
    struct vif *vif = NULL;

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct vif_ops none = { 0 };
        struct err e = { 0 };

        card_fresh();
        card.spec.ip = (char *)row[i].ip;
        CHECK_EQ(vif_open(&stage.loop, &card.options, &none, NULL, &vif, &e),
                 row[i].rc);
        CHECK_HAS(e.text, row[i].words);
        device.gone = true;
        card_finish();
    }
}

TEST(a_rate_reaches_the_backend_that_is_and_those_that_come)
{
    card_fresh();
    card_start_connected();
    vif_set_rate(card.vif, 125000, 50000);
    CHECK_STR(stage_node(BACK "/rate"), "125000,50000");
    UNTIL(puppets.one[0].net.rules.rate_bytes == 125000);
    CHECK_EQ(puppets.one[0].net.rules.rate_usecs, 50000);
    assert_memory_equal(puppets.one[0].net.rules.mac, card.spec.mac, 6);
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].opened);
    CHECK_EQ(puppets.one[1].net.open.rules.rate_bytes, 125000);
    vif_set_rate(card.vif, 0, 0);
    CHECK(fake_xs_value(BACK "/rate") == NULL);
    UNTIL(puppets.one[1].net.rules.rate_bytes == 0);
    card_finish();
}

TEST(a_write_that_fails_is_made_again)
{
    for (uint32_t n = 1; n < 16; n++) {
        card_fresh();
        fake_vifdev.late = true;
        card_start();
        device.hurry = 100;
        fake_vifdev_done();
        UNTIL(puppets.nr == 1);
        fake_fail_at(n);
        UNTIL(IS(BACK "/state", "2"));
        CHECK_STR(stage_node(BACK "/multi-queue-max-queues"), "2");
        fake_fail_at(0);
        card_finish();
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_card_is_offered_when_its_tap_and_backend_are_there),
        RULE(a_guest_that_wrote_its_keys_is_connected),
        RULE(a_guest_closes_and_comes_again),
        RULE(a_guest_that_starts_anew_is_offered_it_again),
        RULE(an_xdp_program_comes_and_goes),
        RULE(a_key_that_comes_late_is_heeded_when_it_goes_on),
        RULE(a_guest_that_reconfigures_is_answered_also_when_it_is_to_let_go),
        RULE(bad_keys_close_it_with_words),
        RULE(a_directory_that_is_gone_is_as_good_as_closed),
        RULE(a_storm_of_states_ends_where_the_guest_does),
        RULE(a_guest_that_comes_and_goes_without_end_is_slowed_down),
        RULE(a_card_of_a_guest_that_does_not_run_yet_is_shown_at_once),
        RULE(a_tap_that_fails_says_so_and_no_guest_waits),
        RULE(a_tap_that_cannot_be_made_fails_at_once),
        RULE(a_card_that_ends_while_its_tap_is_attached_ends_after_it),
        RULE(queues_that_cannot_be_had_are_the_cards_end),
        RULE(a_guest_that_lets_go_loses_the_card),
        RULE(force_asks_nobody),
        RULE(a_deaf_guest_keeps_it_until_it_is_taken_by_force),
        RULE(addresses_are_rules),
        RULE(what_is_no_address_is_named),
        RULE(a_rate_reaches_the_backend_that_is_and_those_that_come),
        RULE(a_write_that_fails_is_made_again),
    };

    return cmocka_run_group_tests(tests, device_set_up, device_tear_down);
}
