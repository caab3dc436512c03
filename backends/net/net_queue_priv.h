/* SPDX-License-Identifier: MIT */
/*
 * net_queue_priv.h - a queue's insides, for net_queue.c, net_tx.c and net_rx.c
 * alone
 */
#ifndef NET_QUEUE_PRIV_H
#define NET_QUEUE_PRIV_H

#include <sys/uio.h>

#include <linux/virtio_net.h>

#include "backends/base/kick.h"
#include "backends/base/spin.h"
#include "backends/base/worker.h"
#include "backends/net/net_check.h"
#include "backends/net/net_head.h"
#include "backends/net/net_queue.h"
#include "backends/net/net_ring.h"
#include "common/checked.h"
#include "common/gnt.h"

/* A frame is at a page's start, its header at the end of the page before. */
#define RX_BUFFER_PAGES 18u
#define RX_BUFFERS 32u
#define HDR_BYTES ((uint32_t)sizeof(struct virtio_net_hdr))

struct net_out { /* a packet on its way to the tap */
    struct net_queue *queue;
    struct loop_event ev;
    struct virtio_net_hdr hdr; /* unless it is before the data */
    int16_t status;            /* NETIF_RSP_* */
    bool done;
};

struct net_tx {
    struct net_ring ring;
    uint8_t *pages;           /* one for each slot of a pass */
    struct net_wire_tx *wire; /* NET_RING_SLOTS */
    struct net_pass pass;     /* the next is taken when it is answered */
    struct net_out *out;      /* of each packet of the pass */
    struct iovec *iov;        /* of packet i: from first_slot + i on */
    uint32_t answered, sent;  /* packets of the pass */
    uint32_t nr_writing;      /* with the tap */
    struct loop_event rate_ev;
};

struct net_in { /* a buffer for what the tap has */
    struct net_queue *queue;
    struct loop_event ev; /* of the read that waits in it */
    uint32_t len;         /* bytes of frame */
    bool is_parsed;
    struct net_head_rx head; /* if so */
};

struct net_rx {
    struct net_ring ring;
    uint8_t *pages; /* RX_BUFFER_PAGES of each buffer */
    struct net_in in[RX_BUFFERS];
    uint8_t free[RX_BUFFERS], ready[RX_BUFFERS]; /* numbers of buffers */
    uint32_t nr_free;
    uint32_t nr_ready;      /* in the order in which they came */
    uint32_t nr_reading;    /* in the tap */
    uint32_t nr_wanted;     /* reads that are worth while */
    uint32_t nr_came;       /* since the last look */
    uint32_t nr_errors;     /* of reads, in a row */
    uint64_t held_since_ns; /* the first of ready finds no room; 0: it does */
    uint32_t nr_needed;     /* buffers, for that one */
    bool stalled;
    struct loop_event stall_ev;
};

struct net_queue {
    struct net_card *card;
    uint32_t number;
    struct worker worker;
    struct loop *loop;
    struct net_journal_queue *journal;

    /* What main and queue tell each other, under the worker's lock. */
    struct {
        bool connect, disconnect, quit;
        struct net_link link;
        struct net_rules rules;
    } order;
    struct net_queue_news news;

    /* The thread's own. */
    struct loop_event order_ev, trim_ev;
    struct kick tx_kick, rx_kick; /* rx: if split */
    enum net_queue_state state;
    struct net_link link;
    struct net_rules rules;
    bool quit;
    bool attached;   /* memory and rings are there */
    bool is_touched; /* memory that can be given back */
    uint64_t now_ns; /* of this turn */
    uint64_t last_busy_ns;
    struct spin spin;
    uint64_t awake_ns;  /* since then nothing was waited for */
    uint32_t nr_served; /* packets since then, both ways */
    struct net_tx tx;
    struct net_rx rx;
    struct gnt_piece piece[NET_RING_SLOTS]; /* of one grant copy */
    void *scratch;
};

/* net_queue.c: one call for all pieces; each knows its own fate. */
void net_queue_copy(struct net_queue *q, uint32_t nr_pieces);

/* net_tx.c: guest to tap. */
int net_tx_open(struct net_queue *q, struct err *e); /* memory alone */
void net_tx_close(struct net_queue *q);              /* nothing is writing */
/* Attach to the ring; what a killed backend left is answered.  -EPROTO. */
int net_tx_attach(struct net_queue *q);
/*
 * Take a pass, unless the last one is not over.  Returns how many slots, or
 * -EPROTO with *e; what came before the fault is to be sent all the same.
 */
int net_tx_take(struct net_queue *q, struct err *e);
/* Give the tap what the rate allows. */
void net_tx_send(struct net_queue *q);
/* Answer what is done; at most one event goes. */
void net_tx_finish(struct net_queue *q);
/* Nothing is taken that is not answered. */
bool net_tx_over(const struct net_queue *q);
void net_tx_cancel(struct net_queue *q); /* whatever waits */
/* Memory goes back, if net_tx_over(). */
void net_tx_trim(struct net_queue *q);

/* net_rx.c: tap to guest. */
int net_rx_open(struct net_queue *q, struct err *e);
void net_rx_close(struct net_queue *q);
int net_rx_attach(struct net_queue *q);
/* Look what buffers the guest has posted.  Returns how many, or -EPROTO. */
int net_rx_fill(struct net_queue *q);
/* Give the guest what came; at most one event goes.  Returns whether any of it
   went, or was dropped: what waits for buffers is no work. */
bool net_rx_deliver(struct net_queue *q);
/* Read what the tap has next, if it is worth while. */
void net_rx_read(struct net_queue *q);
/* Why nothing can be read any more; NULL: it can. */
const char *net_rx_fault(const struct net_queue *q);
/* Packets wait for buffers: the guest's event is wanted. */
bool net_rx_waits(const struct net_queue *q);
bool net_rx_over(const struct net_queue *q); /* nothing is reading */
void net_rx_cancel(struct net_queue *q);
void net_rx_trim(struct net_queue *q);

/* net_queue.c: main is to hear of it. */
void net_queue_tell_stalled(struct net_queue *q, bool stalled);

#endif
