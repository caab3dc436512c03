/* SPDX-License-Identifier: MIT */
/*
 * net_check.c - slots of a pass in, checked packets out
 *
 * How this works: a packet's extras are judged first, then its requests, as
 * netback has it.  The first request's size is the packet's; what is left of it
 * when the others have had theirs is in the first one's page.
 */
#include "backends/net/net_check.h"

#include <errno.h>

#include "common/checked.h"
#include "common/err.h"

#define SLOTS_FATAL (NET_SLOTS_MAX + 2)

/* Its fields as the last extra of each type has them. */
static int take_extra(const struct net_wire_extra *x, struct net_packet *p,
                      struct err *e)
{
    if (x->type == XEN_NETIF_EXTRA_TYPE_NONE || x->type >= NET_WIRE_EXTRA_TYPES)
        return fail(e, -EPROTO, "transmit: extra of type %u, want 1..%u",
                    x->type, NET_WIRE_EXTRA_TYPES - 1);
    if (x->type == XEN_NETIF_EXTRA_TYPE_GSO) {
        p->gso_size = x->gso_size;
        p->gso_type = x->gso_type;
    } else if (x->type == XEN_NETIF_EXTRA_TYPE_MCAST_ADD ||
               x->type == XEN_NETIF_EXTRA_TYPE_MCAST_DEL) {
        p->drop = "multicast control, which is not offered";
    }
    return 0;
}

/* wire[at] is behind the first request.  Moves at behind the extras. */
static int take_extras(const struct net_wire_tx *wire, uint32_t nr,
                       uint32_t *at, struct net_packet *p, struct err *e)
{
    bool more = wire[*at - 1].u.req.flags & NETTXF_extra_info;
    bool gso = false;
    int rc;

    while (more) {
        const struct net_wire_extra *x;

        if (*at == nr)
            return fail(e, -EPROTO,
                        "transmit: an extra is announced and is "
                        "not on the ring");
        x = &wire[*at].u.extra;
        rc = take_extra(x, p, e);
        if (rc < 0)
            return rc;
        gso |= x->type == XEN_NETIF_EXTRA_TYPE_GSO;
        more = x->flags & XEN_NETIF_EXTRA_FLAG_MORE;
        ++*at;
    }
    if (gso && p->gso_size == 0)
        return fail(e, -EPROTO, "transmit: GSO of size 0");
    if (gso && p->gso_type != XEN_NETIF_GSO_TYPE_TCPV4 &&
        p->gso_type != XEN_NETIF_GSO_TYPE_TCPV6)
        return fail(e, -EPROTO, "transmit: GSO of type %u, want 1 or 2",
                    p->gso_type);
    return 0;
}

static int in_page(uint32_t off, uint32_t len, struct err *e)
{
    if (off + len > PAGE_BYTES)
        return fail(e, -EPROTO,
                    "transmit: bytes %u..%u of a page, want up "
                    "to %u",
                    off, off + len, PAGE_BYTES);
    return 0;
}

static void add_slot(struct net_pass *out, uint32_t ref, uint16_t off,
                     uint16_t len)
{
    if (len > 0)
        out->slot[out->nr_slots++] =
            (struct net_slot){ .ref = ref, .off = off, .len = len };
}

/* The requests behind the first, into slots.  *sum: their bytes. */
static int take_rest(const struct net_wire_tx *wire, uint32_t nr, uint32_t *at,
                     uint16_t flags, struct net_packet *p, struct net_pass *out,
                     uint32_t *sum, struct err *e)
{
    uint32_t nr_reqs = 1;
    int rc;

    *sum = 0;
    while (flags & NETTXF_more_data) {
        const struct net_wire_req *q;

        if (*at == nr)
            return fail(e, -EPROTO,
                        "transmit: a packet's end is not on the "
                        "ring, behind %u requests",
                        nr_reqs);
        q = &wire[*at].u.req;
        if (++nr_reqs >= SLOTS_FATAL)
            return fail(e, -EPROTO,
                        "transmit: a packet of %u requests or "
                        "more, want up to %u",
                        nr_reqs, NET_SLOTS_MAX);
        rc = in_page(q->off, q->size, e);
        if (rc < 0)
            return rc;
        if (nr_reqs > NET_SLOTS_MAX)
            p->drop = "more than 18 requests";
        *sum += q->size;
        add_slot(out, q->ref, q->off, q->size);
        flags = q->flags;
        ++*at;
    }
    return 0;
}

/* What is wrong with it that costs the packet alone. */
static const char *why_drop(const struct net_packet *p, uint32_t size,
                            uint32_t sum)
{
    if (p->drop)
        return p->drop;
    if (sum > size)
        return "requests are larger than the packet";
    if (size < NET_FRAME_MIN)
        return "smaller than an Ethernet header";
    if (p->gso_size && (p->gso_size < NET_GSO_MIN || p->gso_size == UINT16_MAX))
        return "GSO of an impossible size";
    return NULL;
}

/* A slot of nothing is none. */
static void drop_first_slot(struct net_pass *out, uint32_t first)
{
    out->nr_slots--;
    for (uint32_t i = first; i < out->nr_slots; i++)
        out->slot[i] = out->slot[i + 1];
}

/* It goes: the first request has what the others left. */
static int finish(const struct net_wire_req *first, uint32_t len,
                  struct net_packet *p, struct net_pass *out, struct err *e)
{
    int rc = in_page(first->off, len, e);

    if (rc < 0)
        return rc;
    out->slot[p->first_slot].len = (uint16_t)len;
    if (len == 0)
        drop_first_slot(out, p->first_slot);
    p->nr_slots = (uint16_t)(out->nr_slots - p->first_slot);
    p->len = first->size;
    p->csum_blank = first->flags & NETTXF_csum_blank;
    p->data_validated = first->flags & NETTXF_data_validated;
    return 0;
}

/* One packet: returns its slots of the ring, or -EPROTO. */
static int check_one(const struct net_wire_tx *wire, uint32_t nr,
                     struct net_pass *out, struct err *e)
{
    const struct net_wire_req *first = &wire[0].u.req;
    struct net_packet p = { .first_slot = (uint16_t)out->nr_slots };
    uint32_t at = 1, sum;
    int rc;

    rc = take_extras(wire, nr, &at, &p, e);
    if (rc < 0)
        return rc;
    /* Its length is known last, and its slot comes first. */
    add_slot(out, first->ref, first->off, 1);
    rc = take_rest(wire, nr, &at, first->flags, &p, out, &sum, e);
    if (rc < 0)
        return rc;
    p.drop = why_drop(&p, first->size, sum);
    if (p.drop)
        out->nr_slots = p.first_slot;
    else
        rc = finish(first, first->size - sum, &p, out, e);
    if (rc < 0)
        return rc;
    p.nr_wires = (uint16_t)at;
    out->packet[out->nr_packets++] = p;
    return (int)at;
}

int net_check(const struct net_wire_tx *wire, uint32_t nr, struct net_pass *out,
              struct err *e)
{
    uint32_t at = 0;

    out->nr_packets = out->nr_slots = 0;
    while (at < nr) {
        uint32_t nr_slots = out->nr_slots;
        int rc = check_one(wire + at, nr - at, out, e);

        if (rc < 0) {
            out->nr_slots = nr_slots;
            return rc;
        }
        at += (uint32_t)rc;
    }
    return 0;
}

uint32_t net_check_rx_slots(uint32_t len, uint32_t headroom, bool gso)
{
    uint32_t room = PAGE_BYTES - headroom;

    return (len + room - 1) / room + gso + (headroom > 0);
}
