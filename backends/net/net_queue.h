/* SPDX-License-Identifier: MIT */
/*
 * net_queue.h - one queue: a thread, its two rings and its end of the tap
 *
 *   IDLE ──connect──▶ SERVING ──disconnect──▶ DRAINING ──last answer──▶ IDLE
 *                        └──the guest broke the protocol──▶ BROKEN ──▶ DRAINING
 *
 * The main thread gives orders and hears of news by card->news_fd; everything
 * between is the queue's own.
 */
#ifndef NET_QUEUE_H
#define NET_QUEUE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/net/net_ctl.h"
#include "backends/net/net_journal.h"
#include "backends/net/net_rate.h"

struct err;
struct evt;
struct gnt;
struct net_queue;

#define NET_HEADROOM_MAX 2048u /* bytes before a packet; Linux wants 256 */
#define NET_STALL_NS 60000000000u

struct net_card { /* what the queues share; set before the first one opens */
    const char *name;
    uint16_t domid;
    struct gnt *gnt;
    struct net_journal *journal;
    int journal_fd;             /* each ring keeps it: see net_journal.h */
    int news_fd;                /* eventfd: some queue has changed */
    int tap_fd[NET_QUEUES_MAX]; /* blocking; -1: none */
    uint64_t stall_ns;          /* so long a packet may wait for a buffer */
    struct net_rate rate;
};

struct net_link { /* what a queue serves; the main thread's to take back */
    struct evt *tx_evt, *rx_evt; /* bound; the same unless split */
    uint32_t tx_port, rx_port;   /* our ends */
    void *tx_ring, *rx_ring;     /* mapped */
    bool resume;                 /* the journal knows where it stood */
    struct net_wiring wiring;    /* what the guest takes */
};

enum net_queue_state {
    NET_QUEUE_IDLE,
    NET_QUEUE_SERVING,
    NET_QUEUE_DRAINING,
    NET_QUEUE_BROKEN,
    NET_QUEUE_STATES
};

struct net_queue_news {
    enum net_queue_state state;
    bool stalled;       /* it takes no packets, for stall_ns */
    char why[NET_TEXT]; /* of BROKEN */
};

/* Start the thread, and wait until it is ready. */
int net_queue_open(struct net_card *c, uint32_t number, struct net_queue **out,
                   struct err *e);
/* From IDLE; the thread is gone when this returns.  NULL: no-op. */
void net_queue_close(struct net_queue *q);

void net_queue_connect(struct net_queue *q, const struct net_link *link);
/* Answer what was taken, take no more; IDLE follows. */
void net_queue_disconnect(struct net_queue *q);
/*
 * Once before it connects, and whenever they change.  Who waits by the old rate
 * tries again; the rate itself is the card's.
 */
void net_queue_rules(struct net_queue *q, const struct net_rules *rules);
/* Of each packet from soon on, until it leaves: at most NET_HEADROOM_MAX. */
void net_queue_headroom(struct net_queue *q, uint16_t bytes);

void net_queue_news(struct net_queue *q, struct net_queue_news *out);

#endif
