/* SPDX-License-Identifier: MIT */
/*
 * blk_queue.c - one queue: its thread, what wakes it, and when it may sleep
 *
 * How this works: each turn of the loop submits what was prepared and waits if
 * nothing else is to be done; then what is done is answered, and what is on the
 * ring is taken.  Before it waits, the queue asks the guest for an event and
 * looks once more, so that none is missed and none is sent while it is awake.
 */
#include "backends/blk/blk_queue.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/blk/blk_queue_priv.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/log.h"

#define LOOP_ENTRIES 128u
#define TRIM_AFTER_NS 1000000000u
#define TRIM_KEEP 64u          /* pages */
#define GIVE_UP_NS 5000000000u /* for a server that is there, and silent */
#define RING_LIES "the ring claims more requests than it can hold"

static void on_order(struct loop_event *ev, int res);
static void on_limit(struct loop_event *ev, int res);
static void on_trim(struct loop_event *ev, int res);

static const uint8_t queue_next[] = {
    [BLK_QUEUE_IDLE] = BIT(BLK_QUEUE_SERVING) | BIT(BLK_QUEUE_BROKEN),
    [BLK_QUEUE_SERVING] = BIT(BLK_QUEUE_DRAINING) | BIT(BLK_QUEUE_BROKEN),
    [BLK_QUEUE_DRAINING] = BIT(BLK_QUEUE_IDLE),
    [BLK_QUEUE_BROKEN] = BIT(BLK_QUEUE_DRAINING),
};
_Static_assert(ARRAY_SIZE(queue_next) == BLK_QUEUE_STATES, "queue_next");

/* The only writer of q->state; main hears of it. */
static void queue_move(struct blk_queue *q, enum blk_queue_state to,
                       const char *why)
{
    static const char *const name[] = { "idle", "serving", "draining",
                                        "broken" };

    assert(queue_next[q->state] & BIT(to));
    log_info("%s: queue %u: %s -> %s: %s", q->disk->name, q->number,
             name[q->state], name[to], why);
    q->state = to;
    pthread_mutex_lock(&q->worker.lock);
    q->news.state = to;
    if (to == BLK_QUEUE_BROKEN)
        snprintf(q->news.why, sizeof(q->news.why), "queue %u: %s", q->number,
                 why);
    pthread_mutex_unlock(&q->worker.lock);
    eventfd_write(q->disk->news_fd, 1);
}

static void connect(struct blk_queue *q)
{
    struct err e = { 0 };
    int rc;

    if (q->link.resume)
        blk_serve_sort(q);
    rc = blk_ring_attach(&q->ring, q->link.ring, q->link.ring_pages,
                         q->link.abi, q->journal, q->link.resume);
    if (rc < 0) {
        queue_move(q, BLK_QUEUE_BROKEN, RING_LIES);
        return;
    }
    rc = blk_serve_open(q, &e);
    if (rc < 0) {
        blk_serve_close(q);
        q->ring = (struct blk_ring){ 0 };
        queue_move(q, BLK_QUEUE_BROKEN, e.text);
        return;
    }
    queue_move(q, BLK_QUEUE_SERVING, q->link.resume ? "resumed" : "connected");
    kick_start(&q->kick, q->loop, q->link.evt, q->link.port,
               &q->journal->stats.kicks, &q->journal->stats.idle_kicks);
    if (q->link.resume)
        blk_serve_recover(q);
}

static void drain(struct blk_queue *q)
{
    if (q->state == BLK_QUEUE_IDLE || q->state == BLK_QUEUE_DRAINING)
        return;
    queue_move(q, BLK_QUEUE_DRAINING, "disconnect");
    q->give_up_ns = loop_now_ns() + GIVE_UP_NS; /* in turn() */
}

static bool is_quiet(const struct blk_queue *q)
{
    return q->nr_taken == 0 && kick_stopped(&q->kick) && !q->limit_ev.busy &&
           !q->trim_ev.busy;
}

/* All is answered: nothing of the guest's is used any more. */
static void drained(struct blk_queue *q)
{
    kick_stop(&q->kick);
    loop_cancel(q->loop, &q->limit_ev);
    loop_cancel(q->loop, &q->trim_ev);
    if (!is_quiet(q))
        return;
    if (q->slot)
        blk_serve_close(q);
    q->ring = (struct blk_ring){ 0 };
    queue_move(q, BLK_QUEUE_IDLE, "drained");
}

static void on_order(struct loop_event *ev, int res)
{
    struct blk_queue *q = CONTAINER_OF(ev, struct blk_queue, order_ev);
    bool do_connect, do_disconnect;
    int fd;

    (void)res;
    worker_woken(&q->worker);
    pthread_mutex_lock(&q->worker.lock);
    do_connect = q->order.connect;
    do_disconnect = q->order.disconnect;
    q->quit |= q->order.quit;
    fd = q->order.socket;
    if (do_connect)
        q->link = q->order.link;
    q->order.connect = q->order.disconnect = false;
    q->order.socket = -1;
    pthread_mutex_unlock(&q->worker.lock);
    loop_poll(q->loop, q->worker.order_fd, POLLIN, &q->order_ev);
    if (fd >= 0)
        q->disk->store->ops->reconnect(q->store, fd);
    if (do_connect && q->state == BLK_QUEUE_IDLE)
        connect(q);
    if (do_disconnect)
        drain(q);
}

static void on_limit(struct loop_event *ev, int res)
{
    (void)ev, (void)res; /* blk_serve_start() looks again in each turn */
}

static void on_trim(struct loop_event *ev, int res)
{
    struct blk_queue *q = CONTAINER_OF(ev, struct blk_queue, trim_ev);

    if (res == -ECANCELED || q->nr_taken > 0)
        return;
    if (loop_now_ns() - q->last_busy_ns >= TRIM_AFTER_NS)
        blk_pool_trim(&q->pool, TRIM_KEEP);
}

/* About to wait, with nothing under way: memory goes back after a while. */
static void plan_trim(struct blk_queue *q)
{
    if (q->nr_taken == 0 && q->pool.touched > TRIM_KEEP && !q->trim_ev.busy)
        loop_timer(q->loop, TRIM_AFTER_NS + TRIM_AFTER_NS / 10, &q->trim_ev);
}

/* Returns true when there is more to do at once. */
static bool serve(struct blk_queue *q)
{
    int nr = blk_serve_pass(q);

    if (nr < 0) {
        queue_move(q, BLK_QUEUE_BROKEN, RING_LIES);
        return false;
    }
    kick_judge(&q->kick, nr > 0);
    if (nr > 0) {
        q->last_busy_ns = q->now_ns;
        spin_found(&q->spin, q->now_ns);
    }
    return nr > 0;
}

/* All is answered: look at the ring for as long as that pays (spin.h). */
static bool comes_soon(struct blk_queue *q)
{
    uint64_t now_ns = loop_now_ns(), until_ns;

    if (q->nr_answered)
        spin_served(&q->spin, now_ns - q->awake_ns, q->nr_answered);
    q->awake_ns = now_ns;
    q->nr_answered = 0;
    until_ns = spin_until(&q->spin, now_ns);
    if (!until_ns)
        return false;
    do {
        if (blk_ring_has(&q->ring))
            return true;
        __builtin_ia32_pause();
    } while (loop_now_ns() < until_ns);
    spin_missed(&q->spin);
    return false;
}

/* May we wait?  Asks the guest for an event first. */
static bool may_wait(struct blk_queue *q)
{
    if (q->done.first)
        return false;
    if (q->state != BLK_QUEUE_SERVING)
        return true;
    /* What cannot be taken now wakes us when it can. */
    if (q->waiting.first || !q->free)
        return true;
    if (q->nr_taken == 0 && comes_soon(q))
        return false;
    if (blk_ring_arm(&q->ring))
        return false;
    kick_unmask(&q->kick);
    plan_trim(q);
    return true;
}

/*
 * One turn.  A store that answers while we submit (a RAM disk, the page cache)
 * is given the chance before the guest is asked for an event: it then needs
 * none.  Whether it is one is tried anew from time to time.
 */
static void turn(struct blk_queue *q)
{
    bool more = false, wait;
    uint32_t nr;

    q->now_ns = loop_now_ns();
    if (q->slot) {
        if (q->state == BLK_QUEUE_SERVING)
            more = serve(q);
        if (!more || q->nr_done_segs >= FINISH_SEGS)
            blk_serve_finish(q);
        blk_serve_start(q);
        q->disk->store->ops->flush(q->store);
        /* Each time: what waited for a limit or a buffer comes after it. */
        if (q->state == BLK_QUEUE_DRAINING)
            q->disk->store->ops->give_up(q->store, q->give_up_ns);
    }
    if (q->state == BLK_QUEUE_DRAINING && q->nr_taken == 0)
        drained(q);
    if (more && (q->is_inline || q->nr_turns++ % 64 == 0)) {
        nr = loop_turn(q->loop, false);
        q->is_inline = nr > 0 && q->done.first;
        return;
    }
    wait = q->slot ? may_wait(q) : true;
    loop_turn(q->loop, wait);
    if (wait)
        q->awake_ns = loop_now_ns();
}

static int open_loop(struct blk_queue *q, struct err *e)
{
    const struct blk_store_ops *ops = q->disk->store->ops;
    int fixed[4 + 1], nr, rc;

    nr = ops->fixed(q->disk->store, q->number, fixed);
    fixed[nr++] = q->disk->journal_fd;
    rc = loop_open(&q->loop, LOOP_ENTRIES, fixed, (uint32_t)nr, e);
    if (rc == 0)
        rc = ops->attach(q->disk->store, q->number, q->loop, &q->store, e);
    return rc;
}

static void *run(void *arg)
{
    struct blk_queue *q = arg;
    int rc = open_loop(q, q->worker.open_err);

    worker_opened(&q->worker, rc);
    if (rc < 0)
        return NULL;
    loop_poll(q->loop, q->worker.order_fd, POLLIN, &q->order_ev);
    while (!q->quit)
        turn(q);
    q->disk->store->ops->detach(q->store);
    return NULL;
}

static struct blk_queue *queue_new(struct blk_disk *d, uint32_t number)
{
    struct blk_queue *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    q->disk = d;
    q->number = number;
    q->journal = &d->journal->queue[number];
    q->order.socket = -1;
    q->order_ev.fn = on_order;
    q->limit_ev.fn = on_limit;
    q->trim_ev.fn = on_trim;
    slot_list_init(&q->waiting);
    slot_list_init(&q->done);
    return q;
}

static void queue_free(struct blk_queue *q)
{
    loop_close(q->loop);
    worker_free(&q->worker);
    free(q);
}

int blk_queue_open(struct blk_disk *d, uint32_t number, struct blk_queue **out,
                   struct err *e)
{
    struct blk_queue *q = queue_new(d, number);
    int rc;

    if (!q)
        return fail(e, -ENOMEM, "queue %u: no memory", number);
    rc = worker_init(&q->worker, number, e);
    if (rc == 0)
        rc = worker_start(&q->worker, run, q, e);
    if (rc < 0) {
        queue_free(q);
        return rc;
    }
    *out = q;
    return 0;
}

void blk_queue_close(struct blk_queue *q)
{
    if (!q)
        return;
    pthread_mutex_lock(&q->worker.lock);
    q->order.quit = true;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
    worker_join(&q->worker);
    queue_free(q);
}

void blk_queue_connect(struct blk_queue *q, const struct blk_link *link)
{
    pthread_mutex_lock(&q->worker.lock);
    q->order.connect = true;
    q->order.link = *link;
    /* It is not idle from here on, though it may hear of this later. */
    q->news.state = BLK_QUEUE_SERVING;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
}

void blk_queue_disconnect(struct blk_queue *q)
{
    pthread_mutex_lock(&q->worker.lock);
    q->order.disconnect = true;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
}

void blk_queue_look(struct blk_queue *q)
{
    worker_wake(&q->worker); /* each turn tries what waits */
}

void blk_queue_socket(struct blk_queue *q, int fd)
{
    int old;

    pthread_mutex_lock(&q->worker.lock);
    old = q->order.socket;
    q->order.socket = fd;
    pthread_mutex_unlock(&q->worker.lock);
    if (old >= 0)
        close(old);
    worker_wake(&q->worker);
}

enum blk_queue_state blk_queue_state(struct blk_queue *q, char why[BLK_TEXT])
{
    enum blk_queue_state s;

    pthread_mutex_lock(&q->worker.lock);
    s = q->news.state;
    if (s == BLK_QUEUE_BROKEN)
        memcpy(why, q->news.why, BLK_TEXT);
    pthread_mutex_unlock(&q->worker.lock);
    return s;
}
