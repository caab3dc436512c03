/* SPDX-License-Identifier: MIT */
/*
 * fake_front.c - a small block frontend in a fake guest
 *
 * Source: Xen 4.20, xen/include/public/io/blkif.h and ring.h.
 */
#include "tests/fakes/fake_front.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"
#include "tests/fakes/fake_io.h"

#define PAGE 4096u
#define SECTOR 512u
#define SLOTS_MAX 512u
#define SEGS_MAX 256u

struct queue {
    struct fake_sring *shared;
    uint32_t port, req_prod, req_pushed, rsp_cons;
    const char *why;
    uint32_t nr_free;
    uint16_t free[SLOTS_MAX];
    struct {
        uint64_t id, cookie;
        uint32_t indirect; /* grant of its page; 0: not made yet */
        struct blk_wire_seg *page;
        uint8_t op;
        bool busy;
    } slot[SLOTS_MAX];
};

struct fake_front {
    uint32_t domid, size, slot_bytes, round;
    enum blk_abi abi;
    struct blk_wiring wiring;
    struct queue queue[];
};

/* As an i386 compiler lays out what blkif.h declares. */
#define I386 __attribute__((packed, aligned(4)))

struct seg_32 {
    uint32_t gref;
    uint8_t first_sect, last_sect;
    uint16_t pad;
} I386;

struct rw_32 {
    uint8_t operation, nr_segments;
    uint16_t handle;
    uint64_t id, sector_number;
    struct seg_32 seg[BLKIF_MAX_SEGMENTS_PER_REQUEST];
} I386;

struct discard_32 {
    uint8_t operation, flag;
    uint16_t handle;
    uint64_t id, sector_number, nr_sectors;
} I386;

struct indirect_32 {
    uint8_t operation, indirect_op;
    uint16_t nr_segments;
    uint64_t id, sector_number;
    uint16_t handle, pad;
    uint32_t indirect_grefs[BLKIF_MAX_INDIRECT_PAGES_PER_REQUEST];
    uint64_t pad2;
} I386;

struct response_32 {
    uint64_t id;
    uint8_t operation, pad;
    int16_t status;
} I386;

_Static_assert(sizeof(struct rw_32) == 108, "blkif_x86_32_request");
_Static_assert(sizeof(struct indirect_32) == 64, "64 bytes, says blkif.h");
_Static_assert(sizeof(struct response_32) == 12, "blkif_x86_32_response");

/* The fields have the same names in both. */
#define ENCODE_DISCARD(type, w, slot)                                          \
    do {                                                                       \
        type *r = (slot);                                                      \
        r->operation = (w)->op;                                                \
        r->flag = (w)->flag;                                                   \
        r->id = (w)->id;                                                       \
        r->sector_number = (w)->sector;                                        \
        r->nr_sectors = (w)->nr_sectors;                                       \
    } while (0)

#define ENCODE_INDIRECT(type, w, slot)                                         \
    do {                                                                       \
        type *r = (slot);                                                      \
        r->operation = (w)->op;                                                \
        r->indirect_op = (w)->inner;                                           \
        r->nr_segments = (w)->nr_segs;                                         \
        r->id = (w)->id;                                                       \
        r->sector_number = (w)->sector;                                        \
        memcpy(r->indirect_grefs, (w)->u.indirect, sizeof((w)->u.indirect));   \
    } while (0)

#define ENCODE_RW(type, w, slot)                                               \
    do {                                                                       \
        type *r = (slot);                                                      \
        r->operation = (w)->op;                                                \
        r->nr_segments = (uint8_t)(w)->nr_segs;                                \
        r->id = (w)->id;                                                       \
        r->sector_number = (w)->sector;                                        \
        for (uint32_t i_ = 0;                                                  \
             i_ < (w)->nr_segs && i_ < BLKIF_MAX_SEGMENTS_PER_REQUEST; i_++) { \
            r->seg[i_].gref = (w)->u.seg[i_].ref;                              \
            r->seg[i_].first_sect = (w)->u.seg[i_].first;                      \
            r->seg[i_].last_sect = (w)->u.seg[i_].last;                        \
        }                                                                      \
    } while (0)

void fake_front_encode(enum blk_abi abi, const struct blk_wire *w, void *slot)
{
    bool is_32 = abi == BLK_ABI_X86_32;

    if (w->op == BLKIF_OP_DISCARD && is_32)
        ENCODE_DISCARD(struct discard_32, w, slot);
    else if (w->op == BLKIF_OP_DISCARD)
        ENCODE_DISCARD(struct blkif_request_discard, w, slot);
    else if (w->op == BLKIF_OP_INDIRECT && is_32)
        ENCODE_INDIRECT(struct indirect_32, w, slot);
    else if (w->op == BLKIF_OP_INDIRECT)
        ENCODE_INDIRECT(struct blkif_request_indirect, w, slot);
    else if (is_32)
        ENCODE_RW(struct rw_32, w, slot);
    else
        ENCODE_RW(struct blkif_request, w, slot);
}

static uint32_t load(const uint32_t *shared)
{
    return __atomic_load_n(shared, __ATOMIC_ACQUIRE);
}

static void queue_init(struct fake_front *f, uint32_t nr, uint32_t first_index)
{
    struct queue *q = &f->queue[nr];

    for (uint32_t i = 0; i < f->wiring.ring_pages; i++)
        f->wiring.queue[nr].ref[i] = fake_grant(f->domid, FAKE_RW);
    f->wiring.queue[nr].port = q->port = fake_find(f->domid)->next_port++;
    q->shared = fake_grant_page(f->domid, f->wiring.queue[nr].ref[0]);
    q->req_prod = q->req_pushed = q->rsp_cons = first_index;
    q->shared->req_prod = q->shared->rsp_prod = first_index;
    q->shared->req_event = q->shared->rsp_event = first_index + 1;
    q->why = "";
    for (uint32_t i = 0; i < f->size; i++)
        q->free[q->nr_free++] = (uint16_t)(f->size - 1 - i);
}

/* __RD32() of what fits behind the indices. */
static uint32_t slots_of(uint32_t ring_pages, uint32_t slot_bytes)
{
    uint32_t size = 1;

    while (2 * size * slot_bytes <=
           ring_pages * PAGE - sizeof(struct fake_sring))
        size *= 2;
    return size;
}

struct fake_front *fake_front_new(uint32_t domid, enum blk_abi abi,
                                  uint32_t nr_queues, uint32_t ring_pages,
                                  uint32_t first_index)
{
    struct fake_front *f =
        fake_calloc(1, sizeof(*f) + nr_queues * sizeof(f->queue[0]));

    f->domid = domid;
    f->abi = abi;
    f->slot_bytes = abi == BLK_ABI_X86_32 ? sizeof(struct rw_32)
                                          : sizeof(struct blkif_request);
    f->size = slots_of(ring_pages, f->slot_bytes);
    f->wiring.abi = abi;
    f->wiring.nr_queues = (uint8_t)nr_queues;
    f->wiring.ring_pages = (uint16_t)ring_pages;
    for (uint32_t i = 0; i < nr_queues; i++)
        queue_init(f, i, first_index);
    return f;
}

void fake_front_free(struct fake_front *f)
{
    free(f);
}

const struct blk_wiring *fake_front_wiring(const struct fake_front *f)
{
    return &f->wiring;
}

uint32_t fake_front_size(const struct fake_front *f)
{
    return f->size;
}

uint32_t fake_front_busy(const struct fake_front *f, uint32_t queue)
{
    return f->size - f->queue[queue].nr_free;
}

/* The page of a slot's segments, granted when it is first needed. */
static uint32_t indirect_page(struct fake_front *f, struct queue *q,
                              uint32_t slot, const struct blk_wire_seg *seg,
                              uint32_t nr_segs)
{
    if (!q->slot[slot].indirect) {
        q->slot[slot].indirect = fake_grant(f->domid, FAKE_RO);
        q->slot[slot].page = fake_grant_page(f->domid, q->slot[slot].indirect);
    }
    if (nr_segs > PAGE / sizeof(*seg))
        nr_segs = PAGE / sizeof(*seg); /* a lie; one page is all there is */
    memcpy(q->slot[slot].page, seg, nr_segs * sizeof(*seg));
    return q->slot[slot].indirect;
}

int fake_front_put(struct fake_front *f, uint32_t queue,
                   const struct blk_wire *w, const struct blk_wire_seg *seg,
                   uint64_t cookie)
{
    struct queue *q = &f->queue[queue];
    struct blk_wire mine = *w;
    uint32_t slot;

    if (q->nr_free == 0)
        return -1;
    slot = q->free[--q->nr_free];
    /* Never the same one twice, so that a late response is no good one. */
    mine.id = (uint64_t)q->req_prod << 32 | slot;
    if (seg)
        mine.u.indirect[0] = indirect_page(f, q, slot, seg, w->nr_segs);
    q->slot[slot].id = mine.id;
    q->slot[slot].cookie = cookie;
    q->slot[slot].op = w->op == BLKIF_OP_INDIRECT ? w->inner : w->op;
    q->slot[slot].busy = true;
    fake_front_encode(f->abi, &mine, fake_front_slot(f, queue, q->req_prod));
    q->req_prod++;
    return (int)slot;
}

static void segs_of(struct blk_wire_seg *seg, uint32_t len_bytes,
                    uint32_t first_ref)
{
    for (uint32_t i = 0; len_bytes > 0; i++) {
        uint32_t part = len_bytes < PAGE ? len_bytes : PAGE;

        seg[i].ref = first_ref + i;
        seg[i].first = 0;
        seg[i].last = (uint8_t)(part / SECTOR - 1);
        len_bytes -= part;
    }
}

int fake_front_io(struct fake_front *f, uint32_t queue, bool write,
                  uint64_t off, uint32_t len_bytes, uint32_t first_ref,
                  uint64_t cookie)
{
    struct blk_wire w = {
        .sector = off / SECTOR,
        .op = write ? BLKIF_OP_WRITE : BLKIF_OP_READ,
        .nr_segs = (uint16_t)((len_bytes + PAGE - 1) / PAGE),
    };
    struct blk_wire_seg seg[SEGS_MAX];

    if (w.nr_segs > SEGS_MAX)
        abort();
    if (w.nr_segs <= BLKIF_MAX_SEGMENTS_PER_REQUEST) {
        segs_of(w.u.seg, len_bytes, first_ref);
        return fake_front_put(f, queue, &w, NULL, cookie);
    }
    w.inner = w.op;
    w.op = BLKIF_OP_INDIRECT;
    segs_of(seg, len_bytes, first_ref);
    return fake_front_put(f, queue, &w, seg, cookie);
}

int fake_front_flush(struct fake_front *f, uint32_t queue, uint64_t cookie)
{
    struct blk_wire w = { .op = BLKIF_OP_FLUSH_DISKCACHE };

    return fake_front_put(f, queue, &w, NULL, cookie);
}

int fake_front_discard(struct fake_front *f, uint32_t queue, uint64_t off,
                       uint64_t len_bytes, bool secure, uint64_t cookie)
{
    struct blk_wire w = {
        .op = BLKIF_OP_DISCARD,
        .flag = secure ? BLKIF_DISCARD_SECURE : 0,
        .sector = off / SECTOR,
        .nr_sectors = len_bytes / SECTOR,
    };

    return fake_front_put(f, queue, &w, NULL, cookie);
}

bool fake_front_publish(struct fake_front *f, uint32_t queue)
{
    struct queue *q = &f->queue[queue];
    uint32_t before = q->req_pushed;

    __atomic_store_n(&q->shared->req_prod, q->req_prod, __ATOMIC_RELEASE);
    q->req_pushed = q->req_prod;
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return q->req_prod - load(&q->shared->req_event) < q->req_prod - before;
}

bool fake_front_kick(struct fake_front *f, uint32_t queue)
{
    bool wanted = fake_front_publish(f, queue);

    if (wanted)
        fake_front_ring(f, queue);
    return wanted;
}

void fake_front_ring(struct fake_front *f, uint32_t queue)
{
    fake_ring(f->domid, f->queue[queue].port);
}

static int broken(struct queue *q, const char *why)
{
    q->why = why;
    return -EPROTO;
}

/* id, operation, padding and status of a response, in either layout. */
static bool read_response(const struct fake_front *f, const uint8_t *at,
                          struct response_32 *out)
{
    uint32_t tail = 0;

    memcpy(out, at, sizeof(*out));
    if (f->abi != BLK_ABI_X86_32)
        memcpy(&tail, at + sizeof(*out), sizeof(tail));
    return out->pad == 0 && tail == 0;
}

int fake_front_take(struct fake_front *f, uint32_t queue,
                    struct fake_answer *out)
{
    struct queue *q = &f->queue[queue];
    uint32_t there = load(&q->shared->rsp_prod) - q->rsp_cons, slot;
    struct response_32 r;

    if (there > q->req_pushed - q->rsp_cons)
        return broken(q, "more responses than requests");
    if (there == 0)
        return 0;
    if (!read_response(f, fake_front_slot(f, queue, q->rsp_cons), &r))
        return broken(q, "a response's padding is not zero");
    slot = (uint32_t)r.id;
    if (slot >= f->size)
        return broken(q, "a response's id is out of range");
    if (!q->slot[slot].busy || q->slot[slot].id != r.id)
        return broken(q, "a response's id is not in flight");
    if (q->slot[slot].op != r.operation)
        return broken(q, "a response's operation is not the request's");
    *out = (struct fake_answer){ slot, r.operation, r.status,
                                 q->slot[slot].cookie };
    q->slot[slot].busy = false;
    q->free[q->nr_free++] = (uint16_t)slot;
    q->rsp_cons++;
    return 1;
}

bool fake_front_arm(struct fake_front *f, uint32_t queue)
{
    struct queue *q = &f->queue[queue];

    __atomic_store_n(&q->shared->rsp_event, q->rsp_cons + 1, __ATOMIC_RELEASE);
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    return load(&q->shared->rsp_prod) != q->rsp_cons;
}

const char *fake_front_why(const struct fake_front *f, uint32_t queue)
{
    return f->queue[queue].why;
}

uint32_t fake_front_rung(const struct fake_front *f, uint32_t queue)
{
    struct fake_domain *d = fake_find(f->domid);
    uint32_t port = f->queue[queue].port;

    return d && port < FAKE_PORTS
               ? __atomic_load_n(&d->nr_rung[port], __ATOMIC_RELAXED)
               : 0;
}

struct fake_sring *fake_front_shared(struct fake_front *f, uint32_t queue)
{
    return f->queue[queue].shared;
}

uint8_t *fake_front_slot(struct fake_front *f, uint32_t queue, uint32_t index)
{
    return (uint8_t *)(f->queue[queue].shared + 1) +
           (size_t)(index & (f->size - 1)) * f->slot_bytes;
}

uint32_t fake_front_slot_bytes(const struct fake_front *f)
{
    return f->slot_bytes;
}
