/* SPDX-License-Identifier: MIT */
/*
 * bus.c - a device as xenbus has it
 */
#include "bus.h"

#include "store.h"
#include "text.h"
#include "xen.h"

uint32_t bus_number(const char *dir, const char *leaf)
{
    char text[32];
    const char *p = text;

    store_read_in(dir, leaf, text, sizeof(text));
    return (uint32_t)text_number(&p);
}

uint32_t bus_state(const struct bus *b)
{
    return bus_number(b->backend, "state");
}

uint32_t bus_await(const struct bus *b, uint32_t states, uint32_t ms)
{
    uint64_t until = xen_now_ns() + ms * XEN_MS;

    for (;;) {
        uint32_t state = bus_state(b);

        if (state < 16 && XB(state) & states)
            return state;
        if (!store_wait(until))
            return BUS_NEVER;
    }
}

uint32_t bus_error(const struct bus *b, char *text, uint32_t size)
{
    int len = store_read_in(b->backend, "error", text, size);

    return len > 0 ? (uint32_t)len : 0;
}

void bus_say(const struct bus *b, uint32_t state)
{
    store_number_in(b->dir, "state", state);
}

int bus_close(const struct bus *b)
{
    bus_say(b, 5);
    bus_await(b, XB(5) | XB(6), BUS_WAIT_MS);
    bus_say(b, 6);
    return bus_await(b, XB(6), BUS_WAIT_MS) == 6 ? 0 : -1;
}

int bus_open(struct bus *b, const char *kind, uint32_t devid)
{
    struct line dir = { .len = 0 };
    uint64_t until = xen_now_ns() + 60000 * XEN_MS;

    line_add(&dir, "device/");
    line_add(&dir, kind);
    line_add(&dir, "/");
    line_number(&dir, devid);
    memcpy(b->dir, dir.text, dir.len + 1);
    b->devid = devid;
    /* Its directory may not be there yet, and we may not look at its parent. */
    store_watch(b->dir);
    while (store_read_in(b->dir, "backend", b->backend, sizeof(b->backend)) <=
           0)
        if (!store_wait(until))
            return -1;
    dir.len = 0;
    line_add(&dir, b->backend);
    line_add(&dir, "/state");
    store_watch(dir.text);
    return bus_await(b, XB_INIT_WAIT, 60000) == 2 ? 0 : -1;
}
