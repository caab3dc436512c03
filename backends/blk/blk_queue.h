/* SPDX-License-Identifier: MIT */
/*
 * blk_queue.h - one queue: a thread, its ring and its end of the store
 *
 *   IDLE ──connect──▶ SERVING ──disconnect──▶ DRAINING ──last answer──▶ IDLE
 *                        └──the guest broke the protocol──▶ BROKEN ──▶ DRAINING
 *
 * The main thread gives orders and hears of news by disk->news_fd; everything
 * between is the queue's own.
 */
#ifndef BLK_QUEUE_H
#define BLK_QUEUE_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_check.h"
#include "backends/blk/blk_ctl.h"
#include "backends/blk/blk_journal.h"
#include "backends/blk/blk_limit.h"

struct blk_queue;
struct blk_store;
struct err;
struct evt;
struct gnt;

struct blk_disk { /* what the queues share; set before the first one opens */
    const char *name;
    uint16_t domid;
    struct gnt *gnt;
    struct blk_store *store;
    struct blk_journal *journal;
    int journal_fd;              /* each ring keeps it: see blk_journal.h */
    int news_fd;                 /* eventfd: some queue has changed */
    struct blk_disk_rules rules; /* but for the size: */
    _Atomic uint64_t size_bytes;
    struct blk_limit limit;
};

struct blk_link {    /* what a queue serves; the main thread's to take back */
    struct evt *evt; /* bound */
    uint32_t port;   /* our end */
    void *ring;      /* mapped */
    uint32_t ring_pages;
    enum blk_abi abi;
    bool resume; /* the journal knows where it stood */
};

enum blk_queue_state {
    BLK_QUEUE_IDLE,
    BLK_QUEUE_SERVING,
    BLK_QUEUE_DRAINING,
    BLK_QUEUE_BROKEN,
    BLK_QUEUE_STATES
};

/* Start the thread, and wait until it is ready. */
int blk_queue_open(struct blk_disk *d, uint32_t number, struct blk_queue **out,
                   struct err *e);
/* From IDLE; the thread is gone when this returns.  NULL: no-op. */
void blk_queue_close(struct blk_queue *q);

void blk_queue_connect(struct blk_queue *q, const struct blk_link *link);
/* Answer what was taken, take no more; IDLE follows. */
void blk_queue_disconnect(struct blk_queue *q);
/* Limits are others now: try again what waits for them. */
void blk_queue_look(struct blk_queue *q);
/* A new connection of the store; fd is the queue's. */
void blk_queue_socket(struct blk_queue *q, int fd);

/* Of BROKEN, why; else untouched. */
enum blk_queue_state blk_queue_state(struct blk_queue *q, char why[BLK_TEXT]);

#endif
