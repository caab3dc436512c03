/* SPDX-License-Identifier: MIT */
/*
 * net_check.h - slots of a pass in, checked packets out
 *
 * Policy is xen-netback's, so that a guest which lives with that one lives with
 * us: up to 18 requests are a packet, 19 are consumed and dropped, more end the
 * vif.  Extras do not count.  Where netback wants Ethernet's header in the
 * first slot we do not: the head is gathered from wherever it is.
 *
 * Source: Linux 6.12, drivers/net/xen-netback/netback.c.
 */
#ifndef NET_CHECK_H
#define NET_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/net/net_ctl.h"
#include "backends/net/net_wire.h"

struct err;

#define NET_SLOTS_MAX XEN_NETIF_NR_SLOTS_MIN /* 18: of a packet, both ways */
#define NET_FRAME_MIN 14u                    /* Ethernet's header */
#define NET_FRAME_MAX 65535u                 /* a guest's: 16 bits say it */
/* The tap's: IP's longest packet, behind Ethernet's header and two tags.  It
   is in 17 slots, each of which says its own bytes. */
#define NET_FRAME_RX_MAX (65535u + NET_FRAME_MIN + 2 * 4)
#define NET_GSO_MIN 8u /* Linux's TCP_MIN_GSO_SIZE: less is an attack */

struct net_slot { /* checked: off + len is within the page, len > 0 */
    uint32_t ref;
    uint16_t off, len; /* bytes */
};

struct net_packet {      /* checked */
    const char *drop;    /* not NULL: why it is answered with an error */
    uint16_t nr_wires;   /* slots of the ring that it takes: its answers */
    uint16_t first_slot; /* of the pass; slots of nothing are left out */
    uint16_t nr_slots;   /* 1..NET_SLOTS_MAX; 0 if it is dropped */
    uint16_t len;        /* bytes: the sum of its slots */
    uint16_t gso_size;   /* bytes of payload of a segment; 0: no GSO */
    uint8_t gso_type;    /* XEN_NETIF_GSO_TYPE_TCPV4, _TCPV6 */
    bool csum_blank;     /* its checksum is to be filled in */
    bool data_validated; /* the guest says that its checksum is right */
};

struct net_pass {
    uint32_t nr_packets, nr_slots;
    struct net_packet packet[NET_RING_SLOTS]; /* in ring order */
    struct net_slot slot[NET_RING_SLOTS];
};

/*
 * Check what net_ring_take_tx() returned.  0, or
 *
 *   -EPROTO     e says what: the vif ends.  Packets before the bad one are in
 *               out, to be sent and answered.
 *
 * Ends the vif: 20 requests or more; a request that crosses its page (of a
 * dropped packet, too); a packet whose end, or whose extra, is not on the ring;
 * an extra of no known type; GSO of size 0 or neither TCPv4 nor TCPv6.
 * Dropped: 19 requests; fewer than 14 bytes; requests behind the first that
 * are larger than the packet; multicast control, which is not offered; GSO
 * of less than NET_GSO_MIN bytes or of 65535 (it has a meaning in Linux).
 * Hash and XDP extras are ignored, of two of a type the last counts.
 */
int net_check(const struct net_wire_tx *wire, uint32_t nr, struct net_pass *out,
              struct err *e);

/*
 * Slots of the receive ring that a packet takes, extras included: len bytes,
 * each slot with headroom (< PAGE_BYTES) of it left free.
 */
uint32_t net_check_rx_slots(uint32_t len, uint32_t headroom, bool gso);

#endif
