/* SPDX-License-Identifier: MIT */
/*
 * test_guest_vifs.c - a guest's cards, from its configuration to its end
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_vif.h"
#include "tests/unit/devlife.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"

static struct vm_vif cards[2];
static char told[1024]; /* network events: "0 waiting, 0 gone, " */

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params);

/* Linked in by --wrap: what every subscriber would be sent. */
void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params)
{
    size_t used = strlen(told);

    (void)a;
    if (strcmp(method, "network") == 0)
        snprintf(told + used, sizeof(told) - used, "%s %s%s%s, ",
                 devlife_text(params, "devid"), devlife_text(params, "state"),
                 *devlife_text(params, "why") ? " " : "",
                 devlife_text(params, "why"));
    json_object_put(params);
}

static void finished(void)
{
    for (uint32_t i = 0; i < fake_vifs.nr; i++)
        CHECK(!fake_vifs.one[i].vif);
}

/* A guest with nr cards; the first has an address. */
static void fresh(uint32_t nr)
{
    static const struct vm_vif first = { .has_mac = true,
                                         .mac = { 0, 0x16, 0x3e, 1, 2, 3 },
                                         .bridge = (char *)"xenbr1" };

    devlife_fresh();
    devlife.finished = finished;
    fake_vifs_fresh();
    told[0] = 0;
    cards[0] = first;
    cards[1] = (struct vm_vif){
        .devid = 1, .rate_bytes = 500000, .rate_usecs = 50000, .any_mac = true
    };
    life.cfg.vifs = cards;
    life.cfg.nr_vifs = nr;
}

/* ---- launch and end ---- */

static void check_two(struct life *l)
{
    const struct fake_vif *f = fake_vifs.one;

    CHECK_EQ(fake_vifs.nr, 2);
    CHECK(f[0].started && f[1].started && f[0].has_store);
    CHECK_STR(f[0].o.name, "web/vif-0");
    CHECK_STR(f[0].o.guest, "web");
    CHECK_STR(f[1].o.front, "/front/7/1");
    CHECK_STR(f[1].o.back, "/back/7/1");
    CHECK_EQ(f[0].o.domid, 7);
    CHECK_EQ(f[0].o.nr_queues, 2); /* its vCPUs */
    CHECK(!f[0].o.any_mac && f[1].o.any_mac);
    CHECK(!f[0].o.trusted); /* unless the configuration trusts backends */
    CHECK_EQ(f[0].spec.mac[5], 3);
    CHECK_EQ(f[1].spec.rate_bytes, 500000);
    life_power_off(l);
}

TEST(a_kernel_runs_when_every_card_is_there)
{
    fresh(2);
    devlife_live(check_two);
    CHECK_EQ(life.nr_runs, 1);
    CHECK_EQ(life.failed.rc, 0);
    CHECK_STR(told, "0 waiting, 1 waiting, 0 gone, 1 gone, ");
    CHECK(fake_vifs.one[0].ended && fake_vifs.one[1].gone);
    CHECK(fake_vifs.nr_removed > 0);
    CHECK_EQ(fake_vifs.taps_removed, 7);
}

TEST(a_guest_without_cards_looks_for_none)
{
    fresh(0);
    devlife_live(life_power_off);
    CHECK_EQ(fake_vifs.nr_removed, 0);
    CHECK_EQ(fake_vifs.taps_removed, 0);
}

static uint32_t nr_runs_when_asked;

static bool both_asked(void)
{
    return fake_vifs.nr == 2 && life.guest->load.state == LOAD_OFFER;
}

static void open_both(void)
{
    nr_runs_when_asked = life.nr_runs;
    fake_vif_move(&fake_vifs.one[1], VBD_WAITING, "");
    fake_vif_move(&fake_vifs.one[0], VBD_WAITING, "");
}

TEST(until_then_its_steward_waits)
{
    fresh(2);
    fake_vifs.silent = true;
    nr_runs_when_asked = 99;
    life.when_running = life_power_off;
    CHECK_EQ(devlife_begin(), 0);
    devlife_when(both_asked, open_both);
    devlife_finish();
    CHECK_EQ(nr_runs_when_asked, 0);
    CHECK_EQ(life.nr_runs, 1);
}

TEST(a_card_that_fails_fails_the_launch)
{
    fresh(2);
    fake_vifs.refuse = "bridge xenbr1: there is none";
    devlife_live(NULL);
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.failed.rc, -EIO);
    CHECK_STR(life.failed.text,
              "guest web: vif 0: bridge xenbr1: there is none");
}

TEST(one_that_cannot_be_started_fails_it_at_once)
{
    fresh(1);
    fake_vifs.start_rc = -ENODEV;
    devlife_live(NULL);
    CHECK_EQ(life.nr_runs, 0);
    CHECK_EQ(life.failed.rc, -ENODEV);
}

/* Every call into a library fails once, in turn; nothing may be left. */
TEST(no_single_failure_leaves_anything)
{
    CHECK(devlife_sweep(fresh, 2) > 60); /* it did sweep something */
}

static bool saw_ending;

static void let_go(void)
{
    saw_ending = true;
    CHECK(!life.gone && fake_find(7) == NULL);
    CHECK_EQ(fake_vifs.taps_removed, 0); /* a script may still run */
    fake_vif_end(&fake_vifs.one[0]);
}

TEST(it_is_gone_when_its_cards_are)
{
    fresh(1);
    saw_ending = false;
    fake_vifs.slow = true;
    life.when_running = life_power_off;
    CHECK_EQ(devlife_begin(), 0);
    devlife_when(devlife_is_ending, let_go);
    devlife_finish();
    CHECK(saw_ending && life.gone);
    CHECK_EQ(fake_vifs.taps_removed, 7);
}

/* ---- addresses ---- */

static void reboot_once(struct life *l)
{
    if (l->nr_runs == 1)
        devlife_reboot();
    else
        life_power_off(l);
}

TEST(an_address_is_drawn_once_and_kept_over_reboots)
{
    const struct fake_vif *f = fake_vifs.one;

    fresh(2);
    devlife_live(reboot_once);
    CHECK_EQ(fake_vifs.nr, 4);
    CHECK(f[1].spec.has_mac && f[1].spec.mac[2] == 0x3e);
    CHECK_EQ(memcmp(f[1].spec.mac, f[3].spec.mac, 6), 0);
    CHECK(memcmp(f[0].spec.mac, f[1].spec.mac, 6) != 0);
    CHECK(cards[1].has_mac); /* so `config` tells it */
    CHECK_EQ(memcmp(f[1].spec.mac, cards[1].mac, 6), 0);
}

/* ---- attach, detach, reboot ---- */

static bool two_there(void)
{
    return strstr(told, "2 waiting") != NULL;
}

static void attach_then_reboot(struct life *l)
{
    struct json_object *result;
    struct err e = { 0 };

    if (l->nr_runs == 2) {
        CHECK_EQ(fake_vifs.nr, 6); /* three, again */
        CHECK_STR(fake_vifs.one[5].o.name, "web/vif-2");
        CHECK_EQ(fake_vifs.one[5].spec.mac[5], 9);
        CHECK_EQ(fake_vifs.one[5].spec.rate_bytes, 20000);
        CHECK(fake_vifs.one[5].spec.any_mac);
        life_power_off(l);
        return;
    }
    CHECK_EQ(devlife_call("network_attach",
                          "{\"vif\":\"mac=00:16:3e:0:0:9,rate=1MB/s@20ms\","
                          "\"any_mac\":true}",
                          &result, &e),
             0);
    CHECK_EQ(devlife_number(result, "devid"), 2); /* the lowest that is free */
    CHECK_STR(devlife_text(result, "mac"), "00:16:3e:00:00:09");
    json_object_put(result);
    CHECK_EQ(devlife_call("network_attach", "{\"vif\":\"devid=2\"}", NULL, &e),
             -EEXIST);
    CHECK_EQ(devlife_call("network_attach", "{\"vif\":\"mac=00:16:3e:0:0:9\"}",
                          NULL, &e),
             -EEXIST);
    CHECK_STR(e.text,
              "guest web: vif 3: its vif 2 is 00:16:3e:00:00:09 already");
    devlife_when(two_there, devlife_reboot);
}

TEST(what_was_attached_is_there_after_a_reboot)
{
    fresh(2);
    devlife_live(attach_then_reboot);
    CHECK_EQ(life.nr_runs, 2);
}

static void detach_then_reboot(struct life *l)
{
    struct json_object *result;
    struct err e = { 0 };

    if (l->nr_runs == 2) {
        CHECK_EQ(fake_vifs.nr, 3);
        CHECK_STR(fake_vifs.one[2].o.name, "web/vif-1");
        life_power_off(l);
        return;
    }
    CHECK_EQ(devlife_call("network_detach", "{\"vif\":5}", NULL, &e), -ENOENT);
    CHECK_EQ(devlife_call("network_detach", "{\"vif\":\"00:16:3e:01:02:03\"}",
                          &result, &e),
             0);
    CHECK_EQ(devlife_number(result, "devid"), 0);
    json_object_put(result);
    devlife_when(devlife_one_left, devlife_reboot);
}

TEST(what_was_detached_is_not)
{
    fresh(2);
    devlife_live(detach_then_reboot);
    CHECK_EQ(life.nr_runs, 2);
    CHECK(fake_vifs.one[0].detached && !fake_vifs.one[0].ended);
}

static void hold_then_force(struct life *l)
{
    (void)l;
    CHECK_EQ(devlife_call("network_detach", "{\"vif\":0}", NULL, NULL), 0);
    CHECK_HAS(told, "0 closing the guest is asked, ");
    CHECK_EQ(devlife_call("network_detach", "{\"vif\":\"0\",\"force\":true}",
                          NULL, NULL),
             0);
    devlife_when(devlife_one_left, devlife_off);
}

TEST(force_takes_it_from_a_guest_that_holds_on)
{
    fresh(2);
    fake_vifs.holds = true;
    devlife_live(hold_then_force);
    CHECK_HAS(told, "0 gone, ");
}

static void refuse(struct life *l)
{
    static const struct devlife_refusal row[] = {
        { "network_attach", "{}", "vif: want a string", -EINVAL },
        { "network_attach", "null", "vif: want a string", -EINVAL },
        { "network_attach", "{\"vif\":[\"mac\"]}", "vif: want a string",
          -EINVAL },
        { "network_attach", "{\"vif\":\"mac=1\"}", "vif: mac: got \"1\"",
          -EINVAL },
        { "network_attach", "{\"vif\":\"colour=red\"}",
          "vif: colour=red: no effect", -EINVAL },
        { "network_attach", "{\"vif\":\"backend=driver\"}",
          "vif: backend: got \"driver\", want none", -EINVAL },
        { "network_attach", "{\"vif\":\"model=e1000\"}",
          "vif: model: got \"e1000\", want none", -EINVAL },
        { "network_attach", "{\"vif\":\"devid=1\"}", "one of that number",
          -EEXIST },
        { "network_attach", "{\"vif\":\"devid=65536\"}", "want 0..65535",
          -EINVAL },
        { "network_attach", "{\"vif\":\"bridge=b\\nprocess=1 2\"}",
          "a line's end", -EINVAL },
        { "network_detach", "{}", "vif: want a number or an address", -EINVAL },
        { "network_detach", "{\"vif\":{}}", "vif: want a number", -EINVAL },
        { "network_detach", "{\"vif\":-1}", "none of that number", -ENOENT },
        { "network_detach", "{\"vif\":4294967296}", "none of that", -ENOENT },
        { "network_detach", "{\"vif\":\"\"}", "none of that", -ENOENT },
        { "network_detach", "{\"vif\":\" 0\"}", "none of that", -ENOENT },
        { "network_detach", "{\"vif\":\"00:16:3e:01:02:04\"}", "none of that",
          -ENOENT },
        { "network_rate", "{\"vif\":0}", "rate: want a string", -EINVAL },
        { "network_rate", "{\"vif\":0,\"rate\":5}", "rate: want a string",
          -EINVAL },
        { "network_rate", "{\"vif\":0,\"rate\":\"fast\"}",
          "rate: got \"fast\", want N[G|M|K](B|b)/s", -EINVAL },
        { "network_rate", "{\"vif\":0,\"rate\":\"0MB/s\"}", "one byte or more",
          -EINVAL },
        { "network_rate", "{\"vif\":0,\"rate\":\"1B/s\"}", "one byte or more",
          -EINVAL }, /* it would round to no limit */
        { "network_rate", "{\"vif\":7,\"rate\":\"\"}", "none of that",
          -ENOENT },
        { "network_nonsense", "{}", "", -ENOSYS },
    };

    devlife_refused(row, ARRAY_SIZE(row));
    CHECK(!l->guest->devs->next->next);
    life_power_off(l);
}

TEST(a_request_that_cannot_be_is_refused_with_words)
{
    fresh(2);
    devlife_live(refuse);
    CHECK_EQ(life.nr_runs, 1);
}

static void attach_in_vain(struct life *l)
{
    struct err e = { 0 };
    char path[128];

    fake_vifs.start_rc = -ENODEV;
    CHECK_EQ(
        devlife_call("network_attach", "{\"vif\":\"bridge=xenbr9\"}", NULL, &e),
        -ENODEV);
    CHECK(!l->guest->devs->next);
    snprintf(path, sizeof(path), "%.100s/vif-0.vif", l->dir.path);
    CHECK_EQ(access(path, F_OK), 0);
    snprintf(path, sizeof(path), "%.100s/vif-1.vif", l->dir.path);
    CHECK_EQ(access(path, F_OK), -1);
    life_power_off(l);
}

TEST(one_that_could_not_be_attached_is_not_left)
{
    fresh(1);
    devlife_live(attach_in_vain);
}

/* ---- rate and info ---- */

static void check_info(struct life *l)
{
    struct json_object *info, *list, *one;

    fake_vifs.figures = (struct vif_figures){
        .nr_queues = 2,
        .nr_restarts = 3,
        .wiring = { .sg = 1, .gso_v4 = 1 },
        .sum = { .tx_packets = 11,
                 .tx_spoofed = 12,
                 .rx_bytes = 13,
                 .stalls = 14 },
    };
    CHECK_EQ(devlife_call("network_rate", "{\"vif\":0,\"rate\":\"8Mb/s@10ms\"}",
                          NULL, NULL),
             0);
    CHECK_EQ(
        devlife_call("network_rate", "{\"vif\":1,\"rate\":\"\"}", NULL, NULL),
        0);
    CHECK_EQ(fake_vifs.one[0].rate_bytes, 10000);
    CHECK_EQ(fake_vifs.one[0].rate_usecs, 10000);
    CHECK_EQ(fake_vifs.one[1].rate_bytes, 0);
    info = guest_info(l->guest);
    CHECK(json_object_object_get_ex(info, "vifs", &list));
    CHECK_EQ(json_object_array_length(list), 2);
    one = json_object_array_get_idx(list, 0);
    CHECK_EQ(devlife_number(one, "devid"), 0);
    CHECK_STR(devlife_text(one, "mac"), "00:16:3e:01:02:03");
    CHECK_STR(devlife_text(one, "tap"), "vif7.0");
    CHECK_STR(devlife_text(one, "bridge"), "xenbr1");
    CHECK_STR(devlife_text(one, "state"), "waiting");
    CHECK_STR(devlife_text(one, "sg"), "true");
    CHECK_STR(devlife_text(one, "gso_v6"), "false");
    CHECK_STR(devlife_text(one, "stalled"), "false");
    CHECK_EQ(devlife_number(one, "pid"), FAKE_VIF_PID);
    CHECK_EQ(devlife_number(one, "queues"), 2);
    CHECK_EQ(devlife_number(one, "restarts"), 3);
    CHECK_EQ(devlife_number(one, "rate_bytes"), 10000);
    CHECK_EQ(devlife_number(one, "rate_usecs"), 10000);
    CHECK_EQ(devlife_number(one, "tx_packets"), 11);
    CHECK_EQ(devlife_number(one, "tx_spoofed"), 12);
    CHECK_EQ(devlife_number(one, "rx_bytes"), 13);
    CHECK_EQ(devlife_number(one, "stalls"), 14);
    one = json_object_array_get_idx(list, 1);
    CHECK_EQ(devlife_number(one, "rate_bytes"), 0);
    CHECK_STR(devlife_text(one, "any_mac"), "true");
    json_object_put(info);
    life_power_off(l);
}

TEST(rates_and_figures_are_told)
{
    fresh(2);
    devlife_live(check_info);
    CHECK_EQ(life.nr_runs, 1);
}

/* ---- xenstore, and the next supervisor ---- */

static void fire(struct life *l)
{
    CHECK(guest_devs_fired(l->guest, "vif:1"));
    CHECK(!guest_devs_fired(l->guest, "vif:2"));
    CHECK_EQ(fake_vifs.one[0].nr_fired, 0);
    CHECK_EQ(fake_vifs.one[1].nr_fired, 1);
    l->guest->stale = true;
    guest_devs_store(l->guest);
    CHECK(!fake_vifs.one[0].has_store);
    l->guest->stale = false;
    guest_devs_store(l->guest);
    CHECK(fake_vifs.one[0].has_store);
    life_power_off(l);
}

TEST(a_watch_is_heard_by_its_card_and_a_lost_store_is_told)
{
    fresh(2);
    devlife_live(fire);
}

static void leave_and_return(struct life *l)
{
    uint8_t drawn[6];
    struct guest_dev *d;

    memcpy(drawn, cards[1].mac, 6);
    CHECK_EQ(devlife_call("network_rate", "{\"vif\":0,\"rate\":\"8Mb/s\"}",
                          NULL, NULL),
             0);
    guest_leave(l->guest);
    CHECK(!l->guest->devs && !fake_vifs.one[0].vif);
    CHECK(!fake_vifs.one[0].ended);
    cards[1].has_mac = false; /* its file, read anew, has none */
    memset(cards[1].mac, 0, 6);
    guest_return(l->guest);
    CHECK_EQ(fake_vifs.nr, 4);
    d = guest_vif_find(l->guest, "0");
    CHECK(d && d->vif);
    CHECK_EQ(d->card.rate_bytes, 50000);
    CHECK_STR(d->card.bridge, "xenbr1");
    CHECK_EQ(vif_process(d->vif).pid, FAKE_VIF_PID);
    CHECK_EQ(vif_process(d->vif).start_ticks, 77);
    d = guest_vif_find(l->guest, "1");
    CHECK(d && d->card.any_mac);
    CHECK_EQ(memcmp(d->card.mac, drawn, 6), 0);
    CHECK(cards[1].has_mac);
    CHECK_EQ(memcmp(cards[1].mac, drawn, 6), 0);
    CHECK(fake_vifs.one[2].adopted && fake_vifs.one[3].adopted);
    CHECK(!fake_vifs.one[2].started);
    devlife_reboot();
}

static void return_once(struct life *l)
{
    if (l->nr_runs == 1)
        leave_and_return(l);
    else
        life_power_off(l);
}

TEST(a_reload_leaves_the_cards_and_what_was_drawn_for_them)
{
    fresh(2);
    devlife_live(return_once);
    CHECK_EQ(fake_vifs.nr, 6); /* and they are the guest's after a reboot */
}

static void spoil_and_return(struct life *l)
{
    char path[128];
    FILE *f;

    guest_leave(l->guest);
    snprintf(path, sizeof(path), "%.100s/vif-0.vif", l->dir.path);
    f = fopen(path, "w");
    fputs("process=1 2\nvif=bridge=xenbr0\n", f); /* without number, address */
    fclose(f);
    guest_return(l->guest);
    CHECK_EQ(fake_vifs.nr, 3); /* vif 1 alone */
    CHECK(!guest_vif_find(l->guest, "0"));
    life_power_off(l);
}

TEST(a_file_that_says_nothing_is_skipped_and_swept_at_the_end)
{
    fresh(2);
    devlife_live(spoil_and_return);
    CHECK_EQ(fake_vifs.taps_removed, 7);
}

static int set_up(void **state)
{
    int rc = life_set_up(state);

    log_set_level(LOG_LEVEL_NONE);
    return rc;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RULE(a_kernel_runs_when_every_card_is_there),
        RULE(a_guest_without_cards_looks_for_none),
        RULE(until_then_its_steward_waits),
        RULE(a_card_that_fails_fails_the_launch),
        RULE(one_that_cannot_be_started_fails_it_at_once),
        RULE(no_single_failure_leaves_anything),
        RULE(it_is_gone_when_its_cards_are),
        RULE(an_address_is_drawn_once_and_kept_over_reboots),
        RULE(what_was_attached_is_there_after_a_reboot),
        RULE(what_was_detached_is_not),
        RULE(force_takes_it_from_a_guest_that_holds_on),
        RULE(a_request_that_cannot_be_is_refused_with_words),
        RULE(one_that_could_not_be_attached_is_not_left),
        RULE(rates_and_figures_are_told),
        RULE(a_watch_is_heard_by_its_card_and_a_lost_store_is_told),
        RULE(a_reload_leaves_the_cards_and_what_was_drawn_for_them),
        RULE(a_file_that_says_nothing_is_skipped_and_swept_at_the_end),
    };

    return cmocka_run_group_tests(tests, set_up, life_tear_down);
}
