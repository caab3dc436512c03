/* SPDX-License-Identifier: MIT */
/*
 * blk_nbd.c - a store behind an NBD server, by libnbd
 *
 * How this works: the supervisor connects, we speak.  The first connection is
 * shaken hands with in the main thread, which so learns what the disk is, and
 * becomes queue 0's; each other queue asks for its own when it attaches.  A
 * connection that breaks is asked for again, and what it had in flight goes
 * again (blk_nbd_link.c): reads, writes, trims and flushes may be done twice,
 * for the guest has had no answer.
 *
 * Limits: what a server answered and then lost, because it was killed before a
 * flush, is lost without a word; NBD has none for it.  A write that a cut-off
 * server still has may land behind one that was sent later on the next
 * connection, if it is slower than that: a flush says nothing of what was not
 * answered, and nothing else asks.  What dom0 itself had not sent is dropped
 * with the connection (nbddial.c).
 */
#include <errno.h>
#include <fcntl.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libnbd.h>

#include "backends/blk/blk_nbd_priv.h"
#include "common/checked.h"
#include "common/err.h"

static struct nbd_store *nbd_of(struct blk_store *s)
{
    return CONTAINER_OF(s, struct nbd_store, store);
}

static int look(struct blk_store *s, struct blk_store_info *out, struct err *e)
{
    struct nbd_store *n = nbd_of(s);
    uint64_t shrunk = atomic_load(&n->shrunk_bytes), least = 0;

    if (shrunk)
        return fail(e, -EIO,
                    "nbd: the export came back with %llu bytes, want "
                    "at least %llu as it was",
                    (unsigned long long)shrunk,
                    (unsigned long long)s->info.size_bytes);
    for (uint32_t i = 0; i < s->info.nr_queues; i++) {
        uint64_t bytes = atomic_load(&n->queue[i].size_bytes);

        if (bytes && (!least || bytes < least)) /* each server's own limit */
            least = bytes;
    }
    s->info.size_bytes = least;
    atomic_store(&n->told_bytes, least);
    *out = s->info;
    return 0;
}

static int fixed(struct blk_store *s, uint32_t queue, int fd[4])
{
    (void)s, (void)queue, (void)fd;
    return 0;
}

static int attach(struct blk_store *s, uint32_t queue, struct loop *loop,
                  struct blk_store_queue **out, struct err *e)
{
    struct nbd_store *n = nbd_of(s);
    struct blk_store_queue *q;

    if (queue >= s->info.nr_queues)
        return fail(e, -EINVAL, "nbd: queue %u: the server takes %u", queue,
                    s->info.nr_queues);
    q = &n->queue[queue];
    blk_nbd_link_attach(q, loop, q->h);
    *out = q;
    return 0;
}

/* Its handle goes with the store. */
static void detach(struct blk_store_queue *q)
{
    (void)q;
}

/* 0, or why it cannot be done whatever the server says. */
static int refuse(const struct nbd_store *n, const struct blk_io *io)
{
    switch (io->op) {
    case BLK_READ:
        return 0;
    case BLK_WRITE:
        return n->writes ? 0 : -EROFS;
    case BLK_FLUSH:
        return n->store.info.flush ? 0 : -EOPNOTSUPP;
    default:
        return n->store.info.discard_bytes && !io->secure ? 0 : -EOPNOTSUPP;
    }
}

static void submit(struct blk_store_queue *q, struct blk_io *io)
{
    int rc = refuse(q->nbd, io);

    io->queue = q;
    io->done_bytes = 0;
    io->cookie = ++q->last_cookie;
    if (rc == 0 && q->state != LINK_UP && q->late)
        rc = -EIO;
    if (rc < 0)
        blk_nbd_answer(q, io, rc);
    else if (q->state == LINK_UP)
        blk_nbd_issue(q, io);
    else
        blk_nbd_keep(q, io);
    blk_nbd_link_after(q);
}

static void nbd_store_close(struct blk_store *s)
{
    struct nbd_store *n = nbd_of(s);

    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++) {
        struct nbd_handle *h = n->queue[i].h;

        if (h && nbd_aio_is_ready(h))
            nbd_aio_disconnect(h, 0); /* goodbye */
        nbd_close(h);
    }
    free(n);
}

static const struct blk_store_ops ops = {
    .look = look,
    .fixed = fixed,
    .attach = attach,
    .detach = detach,
    .submit = submit,
    .flush = blk_nbd_link_after,
    .give_up = blk_nbd_link_give_up,
    .reconnect = blk_nbd_link_connect,
    .close = nbd_store_close,
};

static void set_info(struct nbd_store *n, const struct blk_nbd_export *x,
                     const struct blk_open *o)
{
    struct blk_store_info *i = &n->store.info;

    *i = (struct blk_store_info){
        .size_bytes = x->size_bytes,
        .physical_bytes = x->physical_bytes,
        .readonly = o->readonly || x->readonly,
        .flush = x->flush,
        .nr_queues = x->multi_conn ? o->nr_queues : 1,
    };
    n->writes = !i->readonly;
    if (o->discard && n->writes && x->trim)
        i->discard_bytes = x->physical_bytes;
    n->max_bytes = x->max_bytes;
    atomic_store(&n->queue[0].size_bytes, x->size_bytes);
    atomic_store(&n->told_bytes, x->size_bytes);
}

/* A name fills its field only if the supervisor is not ours. */
static int make(const struct blk_open *o,
                void (*want)(void *arg, uint32_t queue), void *arg,
                struct nbd_store **out, struct err *e)
{
    struct nbd_store *n;

    if (!memchr(o->export, 0, sizeof(o->export)))
        return fail(e, -EINVAL, "nbd: the export's name has no end");
    if (o->nr_queues == 0 || o->nr_queues > BLK_QUEUES_MAX)
        return fail(e, -EINVAL, "nbd: %u queues, want 1..%u", o->nr_queues,
                    BLK_QUEUES_MAX);
    n = calloc(1, sizeof(*n));
    if (!n)
        return fail(e, -ENOMEM, "nbd: no memory");
    n->store.ops = &ops;
    memcpy(n->export, o->export, sizeof(n->export));
    n->offline_ms = o->offline_ms;
    n->want = want;
    n->arg = arg;
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++) {
        n->queue[i].nbd = n;
        n->queue[i].number = i;
        io_list_init(&n->queue[i].waiting);
        io_list_init(&n->queue[i].answered);
    }
    *out = n;
    return 0;
}

int blk_nbd_open(int fd, const struct blk_open *o,
                 void (*want)(void *arg, uint32_t queue), void *arg,
                 struct blk_store **out, struct err *e)
{
    struct blk_nbd_export x;
    struct nbd_store *n = NULL;
    int rc = make(o, want, arg, &n, e), own;

    if (rc < 0)
        return rc;
    own = fcntl(fd, F_DUPFD_CLOEXEC, 0); /* after an error fd is the caller's */
    if (own < 0)
        rc = fail(e, -errno, "nbd: socket: %s", strerror(errno));
    if (rc == 0)
        rc = blk_nbd_peer_start(own, n->export, &n->queue[0].h, e);
    if (rc == 0)
        rc = blk_nbd_peer_wait(n->queue[0].h, NBD_SHAKE_MS, e);
    if (rc == 0)
        rc = blk_nbd_peer_look(n->queue[0].h, &x, e);
    if (rc < 0) {
        nbd_store_close(&n->store);
        return rc;
    }
    close(fd);
    set_info(n, &x, o);
    *out = &n->store;
    return 0;
}
