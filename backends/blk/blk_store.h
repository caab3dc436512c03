/* SPDX-License-Identifier: MIT */
/*
 * blk_store.h - where a disk's bytes are: blk_raw.c, blk_nbd.c
 *
 * A store is opened by the main thread; each queue's thread then attaches to it
 * and does I/O on its own: no lock is between queues.
 */
#ifndef BLK_STORE_H
#define BLK_STORE_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/base/loop.h"
#include "backends/blk/blk_check.h"
#include "backends/blk/blk_ctl.h"

struct err;
struct blk_store;
struct blk_store_queue; /* one thread's end of it */

struct blk_io { /* embedded in a request; one transfer, whole */
    enum blk_op op;
    bool secure;
    void *buf;    /* reads and writes: page aligned */
    uint64_t off; /* bytes */
    uint64_t len; /* bytes, a multiple of BLK_SECTOR */
    /* Runs once, in the queue's thread, perhaps before submit() returns. */
    void (*done)(struct blk_io *io, int rc); /* 0 or a negative errno */

    /* The store's own. */
    struct loop_event ev;
    uint64_t done_bytes; /* of a transfer that came in parts */
    struct blk_store_queue *queue;
    struct blk_io *next;
    uint64_t since_ns;
    int64_t cookie;
};

struct blk_store_ops {
    /* Look again; the size may have changed. */
    int (*look)(struct blk_store *s, struct blk_store_info *out, struct err *e);
    /* Descriptors that the queue's loop registers; returns how many. */
    int (*fixed)(struct blk_store *s, uint32_t queue, int fd[4]);
    /* In the queue's thread, as all that follow but close(). */
    int (*attach)(struct blk_store *s, uint32_t queue, struct loop *loop,
                  struct blk_store_queue **out, struct err *e);
    /* Nothing is under way, and the loop turns no more. */
    void (*detach)(struct blk_store_queue *q);
    void (*submit)(struct blk_store_queue *q, struct blk_io *io);
    /* All that was submitted in this turn, if that is worth knowing. */
    void (*flush)(struct blk_store_queue *q);
    /*
     * The guest goes: what waits for a server that is away fails now with
     * -EIO, and what one that is there has, at until_ns.  Again after each
     * submit().
     */
    void (*give_up)(struct blk_store_queue *q, uint64_t until_ns);
    /* A new connection for this queue, as the supervisor made it. */
    void (*reconnect)(struct blk_store_queue *q, int fd);
    void (*close)(struct blk_store *s); /* queues are idle */
};

struct blk_store { /* first member of each store's own */
    const struct blk_store_ops *ops;
    struct blk_store_info info;
};

/*
 * Main thread, before privileges are dropped.  want(arg, n): ask the
 * supervisor for connection n; its answer reaches reconnect() of queue n, and
 * the first one comes as fd.
 */
int blk_raw_open(int fd, const struct blk_open *o, struct blk_store **out,
                 struct err *e);
int blk_nbd_open(int fd, const struct blk_open *o,
                 void (*want)(void *arg, uint32_t queue), void *arg,
                 struct blk_store **out, struct err *e);

#endif
