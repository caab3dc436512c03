/* SPDX-License-Identifier: MIT */
/*
 * fake_netfront.c - a small network frontend in a fake guest
 *
 * Source: Xen 4.20, xen/include/public/io/netif.h and ring.h.
 */
#include "tests/fakes/fake_netfront.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/io/netif.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"
#include "tests/fakes/fake_io.h"

#define PAGE 4096u
#define SLOTS 256u
#define TX_SLOT_BYTES 12u
#define RX_SLOT_BYTES 8u
#define RX_SLOTS_MAX 19u /* of a packet, extras not counted */
#define EXTRA_XDP 5u     /* Linux's, not in Xen 4.20's header */
#define NO_ID 0xffffu    /* of an extra, or a slot that the test has made */

struct queue {
    struct fake_net_sring *tx, *rx;
    uint32_t tx_port, rx_port;
    const char *why;
    uint32_t tx_prod, tx_pushed, tx_cons, nr_free, refused;
    uint16_t tx_free[SLOTS], tx_id[SLOTS]; /* the second by index */
    bool tx_out[SLOTS];                    /* by id */
    bool tx_raw[SLOTS];                    /* by index */
    uint32_t rx_prod, rx_cons, lost;
    uint32_t tx_ref, rx_ref; /* of SLOTS pages each */
};

struct fake_netfront {
    uint32_t domid;
    struct net_wiring wiring;
    struct queue queue[];
};

_Static_assert(sizeof(netif_tx_request_t) == TX_SLOT_BYTES, "");
_Static_assert(sizeof(netif_rx_response_t) == RX_SLOT_BYTES, "");

static uint32_t load(const uint32_t *shared)
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

static void *tx_slot(struct queue *q, uint32_t index)
{
    return (uint8_t *)(q->tx + 1) + index % SLOTS * TX_SLOT_BYTES;
}

static void *rx_slot(struct queue *q, uint32_t index)
{
    return (uint8_t *)(q->rx + 1) + index % SLOTS * RX_SLOT_BYTES;
}

static struct fake_net_sring *new_ring(uint32_t domid, uint32_t first_index,
                                       uint32_t *ref)
{
    struct fake_net_sring *s;

    *ref = fake_grant(domid, FAKE_RW);
    s = fake_grant_page(domid, *ref);
    s->req_prod = s->rsp_prod = first_index;
    s->req_event = s->rsp_event = first_index + 1;
    return s;
}

static uint32_t grant_pages(uint32_t domid, enum fake_access access)
{
    uint32_t first = fake_grant(domid, access);

    for (uint32_t i = 1; i < SLOTS; i++)
        fake_grant(domid, access);
    return first;
}

static void queue_init(struct fake_netfront *f, uint32_t nr,
                       const struct fake_net_options *o)
{
    struct fake_domain *d = fake_find(f->domid);
    struct queue *q = &f->queue[nr];

    q->tx = new_ring(f->domid, o->first_index, &f->wiring.queue[nr].tx_ref);
    q->rx = new_ring(f->domid, o->first_index, &f->wiring.queue[nr].rx_ref);
    q->tx_port = q->rx_port = d->next_port++;
    if (o->split)
        q->rx_port = d->next_port++;
    f->wiring.queue[nr].tx_port = q->tx_port;
    f->wiring.queue[nr].rx_port = q->rx_port;
    q->tx_prod = q->tx_pushed = q->tx_cons = o->first_index;
    q->rx_prod = q->rx_cons = o->first_index;
    q->tx_ref = grant_pages(f->domid, FAKE_RO);
    q->rx_ref = grant_pages(f->domid, FAKE_RW);
    q->why = "";
    for (uint32_t i = 0; i < SLOTS; i++)
        q->tx_free[q->nr_free++] = (uint16_t)(SLOTS - 1 - i);
}

struct fake_netfront *fake_netfront_new(uint32_t domid,
                                        const struct fake_net_options *o)
{
    uint32_t nr = o->nr_queues ? o->nr_queues : 1;
    struct fake_netfront *f =
        fake_calloc(1, sizeof(*f) + nr * sizeof(f->queue[0]));

    f->domid = domid;
    f->wiring = (struct net_wiring){
        .nr_queues = (uint8_t)nr,
        .sg = !o->no_sg,
        .gso_v4 = !o->no_gso && !o->no_sg,
        .gso_v6 = !o->no_gso && !o->no_sg && !o->no_csum_v6,
        .csum_v4 = 1,
        .csum_v6 = !o->no_csum_v6,
        .rx_notify = !o->no_rx_notify,
        .split = o->split,
        .headroom = o->headroom,
    };
    for (uint32_t i = 0; i < nr; i++)
        queue_init(f, i, o);
    return f;
}

void fake_netfront_free(struct fake_netfront *f)
{
    free(f);
}

const struct net_wiring *fake_netfront_wiring(const struct fake_netfront *f)
{
    return &f->wiring;
}

/* ---- sending ---- */

static uint32_t tx_room(const struct queue *q)
{
    return SLOTS - (q->tx_prod - q->tx_cons);
}

/* A slot of this packet's bytes from `at` on; the first says the whole size. */
static void put_data(struct fake_netfront *f, struct queue *q,
                     const struct fake_net_packet *p, uint32_t at, uint32_t len)
{
    uint16_t id = q->tx_free[--q->nr_free];
    uint32_t ref = q->tx_ref + id;
    netif_tx_request_t r = {
        .gref = ref,
        .flags = at + len < p->len ? NETTXF_more_data : 0,
        .id = id,
        .size = (uint16_t)(at ? len : p->len),
    };

    if (at == 0)
        r.flags |= p->flags | (p->gso_size ? NETTXF_extra_info : 0);
    if (p->frame)
        memcpy(fake_grant_page(f->domid, ref), (const uint8_t *)p->frame + at,
               len);
    q->tx_out[id] = true;
    q->tx_id[q->tx_prod % SLOTS] = id;
    q->tx_raw[q->tx_prod % SLOTS] = false;
    memcpy(tx_slot(q, q->tx_prod++), &r, sizeof(r));
}

static void put_gso(struct queue *q, const struct fake_net_packet *p)
{
    netif_extra_info_t x = { .type = XEN_NETIF_EXTRA_TYPE_GSO };

    x.u.gso.size = p->gso_size;
    x.u.gso.type = p->gso_type;
    q->tx_id[q->tx_prod % SLOTS] = NO_ID;
    q->tx_raw[q->tx_prod % SLOTS] = false;
    memcpy(tx_slot(q, q->tx_prod++), &x, sizeof(x));
}

bool fake_netfront_send(struct fake_netfront *f, uint32_t queue,
                        const struct fake_net_packet *p)
{
    struct queue *q = &f->queue[queue];
    uint32_t most = p->slot_bytes ? p->slot_bytes : PAGE, at = 0;
    uint32_t nr = (p->len + most - 1) / most;

    if (tx_room(q) < nr + (p->gso_size != 0) || q->nr_free < nr)
        return false;
    while (at < p->len) {
        uint32_t len = p->len - at < most ? p->len - at : most;

        put_data(f, q, p, at, len);
        if (at == 0 && p->gso_size)
            put_gso(q, p);
        at += len;
    }
    return true;
}

void fake_netfront_put(struct fake_netfront *f, uint32_t queue,
                       const void *slot)
{
    struct queue *q = &f->queue[queue];

    if (tx_room(q) == 0)
        abort();
    q->tx_id[q->tx_prod % SLOTS] = NO_ID;
    q->tx_raw[q->tx_prod % SLOTS] = true;
    memcpy(tx_slot(q, q->tx_prod++), slot, TX_SLOT_BYTES);
}

uint32_t fake_netfront_ref(const struct fake_netfront *f, uint32_t queue,
                           uint32_t number)
{
    return f->queue[queue].tx_ref + number;
}

/* Does the other side want an event for what was just published? */
static bool wants(uint32_t now, uint32_t before, const uint32_t *event)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return now - load(event) < now - before;
}

bool fake_netfront_kick(struct fake_netfront *f, uint32_t queue)
{
    struct queue *q = &f->queue[queue];
    uint32_t before = q->tx_pushed;

    __atomic_store_n(&q->tx->req_prod, q->tx_prod, __ATOMIC_RELEASE);
    q->tx_pushed = q->tx_prod;
    if (!wants(q->tx_prod, before, &q->tx->req_event))
        return false;
    fake_ring(f->domid, q->tx_port);
    return true;
}

static int broken(struct queue *q, const char *why)
{
    q->why = why;
    return -EPROTO;
}

static int reap_one(struct queue *q)
{
    uint16_t want = q->tx_id[q->tx_cons % SLOTS];
    netif_tx_response_t r;

    memcpy(&r, tx_slot(q, q->tx_cons), sizeof(r));
    if (r.status < NETIF_RSP_DROPPED || r.status > NETIF_RSP_NULL)
        return broken(q, "a transmit response's status is unknown");
    if (!q->tx_raw[q->tx_cons % SLOTS] &&
        (want == NO_ID) != (r.status == NETIF_RSP_NULL))
        return broken(q, "an extra, and no other, is answered by NULL");
    q->refused += r.status < 0;
    q->tx_cons++;
    if (want == NO_ID)
        return 1;
    if (r.id >= SLOTS || !q->tx_out[r.id])
        return broken(q, "a transmit response's id is not in flight");
    if (r.id != want)
        return broken(q, "transmit responses are out of order");
    q->tx_out[r.id] = false;
    q->tx_free[q->nr_free++] = r.id;
    return 1;
}

int fake_netfront_reap(struct fake_netfront *f, uint32_t queue)
{
    struct queue *q = &f->queue[queue];
    uint32_t there = load(&q->tx->rsp_prod) - q->tx_cons;

    if (there > q->tx_pushed - q->tx_cons)
        return broken(q, "more transmit responses than requests");
    for (uint32_t i = 0; i < there; i++)
        if (reap_one(q) < 0)
            return -EPROTO;
    return (int)there;
}

uint32_t fake_netfront_busy(const struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].tx_prod - f->queue[queue].tx_cons;
}

uint32_t fake_netfront_refused(const struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].refused;
}

/* ---- receiving ---- */

/* As netfront: a slot's buffer is the one of its index, and so is its id. */
uint32_t fake_netfront_post(struct fake_netfront *f, uint32_t queue,
                            uint32_t nr)
{
    struct queue *q = &f->queue[queue];
    uint32_t before = q->rx_prod, put = 0;

    while (put < nr && q->rx_prod - q->rx_cons < SLOTS) {
        netif_rx_request_t r = {
            .id = (uint16_t)(q->rx_prod % SLOTS),
            .gref = q->rx_ref + q->rx_prod % SLOTS,
        };

        memcpy(rx_slot(q, q->rx_prod++), &r, sizeof(r));
        put++;
    }
    __atomic_store_n(&q->rx->req_prod, q->rx_prod, __ATOMIC_RELEASE);
    if (wants(q->rx_prod, before, &q->rx->req_event) && f->wiring.rx_notify)
        fake_ring(f->domid, q->rx_port);
    return put;
}

uint32_t fake_netfront_lost(const struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].lost;
}

uint32_t fake_netfront_rx_ref(const struct fake_netfront *f, uint32_t queue,
                              uint32_t number)
{
    return f->queue[queue].rx_ref + number;
}

uint32_t fake_netfront_posted(const struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].rx_prod - f->queue[queue].rx_cons;
}

static int take_extras(struct queue *q, uint32_t there, uint32_t *at,
                       struct fake_net_received *out)
{
    netif_extra_info_t x;

    do {
        if (*at == there)
            return broken(q, "an extra is missing");
        memcpy(&x, rx_slot(q, q->rx_cons + (*at)++), sizeof(x));
        if (x.type == XEN_NETIF_EXTRA_TYPE_GSO) {
            out->gso_size = x.u.gso.size;
            out->gso_type = x.u.gso.type;
            if (x.u.gso.size == 0 || x.u.gso.pad || x.u.gso.features ||
                (x.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV4 &&
                 x.u.gso.type != XEN_NETIF_GSO_TYPE_TCPV6))
                return broken(q, "a GSO extra that none takes");
        } else if (x.type == EXTRA_XDP) {
            memcpy(&out->headroom, &x.u, sizeof(out->headroom));
        } else {
            return broken(q, "an extra of another type");
        }
    } while (x.flags & XEN_NETIF_EXTRA_FLAG_MORE);
    return 0;
}

static int take_data(struct fake_netfront *f, struct queue *q, uint32_t index,
                     netif_rx_response_t *r, struct fake_net_received *out,
                     bool copy)
{
    memcpy(r, rx_slot(q, index), sizeof(*r));
    if (r->id != index % SLOTS)
        return broken(q, "a buffer is answered in another's place");
    if (r->status <= 0)
        return broken(q, "a receive response says error, or nothing");
    if (r->offset + (uint32_t)r->status > PAGE)
        return broken(q, "a receive response crosses its page");
    if (out->len + (uint32_t)r->status > sizeof(out->frame))
        return broken(q, "a packet that is too large");
    if (copy)
        memcpy(out->frame + out->len,
               (uint8_t *)fake_grant_page(f->domid, q->rx_ref + r->id) +
                   r->offset,
               (size_t)r->status);
    out->len += (uint32_t)r->status;
    return 0;
}

static int take_packet(struct fake_netfront *f, struct queue *q, uint32_t there,
                       struct fake_net_received *out, bool copy)
{
    netif_rx_response_t r;
    uint32_t at = 0, nr = 0;

    do {
        if (at == there)
            return broken(q, "half a packet is published");
        if (take_data(f, q, q->rx_cons + at++, &r, out, copy) < 0)
            return -EPROTO;
        if (nr++ == 0) {
            out->flags = r.flags;
            if (r.status < 14)
                return broken(q, "the first slot has no Ethernet header");
            if ((r.flags & NETRXF_extra_info) &&
                take_extras(q, there, &at, out) < 0)
                return -EPROTO;
        }
        if (nr > RX_SLOTS_MAX)
            return broken(q, "a packet of too many slots");
    } while (r.flags & NETRXF_more_data);
    out->nr_slots = at;
    q->rx_cons += at;
    return 1;
}

/* Buffers that came back with an error, each for itself. */
static void take_lost(struct queue *q, uint32_t *there)
{
    netif_rx_response_t r;

    for (; *there > 0; --*there, q->rx_cons++, q->lost++) {
        memcpy(&r, rx_slot(q, q->rx_cons), sizeof(r));
        if (r.status != NETIF_RSP_ERROR || r.flags ||
            r.id != q->rx_cons % SLOTS)
            return;
    }
}

int fake_netfront_receive(struct fake_netfront *f, uint32_t queue,
                          struct fake_net_received *out)
{
    struct queue *q = &f->queue[queue];
    uint32_t there = load(&q->rx->rsp_prod) - q->rx_cons;
    static _Thread_local struct fake_net_received none;
    struct fake_net_received *to = out ? out : &none;

    if (there > q->rx_prod - q->rx_cons)
        return broken(q, "more packets than buffers");
    take_lost(q, &there);
    if (there == 0)
        return 0;
    to->len = to->nr_slots = 0;
    to->flags = to->gso_size = to->headroom = 0;
    to->gso_type = 0;
    return take_packet(f, q, there, to, out != NULL);
}

/* ---- both ---- */

bool fake_netfront_arm(struct fake_netfront *f, uint32_t queue)
{
    struct queue *q = &f->queue[queue];

    __atomic_store_n(&q->tx->rsp_event, q->tx_cons + 1, __ATOMIC_RELEASE);
    __atomic_store_n(&q->rx->rsp_event, q->rx_cons + 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load(&q->tx->rsp_prod) != q->tx_cons ||
           load(&q->rx->rsp_prod) != q->rx_cons;
}

void fake_netfront_ring(struct fake_netfront *f, uint32_t queue)
{
    fake_ring(f->domid, f->queue[queue].tx_port);
    if (f->wiring.split)
        fake_ring(f->domid, f->queue[queue].rx_port);
}

const char *fake_netfront_why(const struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].why;
}

static uint32_t rung(const struct fake_netfront *f, uint32_t port)
{
    struct fake_domain *d = fake_find(f->domid);

    return d && port < FAKE_PORTS
               ? __atomic_load_n(&d->nr_rung[port], __ATOMIC_RELAXED)
               : 0;
}

uint32_t fake_netfront_rung(const struct fake_netfront *f, uint32_t queue)
{
    const struct queue *q = &f->queue[queue];

    return rung(f, q->tx_port) + (f->wiring.split ? rung(f, q->rx_port) : 0);
}

struct fake_net_sring *fake_netfront_tx(struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].tx;
}

struct fake_net_sring *fake_netfront_rx(struct fake_netfront *f, uint32_t queue)
{
    return f->queue[queue].rx;
}
