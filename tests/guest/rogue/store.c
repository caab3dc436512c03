/* SPDX-License-Identifier: MIT */
/*
 * store.c - a xenstore client over the ring that Xen's parameters name
 */
#include "store.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/hvm/params.h>
#include <xen/io/xs_wire.h>

#include "text.h"
#include "xen.h"

static volatile struct xenstore_domain_interface *ring;
static uint32_t port;
static uint32_t fired; /* watch events that nobody waited for yet */
static char reply[XENSTORE_PAYLOAD_MAX + 1];

void store_init(void)
{
    ring = (void *)((uint32_t)xen_param(HVM_PARAM_STORE_PFN) * PAGE);
    port = (uint32_t)xen_param(HVM_PARAM_STORE_EVTCHN);
}

static void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

static void wait_a_while(void)
{
    xen_port_wait(port, xen_now_ns() + 1000 * XEN_MS);
}

static void put(const void *from, uint32_t len)
{
    const char *p = from;

    while (len) {
        uint32_t prod = ring->req_prod;

        if (prod - ring->req_cons == XENSTORE_RING_SIZE) {
            xen_port_send(port);
            wait_a_while();
            continue;
        }
        ring->req[MASK_XENSTORE_IDX(prod)] = *p++;
        barrier();
        ring->req_prod = prod + 1;
        len--;
    }
}

static void get(void *to, uint32_t len)
{
    char *p = to;

    while (len) {
        uint32_t cons = ring->rsp_cons;

        if (cons == ring->rsp_prod) {
            xen_port_send(port);
            wait_a_while();
            continue;
        }
        barrier();
        *p++ = ring->rsp[MASK_XENSTORE_IDX(cons)];
        barrier();
        ring->rsp_cons = cons + 1;
        len--;
    }
}

/* The next message of xenstore, whole, into reply.  Its type. */
static uint32_t next_message(uint32_t *len)
{
    struct xsd_sockmsg h;

    get(&h, sizeof(h));
    *len = h.len < XENSTORE_PAYLOAD_MAX ? h.len : XENSTORE_PAYLOAD_MAX;
    get(reply, *len);
    reply[*len] = '\0';
    xen_port_send(port); /* there is room again */
    if (h.type == XS_WATCH_EVENT)
        fired++;
    return h.type;
}

/* Two parts, for a write is a path and a value.  Length of reply, or -1. */
static int ask(uint32_t type, const char *path, const void *more,
               uint32_t more_len)
{
    uint32_t path_len = strlen(path) + 1, got, len;
    struct xsd_sockmsg h = { .type = type, .len = path_len + more_len };

    put(&h, sizeof(h));
    put(path, path_len);
    put(more, more_len);
    xen_port_send(port);
    do {
        got = next_message(&len);
    } while (got == XS_WATCH_EVENT);
    return got == type ? (int)len : -1;
}

int store_read(const char *path, char *value, uint32_t size)
{
    int len = ask(XS_READ, path, NULL, 0);

    if (len < 0) {
        value[0] = '\0';
        return -1;
    }
    if ((uint32_t)len >= size)
        len = (int)size - 1;
    memcpy(value, reply, (uint32_t)len);
    value[len] = '\0';
    return len;
}

int store_write(const char *path, const void *value, uint32_t len)
{
    return ask(XS_WRITE, path, value, len) < 0 ? -1 : 0;
}

int store_remove(const char *path)
{
    return ask(XS_RM, path, NULL, 0) < 0 ? -1 : 0;
}

int store_watch(const char *path)
{
    static const char token[] = "t";

    return ask(XS_WATCH, path, token, sizeof(token)) < 0 ? -1 : 0;
}

static const char *joined(const char *dir, const char *leaf)
{
    static struct line l;

    l.len = 0;
    line_add(&l, dir);
    line_add(&l, "/");
    line_add(&l, leaf);
    return l.text;
}

int store_read_in(const char *dir, const char *leaf, char *value, uint32_t size)
{
    return store_read(joined(dir, leaf), value, size);
}

int store_write_in(const char *dir, const char *leaf, const char *value)
{
    return store_write(joined(dir, leaf), value, strlen(value));
}

int store_number_in(const char *dir, const char *leaf, uint32_t value)
{
    struct line l = { .len = 0 };

    line_number(&l, value);
    return store_write_in(dir, leaf, l.text);
}

int store_remove_in(const char *dir, const char *leaf)
{
    return store_remove(joined(dir, leaf));
}

int store_wait(uint64_t until_ns)
{
    while (!fired) {
        uint32_t len;

        if (ring->rsp_cons != ring->rsp_prod)
            next_message(&len);
        else if (!xen_port_wait(port, until_ns))
            return 0;
    }
    fired = 0;
    return 1;
}
