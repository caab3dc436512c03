/* SPDX-License-Identifier: MIT */
/*
 * blk_nbd_priv.h - one queue's end of an NBD store, for blk_nbd*.c alone
 *
 *   AWAY ──reconnect(fd)──▶ SHAKING ──handshake done, same disk──▶ UP
 *     ▲─────no answer, refused─┘                                   │
 *     └──────────────────the connection broke──────────────────────┘
 *
 * Requests that no server has wait in the order in which they were submitted;
 * those that a broken connection had join them in their place.  UP sends all
 * of them.  While it is not UP, WANT is said again and again, with back-off;
 * offline_ms after it was UP last, what waits fails, and what comes fails at
 * once, until a server is back.
 *
 * libnbd calls back with its handle locked, so on_reply() only notes the
 * answer; blk_nbd_settle() runs done() outside.
 */
#ifndef BLK_NBD_PRIV_H
#define BLK_NBD_PRIV_H

#include <stdatomic.h>

#include "backends/blk/blk_nbd_peer.h"
#include "backends/blk/blk_store.h"

#define NBD_SHAKE_MS 10000u /* a handshake may take so long */
#define NBD_RETRY_MS 100u   /* the first pause between two WANTs */
#define NBD_RETRY_MAX_MS 5000u

struct nbd_store;

struct io_list {
    struct blk_io *first, **tail;
};

enum link_state { LINK_AWAY, LINK_SHAKING, LINK_UP, LINK_STATES };

/*
 * Of each struct blk_io that is ours: cookie > 0 is its place in the order of
 * submission, and it has no answer; cookie <= 0 is its answer.
 */
struct blk_store_queue {
    struct nbd_store *nbd;
    struct loop *loop; /* NULL: not attached */
    uint32_t number;

    enum link_state state;
    struct nbd_handle *h; /* NULL: AWAY */
    struct loop_event in_ev, out_ev, tick_ev;
    bool in_stale, out_stale; /* of a handle that is closed */

    struct io_list waiting, answered;
    int64_t last_cookie;
    uint32_t nr_out;     /* libnbd has them */
    uint64_t nr_answers; /* ever */
    bool settling;
    bool is_leaving; /* the server says so, or breaks the protocol */

    bool late; /* requests fail: the server is away for too long */
    bool giving_up;
    uint32_t retry_ms;
    uint64_t away_ns;  /* since when it is not UP */
    uint64_t want_ns;  /* when to say WANT (again) */
    uint64_t shake_ns; /* by when a handshake is done */
    uint64_t give_up_ns;
    uint64_t tick_ns; /* what tick_ev is armed for */

    _Atomic uint64_t size_bytes; /* as its last handshake said; 0: none yet */
};

struct nbd_store {
    struct blk_store store;
    char export[BLK_TEXT];
    bool writes; /* the disk is not read-only */
    uint32_t offline_ms;
    uint32_t max_bytes; /* of one request */
    void (*want)(void *arg, uint32_t queue);
    void *arg;
    struct blk_store_queue queue[BLK_QUEUES_MAX];
    _Atomic uint64_t told_bytes;   /* the size that the guest may know */
    _Atomic uint64_t shrunk_bytes; /* it came back so small; 0: it did not */
};

/* ---- blk_nbd_io.c ---- */

void io_list_init(struct io_list *l);
/* Give a request to the server, which is there. */
void blk_nbd_issue(struct blk_store_queue *q, struct blk_io *io);
/* It is answered without the server. */
void blk_nbd_answer(struct blk_store_queue *q, struct blk_io *io, int rc);
/* Take it, to wait for a server, in its place. */
void blk_nbd_keep(struct blk_store_queue *q, struct blk_io *io);
void blk_nbd_issue_waiting(struct blk_store_queue *q);
void blk_nbd_fail_waiting(struct blk_store_queue *q);
/* Run done() of what is answered; send the next part of what is not done. */
void blk_nbd_settle(struct blk_store_queue *q);

/* ---- blk_nbd_link.c ---- */

/* In the queue's thread; h: connected already, or NULL. */
void blk_nbd_link_attach(struct blk_store_queue *q, struct loop *loop,
                         struct nbd_handle *h);
void blk_nbd_link_connect(struct blk_store_queue *q, int fd);
/* After anything that may have moved the handle: see where it stands. */
void blk_nbd_link_after(struct blk_store_queue *q);
void blk_nbd_link_give_up(struct blk_store_queue *q, uint64_t until_ns);

#endif
