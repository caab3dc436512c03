/* SPDX-License-Identifier: MIT */
/*
 * net_ring.h - a shared ring of one queue: transmit or receive
 *
 * Shared memory is touched here alone, and what we published is never read
 * back.  Both cursors live in the journal.
 *
 * How this works: slots are taken in ring order and answered in ring order, and
 * each has its answer in its own place (netfront relies on it for reception).
 * Taking writes the slot into the journal first and moves its cursor then, over
 * whole packets alone.  Answers are written to the ring as they come and count
 * with net_ring_push(), which moves the journal's cursor and then the shared
 * one; so push at packet boundaries.  A kill at any point leaves nothing but
 * what net_ring_attach(..., resume) and net_ring_taken() can go on from.
 *
 *   transmit:  take_tx ─▶ (check, copy, write) ─▶ answer_tx ─▶ push ─▶ arm
 *   receive:   fill_rx ─▶ buffer(0..) ─▶ (copy) ─▶ answer_rx.. ─▶ push ─▶ arm
 */
#ifndef NET_RING_H
#define NET_RING_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/net/net_ctl.h"
#include "backends/net/net_wire.h"

struct net_journal_queue;

enum net_ring_kind { NET_RING_TX, NET_RING_RX };

struct net_ring { /* all zero: not attached */
    enum net_ring_kind kind;
    void *shared; /* mapped, one page */
    struct net_journal_queue *journal;
    uint32_t *cons, *prod; /* the journal's of this kind */
    uint32_t written;      /* answers that are on the ring, up to here */
    uint32_t pushed;       /* rsp_prod as the guest was told last */
};

/*
 * Attach to a ring.  Fresh: cursors start from the shared rsp_prod, as Linux's
 * backend does; resume: from the journal's, which net_journal_check() has
 * accepted, and nothing shared is believed; the first push then notifies, for
 * nobody knows what was published last, so push even if nothing was answered.
 *
 * After resume net_ring_taken() says what was left: of a transmit ring
 * net_ring_answer_tx(r, net_ring_taken(r), NETIF_RSP_DROPPED) ends it; of a
 * receive ring they are the next buffers.
 *
 *   -EPROTO     the guest's req_prod is more than a ring ahead
 */
int net_ring_attach(struct net_ring *r, enum net_ring_kind kind, void *shared,
                    struct net_journal_queue *journal, bool resume);

/* Slots that are taken and have no answer written. */
uint32_t net_ring_taken(const struct net_ring *r);

/*
 * Transmit: take packets, whole ones, until `enough` slots are reached or the
 * ring is empty; so a pass has up to NET_RING_SLOTS slots whatever `enough`
 * says, and out[] has room for as many.  Each slot is looked at once.  A last
 * packet whose end is not on the ring is in out[] as well, for net_check() to
 * refuse; it does not count as taken, and nothing may be taken after it.
 *
 * Returns how many are in out[], 0 when there are none, -EPROTO when req_prod
 * claims more than the ring can hold, or moved back.
 */
int net_ring_take_tx(struct net_ring *r, uint32_t enough,
                     struct net_wire_tx out[NET_RING_SLOTS]);

/*
 * Transmit: answer the next nr slots that were taken, each request with status
 * (NETIF_RSP_OKAY, _ERROR, _DROPPED) and each extra with NETIF_RSP_NULL.
 * nr: at most net_ring_taken().
 */
void net_ring_answer_tx(struct net_ring *r, uint32_t nr, int16_t status);

/*
 * Receive: take all buffers that are on the ring.  Returns how many are taken
 * now, net_ring_taken(), or -EPROTO as above.
 */
int net_ring_fill_rx(struct net_ring *r);
/* The buffer that is answered after i more; i < net_ring_taken(). */
struct net_wire_rx net_ring_buffer(const struct net_ring *r, uint32_t i);
/*
 * Receive: answer the next buffer, by its id.  off and flags as in netif.h,
 * status: bytes that are in it, or NETIF_RSP_ERROR.
 */
void net_ring_answer_rx(struct net_ring *r, uint16_t off, uint16_t flags,
                        int16_t status);
/* Receive: spend the next buffer on an extra, of net_wire_extra_*(). */
void net_ring_answer_extra(struct net_ring *r,
                           const uint8_t slot[NET_WIRE_RX_BYTES]);

/* Is there a request that was not taken?  Does not ask for an event. */
bool net_ring_has(const struct net_ring *r);
/*
 * Ask for an event when the next request comes, and look again: true when one
 * came meanwhile, so take it instead of waiting.
 */
bool net_ring_arm(struct net_ring *r);

/* Publish what is written; true when the guest wants an event for it. */
bool net_ring_push(struct net_ring *r);

#endif
