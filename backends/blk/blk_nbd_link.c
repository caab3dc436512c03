/* SPDX-License-Identifier: MIT */
/*
 * blk_nbd_link.c - one queue's connection: made, watched, lost, made again
 */
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <sys/socket.h>
#include <unistd.h>

#include <libnbd.h>

#include "backends/blk/blk_nbd_priv.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

#define NEVER UINT64_MAX
#define PUMP_MAX 256u /* answers read in one go */

static void on_in(struct loop_event *ev, int res);
static void on_out(struct loop_event *ev, int res);
static void on_tick(struct loop_event *ev, int res);

static const uint8_t link_next[] = {
    [LINK_AWAY] = BIT(LINK_SHAKING) | BIT(LINK_UP), /* UP: by attach alone */
    [LINK_SHAKING] = BIT(LINK_UP) | BIT(LINK_AWAY),
    [LINK_UP] = BIT(LINK_AWAY),
};
_Static_assert(ARRAY_SIZE(link_next) == LINK_STATES, "link_next");

/* The only writer of q->state. */
static void link_move(struct blk_store_queue *q, enum link_state to)
{
    assert(link_next[q->state] & BIT(to));
    q->state = to;
}

static struct blk_store_queue *queue_of(struct loop_event *ev, size_t member)
{
    return (void *)((char *)ev - member);
}

/* ---- time ---- */

static uint64_t late_at(const struct blk_store_queue *q)
{
    return q->late ? NEVER : q->away_ns + q->nbd->offline_ms * 1000000ull;
}

static uint64_t next_tick(const struct blk_store_queue *q)
{
    switch (q->state) {
    case LINK_AWAY:
        return MIN_OF(q->want_ns, late_at(q));
    case LINK_SHAKING:
        return MIN_OF(q->shake_ns, late_at(q));
    default:
        return q->giving_up ? q->give_up_ns : NEVER;
    }
}

/* A timer that comes too early does nothing; one too late is made to come. */
static void schedule(struct blk_store_queue *q)
{
    uint64_t due = next_tick(q), now = loop_now_ns();

    if (due == NEVER)
        return;
    if (!q->tick_ev.busy) {
        q->tick_ns = due;
        loop_timer(q->loop, due > now ? due - now : 1, &q->tick_ev);
    } else if (q->tick_ns > due) {
        q->tick_ns = due; /* once */
        loop_cancel(q->loop, &q->tick_ev);
    }
}

static void say_want(struct blk_store_queue *q)
{
    q->want_ns = loop_now_ns() + q->retry_ms * 1000000ull;
    q->retry_ms = MIN_OF(q->retry_ms * 2, NBD_RETRY_MAX_MS);
    q->nbd->want(q->nbd->arg, q->number);
}

/* ---- up and down ---- */

static void watch(struct blk_store_queue *q)
{
    uint32_t want;
    int fd;

    if (!q->h)
        return;
    want = nbd_aio_get_direction(q->h);
    fd = nbd_aio_get_fd(q->h);
    if (fd < 0)
        return;
    if ((want & LIBNBD_AIO_DIRECTION_READ) && !q->in_ev.busy)
        loop_poll(q->loop, fd, POLLIN, &q->in_ev);
    if ((want & LIBNBD_AIO_DIRECTION_WRITE) && !q->out_ev.busy)
        loop_poll(q->loop, fd, POLLOUT, &q->out_ev);
}

static void drop(struct blk_store_queue *q)
{
    /* A poll under way holds the socket open: the server would not notice. */
    q->in_stale = q->in_ev.busy;
    q->out_stale = q->out_ev.busy;
    loop_cancel(q->loop, &q->in_ev);
    loop_cancel(q->loop, &q->out_ev);
    nbd_close(q->h); /* on_free(): what it had waits */
    q->h = NULL;
}

/* What waits is of no use any more. */
static void fail_all(struct blk_store_queue *q)
{
    q->late = true;
    blk_nbd_fail_waiting(q);
}

static void broke(struct blk_store_queue *q, const char *why)
{
    uint32_t nr_out = q->nr_out;
    bool was_up = q->state == LINK_UP;

    drop(q);
    link_move(q, LINK_AWAY);
    if (was_up) {
        log_warn("store: connection %u: %s; %u requests wait for it", q->number,
                 why, nr_out);
        q->away_ns = loop_now_ns();
    } else {
        log_debug("store: connection %u: %s", q->number, why);
    }
    q->is_leaving = false;
    if (q->giving_up || q->late)
        blk_nbd_fail_waiting(q);
    q->giving_up = false;
    if (q->nr_answers > 0) { /* it served: ask for the next at once */
        q->nr_answers = 0;
        q->retry_ms = NBD_RETRY_MS;
        say_want(q);
    }
}

/* Is what came back the disk that went away? */
static int check_same(struct blk_store_queue *q, struct err *e)
{
    const struct blk_store_info *i = &q->nbd->store.info; /* but its size */
    uint64_t told = atomic_load(&q->nbd->told_bytes);
    struct blk_nbd_export x;
    int rc = blk_nbd_peer_look(q->h, &x, e);

    if (rc < 0)
        return rc;
    if (x.size_bytes < told) {
        atomic_store(&q->nbd->shrunk_bytes, x.size_bytes);
        return fail(e, -EIO,
                    "nbd: the export came back with %llu bytes, want at least "
                    "%llu as it was",
                    (unsigned long long)x.size_bytes, (unsigned long long)told);
    }
    if (x.readonly && q->nbd->writes)
        return fail(e, -EROFS, "nbd: the export came back read-only");
    if ((!x.flush && i->flush) || (!x.trim && i->discard_bytes) ||
        x.max_bytes < q->nbd->max_bytes)
        return fail(e, -EIO,
                    "nbd: the export came back with less than it "
                    "offered before (flush, trim or large requests)");
    if (!x.multi_conn && i->nr_queues > 1)
        return fail(e, -EIO,
                    "nbd: the export came back for one connection, "
                    "want %u",
                    i->nr_queues);
    atomic_store(&q->nbd->shrunk_bytes, 0);
    atomic_store(&q->size_bytes, x.size_bytes);
    return 0;
}

static void shaken(struct blk_store_queue *q)
{
    struct err e;

    if (check_same(q, &e) < 0) {
        if (!q->late)
            log_err("store: connection %u: %s", q->number, e.text);
        fail_all(q); /* waiting does not make it another one */
        broke(q, e.text);
        return;
    }
    log_info("store: connection %u is there after %llu ms", q->number,
             (unsigned long long)(loop_now_ns() - q->away_ns) / 1000000u);
    link_move(q, LINK_UP);
    q->late = false;
    q->nr_answers = 0;
    blk_nbd_issue_waiting(q);
}

static bool is_dead(const struct blk_store_queue *q)
{
    return q->h && (nbd_aio_is_dead(q->h) || nbd_aio_is_closed(q->h));
}

void blk_nbd_link_after(struct blk_store_queue *q)
{
    if (q->settling || !q->loop)
        return;
    do { /* done() may send more, and that break it */
        if (q->state == LINK_SHAKING && nbd_aio_is_ready(q->h))
            shaken(q);
        if (is_dead(q))
            broke(q, "the server hung up");
        if (q->h && q->is_leaving)
            broke(q, "the server shuts down, or made no sense");
        blk_nbd_settle(q);
        if (q->nr_out == 0)
            q->giving_up = false;
    } while (is_dead(q) || (q->h && q->is_leaving));
    watch(q);
    schedule(q);
}

/* ---- events ---- */

/*
 * libnbd must not be told of bytes that are not there: it would then wait for
 * the rest of an answer, and send nothing.
 */
static bool has_bytes(struct blk_store_queue *q)
{
    char c;

    return recv(nbd_aio_get_fd(q->h), &c, 1, MSG_PEEK | MSG_DONTWAIT) >= 0 ||
           (errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

static void on_in(struct loop_event *ev, int res)
{
    struct blk_store_queue *q =
        queue_of(ev, offsetof(struct blk_store_queue, in_ev));
    bool is_stale = q->in_stale || res < 0;

    q->in_stale = false;
    for (uint32_t i = 0; i < PUMP_MAX && q->h && !is_stale; i++) {
        uint64_t before = q->nr_answers;

        if (!(nbd_aio_get_direction(q->h) & LIBNBD_AIO_DIRECTION_READ) ||
            !has_bytes(q) || nbd_aio_notify_read(q->h) ||
            before == q->nr_answers)
            break;
    }
    blk_nbd_link_after(q);
}

static void on_out(struct loop_event *ev, int res)
{
    struct blk_store_queue *q =
        queue_of(ev, offsetof(struct blk_store_queue, out_ev));
    bool is_stale = q->out_stale || res < 0;

    q->out_stale = false;
    if (q->h && !is_stale &&
        (nbd_aio_get_direction(q->h) & LIBNBD_AIO_DIRECTION_WRITE))
        nbd_aio_notify_write(q->h); /* after() sees if that failed */
    blk_nbd_link_after(q);
}

static void on_tick(struct loop_event *ev, int res)
{
    struct blk_store_queue *q =
        queue_of(ev, offsetof(struct blk_store_queue, tick_ev));
    uint64_t now = loop_now_ns();

    (void)res;
    if (q->state == LINK_UP && q->giving_up && now >= q->give_up_ns)
        broke(q, "the server is silent, and the guest goes");
    if (q->state == LINK_SHAKING && now >= q->shake_ns)
        broke(q, "the handshake takes too long");
    if (q->state != LINK_UP && now >= late_at(q)) {
        log_err("store: connection %u: the server is away for %u ms: requests "
                "fail now",
                q->number, q->nbd->offline_ms);
        fail_all(q);
    }
    if (q->state == LINK_AWAY && now >= q->want_ns)
        say_want(q);
    blk_nbd_link_after(q);
}

/* ---- orders ---- */

void blk_nbd_link_attach(struct blk_store_queue *q, struct loop *loop,
                         struct nbd_handle *h)
{
    q->loop = loop;
    q->in_ev = (struct loop_event){ .fn = on_in };
    q->out_ev = (struct loop_event){ .fn = on_out };
    q->tick_ev = (struct loop_event){ .fn = on_tick };
    q->in_stale = q->out_stale = false;
    q->retry_ms = NBD_RETRY_MS;
    if (q->state == LINK_AWAY) {
        q->away_ns = loop_now_ns();
        q->h = h;
        if (h)
            link_move(q, LINK_UP);
        else
            say_want(q);
    }
    blk_nbd_link_after(q);
}

void blk_nbd_link_connect(struct blk_store_queue *q, int fd)
{
    struct err e;

    if (q->state != LINK_AWAY) { /* asked twice, answered twice */
        close(fd);
        return;
    }
    if (blk_nbd_peer_start(fd, q->nbd->export, &q->h, &e) < 0) {
        log_debug("store: connection %u: %s", q->number, e.text);
        q->h = NULL;
        return;
    }
    q->shake_ns = loop_now_ns() + NBD_SHAKE_MS * 1000000ull;
    link_move(q, LINK_SHAKING);
    blk_nbd_link_after(q);
}

void blk_nbd_link_give_up(struct blk_store_queue *q, uint64_t until_ns)
{
    if (q->state != LINK_UP) {
        blk_nbd_fail_waiting(q);
    } else if (q->nr_out > 0 && !q->giving_up) {
        q->giving_up = true;
        q->give_up_ns = until_ns;
    }
    blk_nbd_link_after(q);
}
