/* SPDX-License-Identifier: MIT */
/*
 * blk_nbd_io.c - requests of an NBD store: kept, sent, answered
 */
#include <errno.h>
#include <stddef.h>

#include <libnbd.h>

#include "backends/blk/blk_nbd_priv.h"
#include "common/checked.h"

/* No payload, so no limit of the server's; the protocol has 32 bits. */
#define TRIM_BYTES_MAX (1u << 30)

static int on_reply(void *arg, int *error);
static void on_free(void *arg);

/* ---- lists ---- */

void io_list_init(struct io_list *l)
{
    l->first = NULL;
    l->tail = &l->first;
}

static void add(struct io_list *l, struct blk_io *io)
{
    io->next = NULL;
    *l->tail = io;
    l->tail = &io->next;
}

static struct blk_io *take(struct io_list *l)
{
    struct blk_io *io = l->first;

    if (io) {
        l->first = io->next;
        if (!l->first)
            l->tail = &l->first;
    }
    return io;
}

static struct io_list take_all(struct io_list *l)
{
    struct io_list all = *l;

    if (!all.first)
        all.tail = &all.first;
    io_list_init(l);
    return all;
}

static void take_out(struct io_list *l, struct blk_io *io)
{
    struct blk_io **at = &l->first;

    while (*at && *at != io)
        at = &(*at)->next;
    if (!*at)
        return;
    *at = io->next;
    if (!*at)
        l->tail = at;
}

void blk_nbd_keep(struct blk_store_queue *q, struct blk_io *io)
{
    struct blk_io **at = &q->waiting.first;

    while (*at && (*at)->cookie < io->cookie)
        at = &(*at)->next;
    io->next = *at;
    *at = io;
    if (!io->next)
        q->waiting.tail = &io->next;
}

void blk_nbd_answer(struct blk_store_queue *q, struct blk_io *io, int rc)
{
    io->cookie = rc;
    add(&q->answered, io);
}

/* ---- to the server and back ---- */

static uint32_t part_of(const struct blk_store_queue *q,
                        const struct blk_io *io)
{
    uint64_t left = io->len - io->done_bytes;
    uint32_t most = io->op == BLK_DISCARD ? TRIM_BYTES_MAX : q->nbd->max_bytes;

    return (uint32_t)MIN_OF(left, most);
}

static int64_t start(struct blk_store_queue *q, struct blk_io *io)
{
    const nbd_completion_callback cb = { on_reply, io, on_free };
    uint8_t *buf = (uint8_t *)io->buf + io->done_bytes;
    uint64_t off = io->off + io->done_bytes;
    uint32_t len = part_of(q, io);

    switch (io->op) {
    case BLK_READ:
        return nbd_aio_pread(q->h, buf, len, off, cb, 0);
    case BLK_WRITE:
        return nbd_aio_pwrite(q->h, buf, len, off, cb, 0);
    case BLK_FLUSH:
        return nbd_aio_flush(q->h, cb, 0);
    default:
        return nbd_aio_trim(q->h, len, off, cb, 0);
    }
}

void blk_nbd_issue(struct blk_store_queue *q, struct blk_io *io)
{
    q->nr_out++;
    if (start(q, io) >= 0 || nbd_aio_is_dead(q->h) || nbd_aio_is_closed(q->h))
        return;
    /* on_free() has run; what libnbd will not send, it will not later. */
    take_out(&q->waiting, io);
    blk_nbd_answer(q, io, nbd_get_errno() == ENOMEM ? -ENOMEM : -EIO);
}

/*
 * libnbd gives ENOTCONN for what it had when the connection went: that is no
 * answer, and neither is EPROTO, for one that broke the protocol (neither is a
 * number that a server can send), or a server's own that it shuts down.
 */
static int on_reply(void *arg, int *error)
{
    struct blk_io *io = arg;
    struct blk_store_queue *q = io->queue;

    if (*error == ENOTCONN)
        return 1;
    if (*error == ESHUTDOWN || *error == EPROTO) {
        q->is_leaving = true;
        return 1;
    }
    if (*error == 0 && io->op != BLK_FLUSH)
        io->done_bytes += part_of(q, io);
    io->cookie = *error > 0 ? -*error : 0;
    q->nr_answers++;
    return 1;
}

/* Once for each that was started, answered or not. */
static void on_free(void *arg)
{
    struct blk_io *io = arg;
    struct blk_store_queue *q = io->queue;

    q->nr_out--;
    if (io->cookie > 0)
        blk_nbd_keep(q, io);
    else
        add(&q->answered, io);
}

void blk_nbd_issue_waiting(struct blk_store_queue *q)
{
    struct io_list all = take_all(&q->waiting);
    struct blk_io *io;

    /* When it breaks meanwhile, the rest goes back to its place. */
    while ((io = take(&all)))
        if (q->is_leaving || nbd_aio_is_dead(q->h) || nbd_aio_is_closed(q->h))
            blk_nbd_keep(q, io);
        else
            blk_nbd_issue(q, io);
}

void blk_nbd_fail_waiting(struct blk_store_queue *q)
{
    struct blk_io *io;

    while ((io = take(&q->waiting)))
        blk_nbd_answer(q, io, -EIO);
}

void blk_nbd_settle(struct blk_store_queue *q)
{
    struct blk_io *io;

    if (q->settling) /* done() submits more: the loop below takes it */
        return;
    q->settling = true;
    while ((io = take(&q->answered))) {
        int rc = (int)io->cookie;

        if (rc < 0 || io->op == BLK_FLUSH || io->done_bytes >= io->len) {
            io->done(io, rc);
            continue;
        }
        io->cookie = ++q->last_cookie;
        if (q->state == LINK_UP)
            blk_nbd_issue(q, io);
        else
            blk_nbd_keep(q, io);
    }
    q->settling = false;
}
