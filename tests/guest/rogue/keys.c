/* SPDX-License-Identifier: MIT */
/*
 * keys.c - what a guest can write into xenstore before it says Initialised
 */
#include "rogue.h"

#include <stddef.h>

#include "store.h"

#define LONG_BYTES 4000u /* with its path, about the longest that there is */

enum outcome { CLOSED, CONNECTED, EITHER };

struct keys {
    struct wiring w;
    enum outcome want;
    const char *what; /* how long texts are filled */
};

static char long_text[LONG_BYTES];

/* Refused means: closed, and the reason is in xenstore. */
static int offer(struct front *f, const void *arg, struct line *why)
{
    const struct keys *k = arg;
    struct wiring w = k->w;
    uint32_t state;

    if (k->what) {
        for (uint32_t i = 0; i < LONG_BYTES; i++)
            long_text[i] = k->what[i % 3];
        if (w.ref_text)
            w.ref_text = long_text;
        if (w.port_text)
            w.port_text = long_text;
        if (w.order_text)
            w.order_text = long_text;
        if (w.protocol)
            w.protocol = long_text;
    }
    state = front_connect(f, &w);
    say_state(&f->bus, state, why);
    if (state == 4)
        return k->want != CLOSED;
    return state != 99 && k->want != CONNECTED && has_reason(&f->bus);
}

/* Keys vanish while the backend reads them. */
static int vanish(struct front *f, const void *arg, struct line *why)
{
    static const struct wiring two = { .nr_queues = 2 };
    static const char *const keys[] = { "queue-1", "queue-0", "event-channel",
                                        "multi-queue-num-queues", "protocol" };

    (void)arg;
    for (uint32_t i = 0; i < 10; i++) {
        uint32_t state;

        if (front_offer(f, &two) != 0)
            return 0;
        store_remove_in(f->bus.dir, keys[i % 5]);
        state = bus_await(&f->bus, XB_CONNECTED | XB_GONE, BUS_WAIT_MS);
        line_number(why, state);
        line_add(why, " ");
        if (state == 99 || front_restart(f) != 0)
            return 0;
    }
    return 1;
}

#define KEYS(name, expected, ...)                                              \
    { name, offer,                                                             \
      &(const struct keys){ .w = { __VA_ARGS__ }, .want = expected },          \
      ROW_ALONE, NULL }
/* xenstored may refuse to hold as much; the key is then missing. */
#define LONG(name, expected, fill, key)                                        \
    { name, offer,                                                             \
      &(const struct keys){ .w = { key = "", .text_len = LONG_BYTES },         \
                            .want = expected,                                  \
                            .what = fill },                                    \
      ROW_ALONE, NULL }

/* clang-format off */
static const struct row rows[] = {
    KEYS("order--1",            CLOSED, .order_text = "-1"),
    KEYS("order-5",             CLOSED, .order_text = "5"),
    KEYS("order-31",            CLOSED, .order_text = "31"),
    KEYS("order-999999999999",  CLOSED, .order_text = "999999999999"),
    KEYS("order-text",          EITHER, .order_text = "two"),
    KEYS("order-empty",         EITHER, .order_text = ""),
    KEYS("queues-0",            CLOSED, .queues_text = "0"),
    KEYS("queues--1",           CLOSED, .queues_text = "-1"),
    KEYS("queues-4294967295",   CLOSED, .queues_text = "4294967295"),
    KEYS("queues-text",         EITHER, .queues_text = "x"),
    KEYS("queues-2-of-1",       CLOSED, .queues_text = "2"),
    KEYS("queues-1000",         CLOSED, .queues_text = "1000"),
    KEYS("ref-missing",         CLOSED, .no_ref = 1),
    KEYS("ref-empty",           CLOSED, .ref_text = ""),
    KEYS("ref-text",            CLOSED, .ref_text = "ring"),
    KEYS("ref--1",              CLOSED, .ref_text = "-1"),
    KEYS("ref-4294967296",      CLOSED, .ref_text = "4294967296"),
    KEYS("ref-never-granted",   CLOSED, .ref_text = "4294967280"),
    KEYS("ref-one-bad-of-two",  CLOSED, .nr_queues = 2, .ref_text = "1017"),
    LONG("ref-long", CLOSED, "111", .ref_text),
    LONG("ref-binary", CLOSED, "\xff\0\x80", .ref_text),
    KEYS("port-missing",        CLOSED, .no_port = 1),
    KEYS("port-empty",          CLOSED, .port_text = ""),
    KEYS("port-0",              CLOSED, .port_text = "0"),
    KEYS("port-taken",          CLOSED, .port_text = "1"),
    KEYS("port-99999",          CLOSED, .port_text = "99999"),
    KEYS("port-4294967295",     CLOSED, .port_text = "4294967295"),
    KEYS("port-text",           CLOSED, .port_text = "x"),
    LONG("port-binary", CLOSED, "\0\0\xff", .port_text),
    KEYS("protocol-missing",    CONNECTED, .no_protocol = 1),
    KEYS("protocol-unknown",    CLOSED, .protocol = "vax-abi"),
    KEYS("protocol-empty",      CLOSED, .protocol = ""),
    LONG("protocol-long", EITHER, "x86", .protocol),
    LONG("order-binary", EITHER, "\0\xff\n", .order_text),
    { "keys-vanish", vanish, NULL, ROW_ALONE, NULL },
};
/* clang-format on */
ROW_GROUP(key_group, "keys", rows);
