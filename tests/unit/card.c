/* SPDX-License-Identifier: MIT */
/*
 * card.c - one network card between a test's guest and a test's backend
 */
#include "tests/unit/card.h"

#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"

int __real_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);
int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat);

struct card_world card;

static char base[] = "/tmp/fh-vif-XXXXXX";

int __wrap_uv_timer_start(uv_timer_t *t, uv_timer_cb cb, uint64_t timeout,
                          uint64_t repeat)
{
    return __real_uv_timer_start(t, cb, timeout / (card.hurry ? card.hurry : 1),
                                 repeat);
}

/* ---- the world around it ---- */

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    CHECK(arg == &card);
    snprintf(out, BE_BASE_BYTES, "%.80s/vif-0", card.dir.path);
}

static void on_started(void *arg)
{
    CHECK(arg == &card);
    card.nr_started++;
    card.process = vif_process(card.vif);
}

static void on_moved(void *arg)
{
    CHECK(arg == &card);
    card.nr_moved++;
}

static void on_gone(void *arg)
{
    CHECK(arg == &card);
    CHECK_EQ(vif_state(card.vif), VBD_GONE);
    vif_close(card.vif);
    card.vif = NULL;
    card.gone = true;
}

static const struct vif_ops ops = {
    .base = on_base,
    .started = on_started,
    .moved = on_moved,
    .gone = on_gone,
};

static void on_stored(uv_poll_t *p, int status, int events)
{
    char token[24];

    (void)p, (void)status, (void)events;
    while (store_take(card.store, token, sizeof(token)))
        if (card.vif && strcmp(token, vif_token(card.vif)) == 0)
            vif_fired(card.vif);
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

int card_now_s(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int)t.tv_sec;
}

void card_settle(void)
{
    for (uint32_t i = 0; i < 12; i++)
        uv_run(&card.loop, UV_RUN_ONCE);
}

const char *card_node(const char *path)
{
    const char *v = fake_xs_value(path);

    return v ? v : "";
}

static uint32_t count_fds(void)
{
    char link[64], to[8];
    uint32_t nr = 0;

    for (int fd = 0; fd < 1024; fd++) {
        snprintf(link, sizeof(link), "/proc/self/fd/%d", fd);
        nr += readlink(link, to, sizeof(to)) >= 0;
    }
    return nr;
}

void card_fresh(void)
{
    static const uint8_t mac[6] = { 0x00, 0x16, 0x3e, 0x0a, 0x0b, 0x0c };

    fake_reset();
    fake_vifdev_reset();
    puppets_fresh();
    puppets_net();
    memset(&card, 0, sizeof(card));
    card.nr_fds = count_fds();
    uv_loop_init(&card.loop);
    CHECK_EQ(rundir_take(base, "web", &card.dir, NULL), 0);
    CHECK_EQ(store_open(&card.store, NULL), 0);
    uv_poll_init(&card.loop, &card.stored, store_fd(card.store));
    uv_poll_start(&card.stored, UV_READABLE, on_stored);
    uv_poll_init(&card.loop, &card.puppeteer, puppets_fd());
    uv_poll_start(&card.puppeteer, UV_READABLE, on_puppets);
    uv_timer_init(&card.loop, &card.tick);
    uv_timer_start(&card.tick, on_tick, 5, 5);
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

    CHECK_EQ(vif_open(&card.loop, &card.options, &ops, &card, &card.vif, &e),
             0);
}

void card_start(void)
{
    struct err e = { 0 };

    card_open();
    CHECK_EQ(vif_start(card.vif, card.store, &e), 0);
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

    for (uint32_t i = 0; i < sizeof(key) / sizeof(key[0]); i++) {
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
    card_settle();
}

/* Whatever is left is ended, and then nothing is left. */
void card_finish(void)
{
    for (uint32_t i = 0; i < PUPPET_TYPES; i++)
        puppets.deaf[i] = false;
    if (card.vif)
        vif_end(card.vif);
    UNTIL(card.gone);
    CHECK(fake_xs_value(BACK "/state") == NULL);
    uv_close((uv_handle_t *)&card.stored, NULL);
    uv_close((uv_handle_t *)&card.puppeteer, NULL);
    uv_close((uv_handle_t *)&card.tick, NULL);
    uv_run(&card.loop, UV_RUN_DEFAULT);
    CHECK_EQ(uv_loop_close(&card.loop), 0);
    CHECK_EQ(fake_xs_watches(), 0);
    CHECK_EQ(fake_vifdev.live, 0);
    CHECK(!fake_vifdev.there);
    store_close(card.store);
    rundir_remove(&card.dir);
    puppets_fresh();
    fake_reset();
    CHECK_EQ(count_fds(), card.nr_fds);
}

int card_set_up(void **state)
{
    (void)state;
    log_set_level(LOG_LEVEL_NONE);
    uv_loop_init(&card.loop); /* libuv opens some once, for all loops */
    uv_loop_close(&card.loop);
    return !mkdtemp(base) || puppets_set_up(PUPPET) ? -1 : 0;
}

int card_tear_down(void **state)
{
    (void)state;
    puppets_tear_down();
    return rmdir(base);
}
