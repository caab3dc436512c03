/* SPDX-License-Identifier: MIT */
/*
 * test_servecard.c - one network card of a guest that xl made, between xl, its
 * script, the guest and a backend
 *
 * Its tap is fake_vifdev.h's, and what dom0's kernel drives is the test's.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include <uv.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_vifdev.h"
#include "tests/unit/puppet.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/netback.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/serve.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xlcard.h"
#include "toolstack/supervisor/xsdaemon.h"

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid,
                         struct err *e);
bool __wrap_netback_is_loaded(void);
bool __wrap_netback_drives(uint16_t domid, uint32_t devid);
void __wrap_vifdev_remove_left_of(uint16_t domid, uint32_t devid);

#define FRONT "/local/domain/7/device/vif/1"
#define BACK "/local/domain/0/backend/vif/7/1"
#define TURN_S_MAX 20

static struct world {
    uv_loop_t loop;
    uv_poll_t puppeteer;
    uv_timer_t tick;
    struct serve *serve;
    uint32_t nr_gone;
    struct err failed;
    bool netback, any_mac;
    uint32_t nr_cleared; /* taps that were looked for at the end */
} w;

static char base[] = "/tmp/fh-card-XXXXXX", place[64];

int __wrap_xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    (void)e;
    snprintf(out, out_bytes, "oxenstored"); /* it is stock's business */
    *pid = getpid();
    return 0;
}

bool __wrap_netback_is_loaded(void)
{
    return w.netback;
}

bool __wrap_netback_drives(uint16_t domid, uint32_t devid)
{
    CHECK_EQ(domid, 7);
    CHECK_EQ(devid, 1);
    return w.netback;
}

void __wrap_vifdev_remove_left_of(uint16_t domid, uint32_t devid)
{
    CHECK_EQ(domid, 7);
    CHECK_EQ(devid, 1);
    w.nr_cleared++;
    fake_vifdev.there = false;
}

/* ---- the world around it ---- */

static void on_gone(void *arg, const struct err *failed)
{
    CHECK(arg == &w);
    w.nr_gone++;
    if (failed)
        w.failed = *failed;
    serve_close(w.serve);
    w.serve = NULL;
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

static int now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}

/* Run the loop until it is so; it must be within some seconds. */
#define UNTIL(what)                                                            \
    for (int end_s = now_s() + TURN_S_MAX; !(what);) {                         \
        CHECK(now_s() < end_s);                                                \
        uv_run(&w.loop, UV_RUN_ONCE);                                          \
    }

/* Everything that is on its way has come: a while without a sign. */
static void settle(void)
{
    for (uint32_t i = 0; i < 12; i++)
        uv_run(&w.loop, UV_RUN_ONCE);
}

static const char *node(const char *path)
{
    const char *v = fake_xs_value(path);

    return v ? v : "";
}

#define IS(path, value) (strcmp(node(path), value) == 0)

/* As xl writes it. */
static void attach(void)
{
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

/* As xl asks for the device. */
static void detach(void)
{
    fake_xs_set(BACK "/online", "0");
    fake_xs_set(BACK "/state", "5");
}

/* As xl takes the device away, whatever anybody says. */
static void take_away(void)
{
    fake_xs_rm(FRONT);
    fake_xs_rm(BACK);
}

static void fresh(void)
{
    fake_reset();
    fake_vifdev_reset();
    puppets_fresh();
    puppets_net();
    memset(&w, 0, sizeof(w));
    uv_loop_init(&w.loop);
    uv_poll_init(&w.loop, &w.puppeteer, puppets_fd());
    uv_poll_start(&w.puppeteer, UV_READABLE, on_puppets);
    uv_timer_init(&w.loop, &w.tick);
    uv_timer_start(&w.tick, on_tick, 5, 5);
    fake.domain[0].there = true;
    fake.domain[0].domid = 7;
    fake_xs_set("/local/domain/7/name", "old");
    fake_xs_set("/local/domain/7/cpu/0/availability", "online");
    fake_xs_set("/local/domain/7/cpu/1/availability", "online");
    attach();
}

static int serve(struct err *e)
{
    struct serve_options o = {
        .base = base,
        .what = SERVE_CARD,
        .domid = 7,
        .devid = 1,
        .any_mac = w.any_mac,
        .program = PUPPET,
        .gone = on_gone,
        .arg = &w,
    };

    return serve_open(&w.loop, &o, &w.serve, e);
}

static void start(void)
{
    struct err e = { 0 };
    int rc = serve(&e);

    if (rc)
        fprintf(stderr, "%s\n", e.text);
    CHECK_EQ(rc, 0);
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

static void start_connected(void)
{
    start();
    UNTIL(IS(BACK "/state", "2"));
    run_script();
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
    settle();
}

/* kill -9, but for what the kernel would close. */
static void leave(void)
{
    serve_close(w.serve);
    w.serve = NULL;
    settle();
}

/* Nobody serves it, and nothing but what xl knows is there. */
static void finish(void)
{
    CHECK(w.serve == NULL);
    CHECK(access(place, F_OK) < 0);
    uv_close((uv_handle_t *)&w.puppeteer, NULL);
    uv_close((uv_handle_t *)&w.tick, NULL);
    uv_run(&w.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&w.loop), 0);
    CHECK_EQ(fake.nr_handles, 0);
    CHECK_EQ(fake_vifdev.live, 0);
    CHECK(!fake_vifdev.there);
    for (uint32_t i = 0; i < puppets.nr; i++)
        CHECK(kill(puppets.one[i].pid, 0) < 0 && errno == ESRCH);
    puppets_fresh();
    fake.domain[0].there = false;
    fake_reset();
}

static void detach_and_finish(void)
{
    detach();
    fake_xs_set(FRONT "/state", "6");
    UNTIL(w.nr_gone == 1);
    CHECK_EQ(w.failed.rc, 0);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

/* ---- what xl writes ---- */

TEST(a_card_is_read_as_xl_wrote_it)
{
    static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c };
    struct store *s;
    struct vm_vif v;
    struct err e = { 0 };

    fresh();
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
    finish();
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

        fresh();
        snprintf(path, sizeof(path), BACK "/%s", row[i].leaf);
        fake_xs_set(path, row[i].value);
        CHECK_EQ(serve(&e), -EINVAL);
        CHECK_HAS(e.text, row[i].words);
        CHECK_STR(node(BACK "/error"), e.text); /* and xl does not wait */
        CHECK_STR(node(BACK "/state"), "5");
        CHECK_EQ(puppets.nr, 0);
        CHECK_EQ(fake_vifdev.nr_opened, 0);
        finish();
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
    fresh();
    fake_vifdev.late = true;
    start();
    settle();
    CHECK_STR(node(BACK "/state"), "1"); /* the script wants the tap */
    fake_vifdev_done();
    UNTIL(IS(BACK "/state", "2"));
    CHECK(fake_vifdev.bare);
    CHECK_STR(fake_vifdev.guest, "old");
    CHECK_STR(node(BACK "/feature-rx-copy"), "1");
    CHECK_STR(node(BACK "/multi-queue-max-queues"), "2"); /* a vCPU each */
    CHECK_STR(node(BACK "/hotplug-status"), "");
    CHECK(fake_xs_value(BACK "/mtu") == NULL); /* the script would take it */
    CHECK_STR(node(FRONT "/mtu"), "1492");
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
    CHECK_STR(node(FRONT "/mtu"), "9000");
    detach();
    UNTIL(IS(BACK "/state", "5"));
    settle();
    CHECK_EQ(w.nr_gone, 0); /* the guest has it */
    CHECK(fake_vifdev.there);
    fake_xs_set(FRONT "/state", "6");
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");       /* what xl waits for */
    CHECK(fake_xs_value(BACK "/mac") != NULL); /* xl's to remove */
    CHECK_EQ(fake_vifdev.nr_removed, 1);
    finish();
}

/* The bridge comes first, or what the guest sends at once is lost. */
TEST(a_guest_is_connected_only_when_the_script_is_done)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    write_keys();
    settle();
    CHECK_STR(node(BACK "/state"), "2");
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 0);
    fake_xs_set(BACK "/hotplug-status", "error");
    settle();
    CHECK_STR(node(BACK "/state"), "2");
    fake_xs_set(BACK "/hotplug-status", "connected");
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    detach_and_finish();
}

TEST(a_guest_that_comes_again_does_not_wait_for_the_script)
{
    fresh();
    start_connected();
    fake_xs_set(FRONT "/state", "6");
    UNTIL(IS(BACK "/state", "6"));
    fake_xs_set(FRONT "/state", "1");
    UNTIL(IS(BACK "/state", "2"));
    CHECK_STR(node(BACK "/hotplug-status"), "connected");
    write_keys();
    UNTIL(IS(BACK "/state", "4"));
    CHECK_EQ(w.nr_gone, 0);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    detach_and_finish();
}

TEST(another_rate_is_heeded_and_nonsense_is_not)
{
    const struct net_rules *r = &puppets.one[0].net.rules;

    fresh();
    start_connected();
    fake_xs_set(BACK "/rate", "500,1000");
    UNTIL(r->rate_bytes == 500 && r->rate_usecs == 1000);
    fake_xs_set(BACK "/rate", "fast");
    settle();
    CHECK_EQ(r->rate_bytes, 500);
    CHECK_STR(node(BACK "/rate"), "fast"); /* it is xl's */
    fake_xs_rm(BACK "/rate");
    UNTIL(r->rate_bytes == 0);
    fake_xs_set(BACK "/rate", "700,1000");
    UNTIL(r->rate_bytes == 700);
    CHECK_EQ(r->nr_addresses, 2);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
}

TEST(any_address_goes_through_when_that_is_said)
{
    fresh();
    w.any_mac = true;
    start_connected();
    CHECK(puppets.one[0].net.rules.any_mac);
    detach_and_finish();
}

TEST(one_that_nobody_took_up_is_over_at_once)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    detach();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(a_directory_that_is_taken_away_is_the_end)
{
    fresh();
    start_connected();
    take_away();
    UNTIL(w.nr_gone == 1);
    CHECK(fake_xs_value(BACK "/state") == NULL); /* it stays away */
    CHECK_EQ(fake_vifdev.nr_removed, 1);
    finish();
}

TEST(a_domain_that_is_gone_is_the_end)
{
    fresh();
    start_connected();
    fake_release_event(); /* another one's */
    settle();
    CHECK_EQ(w.nr_gone, 0);
    fake.domain[0].there = false;
    fake_release_event();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(a_backend_that_dies_is_started_again_on_the_same_tap)
{
    fresh();
    start_connected();
    puppet_die(&puppets.one[0]);
    UNTIL(puppets.nr == 2 && puppets.one[1].connected);
    CHECK(puppets.one[1].net.open.resume);
    CHECK_EQ(puppets.one[1].net.nr_taps, 2);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
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
        fresh();
        start();
        UNTIL(IS(BACK "/state", "2"));
        run_script();
        write_keys();
        snprintf(path, sizeof(path), FRONT "/%s", row[i].leaf);
        fake_xs_set(path, row[i].value);
        UNTIL(IS(BACK "/state", "5"));
        CHECK_HAS(node(BACK "/error"), row[i].value);
        CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 0);
        CHECK_EQ(w.nr_gone, 0);
        detach_and_finish();
    }
}

/* Any state at any time, quicker than we look; xl's word is the last. */
TEST(a_storm_of_states_ends_when_xl_wants_it)
{
    static const char *const value[] = { "1", "3", "4", "5", "6", "0",
                                         "2", "7", "8", "",  "x", "-1" };

    fresh();
    start_connected();
    srandom(7);
    for (uint32_t i = 0; i < 2000; i++) {
        fake_xs_set(FRONT "/state", value[random() % ARRAY_SIZE(value)]);
        if (random() % 8 == 0)
            uv_run(&w.loop, UV_RUN_NOWAIT);
        if (random() % 200 == 0)
            settle();
    }
    CHECK_EQ(w.nr_gone, 0);
    CHECK_EQ(puppets.nr, 1);
    detach_and_finish();
}

TEST(a_guest_that_removes_its_directory_keeps_it_removed)
{
    fresh();
    start_connected();
    fake_xs_rm(FRONT);
    UNTIL(IS(BACK "/state", "6"));
    CHECK(fake_xs_value(FRONT "/mtu") == NULL);
    detach();
    UNTIL(w.nr_gone == 1);
    finish();
}

/* ---- what cannot be served ---- */

TEST(what_the_kernel_drives_is_not_touched)
{
    struct err e = { 0 };

    fresh();
    w.netback = true;
    CHECK_EQ(serve(&e), -EBUSY);
    CHECK_HAS(e.text, "card 7/1: xen-netback serves it: ");
    CHECK_HAS(e.text, "modprobe -r xen-netback");
    CHECK_HAS(e.text, "blacklist xen-netback");
    detach(); /* not even then, or when its domain is gone */
    CHECK_EQ(serve(&e), -EBUSY);
    fake.domain[0].there = false;
    CHECK_EQ(serve(&e), -EBUSY);
    CHECK_STR(node(BACK "/state"), "5");
    CHECK(fake_xs_value(BACK "/error") == NULL);
    CHECK_EQ(w.nr_cleared, 0);
    finish();
}

TEST(nor_is_what_somebody_else_has_offered)
{
    static const char *const value[] = { "2", "3", "4", "7", "8" };

    for (uint32_t i = 0; i < ARRAY_SIZE(value); i++) {
        struct err e = { 0 };

        fresh();
        fake_xs_set(BACK "/state", value[i]);
        CHECK_EQ(serve(&e), -EBUSY);
        CHECK_HAS(e.text, "another backend serves it");
        CHECK_STR(node(BACK "/state"), value[i]);
        finish();
    }
}

/* The module may be loaded by anything, long after. */
TEST(what_was_begun_with_is_taken_over_whatever_the_kernel_has)
{
    fresh();
    start_connected();
    leave();
    w.netback = true;
    start();
    settle();
    CHECK_EQ(puppets.nr, 1);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
}

TEST(a_tap_that_cannot_be_made_is_told_and_leaves_nothing)
{
    struct err e = { 0 };

    fresh();
    fake_vifdev.fails_at_once = -EEXIST;
    CHECK_EQ(serve(&e), -EEXIST);
    CHECK_STR(node(BACK "/error"), e.text);
    CHECK_STR(node(BACK "/state"), "5");
    CHECK_EQ(puppets.nr, 0);
    fake_vifdev.fails_at_once = 0; /* it is tried again */
    start_connected();
    CHECK(fake_xs_value(BACK "/error") == NULL);
    detach_and_finish();
}

TEST(no_card_is_an_error)
{
    struct err e = { 0 };

    fresh();
    take_away();
    CHECK_EQ(serve(&e), -ENOENT);
    CHECK_STR(e.text, "card 7/1: " BACK ": there is no such device");
    finish();
}

TEST(two_do_not_serve_one_card)
{
    struct serve *first;
    struct err e = { 0 };

    fresh();
    start_connected();
    first = w.serve;
    CHECK_EQ(serve(&e), -EEXIST);
    CHECK_STR(e.text, "card 7/1: another freehold serve-net serves it");
    w.serve = first;
    settle();
    CHECK_EQ(puppets.nr, 1);
    detach_and_finish();
}

/* ---- its own death ---- */

TEST(a_backend_and_its_tap_are_taken_over)
{
    fresh();
    start_connected();
    leave();
    CHECK_EQ(access(place, F_OK), 0);
    fake_xs_set(BACK "/rate", "500,1000"); /* meanwhile */
    start();
    UNTIL(puppets.one[0].net.rules.rate_bytes == 500);
    CHECK_EQ(puppets.nr, 1);
    CHECK_EQ(fake_vifdev.nr_opened, 1);
    CHECK_EQ(fake_vifdev.nr_adopted, 1);
    CHECK_EQ(puppets.one[0].heard[NET_CTL_CONNECT], 1);
    CHECK_STR(node(BACK "/state"), "4");
    detach_and_finish();
}

TEST(one_that_was_offered_is_taken_over_and_still_waits_for_the_script)
{
    fresh();
    start();
    UNTIL(IS(BACK "/state", "2"));
    leave();
    write_keys();
    start();
    settle();
    CHECK_STR(node(BACK "/state"), "2");
    run_script();
    UNTIL(IS(BACK "/state", "4"));
    detach_and_finish();
}

TEST(one_that_was_let_go_meanwhile_is_over)
{
    fresh();
    start_connected();
    leave();
    detach();
    fake_xs_set(FRONT "/state", "6");
    start();
    UNTIL(w.nr_gone == 1);
    CHECK_STR(node(BACK "/state"), "6");
    finish();
}

TEST(what_is_left_of_a_card_that_went_is_removed)
{
    struct err e = { 0 };
    pid_t pid;

    fresh();
    start_connected();
    leave();
    pid = puppets.one[0].pid;
    take_away();
    CHECK_EQ(serve(&e), -ENOENT);
    CHECK_EQ(kill(pid, 0), -1); /* killed, and no zombie */
    CHECK_EQ(w.nr_cleared, 1);  /* its tap, too */
    CHECK(!fake_vifdev.there);
    finish();
}

static int set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    if (!mkdtemp(base) || puppets_set_up(PUPPET))
        return -1;
    snprintf(place, sizeof(place), "%s/.serve-net-7-1", base);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    puppets_tear_down();
    return rmdir(base);
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
        RULE(one_that_nobody_took_up_is_over_at_once),
        RULE(a_directory_that_is_taken_away_is_the_end),
        RULE(a_domain_that_is_gone_is_the_end),
        RULE(a_backend_that_dies_is_started_again_on_the_same_tap),
        RULE(bad_keys_of_the_guests_close_it_with_words),
        RULE(a_storm_of_states_ends_when_xl_wants_it),
        RULE(a_guest_that_removes_its_directory_keeps_it_removed),
        RULE(what_the_kernel_drives_is_not_touched),
        RULE(nor_is_what_somebody_else_has_offered),
        RULE(what_was_begun_with_is_taken_over_whatever_the_kernel_has),
        RULE(a_tap_that_cannot_be_made_is_told_and_leaves_nothing),
        RULE(no_card_is_an_error),
        RULE(two_do_not_serve_one_card),
        RULE(a_backend_and_its_tap_are_taken_over),
        RULE(one_that_was_offered_is_taken_over_and_still_waits_for_the_script),
        RULE(one_that_was_let_go_meanwhile_is_over),
        RULE(what_is_left_of_a_card_that_went_is_removed),
    };

    return cmocka_run_group_tests(tests, set_up, tear_down);
}
