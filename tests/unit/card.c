/* SPDX-License-Identifier: MIT */
/*
 * card.c - one network card between a test's guest and a test's backend
 */
#include "tests/unit/card.h"

#include <stdio.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

struct card_world card;

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    CHECK(arg == &device);
    snprintf(out, BE_BASE_BYTES, "%.80s/vif-0", device.dir.path);
}

static void on_started(void *arg)
{
    CHECK(arg == &device);
    device_started(vif_process(card.vif));
}

static void on_gone(void *arg)
{
    CHECK(arg == &device);
    CHECK_EQ(vif_state(card.vif), VBD_GONE);
    vif_close(card.vif);
    card.vif = NULL;
    device.gone = true;
}

static const struct vif_ops ops = {
    .base = on_base,
    .started = on_started,
    .moved = device_moved,
    .gone = on_gone,
};

static void on_fired(const char *token)
{
    if (card.vif && strcmp(token, vif_token(card.vif)) == 0)
        vif_fired(card.vif);
}

void card_fresh(void)
{
    static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c };

    device_fresh(on_fired);
    fake_vifdev_reset();
    puppets_net();
    memset(&card, 0, sizeof(card));
    card.spec = (struct vm_vif){
        .has_mac = true,
        .bridge = (char *)"xenbr0",
        .rate_bytes = 2500000,
        .rate_usecs = 20000,
    };
    memcpy(card.spec.mac, mac, sizeof(mac));
    card.options = (struct vif_options){
        .spec = &card.spec,
        .program = PUPPET,
        .name = "web/vif-0",
        .guest = "web",
        .domid = 7,
        .nr_queues = 2,
        .trusted = true,
    };
    vif_dirs_of(7, 0, card.options.front, card.options.back);
}

void card_open(void)
{
    struct err e = { 0 };

    CHECK_EQ(vif_open(&stage.loop, &card.options, &ops, &device, &card.vif, &e),
             0);
}

void card_start(void)
{
    struct err e = { 0 };

    card_open();
    CHECK_EQ(vif_start(card.vif, device.store, &e), 0);
}

void card_write_keys(void)
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
        { "xdp-headroom", "0" },
        { "request-rx-copy", "1" },
        { "feature-rx-notify", "1" },
        { "feature-sg", "1" },
        { "feature-gso-tcpv4", "1" },
        { "feature-gso-tcpv6", "1" },
        { "feature-ipv6-csum-offload", "1" },
        { "state", "4" },
    };
    char path[96];

    for (uint32_t i = 0; i < ARRAY_SIZE(key); i++) {
        snprintf(path, sizeof(path), FRONT "/%s", key[i][0]);
        fake_xs_set(path, key[i][1]);
    }
}

void card_start_connected(void)
{
    card_start();
    UNTIL(IS(BACK "/state", "2"));
    card_write_keys();
    UNTIL(vif_state(card.vif) == VBD_CONNECTED);
    stage_settle();
}

void card_finish(void)
{
    for (uint32_t i = 0; i < PUPPET_TYPES; i++)
        puppets.deaf[i] = false;
    if (card.vif)
        vif_end(card.vif);
    UNTIL(device.gone);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    device_finish();
    CHECK_EQ(fake_vifdev.live, 0);
    CHECK(!fake_vifdev.there);
}
