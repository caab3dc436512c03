/* SPDX-License-Identifier: MIT */
/*
 * netcard.h - one queue of a network backend between a test's guest and a
 * test's tap, for test_net_*.c
 *
 * The tap is a pair of sockets that keeps packets apart: what the queue writes
 * is read at card.tap_fd, and the other way round.
 */
#ifndef NETCARD_H
#define NETCARD_H

#include <stdbool.h>
#include <stdint.h>

#include <linux/virtio_net.h>

#include "backends/net/net_queue.h"
#include "backends/net/net_rings.h"
#include "common/err.h"
#include "tests/fakes/fake_netfront.h"

#define CARD_GUEST 7u

extern struct card_world {
    int tap_fd, journal_fd, rung_fd; /* rung_fd: the guest hears of answers */
    struct net_card card;
    struct net_rings rings;
    struct net_queue *queue;
    struct fake_netfront *front;
    struct err err;
} card;

void card_guest_up(void); /* a host, and a guest on it, without a front */
void card_tap_up(void);   /* the two sockets and the journal */
void card_backend_up(uint64_t stall_ns, const struct net_rules *rules);
void card_join(bool resume); /* the front's rings */
void card_await(enum net_queue_state s);
void card_await_stalled(bool stalled);
void card_leave(void);
void card_backend_down(void);

/* All of these, and until it serves; rules NULL: anything goes. */
void card_up(const struct fake_net_options *o, uint64_t stall_ns,
             const struct net_rules *rules);
void card_down(void); /* and nothing may be left */

/* ---- packets ---- */

/* len bytes that are no IP, and differ by seed. */
void card_fill(uint8_t *frame, uint32_t len, uint32_t seed);
/* An IPv4 or IPv6 TCP packet of len bytes without a checksum. */
#define CARD_TCP4_HEAD 54u
#define CARD_TCP6_HEAD 74u
void card_fill_tcp(uint8_t *frame, uint32_t len, bool v6, uint32_t seed);

/* The guest sends, and reads answers until it can. */
void card_send(const struct fake_net_packet *p);
/* Until all that the guest sent is answered. */
void card_await_answers(void);
/* What comes out of the tap next; returns the frame's bytes. */
uint32_t card_tap_take(struct virtio_net_hdr *hdr, uint8_t *frame);
bool card_tap_is_empty(void); /* now */
void card_tap_put(const struct virtio_net_hdr *hdr, const void *frame,
                  uint32_t len);
/* What the guest receives next. */
void card_receive(struct fake_net_received *out);

/* Of the one queue. */
const struct net_stats *card_stats(void);
/* The guest sends a frame of card_fill(), in slots of so many bytes (0: as it
   likes); and that it comes out of the tap next. */
void card_emit(uint32_t len, uint32_t slot_bytes, uint32_t seed);
void card_expect(uint32_t len, uint32_t seed);
/* The network sends one; and that it is what the guest receives next, left in
   card_in. */
extern struct fake_net_received card_in;
void card_arrive(uint32_t len, uint32_t seed);
void card_received(uint32_t len, uint32_t seed);

#endif
