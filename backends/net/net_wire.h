/* SPDX-License-Identifier: MIT */
/*
 * net_wire.h - the slots of a vif's two rings as the guest wrote them
 *
 * Wire: private copies that still lie (STYLE.md, section 3).  net_check.c makes
 * checked packets of them.
 *
 * How this works: a packet to be transmitted is a request; then, if that says
 * so, extras, each of which says if another one follows; then, if the first one
 * says so, more requests, each of which says if another one follows.  A slot
 * itself does not tell which of the two it is, so whoever reads slots keeps a
 * struct net_wire_chain.  A buffer for reception is a request of its own; an
 * extra of ours overlays a response there.
 *
 * Source: Xen 4.20, xen/include/public/io/netif.h; the extra for XDP: Linux
 * 6.12, include/xen/interface/io/netif.h.
 */
#ifndef NET_WIRE_H
#define NET_WIRE_H

#include <stdbool.h>
#include <stdint.h>

#include <xen/grant_table.h>
/* (the shapes of netif.h speak of grant_ref_t) */
#include <xen/io/netif.h>

#define NET_WIRE_TX_BYTES 12u /* of a slot: request or extra; response */
#define NET_WIRE_RX_BYTES 8u  /* of a slot: request; response or extra */

/* Not in Xen 4.20's header; to the guest alone. */
#define NET_WIRE_EXTRA_XDP 5u
#define NET_WIRE_EXTRA_TYPES 6u

struct net_wire_req {
    uint32_t ref;
    uint16_t off, size; /* bytes; of a packet's first: the packet's */
    uint16_t flags;     /* NETTXF_* */
    uint16_t id;
};

struct net_wire_extra {
    uint8_t type, flags; /* XEN_NETIF_EXTRA_* */
    uint16_t gso_size;   /* of type GSO alone: bytes of payload in a segment */
    uint8_t gso_type;    /* ... XEN_NETIF_GSO_TYPE_* */
};

struct net_wire_tx { /* one slot of the transmit ring */
    bool is_extra;
    bool is_last; /* of its packet */
    union {
        struct net_wire_req req;
        struct net_wire_extra extra;
    } u;
};

struct net_wire_rx { /* one buffer */
    uint32_t ref;
    uint16_t id;
};

struct net_wire_chain { /* all zero: a packet begins */
    bool extra;         /* the next slot is one */
    bool data;          /* a request of the same packet follows */
};

/* slot: a private copy, NET_WIRE_TX_BYTES.  Moves the chain on. */
void net_wire_read_tx(struct net_wire_chain *c, const void *slot,
                      struct net_wire_tx *out);
/* slot: a private copy, NET_WIRE_RX_BYTES. */
void net_wire_read_rx(const void *slot, struct net_wire_rx *out);

/* Whole slots, padding zero, as they go to the ring. */
void net_wire_answer_tx(uint16_t id, int16_t status,
                        uint8_t slot[NET_WIRE_TX_BYTES]);
/* flags: NETRXF_*.  status: bytes from off on, or NETIF_RSP_ERROR. */
void net_wire_answer_rx(uint16_t id, uint16_t off, uint16_t flags,
                        int16_t status, uint8_t slot[NET_WIRE_RX_BYTES]);
/* type: XEN_NETIF_GSO_TYPE_*.  more: another extra follows. */
void net_wire_extra_gso(uint8_t type, uint16_t size, bool more,
                        uint8_t slot[NET_WIRE_RX_BYTES]);
void net_wire_extra_xdp(uint16_t headroom, bool more,
                        uint8_t slot[NET_WIRE_RX_BYTES]);

#endif
