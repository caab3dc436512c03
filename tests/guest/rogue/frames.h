/* SPDX-License-Identifier: MIT */
/*
 * frames.h - the frames that the rogue guest sends, and dom0's answers to them
 *
 * The guest is 192.168.177.N, N the last byte of its MAC address, dom0
 * 192.168.177.1 (tests/lab/net.sh gives a bridge that address).  A kernel
 * answers ARP, echo requests and connections to closed ports by itself, so
 * nothing has to run there; but it must know us for good, for it asks now and
 * then whether we are still there, and nobody answers.
 */
#ifndef ROGUE_FRAMES_H
#define ROGUE_FRAMES_H

#include <stdint.h>

#include "nic.h"
#include "text.h"

#define FRAME_PAGES 18u
#define FRAME_HEAD 42u /* Ethernet, IPv4 and ICMP or UDP */

extern uint8_t frame_pages[FRAME_PAGES][PAGE]; /* where a frame is built */

enum frame_kind {
    FRAME_PING,
    FRAME_ARP,
    FRAME_UDP,
    FRAME_TCP, /* SYN to a closed port */
    FRAME_TCP6,
    FRAME_NOISE, /* of no known protocol */
};

/*
 * Build a frame with so many bytes behind its headers; blank: without a
 * checksum, as csum_blank says.  Returns its bytes.
 */
uint32_t frame_make(const struct nic *n, enum frame_kind kind, uint32_t data,
                    int blank);

/*
 * Wait for dom0's answer to the last frame_make(): 1, or 0.  What comes of
 * others is passed over.
 */
int frame_answered(struct nic *n, enum frame_kind kind, uint32_t ms);

/* Learn who dom0 is, then have it answer an echo request: 1, or 0. */
int frame_serves(struct nic *n, struct line *why);

/* Put the frame that was made on the ring, a page a slot; 0, or -1. */
int frame_put(struct nic *n, uint32_t q, uint32_t len, uint32_t flags,
              uint32_t *nr_slots);
/* Give back the grants of frame_ref(). */
uint32_t frame_ref(uint32_t page);
void frame_done(struct nic *n);

#endif
