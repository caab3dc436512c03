/* SPDX-License-Identifier: MIT */
/*
 * net_keys.c - what a guest can write into xenstore before it says Connected
 */
#include "rogue.h"

#include <stddef.h>

#include "nic.h"
#include "store.h"

#define LONG_BYTES 4000u /* with its path, about the longest that there is */

enum outcome { CLOSED, CONNECTED, EITHER };

struct keys {
    struct nic_wiring w;
    enum outcome want;
    const char *what; /* how long texts are filled */
};

static char long_text[LONG_BYTES];

/* Refused means: closed, and the reason is in xenstore. */
static int offer(struct nic *n, const void *arg, struct line *why)
{
    const struct keys *k = arg;
    struct nic_wiring w = k->w;
    const char **texts[] = { &w.queues_text, &w.tx_ref_text, &w.rx_ref_text,
                             &w.port_text,   &w.copy_text,   &w.offload_text };
    uint32_t state;

    for (uint32_t i = 0; i < LONG_BYTES && k->what; i++)
        long_text[i] = k->what[i % 3];
    for (uint32_t i = 0; i < sizeof(texts) / sizeof(texts[0]) && k->what; i++)
        if (*texts[i])
            *texts[i] = long_text;
    state = nic_connect(n, &w);
    say_state(&n->bus, state, why);
    if (state == 4)
        return k->want != CLOSED;
    return state != BUS_NEVER && k->want != CONNECTED && has_reason(&n->bus);
}

/* Keys vanish while the backend reads them. */
static int vanish(struct nic *n, const void *arg, struct line *why)
{
    static const struct nic_wiring two = { .nr_queues = 2, .split = 1 };
    static const char *const keys[] = { "queue-1", "queue-0", "request-rx-copy",
                                        "multi-queue-num-queues",
                                        "feature-sg" };

    (void)arg;
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t state;

        if (nic_offer(n, &two) != 0)
            return 0;
        store_remove_in(n->bus.dir, keys[i % 5]);
        state = bus_await(&n->bus, XB_CONNECTED | XB_GONE, BUS_WAIT_MS);
        line_number(why, state);
        line_add(why, " ");
        if (state == BUS_NEVER || nic_restart(n) != 0)
            return 0;
    }
    return 1;
}

#define KEYS(title, expected, ...)                                             \
    { title, NULL,                                                             \
      &(const struct keys){ .w = { __VA_ARGS__ }, .want = expected },          \
      ROW_ALONE, offer }
/* xenstored may refuse to hold as much; the key is then missing. */
#define LONG(title, expected, fill, key)                                       \
    { title, NULL,                                                             \
      &(const struct keys){ .w = { key = "", .text_len = LONG_BYTES },         \
                            .want = expected,                                  \
                            .what = fill },                                    \
      ROW_ALONE, offer }

/* clang-format off */
static const struct row rows[] = {
    KEYS("net-queues-0",          CLOSED, .queues_text = "0"),
    KEYS("net-queues--1",         CLOSED, .queues_text = "-1"),
    KEYS("net-queues-4294967295", CLOSED, .queues_text = "4294967295"),
    KEYS("net-queues-text",       EITHER, .queues_text = "x"),
    KEYS("net-queues-2-of-1",     CLOSED, .queues_text = "2"),
    KEYS("net-queues-1000",       CLOSED, .queues_text = "1000"),
    LONG("net-queues-binary",     EITHER, "\0\xff\n", .queues_text),
    KEYS("net-tx-ref-missing",    CLOSED, .no_tx_ref = 1),
    KEYS("net-rx-ref-missing",    CLOSED, .no_rx_ref = 1),
    KEYS("net-tx-ref-empty",      CLOSED, .tx_ref_text = ""),
    KEYS("net-tx-ref-text",       CLOSED, .tx_ref_text = "ring"),
    KEYS("net-tx-ref--1",         CLOSED, .tx_ref_text = "-1"),
    KEYS("net-rx-ref-4294967296", CLOSED, .rx_ref_text = "4294967296"),
    KEYS("net-rx-never-granted",  CLOSED, .rx_ref_text = "4294967280"),
    KEYS("net-tx-never-granted",  CLOSED, .tx_ref_text = "1017"),
    KEYS("net-one-bad-of-two",    CLOSED, .nr_queues = 2, .rx_ref_text = "1017"),
    LONG("net-tx-ref-long",       CLOSED, "111", .tx_ref_text),
    LONG("net-rx-ref-binary",     CLOSED, "\xff\0\x80", .rx_ref_text),
    KEYS("net-port-missing",      CLOSED, .no_port = 1),
    KEYS("net-port-empty",        CLOSED, .port_text = ""),
    KEYS("net-port-0",            CLOSED, .port_text = "0"),
    KEYS("net-port-taken",        CLOSED, .port_text = "1"),
    KEYS("net-port-99999",        CLOSED, .port_text = "99999"),
    KEYS("net-port-4294967295",   CLOSED, .port_text = "4294967295"),
    KEYS("net-ports-shared",      CLOSED, .split = 1, .port_text = "1"),
    KEYS("net-port-text",         CLOSED, .port_text = "x"),
    LONG("net-port-binary",       CLOSED, "\0\0\xff", .port_text),
    KEYS("net-copy-missing",      CLOSED, .no_copy = 1),
    KEYS("net-copy-0",            CLOSED, .copy_text = "0"),
    LONG("net-copy-long",         EITHER, "111", .copy_text),
    KEYS("net-offloads-text",     EITHER, .offload_text = "yes"),
    KEYS("net-offloads--1",       EITHER, .offload_text = "-1"),
    LONG("net-offloads-binary",   EITHER, "\xff\0\x80", .offload_text),
    { "net-keys-vanish", NULL, NULL, ROW_ALONE, vanish },
};
/* clang-format on */
ROW_GROUP(net_key_group, "net-keys", rows);
