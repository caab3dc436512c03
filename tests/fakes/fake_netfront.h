/* SPDX-License-Identifier: MIT */
/*
 * fake_netfront.h - a small network frontend in a fake guest
 *
 * It lays out requests by itself, not by the backend's code, and checks every
 * response as Linux's netfront does: an id in flight, no more responses than
 * requests, each buffer answered in its own place, no more slots to a packet
 * than it may have.  Nothing is allocated per packet, so that it can also drive
 * a benchmark.
 *
 * A queue is used by one thread; queues may be used by several.
 */
#ifndef FAKE_NETFRONT_H
#define FAKE_NETFRONT_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/net/net_ctl.h"

#define FAKE_NET_BYTES_MAX 65600u /* of a frame */

struct fake_netfront;

struct fake_net_options {
    uint32_t nr_queues;   /* 0: 1 */
    bool split;           /* a port for each ring */
    bool no_sg;           /* it takes one slot a packet */
    bool no_gso;          /* it takes no GSO */
    bool no_csum_v6;      /* it takes no IPv6 packets without a checksum */
    bool no_rx_notify;    /* it does not tell of buffers */
    uint16_t headroom;    /* it has an XDP program */
    uint32_t first_index; /* where the rings' indices begin */
};

struct fake_net_packet { /* to send */
    const void *frame;   /* NULL: whatever its pages hold */
    uint32_t len;        /* bytes */
    uint32_t slot_bytes; /* the most in a slot; 0: a page */
    uint16_t flags;      /* NETTXF_csum_blank, NETTXF_data_validated */
    uint16_t gso_size;   /* 0: no GSO */
    uint8_t gso_type;    /* XEN_NETIF_GSO_TYPE_* */
};

struct fake_net_received {
    uint8_t frame[FAKE_NET_BYTES_MAX];
    uint32_t len, nr_slots; /* slots: with extras */
    uint16_t flags;         /* of the first slot: NETRXF_* */
    uint16_t gso_size;
    uint8_t gso_type;
    uint16_t headroom; /* as the XDP extra says */
};

struct fake_net_sring {
    uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t pad[48];
};

/* Rings and event channels of a domain that is there. */
struct fake_netfront *fake_netfront_new(uint32_t domid,
                                        const struct fake_net_options *o);
void fake_netfront_free(struct fake_netfront *f); /* NULL: no-op */
/* What the guest has written to xenstore. */
const struct net_wiring *fake_netfront_wiring(const struct fake_netfront *f);

/* ---- sending ---- */

/* Put a packet on the ring, if it fits; it is published later. */
bool fake_netfront_send(struct fake_netfront *f, uint32_t queue,
                        const struct fake_net_packet *p);
/*
 * One slot as it is, 12 bytes; nothing of it is checked when it is answered but
 * that it is.
 */
void fake_netfront_put(struct fake_netfront *f, uint32_t queue,
                       const void *slot);
/* The grant of the page that belongs to a transmit slot. */
uint32_t fake_netfront_ref(const struct fake_netfront *f, uint32_t queue,
                           uint32_t number);
/* Let the backend see it; ring if it wants that. */
bool fake_netfront_kick(struct fake_netfront *f, uint32_t queue);
/*
 * Take what was answered.  Returns how many slots, or -EPROTO: why().  Counts
 * those that say NETIF_RSP_ERROR or DROPPED.
 */
int fake_netfront_reap(struct fake_netfront *f, uint32_t queue);
uint32_t fake_netfront_busy(const struct fake_netfront *f, uint32_t queue);
uint32_t fake_netfront_refused(const struct fake_netfront *f, uint32_t queue);

/* ---- receiving ---- */

/* Post so many buffers, as far as there is room, and ring if it is wanted. */
uint32_t fake_netfront_post(struct fake_netfront *f, uint32_t queue,
                            uint32_t nr);
/* Buffers that the backend has, answered or not. */
uint32_t fake_netfront_posted(const struct fake_netfront *f, uint32_t queue);
/*
 * Take a packet.  Returns 1 and fills *out (NULL: its bytes are not looked at);
 * 0 when there is none; -EPROTO when the backend did what a frontend must not
 * see.
 */
int fake_netfront_receive(struct fake_netfront *f, uint32_t queue,
                          struct fake_net_received *out);

/* Buffers that came back with an error; none are taken for packets. */
uint32_t fake_netfront_lost(const struct fake_netfront *f, uint32_t queue);
/* The grant behind a receive slot. */
uint32_t fake_netfront_rx_ref(const struct fake_netfront *f, uint32_t queue,
                              uint32_t number);

/* ---- both ---- */

/* Ask for events with the next answers; true when there are some already. */
bool fake_netfront_arm(struct fake_netfront *f, uint32_t queue);
/* Ring both ports in any case. */
void fake_netfront_ring(struct fake_netfront *f, uint32_t queue);
const char *fake_netfront_why(const struct fake_netfront *f, uint32_t queue);
/* Events that the backend sent to this queue. */
uint32_t fake_netfront_rung(const struct fake_netfront *f, uint32_t queue);

/* For a guest that lies: the shared rings; our own cursors are not moved. */
struct fake_net_sring *fake_netfront_tx(struct fake_netfront *f,
                                        uint32_t queue);
struct fake_net_sring *fake_netfront_rx(struct fake_netfront *f,
                                        uint32_t queue);

#endif
