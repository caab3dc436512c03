/* SPDX-License-Identifier: MIT */
/*
 * net_wire.c - the slots of a vif's two rings as the guest wrote them
 */
#include "backends/net/net_wire.h"

#include <string.h>

#include "common/checked.h"

/* clang-format off */
_Static_assert(sizeof(union netif_tx_sring_entry) == NET_WIRE_TX_BYTES, "");
_Static_assert(sizeof(union netif_rx_sring_entry) == NET_WIRE_RX_BYTES, "");
_Static_assert(sizeof(struct netif_extra_info) == NET_WIRE_RX_BYTES, "");
_Static_assert(NET_WIRE_EXTRA_XDP >= XEN_NETIF_EXTRA_TYPE_MAX, "");
_Static_assert(NET_WIRE_EXTRA_XDP < NET_WIRE_EXTRA_TYPES, "");
/* clang-format on */

static void read_extra(struct net_wire_chain *c, const void *slot,
                       struct net_wire_extra *out)
{
    struct netif_extra_info x;

    memcpy(&x, slot, sizeof(x));
    *out = (struct net_wire_extra){ .type = x.type, .flags = x.flags };
    if (x.type == XEN_NETIF_EXTRA_TYPE_GSO) {
        out->gso_size = x.u.gso.size;
        out->gso_type = x.u.gso.type;
    }
    c->extra = x.flags & XEN_NETIF_EXTRA_FLAG_MORE;
}

/* An extra is announced by a packet's first request alone. */
static void read_req(struct net_wire_chain *c, const void *slot,
                     struct net_wire_req *out)
{
    struct netif_tx_request q;

    memcpy(&q, slot, sizeof(q));
    *out = (struct net_wire_req){ .ref = q.gref,
                                  .off = q.offset,
                                  .size = q.size,
                                  .flags = q.flags,
                                  .id = q.id };
    c->extra = !c->data && q.flags & NETTXF_extra_info;
    c->data = q.flags & NETTXF_more_data;
}

void net_wire_read_tx(struct net_wire_chain *c, const void *slot,
                      struct net_wire_tx *out)
{
    *out = (struct net_wire_tx){ .is_extra = c->extra };
    if (out->is_extra)
        read_extra(c, slot, &out->u.extra);
    else
        read_req(c, slot, &out->u.req);
    out->is_last = !c->extra && !c->data;
}

void net_wire_read_rx(const void *slot, struct net_wire_rx *out)
{
    struct netif_rx_request q;

    memcpy(&q, slot, sizeof(q));
    *out = (struct net_wire_rx){ .ref = q.gref, .id = q.id };
}

void net_wire_answer_tx(uint16_t id, int16_t status,
                        uint8_t slot[NET_WIRE_TX_BYTES])
{
    struct netif_tx_response a = { .id = id, .status = status };

    memset(slot, 0, NET_WIRE_TX_BYTES);
    memcpy(slot, &a, sizeof(a));
}

void net_wire_answer_rx(uint16_t id, uint16_t off, uint16_t flags,
                        int16_t status, uint8_t slot[NET_WIRE_RX_BYTES])
{
    struct netif_rx_response a = {
        .id = id, .offset = off, .flags = flags, .status = status
    };

    memcpy(slot, &a, sizeof(a));
}

static void put_extra(uint8_t type, bool more, struct netif_extra_info *x,
                      uint8_t *slot)
{
    x->type = type;
    x->flags = more ? XEN_NETIF_EXTRA_FLAG_MORE : 0;
    memcpy(slot, x, sizeof(*x));
}

void net_wire_extra_gso(uint8_t type, uint16_t size, bool more,
                        uint8_t slot[NET_WIRE_RX_BYTES])
{
    struct netif_extra_info x = { .u.gso = { .size = size, .type = type } };

    put_extra(XEN_NETIF_EXTRA_TYPE_GSO, more, &x, slot);
}

/* Linux has it in the first of the six bytes behind type and flags. */
void net_wire_extra_xdp(uint16_t headroom, bool more,
                        uint8_t slot[NET_WIRE_RX_BYTES])
{
    struct netif_extra_info x = { .u.pad = { headroom } };

    put_extra(NET_WIRE_EXTRA_XDP, more, &x, slot);
}
