/* SPDX-License-Identifier: MIT */
/*
 * test_servecard.c - one network card of a guest that xl made, between xl, its
 * script, the guest and a backend
 *
 * Its tap is fake_vifdev.h's, and what dom0's kernel drives is the test's.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_vifdev.h"
#include "tests/unit/served.h"
#include "toolstack/supervisor/netback.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xlcard.h"

bool __wrap_netback_is_loaded(void);
bool __wrap_netback_drives(uint16_t domid, uint32_t devid);
void __wrap_vifdev_remove_left_of(uint16_t domid, uint32_t devid);

#define FRONT "/local/domain/7/device/vif/1"
#define BACK "/local/domain/0/backend/vif/7/1"

static struct {
    bool netback;        /* dom0's kernel drives it */
    uint32_t nr_cleared; /* taps that were looked for at the end */
} kernel;

bool __wrap_netback_is_loaded(void)
{
    return kernel.netback;
}

bool __wrap_netback_drives(uint16_t domid, uint32_t devid)
{
    CHECK_EQ(domid, 7);
    CHECK_EQ(devid, 1);
    return kernel.netback;
}

void __wrap_vifdev_remove_left_of(uint16_t domid, uint32_t devid)
{
    CHECK_EQ(domid, 7);
    CHECK_EQ(devid, 1);
    kernel.nr_cleared++;
    fake_vifdev.there = false;
}

/* As xl writes it. */
static void fresh(void)
{
    fake_vifdev_reset();
    puppets_net();
    memset(&kernel, 0, sizeof(kernel));
    fake_xs_set(FRONT "/state", "1");
    fake_xs_set(FRONT "/backend", BACK);
    fake_xs_set(FRONT "/handle", "1");
    fake_xs_set(FRONT "/mac", "00:16:3e:0a:0b:0c");
    fake_xs_set(FRONT "/mtu", "1492");
    fake_xs_set(FRONT "/trusted", "1");
    fake_xs_set(BACK "/frontend", FRONT);
    fake_xs_set(BACK "/frontend-id", "7");
    fake_xs_set(BACK "/online", "1");
    fake_xs_set(BACK "/script", "/etc/xen/scripts/vif-bridge");
    fake_xs_set(BACK "/mac", "00:16:3e:0a:0b:0c");
    fake_xs_set(BACK "/ip", "10.0.0.2 2001:db8::2");
    fake_xs_set(BACK "/rate", "2500000,20000");
    fake_xs_set(BACK "/bridge", "xenbr0");
    fake_xs_set(BACK "/handle", "1");
    fake_xs_set(BACK "/type", "vif");
    fake_xs_set(BACK "/hotplug-status", "");
    fake_xs_set(BACK "/state", "1");
}

static void write_keys(void)
{
    static const char *const key[][2] = {
        { "multi-queue-num-queues", "2" },
        { "queue-0/tx-ring-ref", "8" },
        { "queue-0/rx-ring-ref", "9" },
        { "queue-0/event-channel-tx", "5" },
        { "queue-0/event-channel-rx", "6" },
        { "queue-1/tx-ring-ref", "10" },
        { "queue-1/rx-ring-ref", "11" },
        { "queue-1/event-channel-tx", "7" },
        { "queue-1/event-channel-rx", "8" },
        { "request-rx-copy", "1" },
        { "feature-rx-notify", "1" },
        { "feature-sg", "1" },
        { "state", "4" },
    };
    char path[96];

    for (uint32_t i = 0; i < ARRAY_SIZE(key); i++) {
        snprintf(path, sizeof(path), FRONT "/%s", key[i][0]);
        fake_xs_set(path, key[i][1]);
    }
}

/* As xl's script does when it is run. */
static void run_script(void)
{
    fake_xs_set(FRONT "/mtu", "9000");
    fake_xs_set(BACK "/hotplug-status", "connected");
}

static void take_up(void)
{
    run_script();
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
}

static void finished(void)
{
    CHECK_EQ(fake_vifdev.live, 0);
    CHECK(!fake_vifdev.there);
    CHECK(fake_vifdev.nr_removed <= 1 && kernel.nr_cleared <= 1);
}

static const struct served_kind card = {
    .what = SERVE_CARD,
    .devid = 1,
    .label = "card 7/1",
    .command = "serve-net",
    .front = FRONT,
    .back = BACK,
    .fresh = fresh,
    .take_up = take_up,
    .finished = finished,
};

/* ---- what xl writes ---- */

TEST(a_card_is_read_as_xl_wrote_it)
{
    static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c };
    struct store *s;
    struct vm_vif v;
    struct err e = { 0 };

    served_fresh();
    CHECK_EQ(store_open(&s, NULL), 0);
    CHECK_EQ(xlcard_read(s, 7, 1, &v, &e), 0);
    CHECK_EQ(v.devid, 1);
    CHECK(v.has_mac);
    assert_memory_equal(v.mac, mac, 6);
    CHECK_STR(v.ip, "10.0.0.2 2001:db8::2");
    CHECK_EQ(v.rate_bytes, 2500000);
    CHECK_EQ(v.rate_usecs, 20000);
    CHECK_EQ(v.mtu, 0);
    CHECK(!v.bridge && !v.script && !v.name); /* xl's business */
    vmvif_free(&v);
    fake_xs_set(BACK "/mtu", "9000");
    fake_xs_rm(BACK "/rate");
    fake_xs_rm(BACK "/ip");
    CHECK_EQ(xlcard_read(s, 7, 1, &v, &e), 0);
    CHECK_EQ(v.mtu, 9000);
    CHECK_EQ(v.rate_bytes, 0);
    CHECK(!v.ip);
    vmvif_free(&v);
    CHECK_EQ(xlcard_read(s, 7, 2, &v, &e), -ENOENT);
    CHECK_STR(e.text, "card 7/2: /local/domain/0/backend/vif/7/2: there is no "
                      "such device");
    store_close(s);
    served_finish();
}

TEST(what_xl_cannot_have_meant_is_refused_by_its_key)
{
    static const struct {
        const char *leaf, *value, *words;
    } row[] = {
        { "mac", "", "card 7/1: mac: got \"\", want an address" },
        { "mac", "00:16:3e:0a:0b", "mac: got \"00:16:3e:0a:0b\", want" },
        { "mac", "00:16:3e:0a:0b:0g", "mac: got" },
        { "handle", "0", "card 7/1: handle: got \"0\", want 1..1" },
        { "handle", "2", "handle: got \"2\", want 1..1" },
        { "mtu", "65522", "card 7/1: mtu: got \"65522\", want 0..65521" },
        { "mtu", "-1", "mtu: got \"-1\"" },
        { "mtu", "1500x", "mtu: got \"1500x\"" },
        { "mtu", "99999999999999999999", "mtu: got" },
        { "rate", "1000", "card 7/1: rate: got \"1000\", want BYTES," },
        { "rate", "1000,", "rate: got \"1000,\"" },
        { "rate", "-1,5", "rate: got \"-1,5\"" },
        { "rate", "1,4294967296", "rate: got \"1,4294967296\"" },
        { "rate", "18446744073709551616,1", "rate: got" },
        { "ip", "10.0.0.0/24", "ip: got \"10.0.0.0/24\", want an address" },
        { "ip", "nonsense", "ip: got \"nonsense\"" },
    };
    char path[96];

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        struct err e = { 0 };

        served_fresh();
        snprintf(path, sizeof(path), BACK "/%s", row[i].leaf);
        fake_xs_set(path, row[i].value);
        CHECK_EQ(served_open(&e), -EINVAL);
        CHECK_HAS(e.text, row[i].words);
        CHECK_STR(stage_node(BACK "/error"), e.text); /* and xl does not wait */
        CHECK_STR(stage_node(BACK "/state"), "5");
        CHECK_EQ(puppets.nr, 0);
        CHECK_EQ(fake_vifdev.nr_opened, 0);
        served_finish();
    }
}

TEST(a_rate_of_nothing_is_no_limit)
{
    uint64_t bytes = 5;
    uint32_t usecs = 5;

    CHECK_EQ(xlcard_rate(NULL, &bytes, &usecs, NULL), 0);
    CHECK(bytes == 0 && usecs == 0);
    CHECK_EQ(
        xlcard_rate("18446744073709551615,4294967295", &bytes, &usecs, NULL),
        0);
    CHECK(bytes == UINT64_MAX && usecs == UINT32_MAX);
    CHECK_EQ(xlcard_rate("x", &bytes, &usecs, NULL), -EINVAL);
    CHECK(bytes == UINT64_MAX && usecs == UINT32_MAX);
    CHECK_EQ(xlcard_rate("1000,0", &bytes, &usecs, NULL), 0);
    CHECK(bytes == 0 && usecs == 0);
}

TEST(cards_and_disks_have_places_of_their_own)
{
    char name[SERVE_NAME_BYTES];
    uint16_t domid;
    uint32_t devid;

    serve_name(SERVE_CARD, 32751, UINT32_MAX, name);
    CHECK_STR(name, ".serve-net-32751-4294967295");
    CHECK(vmcfg_check_name(name, NULL) < 0);
    CHECK_EQ(serve_name_parse(SERVE_CARD, name, &domid, &devid), 0);
    CHECK_EQ(domid, 32751);
    CHECK_EQ(devid, UINT32_MAX);
    CHECK_EQ(serve_name_parse(SERVE_DISK, name, &domid, &devid), -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_CARD, ".serve-7-1", &domid, &devid),
             -EINVAL);
    CHECK_EQ(serve_name_parse(SERVE_CARD, ".serve-net-7-1 ", &domid, &devid),
             -EINVAL);
}

/* ---- a card's life ---- */

TEST(it_is_offered_with_its_tap_and_xl_does_the_rest)
{
    served_fresh();
    fake_vifdev.late = true;
    served_start();
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "1"); /* the script wants the tap */
    fake_vifdev_done();
    UNTIL(IS(BACK "/state", "2"));
    CHECK(fake_vifdev.bare);
    CHECK_STR(fake_vifdev.guest, "old");
    CHECK_STR(stage_node(BACK "/feature-rx-copy"), "1");
    /* A vCPU each. */
    CHECK_STR(stage_node(BACK "/multi-queue-max-queues"), "2");
    CHECK_STR(stage_node(BACK "/hotplug-status"), "");
    CHECK(fake_xs_value(BACK "/mtu") == NULL); /* the script would take it */
    CHECK_STR(stage_node(FRONT "/mtu"), "1492");
    CHECK_EQ(puppets.one[0].net.open.domid, 7);
    CHECK_EQ(puppets.one[0].net.open.devid, 1);
    CHECK_EQ(puppets.one[0].net.open.nr_queues, 2);
    CHECK_EQ(puppets.one[0].net.nr_taps, 2);
    CHECK_EQ(puppets.one[0].net.rules.nr_addresses, 2);
    CHECK_EQ(puppets.one[0].net.rules.rate_bytes, 2500000);
    CHECK(!puppets.one[0].net.rules.any_mac);
    run_script();
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
    CHECK_STR(stage_node(FRONT "/mtu"), "9000");
    served_detach();
    UNTIL(IS(BACK "/state", "5"));
    stage_settle();
    CHECK_EQ(served.nr_gone, 0); /* the guest has it */
    CHECK(fake_vifdev.there);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(served.nr_gone == 1);
    CHECK_STR(stage_node(BACK "/state"), "6"); /* what xl waits for */
    CHECK(fake_xs_value(BACK "/mac") != NULL); /* xl's to remove */
    CHECK_EQ(fake_vifdev.nr_removed, 1);
    served_finish();
}

/* The bridge comes first, or what the guest sends at once is lost. */
TEST(a_guest_is_connected_only_when_the_script_is_done)
{
    served_fresh();
    served_start();
    UNTIL(IS(BACK "/state", "2"));
    write_keys();
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "2");
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 0);
    fake_xs_set(BACK "/hotplug-status", "error");
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "2");
    fake_xs_set(BACK "/hotplug-status", "connected");
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    served_detach_and_finish();
}

TEST(a_guest_that_comes_again_does_not_wait_for_the_script)
{
    served_fresh();
    served_start_connected();
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK_STR(stage_node(BACK "/hotplug-status"), "connected");
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(served.nr_gone, 0);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    served_detach_and_finish();
}

TEST(another_rate_is_heeded_and_nonsense_is_not)
{
    const struct net_rules *r = &puppets.one[0].net.rules;

    served_fresh();
    served_start_connected();
    fake_xs_set(BACK "/rate", "500,1000");
    UNTIL(r->rate_bytes == 500 && r->rate_usecs == 1000);
    fake_xs_set(BACK "/rate", "fast");
    stage_settle();
    CHECK_EQ(r->rate_bytes, 500);
    CHECK_STR(stage_node(BACK "/rate"), "fast"); /* it is xl's */
    fake_xs_rm(BACK "/rate");
    UNTIL(r->rate_bytes == 0);
    fake_xs_set(BACK "/rate", "700,1000");
    UNTIL(r->rate_bytes == 700);
    CHECK_EQ(r->nr_addresses, 2);
    CHECK_STR(stage_node(BACK "/state"), "4");
    served_detach_and_finish();
}

TEST(any_address_goes_through_when_that_is_said)
{
    served_fresh();
    served.any_mac = true;
    served_start_connected();
    CHECK(puppets.one[0].net.rules.any_mac);
    served_detach_and_finish();
}

TEST(a_backend_that_dies_is_started_again_on_the_same_tap)
{
    served_fresh();
    served_start_connected();
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].net.open.resume);
    CHECK_EQ(puppets.one[1].net.nr_taps, 2);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    served_detach_and_finish();
}

/* ---- what the guest writes ---- */

TEST(bad_keys_of_the_guests_close_it_with_words)
{
    static const struct {
        const char *leaf, *value;
    } row[] = {
        { "multi-queue-num-queues", "0" },
        { "multi-queue-num-queues", "4294967295" },
        { "queue-1/tx-ring-ref", "-1" },
        { "queue-0/event-channel-rx", "131072" },
        { "request-rx-copy", "0" },
        { "feature-sg", "yes" },
    };
    char path[96];

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        served_fresh();
        served_start();
        UNTIL(IS(BACK "/state", "2"));
        run_script();
        write_keys();
        snprintf(path, sizeof(path), FRONT "/%s", row[i].leaf);
        fake_xs_set(path, row[i].value);
        UNTIL(IS(BACK "/state", "5"));
        CHECK_HAS(stage_node(BACK "/error"), row[i].value);
        CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 0);
        CHECK_EQ(served.nr_gone, 0);
        served_detach_and_finish();
    }
}

/* Any state at any time, quicker than we look; xl's word is the last. */
TEST(a_storm_of_states_ends_when_xl_wants_it)
{
    static const char *const value[] = { "1", "3", "4", "5", "6", "0",
                                         "2", "7", "8", "",  "x", "-1" };

    served_fresh();
    served_start_connected();
    srandom(7);
    for (uint32_t i = 0; i < 2000; i++) {
        fake_xs_set(FRONT "/state", value[random() % ARRAY_SIZE(value)]);
        if (random() % 8 == 0)
            uv_run(&stage.loop, UV_RUN_NOWAIT);
        if (random() % 200 == 0)
            stage_settle();
    }
    CHECK_EQ(served.nr_gone, 0);
    CHECK_EQ(puppets.nr, 1);
    served_detach_and_finish();
}

TEST(a_guest_that_removes_its_directory_keeps_it_removed)
{
    served_fresh();
    served_start_connected();
    fake_xs_rm(FRONT);
    UNTIL(IS(BACK "/state", "6"));
    CHECK(fake_xs_value(FRONT "/mtu") == NULL);
    served_detach();
    UNTIL(served.nr_gone == 1);
    served_finish();
}

/* ---- what cannot be served ---- */

TEST(what_the_kernel_drives_is_not_touched)
{
    struct err e = { 0 };

    served_fresh();
    kernel.netback = true;
    CHECK_EQ(served_open(&e), -EBUSY);
    CHECK_HAS(e.text, "card 7/1: xen-netback serves it: ");
    CHECK_HAS(e.text, "modprobe -r xen-netback");
    CHECK_HAS(e.text, "blacklist xen-netback");
    served_detach(); /* not even then, or when its domain is gone */
    CHECK_EQ(served_open(&e), -EBUSY);
    fake.domain[0].there = false;
    CHECK_EQ(served_open(&e), -EBUSY);
    CHECK_STR(stage_node(BACK "/state"), "5");
    CHECK(fake_xs_value(BACK "/error") == NULL);
    CHECK_EQ(kernel.nr_cleared, 0);
    served_finish();
}

TEST(nor_is_what_somebody_else_has_offered)
{
    static const char *const value[] = { "2", "3", "4", "7", "8" };

    for (uint32_t i = 0; i < ARRAY_SIZE(value); i++) {
        struct err e = { 0 };

        served_fresh();
        fake_xs_set(BACK "/state", value[i]);
        CHECK_EQ(served_open(&e), -EBUSY);
        CHECK_HAS(e.text, "another backend serves it");
        CHECK_STR(stage_node(BACK "/state"), value[i]);
        served_finish();
    }
}

/* The module may be loaded by anything, long after. */
TEST(what_was_begun_with_is_taken_over_whatever_the_kernel_has)
{
    served_fresh();
    served_start_connected();
    served_leave();
    kernel.netback = true;
    served_start();
    stage_settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    served_detach_and_finish();
}

TEST(a_tap_that_cannot_be_made_is_told_and_leaves_nothing)
{
    struct err e = { 0 };

    served_fresh();
    fake_vifdev.fails_at_once = -EEXIST;
    CHECK_EQ(served_open(&e), -EEXIST);
    CHECK_STR(stage_node(BACK "/error"), e.text);
    CHECK_STR(stage_node(BACK "/state"), "5");
    CHECK_EQ(puppets.nr, 0);
    fake_vifdev.fails_at_once = 0; /* it is tried again */
    served_start_connected();
    CHECK(fake_xs_value(BACK "/error") == NULL);
    served_detach_and_finish();
}

/* ---- its own death ---- */

TEST(a_backend_and_its_tap_are_taken_over)
{
    served_fresh();
    served_start_connected();
    served_leave();
    CHECK(served_is_left());
    fake_xs_set(BACK "/rate", "500,1000"); /* meanwhile */
    served_start();
    UNTIL(puppets.one[0].net.rules.rate_bytes == 500);
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    CHECK_EQ(fake_vifdev.nr_adopted, 1);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    CHECK_STR(stage_node(BACK "/state"), "4");
    served_detach_and_finish();
}

TEST(one_that_was_offered_is_taken_over_and_still_waits_for_the_script)
{
    served_fresh();
    served_start();
    UNTIL(IS(BACK "/state", "2"));
    served_leave();
    write_keys();
    served_start();
    stage_settle();
    CHECK_STR(stage_node(BACK "/state"), "2");
    run_script();
    UNTIL(IS(BACK "/state", "4"));
    served_detach_and_finish();
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_card_is_read_as_xl_wrote_it),
        RULE(what_xl_cannot_have_meant_is_refused_by_its_key),
        RULE(a_rate_of_nothing_is_no_limit),
        RULE(cards_and_disks_have_places_of_their_own),
        RULE(it_is_offered_with_its_tap_and_xl_does_the_rest),
        RULE(a_guest_is_connected_only_when_the_script_is_done),
        RULE(a_guest_that_comes_again_does_not_wait_for_the_script),
        RULE(another_rate_is_heeded_and_nonsense_is_not),
        RULE(any_address_goes_through_when_that_is_said),
        RULE(a_backend_that_dies_is_started_again_on_the_same_tap),
        RULE(bad_keys_of_the_guests_close_it_with_words),
        RULE(a_storm_of_states_ends_when_xl_wants_it),
        RULE(a_guest_that_removes_its_directory_keeps_it_removed),
        RULE(what_the_kernel_drives_is_not_touched),
        RULE(nor_is_what_somebody_else_has_offered),
        RULE(what_was_begun_with_is_taken_over_whatever_the_kernel_has),
        RULE(a_tap_that_cannot_be_made_is_told_and_leaves_nothing),
        RULE(a_backend_and_its_tap_are_taken_over),
        RULE(one_that_was_offered_is_taken_over_and_still_waits_for_the_script),
    };

    return served_run(&card, tests, ARRAY_SIZE(tests));
}
