/* SPDX-License-Identifier: MIT */
/*
 * nic.c - a network frontend that does as it is told
 */
#include "nic.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/netif.h>

#include "store.h"
#include "text.h"

#define SLOT_FILL 0xa5 /* what means nothing in a slot that we wrote */
#define TX_BYTES sizeof(union netif_tx_sring_entry)
#define RX_BYTES sizeof(union netif_rx_sring_entry)

static uint8_t ring_pages[NIC_QUEUES][2][PAGE] __attribute__((aligned(4096)));
static uint8_t buffers[NIC_QUEUES][NIC_BUFFERS][PAGE]
    __attribute__((aligned(4096)));
static uint8_t written[NIC_QUEUES][NIC_SLOTS][TX_BYTES];

static uint32_t hex_digit(char c)
{
    return (uint32_t)(c <= '9' ? c - '0' : (c | 32) - 'a' + 10);
}

static void read_mac(struct nic *n)
{
    char text[24];

    store_read_in(n->bus.dir, "mac", text, sizeof(text));
    for (uint32_t i = 0; i < 6; i++)
        n->mac[i] =
            (uint8_t)(hex_digit(text[3 * i]) << 4 | hex_digit(text[3 * i + 1]));
}

int nic_open(struct nic *n, uint32_t devid)
{
    if (bus_open(&n->bus, "vif", devid) != 0)
        return -1;
    read_mac(n);
    return 0;
}

/* A value: the text that was asked for, or else the number. */
static void write_key(struct nic *n, const struct nic_wiring *w,
                      const char *prefix, const char *leaf, const char *text,
                      uint32_t number)
{
    struct line l = { .len = 0 };

    line_add(&l, n->bus.dir);
    line_add(&l, "/");
    line_add(&l, prefix);
    line_add(&l, leaf);
    if (text)
        store_write(l.text, text, w->text_len ? w->text_len : strlen(text));
    else
        store_number_in(n->bus.dir, l.text + strlen(n->bus.dir) + 1, number);
}

static void make_ring(struct nic_ring *r, uint8_t *page)
{
    memset(page, 0, PAGE);
    r->ring = (volatile struct sring *)page;
    r->ring->req_event = r->ring->rsp_event = 1;
    r->prod = r->cons = 0;
    r->ref = xen_grant(page, 0, 0);
}

static void make_queue(struct nic *n, const struct nic_wiring *w, uint32_t q)
{
    struct nic_queue *queue = &n->queue[q];

    if (w->same_ring && q) {
        queue->tx = n->queue[0].tx;
        queue->rx = n->queue[0].rx;
    } else {
        make_ring(&queue->tx, ring_pages[q][0]);
        if (w->one_ring)
            queue->rx = queue->tx;
        else
            make_ring(&queue->rx, ring_pages[q][1]);
    }
    queue->tx.port = w->same_port && q ? n->queue[0].tx.port : xen_port_open();
    queue->rx.port = n->split ? xen_port_open() : queue->tx.port;
    for (uint32_t i = 0; i < NIC_BUFFERS; i++)
        queue->buffer_ref[i] = xen_grant(buffers[q][i], 0, 0);
}

static void write_queue(struct nic *n, const struct nic_wiring *w, uint32_t q)
{
    const char *prefix = n->nr_queues == 1 ? "" : q ? "queue-1/" : "queue-0/";
    const struct nic_queue *queue = &n->queue[q];

    if (!w->no_tx_ref)
        write_key(n, w, prefix, "tx-ring-ref", w->tx_ref_text, queue->tx.ref);
    if (!w->no_rx_ref)
        write_key(n, w, prefix, "rx-ring-ref", w->rx_ref_text, queue->rx.ref);
    if (w->no_port)
        return;
    if (!n->split) {
        write_key(n, w, prefix, "event-channel", w->port_text, queue->tx.port);
        return;
    }
    write_key(n, w, prefix, "event-channel-tx", w->port_text, queue->tx.port);
    write_key(n, w, prefix, "event-channel-rx", w->port_text, queue->rx.port);
}

static void write_features(struct nic *n, const struct nic_wiring *w)
{
    if (!w->no_copy)
        write_key(n, w, "", "request-rx-copy", w->copy_text, 1);
    store_number_in(n->bus.dir, "feature-rx-notify", 1);
    write_key(n, w, "", "feature-sg", w->offload_text, 1);
    write_key(n, w, "", "feature-gso-tcpv4", w->offload_text, 0);
    write_key(n, w, "", "feature-gso-tcpv6", w->offload_text, 0);
    /* What comes without a checksum we do not mind. */
    write_key(n, w, "", "feature-ipv6-csum-offload", w->offload_text, 1);
}

int nic_offer(struct nic *n, const struct nic_wiring *w)
{
    if (bus_await(&n->bus, XB_INIT_WAIT, BUS_WAIT_MS) != 2)
        return -1;
    n->queues_max = bus_number(n->bus.backend, "multi-queue-max-queues");
    n->has_split = bus_number(n->bus.backend, "feature-split-event-channels");
    n->has_sg = bus_number(n->bus.backend, "feature-sg");
    n->has_gso4 = bus_number(n->bus.backend, "feature-gso-tcpv4");
    n->nr_queues = w->nr_queues ? w->nr_queues : 1;
    n->split = w->split;
    for (uint32_t q = 0; q < n->nr_queues; q++) {
        make_queue(n, w, q);
        for (uint32_t i = 0; i < NIC_BUFFERS && !w->no_buffers; i++)
            nic_post(n, q, (uint16_t)i);
        n->queue[q].rx.ring->req_prod = n->queue[q].rx.prod;
        write_queue(n, w, q);
    }
    if (n->nr_queues > 1 || w->queues_text)
        write_key(n, w, "", "multi-queue-num-queues", w->queues_text,
                  n->nr_queues);
    write_features(n, w);
    bus_say(&n->bus, 4);
    return 0;
}

uint32_t nic_connect(struct nic *n, const struct nic_wiring *w)
{
    uint32_t state;

    if (nic_offer(n, w) != 0)
        return BUS_NEVER;
    state = bus_await(&n->bus, XB_CONNECTED | XB_GONE, BUS_WAIT_MS);
    for (uint32_t q = 0; q < n->nr_queues && state == 4; q++)
        nic_post_push(n, q); /* netback looks when it is told */
    return state;
}

/* Keys of an earlier connection must not count for the next. */
static void remove_keys(const struct nic *n)
{
    static const char *const keys[] = {
        "tx-ring-ref",      "rx-ring-ref",      "event-channel",
        "event-channel-tx", "event-channel-rx", "multi-queue-num-queues",
        "queue-0",          "queue-1",          "request-rx-copy",
        "feature-sg",
    };

    for (uint32_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        store_remove_in(n->bus.dir, keys[i]);
}

static void end_grant(struct nic *n, uint32_t ref)
{
    if (ref && xen_grant_end(ref) != 0)
        n->held++;
}

static void drop_wiring(struct nic *n)
{
    for (uint32_t q = 0; q < NIC_QUEUES; q++) {
        struct nic_queue *queue = &n->queue[q];

        if (!q || queue->tx.ref != n->queue[0].tx.ref)
            end_grant(n, queue->tx.ref);
        if (queue->rx.ref != queue->tx.ref &&
            (!q || queue->rx.ref != n->queue[0].rx.ref))
            end_grant(n, queue->rx.ref);
        for (uint32_t i = 0; i < NIC_BUFFERS; i++)
            end_grant(n, queue->buffer_ref[i]);
        if (queue->rx.port && queue->rx.port != queue->tx.port)
            xen_port_close(queue->rx.port);
        if (queue->tx.port && (!q || queue->tx.port != n->queue[0].tx.port))
            xen_port_close(queue->tx.port);
    }
    memset(n->queue, 0, sizeof(n->queue));
}

int nic_restart(struct nic *n)
{
    if (bus_state(&n->bus) != 2 && bus_close(&n->bus) != 0)
        return -1;
    remove_keys(n);
    drop_wiring(n);
    bus_say(&n->bus, 1);
    return bus_await(&n->bus, XB_INIT_WAIT, BUS_WAIT_MS) == 2 ? 0 : -1;
}

int nic_next(struct nic *n)
{
    if (bus_close(&n->bus) != 0)
        return -1;
    drop_wiring(n);
    return nic_open(n, n->bus.devid + 1);
}

volatile uint8_t *nic_slot_at(const struct nic *n, uint32_t q, uint32_t i)
{
    return n->queue[q].tx.ring->slots + (i & (NIC_SLOTS - 1)) * TX_BYTES;
}

static void put_bytes(struct nic *n, uint32_t q, const void *from, uint32_t len)
{
    uint32_t i = n->queue[q].tx.prod++;
    uint8_t *kept = written[q][i & (NIC_SLOTS - 1)];

    memset(kept, SLOT_FILL, TX_BYTES);
    memcpy(kept, from, len);
    memcpy((void *)nic_slot_at(n, q, i), kept, TX_BYTES);
}

void nic_put(struct nic *n, uint32_t q, const struct nic_slot *s)
{
    netif_tx_request_t t = { .gref = s->ref,
                             .offset = s->off,
                             .flags = s->flags,
                             .id = s->id,
                             .size = s->size };

    put_bytes(n, q, &t, sizeof(t));
}

void nic_put_extra(struct nic *n, uint32_t q, const struct nic_extra *x)
{
    netif_extra_info_t e = { .type = x->type, .flags = x->flags };

    e.u.gso.size = x->gso_size;
    e.u.gso.type = x->gso_type;
    put_bytes(n, q, &e, sizeof(e));
}

void nic_push(struct nic *n, uint32_t q)
{
    __asm__ volatile("mfence" ::: "memory");
    n->queue[q].tx.ring->req_prod = n->queue[q].tx.prod;
    xen_port_send(n->queue[q].tx.port);
}

/* Until there is an answer that was not seen yet. */
static int await_answer(struct nic_ring *r, uint32_t ms)
{
    uint64_t until = xen_now_ns() + ms * XEN_MS;

    r->ring->rsp_event = r->cons + 1;
    __asm__ volatile("mfence" ::: "memory");
    while (r->ring->rsp_prod == r->cons)
        if (!xen_port_wait(r->port, until))
            return r->ring->rsp_prod != r->cons;
    return 1;
}

/* Whatever is behind an answer's two fields must be ours, or nothing. */
static void look_at_padding(struct nic *n, uint32_t q, uint32_t i)
{
    const uint8_t *ours = written[q][i & (NIC_SLOTS - 1)];
    uint32_t leaks = 0;
    uint8_t slot[TX_BYTES];

    memcpy(slot, (void *)nic_slot_at(n, q, i), TX_BYTES);
    for (uint32_t b = sizeof(netif_tx_response_t); b < TX_BYTES; b++)
        leaks |= slot[b] != 0 && slot[b] != ours[b];
    n->pad_leaks += leaks;
}

int32_t nic_take(struct nic *n, uint32_t q, uint32_t ms)
{
    struct nic_ring *r = &n->queue[q].tx;
    netif_tx_response_t a;

    if (!await_answer(r, ms))
        return NIC_NOTHING;
    memcpy(&a, (void *)nic_slot_at(n, q, r->cons), sizeof(a));
    look_at_padding(n, q, r->cons);
    r->cons++;
    n->last_id = a.id;
    return a.status;
}

void nic_post_ref(struct nic *n, uint32_t q, uint16_t id, uint32_t ref)
{
    struct nic_ring *r = &n->queue[q].rx;
    netif_rx_request_t p = { .id = id, .gref = ref };
    uint32_t i = r->prod++ & (NIC_SLOTS - 1);

    memcpy((void *)(r->ring->slots + i * RX_BYTES), &p, sizeof(p));
}

void nic_post(struct nic *n, uint32_t q, uint16_t id)
{
    nic_post_ref(n, q, id, n->queue[q].buffer_ref[id % NIC_BUFFERS]);
}

void nic_post_push(struct nic *n, uint32_t q)
{
    __asm__ volatile("mfence" ::: "memory");
    n->queue[q].rx.ring->req_prod = n->queue[q].rx.prod;
    xen_port_send(n->queue[q].rx.port);
}

int32_t nic_receive(struct nic *n, uint32_t q, uint8_t *to, uint32_t max,
                    uint32_t ms)
{
    struct nic_ring *r = &n->queue[q].rx;
    uint32_t extras = 0, more = 1;
    int32_t len = 0;

    while ((more || extras) && await_answer(r, ms)) {
        uint32_t at = r->cons++ & (NIC_SLOTS - 1), part;
        netif_rx_response_t a;

        memcpy(&a, (void *)(r->ring->slots + at * RX_BYTES), sizeof(a));
        if (extras) { /* an extra info took this buffer */
            const netif_extra_info_t *x = (const void *)&a;

            extras = x->flags & XEN_NETIF_EXTRA_FLAG_MORE;
            nic_post(n, q, (uint16_t)at); /* NIC_BUFFERS divides the slots */
            continue;
        }
        more = a.flags & NETRXF_more_data;
        extras = a.flags & NETRXF_extra_info;
        if (a.status < 0) {
            len = a.status;
            n->rx_errors++;
        }
        part = a.status > 0 && a.offset + (uint32_t)a.status <= PAGE
                   ? (uint32_t)a.status
                   : 0;
        if (len >= 0 && (uint32_t)len + part <= max) {
            memcpy(to + len, buffers[q][a.id % NIC_BUFFERS] + a.offset, part);
            len += (int32_t)part;
        }
        nic_post(n, q, a.id % NIC_BUFFERS);
        n->last_id = a.id;
    }
    nic_post_push(n, q);
    return more || extras ? NIC_NOTHING : len;
}
