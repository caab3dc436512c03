/* SPDX-License-Identifier: MIT */
/*
 * blk_queue_priv.h - a queue's insides, for blk_queue.c and
 * blk_serve.c alone
 */
#ifndef BLK_QUEUE_PRIV_H
#define BLK_QUEUE_PRIV_H

#include "backends/base/kick.h"
#include "backends/base/spin.h"
#include "backends/base/worker.h"
#include "backends/blk/blk_pool.h"
#include "backends/blk/blk_queue.h"
#include "backends/blk/blk_ring.h"
#include "backends/blk/blk_store.h"
#include "common/gnt.h"

#define BATCH_MAX 64u    /* requests taken in one pass */
#define PIECES_MAX 1024u /* of one grant copy */
/*
 * Taken in one pass, and answered at the latest while more come: a guest that
 * sends much goes on with the first part while we are at the next.
 */
#define PASS_SEGS 64u
#define FINISH_SEGS 16u

struct blk_slot { /* one request, from taken to answered */
    struct blk_req req;
    struct blk_io io;
    struct blk_queue *queue;
    struct blk_slot *next;
    uint64_t taken_ns;
    uint32_t nr_pages; /* of io.buf; 0: none */
    int rc;            /* of what is done */
    uint16_t number;   /* in the journal */
};

struct slot_list {
    struct blk_slot *first, **tail;
};

struct blk_queue {
    struct blk_disk *disk;
    uint32_t number;
    struct worker worker;
    struct loop *loop;
    struct blk_store_queue *store;
    struct blk_journal_queue *journal;

    /* What main and queue tell each other, under the worker's lock. */
    struct {
        bool connect, disconnect, quit;
        struct blk_link link;
        int socket; /* -1: none */
    } order;
    struct {
        enum blk_queue_state state;
        char why[BLK_TEXT];
    } news;

    /* The thread's own. */
    struct loop_event order_ev, limit_ev, trim_ev;
    struct kick kick;
    enum blk_queue_state state;
    struct blk_link link;
    struct blk_ring ring;
    bool quit;
    bool is_inline; /* the store answered while we submitted */
    uint32_t nr_turns;
    uint64_t now_ns;      /* of this turn */
    uint64_t give_up_ns;  /* of DRAINING */
    uint64_t awake_ns;    /* since when */
    uint32_t nr_answered; /* since then */
    struct spin spin;

    uint32_t nr_slots;
    struct blk_slot *slot;
    struct blk_seg *segs; /* BLK_INDIRECT_SEGS_MAX a slot */
    struct blk_slot *free;
    struct slot_list waiting; /* checked; for a buffer, or a limit */
    struct slot_list done;    /* to be answered */
    uint32_t nr_done_segs;    /* of them */
    uint32_t nr_taken;        /* slots that are not free */
    uint32_t nr_stored;       /* of them with the store */
    struct blk_pool pool;
    uint8_t *indirect; /* BATCH_MAX pages */
    struct {
        uint16_t again[BLK_RING_SLOTS_MAX];
        uint32_t nr;
        int answer; /* a slot whose response is to be written again, or -1 */
    } left;         /* by a killed backend */
    struct gnt_piece piece[PIECES_MAX];
    void *scratch;
    uint64_t last_busy_ns;
};

static inline void slot_list_init(struct slot_list *l)
{
    l->first = NULL;
    l->tail = &l->first;
}

static inline void slot_list_add(struct slot_list *l, struct blk_slot *s)
{
    s->next = NULL;
    *l->tail = s;
    l->tail = &s->next;
}

static inline struct blk_slot *slot_list_take(struct slot_list *l)
{
    struct blk_slot *s = l->first;

    if (s) {
        l->first = s->next;
        if (!l->first)
            l->tail = &l->first;
    }
    return s;
}

/* blk_serve.c: buffers and slots for a ring that was attached. */
int blk_serve_open(struct blk_queue *q, struct err *e);
void blk_serve_close(struct blk_queue *q); /* nothing is taken */
/*
 * Bring the journal that a killed backend left into order, before the ring is
 * attached; and then do again what was under way.
 */
void blk_serve_sort(struct blk_queue *q);
void blk_serve_recover(struct blk_queue *q);
/*
 * Take what is on the ring and start it.  Returns how many were taken, or
 * -EPROTO.
 */
int blk_serve_pass(struct blk_queue *q);
/* Start what waits, as far as buffers and limits allow. */
void blk_serve_start(struct blk_queue *q);
/* Answer what is done; at most one event goes. */
void blk_serve_finish(struct blk_queue *q);

#endif
