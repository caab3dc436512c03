/* SPDX-License-Identifier: MIT */
/*
 * front.h - a block frontend that does as it is told, also what is forbidden
 *
 * Everything is in the open: rows write to keys, rings and cursors as they
 * like.  Both layouts of the ring are written byte by byte, so one program
 * speaks the 32-bit and the 64-bit ABI.
 */
#ifndef ROGUE_FRONT_H
#define ROGUE_FRONT_H

#include <stdint.h>

#include "bus.h"
#include "xen.h"

#define FRONT_QUEUES 2u
#define FRONT_ORDER_MAX 4u
#define FRONT_PAGES (1u << FRONT_ORDER_MAX)
#define FRONT_SLOTS 512u /* of the largest ring */
#define FRONT_SEGS 11u
#define FRONT_DATA 256u /* pages to read into or write from */
#define FRONT_NO_REPLY 99

struct queue {
    volatile struct sring *ring;
    uint32_t refs[FRONT_PAGES];
    uint32_t port;
    uint32_t prod, cons; /* ours */
};

struct front {
    struct bus bus;
    uint32_t order_max, queues_max; /* offered */
    uint64_t nr_sectors;            /* since connected */
    uint32_t info, indirect_max, has_discard, has_flush;
    uint32_t nr_queues, order, slots, abi64;
    struct queue queue[FRONT_QUEUES];
    /* Answers so far, by what was in the bytes of a slot that mean nothing. */
    uint32_t pad_zero, pad_kept, pad_leaks;
    uint8_t last_op; /* of the last answer */
    uint64_t last_id;
};

struct wiring { /* all zero: one queue, one page, the 32-bit ABI */
    uint32_t nr_queues, order, abi64;
    /* Written instead of the right thing, if not NULL. */
    const char *order_text, *queues_text, *ref_text, *port_text, *protocol;
    uint32_t no_ref, no_port, no_protocol; /* the key is not there */
    uint32_t same_ref;                     /* one page is all of the ring's */
    uint32_t same_ring, same_port;         /* of both queues */
    uint32_t text_len; /* > 0: bytes of each text, NULs and all */
};

struct seg {
    uint32_t ref;
    uint8_t first, last;
};

struct req {
    uint8_t op, inner, flag;
    uint16_t nr_segs;
    uint64_t id, sector, nr_sectors;
    struct seg seg[FRONT_SEGS];
    uint32_t indirect[8];
};

extern uint8_t front_data[FRONT_DATA][PAGE];

/* Wait for the device, and for its backend.  0, or -1: there is none. */
int front_open(struct front *f, uint32_t devid);

/* Wait for InitWait, write all keys, say Initialised.  0, or -1. */
int front_offer(struct front *f, const struct wiring *w);
/*
 * front_offer(), and go on to Connected.  Returns the backend's state: 4, 5, 6,
 * 0, or 99 for one that does not answer.
 */
uint32_t front_connect(struct front *f, const struct wiring *w);
/*
 * Close, as a frontend should, and start anew until the backend waits for us.
 * Returns 0, or -1: it does not.
 */
int front_restart(struct front *f);

/* Write a request where the ring's next is; nobody is told. */
void front_put(struct front *f, uint32_t q, const struct req *r);
/* Publish what was put, and ring. */
void front_push(struct front *f, uint32_t q);
/* The next answer's status, or FRONT_NO_REPLY. */
int32_t front_take(struct front *f, uint32_t q, uint32_t ms);
/* One request, from putting it to its answer. */
int32_t front_do(struct front *f, const struct req *r);

/* Bytes of slot number n of a queue. */
volatile uint8_t *front_slot(const struct front *f, uint32_t q, uint32_t n);

/*
 * Read or write nr_sectors (at most 8 * FRONT_SEGS) from data page `page` on.
 * Grants are made and taken back.  The status, or FRONT_NO_REPLY.
 */
int32_t front_rw(struct front *f, uint8_t op, uint64_t sector,
                 uint32_t nr_sectors, uint32_t page);

#endif
