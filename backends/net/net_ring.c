/* SPDX-License-Identifier: MIT */
/*
 * net_ring.c - a shared ring of one queue: transmit or receive
 *
 * Source: Xen 4.20, xen/include/public/io/ring.h and netif.h.
 */
#include "backends/net/net_ring.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>

#include "backends/net/net_journal.h"
#include "common/checked.h"
#include "common/shm.h"

struct sring { /* the same for both */
    uint32_t req_prod, req_event;
    uint32_t rsp_prod, rsp_event;
    uint8_t pad[48];
    uint8_t slots[];
};

/* clang-format off */
_Static_assert(offsetof(struct sring, slots) ==
               offsetof(struct netif_tx_sring, ring), "");
_Static_assert(offsetof(struct sring, slots) ==
               offsetof(struct netif_rx_sring, ring), "");
_Static_assert(offsetof(struct sring, rsp_event) ==
               offsetof(struct netif_tx_sring, rsp_event), "");
_Static_assert(__CONST_RING_SIZE(netif_tx, PAGE_BYTES) == NET_RING_SLOTS, "");
_Static_assert(__CONST_RING_SIZE(netif_rx, PAGE_BYTES) == NET_RING_SLOTS, "");
/* clang-format on */

static struct sring *shared(const struct net_ring *r)
{
    return r->shared;
}

static uint32_t slot_bytes(const struct net_ring *r)
{
    return r->kind == NET_RING_TX ? NET_WIRE_TX_BYTES : NET_WIRE_RX_BYTES;
}

static uint8_t *slot_at(const struct net_ring *r, uint32_t index)
{
    return shared(r)->slots + (size_t)(index % NET_RING_SLOTS) * slot_bytes(r);
}

/* Requests that the guest says are there, and how many there can be. */
static uint32_t waiting(const struct net_ring *r)
{
    return shm_u32(&shared(r)->req_prod) - *r->cons;
}

static uint32_t room(const struct net_ring *r)
{
    return NET_RING_SLOTS - (*r->cons - *r->prod);
}

int net_ring_attach(struct net_ring *r, enum net_ring_kind kind, void *page,
                    struct net_journal_queue *journal, bool resume)
{
    bool tx = kind == NET_RING_TX;

    *r = (struct net_ring){
        .kind = kind,
        .shared = page,
        .journal = journal,
        .cons = tx ? &journal->tx_cons : &journal->rx_cons,
        .prod = tx ? &journal->tx_prod : &journal->rx_prod,
    };
    if (!resume)
        *r->cons = *r->prod = shm_u32(&shared(r)->rsp_prod);
    r->written = *r->prod;
    /* Nobody knows what was published last.  An event too many does no harm,
       one too few would. */
    r->pushed = resume ? *r->prod - NET_RING_SLOTS : *r->prod;
    return waiting(r) > room(r) ? -EPROTO : 0;
}

uint32_t net_ring_taken(const struct net_ring *r)
{
    return *r->cons - r->written;
}

/* One look at the slot; what it says is journalled before cons covers it. */
static void take_one(struct net_ring *r, uint32_t index,
                     struct net_wire_chain *c, struct net_wire_tx *out)
{
    uint8_t slot[NET_WIRE_TX_BYTES];

    shm_fetch(slot, slot_at(r, index), sizeof(slot));
    net_wire_read_tx(c, slot, out);
    r->journal->tx[index % NET_RING_SLOTS] =
        (struct net_journal_tx){ .id = out->is_extra ? 0 : out->u.req.id,
                                 .is_extra = out->is_extra };
}

int net_ring_take_tx(struct net_ring *r, uint32_t enough,
                     struct net_wire_tx out[NET_RING_SLOTS])
{
    uint32_t there = waiting(r), nr = 0, whole = 0;
    struct net_wire_chain chain = { 0 };

    assert(r->kind == NET_RING_TX);
    if (there > room(r))
        return -EPROTO;
    shm_rmb(); /* index, then slots */
    while (nr < there && (nr != whole || nr < enough)) {
        take_one(r, *r->cons + nr, &chain, &out[nr]);
        if (out[nr++].is_last)
            whole = nr;
    }
    shm_wmb();
    shm_set_u32(r->cons, *r->cons + whole);
    return (int)nr;
}

/* The slot's own place; push makes it count. */
static void write_slot(struct net_ring *r, const uint8_t *slot)
{
    assert(net_ring_taken(r) > 0);
    shm_put(slot_at(r, r->written), slot, slot_bytes(r));
    r->written++;
}

void net_ring_answer_tx(struct net_ring *r, uint32_t nr, int16_t status)
{
    uint8_t slot[NET_WIRE_TX_BYTES];

    assert(r->kind == NET_RING_TX && nr <= net_ring_taken(r));
    while (nr-- > 0) {
        const struct net_journal_tx *t =
            &r->journal->tx[r->written % NET_RING_SLOTS];

        net_wire_answer_tx(t->id, t->is_extra ? NETIF_RSP_NULL : status, slot);
        write_slot(r, slot);
    }
}

int net_ring_fill_rx(struct net_ring *r)
{
    uint32_t there = waiting(r);
    uint8_t slot[NET_WIRE_RX_BYTES];
    struct net_wire_rx w;

    assert(r->kind == NET_RING_RX);
    if (there > room(r))
        return -EPROTO;
    shm_rmb(); /* index, then slots */
    for (uint32_t i = 0; i < there; i++) {
        shm_fetch(slot, slot_at(r, *r->cons + i), sizeof(slot));
        net_wire_read_rx(slot, &w);
        r->journal->rx[(*r->cons + i) % NET_RING_SLOTS] =
            (struct net_journal_rx){ .id = w.id, .ref = w.ref };
    }
    shm_wmb();
    shm_set_u32(r->cons, *r->cons + there);
    return (int)net_ring_taken(r);
}

struct net_wire_rx net_ring_buffer(const struct net_ring *r, uint32_t i)
{
    const struct net_journal_rx *b =
        &r->journal->rx[(r->written + i) % NET_RING_SLOTS];

    assert(r->kind == NET_RING_RX && i < net_ring_taken(r));
    return (struct net_wire_rx){ .ref = b->ref, .id = b->id };
}

void net_ring_answer_rx(struct net_ring *r, uint16_t off, uint16_t flags,
                        int16_t status)
{
    uint8_t slot[NET_WIRE_RX_BYTES];

    net_wire_answer_rx(net_ring_buffer(r, 0).id, off, flags, status, slot);
    write_slot(r, slot);
}

void net_ring_answer_extra(struct net_ring *r,
                           const uint8_t slot[NET_WIRE_RX_BYTES])
{
    assert(r->kind == NET_RING_RX);
    write_slot(r, slot);
}

bool net_ring_has(const struct net_ring *r)
{
    return waiting(r) != 0;
}

bool net_ring_arm(struct net_ring *r)
{
    if (net_ring_has(r))
        return true;
    shm_set_u32(&shared(r)->req_event, *r->cons + 1);
    shm_mb(); /* the guest reads it after it has put its request */
    return net_ring_has(r);
}

bool net_ring_push(struct net_ring *r)
{
    uint32_t now = r->written, before = r->pushed;

    shm_wmb(); /* answers, then the journal, then the guest */
    shm_set_u32(r->prod, now);
    shm_wmb();
    shm_set_u32(&shared(r)->rsp_prod, now);
    r->pushed = now;
    shm_mb(); /* the guest looks again after it has set its event */
    return now - shm_u32(&shared(r)->rsp_event) < now - before;
}
