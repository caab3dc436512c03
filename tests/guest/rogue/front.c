/* SPDX-License-Identifier: MIT */
/*
 * front.c - a block frontend that does as it is told
 */
#include "front.h"

#include <stddef.h>

#include <xen/xen.h>

#include <xen/io/blkif.h>

#include "store.h"
#include "text.h"

#define SLOT_FILL 0xa5 /* what means nothing in a slot that we wrote */
#define PAD_OP 9u      /* the byte between an answer's op and its status */

uint8_t front_data[FRONT_DATA][PAGE] __attribute__((aligned(4096)));
static uint8_t ring_pages[FRONT_QUEUES][FRONT_PAGES][PAGE]
    __attribute__((aligned(4096)));
/* The first bytes of each slot, as we wrote them. */
static uint8_t written[FRONT_QUEUES][FRONT_SLOTS][16];

int front_open(struct front *f, uint32_t devid)
{
    return bus_open(&f->bus, "vbd", devid);
}

/* Keys of an earlier connection must not count for the next. */
static void remove_keys(struct front *f)
{
    static const char *const keys[] = {
        "ring-page-order",        "ring-ref", "event-channel", "protocol",
        "multi-queue-num-queues", "queue-0",  "queue-1",
    };

    for (uint32_t i = 0; i < sizeof(keys) / sizeof(keys[0]); i++)
        store_remove_in(f->bus.dir, keys[i]);
    for (uint32_t i = 0; i < 1u << f->order && f->order; i++) {
        struct line l = { .len = 0 };

        line_add(&l, "ring-ref");
        line_number(&l, i);
        store_remove_in(f->bus.dir, l.text);
    }
}

/* A value: the text that was asked for, or else the number. */
static void write_key(struct front *f, const struct wiring *w,
                      const char *prefix, const char *leaf, const char *text,
                      uint32_t number)
{
    struct line l = { .len = 0 };

    line_add(&l, f->bus.dir);
    line_add(&l, "/");
    line_add(&l, prefix);
    line_add(&l, leaf);
    if (text && w->text_len)
        store_write(l.text, text, w->text_len);
    else if (text)
        store_write(l.text, text, strlen(text));
    else
        store_number_in(f->bus.dir, l.text + strlen(f->bus.dir) + 1, number);
}

static void write_queue(struct front *f, const struct wiring *w, uint32_t q)
{
    const char *prefix = f->nr_queues == 1 ? "" : q ? "queue-1/" : "queue-0/";
    struct queue *queue = &f->queue[q];

    for (uint32_t i = 0; i < 1u << f->order && !w->no_ref; i++) {
        struct line l = { .len = 0 };

        line_add(&l, "ring-ref");
        if (f->order)
            line_number(&l, i);
        write_key(f, w, prefix, l.text, w->ref_text, queue->refs[i]);
    }
    if (!w->no_port)
        write_key(f, w, prefix, "event-channel", w->port_text, queue->port);
}

static void make_queue(struct front *f, const struct wiring *w, uint32_t q)
{
    struct queue *queue = &f->queue[q];
    uint8_t(*pages)[PAGE] = ring_pages[w->same_ring ? 0 : q];

    memset(ring_pages[q], 0, sizeof(ring_pages[q]));
    queue->ring = (volatile struct sring *)pages;
    queue->ring->req_event = queue->ring->rsp_event = 1;
    queue->prod = queue->cons = 0;
    for (uint32_t i = 0; i < 1u << f->order; i++)
        queue->refs[i] = w->same_ref && i    ? queue->refs[0]
                         : w->same_ring && q ? f->queue[0].refs[i]
                                             : xen_grant(pages[i], 0, 0);
    queue->port = w->same_port && q ? f->queue[0].port : xen_port_open();
}

int front_offer(struct front *f, const struct wiring *w)
{
    if (bus_await(&f->bus, XB_INIT_WAIT, BUS_WAIT_MS) != 2)
        return -1;
    f->order_max = bus_number(f->bus.backend, "max-ring-page-order");
    f->queues_max = bus_number(f->bus.backend, "multi-queue-max-queues");
    f->order = w->order;
    f->abi64 = w->abi64;
    f->nr_queues = w->nr_queues ? w->nr_queues : 1;
    f->slots = 32u << f->order;
    for (uint32_t q = 0; q < f->nr_queues; q++) {
        make_queue(f, w, q);
        write_queue(f, w, q);
    }
    if (f->order || w->order_text)
        write_key(f, w, "", "ring-page-order", w->order_text, f->order);
    if (f->nr_queues > 1 || w->queues_text)
        write_key(f, w, "", "multi-queue-num-queues", w->queues_text,
                  f->nr_queues);
    if (!w->no_protocol)
        write_key(f, w, "", "protocol",
                  w->protocol ? w->protocol
                              : (f->abi64 ? "x86_64-abi" : "x86_32-abi"),
                  0);
    bus_say(&f->bus, 3);
    return 0;
}

uint32_t front_connect(struct front *f, const struct wiring *w)
{
    char text[32];
    const char *p = text;
    uint32_t state;

    if (front_offer(f, w) != 0)
        return 99;
    state = bus_await(&f->bus, XB_CONNECTED | XB_GONE, BUS_WAIT_MS);
    if (state != 4)
        return state;
    store_read_in(f->bus.backend, "sectors", text, sizeof(text));
    f->nr_sectors = text_number(&p);
    f->info = bus_number(f->bus.backend, "info");
    f->indirect_max =
        bus_number(f->bus.backend, "feature-max-indirect-segments");
    f->has_discard = bus_number(f->bus.backend, "feature-discard");
    f->has_flush = bus_number(f->bus.backend, "feature-flush-cache");
    bus_say(&f->bus, 4);
    return state;
}

int front_restart(struct front *f)
{
    if (bus_state(&f->bus) != 2 && bus_close(&f->bus) != 0)
        return -1;
    remove_keys(f);
    for (uint32_t q = 0; q < FRONT_QUEUES; q++) {
        for (uint32_t i = 0; i < FRONT_PAGES; i++)
            if (f->queue[q].refs[i])
                xen_grant_end(f->queue[q].refs[i]);
        if (f->queue[q].port)
            xen_port_close(f->queue[q].port);
        f->queue[q] = (struct queue){ .ring = NULL };
    }
    bus_say(&f->bus, 1);
    return bus_await(&f->bus, XB_INIT_WAIT, BUS_WAIT_MS) == 2 ? 0 : -1;
}

volatile uint8_t *front_slot(const struct front *f, uint32_t q, uint32_t n)
{
    uint32_t slot_bytes = f->abi64 ? 112 : 108;

    return f->queue[q].ring->slots + (n & (f->slots - 1)) * slot_bytes;
}

/* The layouts: blkif.h, and what padding makes of it in either ABI. */
void front_put(struct front *f, uint32_t q, const struct req *r)
{
    uint32_t n = f->queue[q].prod++, id_at = f->abi64 ? 8 : 4;
    uint32_t more = id_at + 16; /* behind id and sector */
    uint8_t slot[112];

    memset(slot, SLOT_FILL, sizeof(slot));
    slot[0] = r->op;
    slot[1] = (uint8_t)r->nr_segs;
    memset(slot + 2, 0, 2); /* handle */
    memcpy(slot + id_at, &r->id, 8);
    memcpy(slot + id_at + 8, &r->sector, 8);
    if (r->op == BLKIF_OP_INDIRECT) {
        slot[1] = r->inner;
        memcpy(slot + 2, &r->nr_segs, 2);
        memset(slot + more, 0, 2);
        memcpy(slot + more + 4, r->indirect, sizeof(r->indirect));
    } else if (r->op == BLKIF_OP_DISCARD) {
        slot[1] = r->flag;
        memcpy(slot + more, &r->nr_sectors, 8);
    } else {
        for (uint32_t i = 0; i < FRONT_SEGS; i++)
            memcpy(slot + more + 8 * i, &r->seg[i], sizeof(r->seg[i]));
    }
    memcpy(written[q][n & (f->slots - 1)], slot, 16);
    memcpy((void *)front_slot(f, q, n), slot, f->abi64 ? 112 : 108);
}

void front_push(struct front *f, uint32_t q)
{
    __asm__ volatile("mfence" ::: "memory");
    f->queue[q].ring->req_prod = f->queue[q].prod;
    xen_port_send(f->queue[q].port);
}

/* Whatever is beside an answer's three fields must be ours, or nothing. */
static void look_at_padding(struct front *f, uint32_t q, uint32_t n,
                            const uint8_t *slot)
{
    const uint8_t *ours = written[q][n & (f->slots - 1)];
    uint32_t zero = 1, kept = 1;

    for (uint32_t i = PAD_OP; i < (f->abi64 ? 16u : 12u); i++) {
        if (i == 10 || i == 11)
            continue;
        zero &= slot[i] == 0;
        kept &= slot[i] == ours[i];
    }
    f->pad_zero += zero;
    f->pad_kept += kept && !zero;
    f->pad_leaks += !kept && !zero;
}

int32_t front_take(struct front *f, uint32_t q, uint32_t ms)
{
    uint64_t until = xen_now_ns() + ms * XEN_MS;
    struct queue *queue = &f->queue[q];
    uint8_t slot[16];
    int16_t status;

    queue->ring->rsp_event = queue->cons + 1;
    __asm__ volatile("mfence" ::: "memory");
    while (queue->ring->rsp_prod == queue->cons)
        if (!xen_port_wait(queue->port, until))
            return FRONT_NO_REPLY;
    memcpy(slot, (void *)front_slot(f, q, queue->cons), sizeof(slot));
    look_at_padding(f, q, queue->cons, slot);
    queue->cons++;
    memcpy(&f->last_id, slot, 8);
    f->last_op = slot[8];
    memcpy(&status, slot + 10, 2);
    return status;
}

int32_t front_do(struct front *f, const struct req *r)
{
    front_put(f, 0, r);
    front_push(f, 0);
    return front_take(f, 0, BUS_WAIT_MS);
}

int32_t front_rw(struct front *f, uint8_t op, uint64_t sector,
                 uint32_t nr_sectors, uint32_t page)
{
    static uint64_t id;
    struct req r = { .op = op, .id = ++id, .sector = sector };
    int32_t status;

    for (; nr_sectors && r.nr_segs < FRONT_SEGS; r.nr_segs++) {
        uint32_t part = nr_sectors < 8 ? nr_sectors : 8;

        r.seg[r.nr_segs] = (struct seg){
            .ref = xen_grant(front_data[page + r.nr_segs], 0,
                             op == BLKIF_OP_WRITE),
            .last = (uint8_t)(part - 1),
        };
        nr_sectors -= part;
    }
    status = front_do(f, &r);
    for (uint32_t i = 0; i < r.nr_segs; i++)
        if (xen_grant_end(r.seg[i].ref) != 0 && status == 0)
            status = 98; /* answered, and still mapped */
    if (status == 0 && (f->last_id != r.id || f->last_op != op))
        status = 97;
    return status;
}
