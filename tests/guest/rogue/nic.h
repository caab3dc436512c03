/* SPDX-License-Identifier: MIT */
/*
 * nic.h - a network frontend that does as it is told, also what is forbidden
 *
 * Everything is in the open, as in front.h.  Rings are one page each, 256
 * slots; a queue has NIC_BUFFERS pages to receive into.
 */
#ifndef ROGUE_NIC_H
#define ROGUE_NIC_H

#include <stdint.h>

#include "bus.h"
#include "xen.h"

#define NIC_QUEUES 2u
#define NIC_SLOTS 256u
#define NIC_BUFFERS 64u
#define NIC_NOTHING (-99) /* no answer, no packet */

struct nic_ring {
    volatile struct sring *ring;
    uint32_t ref, port;
    uint32_t prod, cons; /* ours */
};

struct nic_queue {
    struct nic_ring tx, rx;
    uint32_t buffer_ref[NIC_BUFFERS];
};

struct nic {
    struct bus bus;
    uint8_t mac[6], peer_mac[6]; /* ours; dom0's, once it answered */
    uint32_t queues_max, has_split, has_sg, has_gso4; /* offered */
    uint32_t nr_queues, split;
    struct nic_queue queue[NIC_QUEUES];
    uint32_t
        pad_leaks; /* answers beside whose fields stood neither ours nor 0 */
    uint32_t rx_errors; /* packets that came as an error */
    uint32_t held;      /* grants that were in use when all was over */
    uint16_t last_id;   /* of the last answer */
};

struct nic_wiring { /* all zero: one queue, one event channel */
    uint32_t nr_queues, split;
    uint32_t no_buffers; /* post none */
    /* Written instead of the right thing, if not NULL. */
    const char *queues_text, *tx_ref_text, *rx_ref_text, *port_text, *copy_text,
        *offload_text;
    uint32_t no_tx_ref, no_rx_ref, no_port, no_copy; /* not there */
    uint32_t one_ring;                               /* for both directions */
    uint32_t same_ring, same_port;                   /* of both queues */
    uint32_t text_len; /* > 0: bytes of each text, NULs and all */
};

struct nic_slot { /* of the transmit ring */
    uint32_t ref;
    uint16_t off, flags, id, size;
};

struct nic_extra {
    uint8_t type, flags;
    uint16_t gso_size;
    uint8_t gso_type;
};

int nic_open(struct nic *n, uint32_t devid);
/* Close this one and go on with the next device, whatever became of it. */
int nic_next(struct nic *n);
/* Wait for InitWait, write all keys, say Connected.  0, or -1. */
int nic_offer(struct nic *n, const struct nic_wiring *w);
/* nic_offer(), until the backend's state is 4, 5, 6, 0 or BUS_NEVER. */
uint32_t nic_connect(struct nic *n, const struct nic_wiring *w);
int nic_restart(struct nic *n); /* as front_restart() */

/* Write to where the transmit ring's next slot is; nobody is told. */
void nic_put(struct nic *n, uint32_t q, const struct nic_slot *s);
void nic_put_extra(struct nic *n, uint32_t q, const struct nic_extra *x);
/* Publish what was put, and ring. */
void nic_push(struct nic *n, uint32_t q);
/* The next answer's status, or NIC_NOTHING. */
int32_t nic_take(struct nic *n, uint32_t q, uint32_t ms);

/* Post a buffer to receive into; by nic_post() with its right reference. */
void nic_post_ref(struct nic *n, uint32_t q, uint16_t id, uint32_t ref);
void nic_post(struct nic *n, uint32_t q, uint16_t id);
void nic_post_push(struct nic *n, uint32_t q);
/*
 * The next packet's bytes, at most max of them, or a negative status, or
 * NIC_NOTHING.  Its buffers are posted again.
 */
int32_t nic_receive(struct nic *n, uint32_t q, uint8_t *to, uint32_t max,
                    uint32_t ms);

volatile uint8_t *nic_slot_at(const struct nic *n, uint32_t q, uint32_t i);

#endif
