/* SPDX-License-Identifier: MIT */
/*
 * net_queue.c - one queue: its thread, what wakes it, and when it may sleep
 *
 * How this works: each turn answers what is done, takes what is on the transmit
 * ring and gives it to the tap, gives the guest what came from there, and asks
 * the tap for more; then one system call submits all of it, and waits if
 * nothing else is to be done.  Before it waits, the queue looks for more for as
 * long as that pays (spin.h), on the ring and at what the tap has answered;
 * then it asks the guest for events and looks once more, so that none is missed
 * and none is sent while it is awake.  An event for buffers is asked for only
 * while packets wait.
 */
#include "backends/net/net_queue.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/mman.h>
#include <unistd.h>

#include "backends/net/net_queue_priv.h"
#include "common/err.h"
#include "common/log.h"

#define LOOP_ENTRIES 256u
#define TRIM_AFTER_NS 1000000000u
#define SCRATCH_BYTES gnt_copy_scratch_bytes(NET_RING_SLOTS)

static void on_order(struct loop_event *ev, int res);
static void on_trim(struct loop_event *ev, int res);

static const uint8_t queue_next[] = {
    [NET_QUEUE_IDLE] = BIT(NET_QUEUE_SERVING) | BIT(NET_QUEUE_BROKEN),
    [NET_QUEUE_SERVING] = BIT(NET_QUEUE_DRAINING) | BIT(NET_QUEUE_BROKEN),
    [NET_QUEUE_DRAINING] = BIT(NET_QUEUE_IDLE),
    [NET_QUEUE_BROKEN] = BIT(NET_QUEUE_DRAINING),
};
_Static_assert(ARRAY_SIZE(queue_next) == NET_QUEUE_STATES, "queue_next");

/* The only writer of q->state; main hears of it. */
static void queue_move(struct net_queue *q, enum net_queue_state to,
                       const char *why)
{
    static const char *const name[] = { "idle", "serving", "draining",
                                        "broken" };

    assert(queue_next[q->state] & BIT(to));
    log_info("%s: queue %u: %s -> %s: %s", q->card->name, q->number,
             name[q->state], name[to], why);
    q->state = to;
    pthread_mutex_lock(&q->worker.lock);
    q->news.state = to;
    if (to == NET_QUEUE_IDLE)
        q->news.stalled = false;
    if (to == NET_QUEUE_BROKEN)
        snprintf(q->news.why, sizeof(q->news.why), "queue %u: %s", q->number,
                 why);
    pthread_mutex_unlock(&q->worker.lock);
    eventfd_write(q->card->news_fd, 1);
}

void net_queue_tell_stalled(struct net_queue *q, bool stalled)
{
    log_info("%s: queue %u: the guest takes %s", q->card->name, q->number,
             stalled ? "no packets" : "packets again");
    pthread_mutex_lock(&q->worker.lock);
    q->news.stalled = stalled;
    pthread_mutex_unlock(&q->worker.lock);
    eventfd_write(q->card->news_fd, 1);
}

void net_queue_copy(struct net_queue *q, uint32_t nr_pieces)
{
    struct err e = { 0 };

    if (nr_pieces == 0)
        return;
    q->journal->stats.copies++;
    if (gnt_copy(q->card->gnt, q->card->domid, q->piece, nr_pieces, q->scratch,
                 &e) < 0)
        log_debug("%s: %s", q->card->name, e.text);
}

/* --- connect and disconnect -------------------------------------------- */

static void start_kicks(struct net_queue *q)
{
    const struct net_link *l = &q->link;
    struct net_stats *st = &q->journal->stats;

    kick_start(&q->tx_kick, q->loop, l->tx_evt, l->tx_port, &st->kicks,
               &st->idle_kicks);
    if (l->rx_evt != l->tx_evt)
        kick_start(&q->rx_kick, q->loop, l->rx_evt, l->rx_port, &st->kicks,
                   &st->idle_kicks);
}

static int open_memory(struct net_queue *q, struct err *e)
{
    int rc = net_tx_open(q, e);

    if (rc == 0)
        rc = net_rx_open(q, e);
    return rc;
}

static void close_memory(struct net_queue *q)
{
    net_tx_close(q);
    net_rx_close(q);
    q->attached = false;
    q->is_touched = false;
}

static void connect(struct net_queue *q)
{
    struct err e = { 0 };
    int rc = open_memory(q, &e);

    if (rc == 0) {
        rc = net_tx_attach(q);
        if (rc == 0)
            rc = net_rx_attach(q);
        if (rc < 0)
            fail(&e, rc, "a ring claims more requests than it can hold");
    }
    if (rc < 0) {
        close_memory(q);
        queue_move(q, NET_QUEUE_BROKEN, e.text);
        return;
    }
    q->attached = true;
    queue_move(q, NET_QUEUE_SERVING, q->link.resume ? "resumed" : "connected");
    start_kicks(q);
}

static bool is_quiet(const struct net_queue *q)
{
    return q->tx.nr_writing == 0 && !q->tx.rate_ev.busy && net_rx_over(q) &&
           kick_stopped(&q->tx_kick) && kick_stopped(&q->rx_kick) &&
           !q->trim_ev.busy;
}

/* All is answered: nothing of the guest's is used any more. */
static void drained(struct net_queue *q)
{
    kick_stop(&q->tx_kick);
    kick_stop(&q->rx_kick);
    loop_cancel(q->loop, &q->trim_ev);
    if (q->attached) {
        net_tx_cancel(q);
        net_rx_cancel(q);
    }
    if (!is_quiet(q))
        return;
    if (q->attached)
        close_memory(q);
    queue_move(q, NET_QUEUE_IDLE, "drained");
}

static void on_order(struct loop_event *ev, int res)
{
    struct net_queue *q = CONTAINER_OF(ev, struct net_queue, order_ev);
    bool do_connect, do_disconnect;

    (void)res;
    worker_woken(&q->worker);
    pthread_mutex_lock(&q->worker.lock);
    do_connect = q->order.connect;
    do_disconnect = q->order.disconnect;
    q->quit |= q->order.quit;
    if (do_connect)
        q->link = q->order.link;
    q->link.wiring.headroom = q->order.link.wiring.headroom;
    q->rules = q->order.rules;
    q->order.connect = q->order.disconnect = false;
    pthread_mutex_unlock(&q->worker.lock);
    loop_poll(q->loop, q->worker.order_fd, POLLIN, &q->order_ev);
    loop_cancel(q->loop, &q->tx.rate_ev); /* by the old rate */
    if (do_connect && q->state == NET_QUEUE_IDLE)
        connect(q);
    if (do_disconnect && q->state != NET_QUEUE_IDLE &&
        q->state != NET_QUEUE_DRAINING)
        queue_move(q, NET_QUEUE_DRAINING, "disconnect");
}

/* --- a turn ------------------------------------------------------------ */

static void on_trim(struct loop_event *ev, int res)
{
    struct net_queue *q = CONTAINER_OF(ev, struct net_queue, trim_ev);

    if (res == -ECANCELED || !q->attached ||
        loop_now_ns() - q->last_busy_ns < TRIM_AFTER_NS)
        return;
    net_tx_trim(q);
    net_rx_trim(q);
    q->is_touched = false;
}

/* About to wait: memory goes back after a while. */
static void plan_trim(struct net_queue *q)
{
    if (q->is_touched && !q->trim_ev.busy)
        loop_timer(q->loop, TRIM_AFTER_NS + TRIM_AFTER_NS / 10, &q->trim_ev);
}

static void judge_kicks(struct net_queue *q, bool sent, bool posted)
{
    bool split = q->link.rx_evt != q->link.tx_evt;

    kick_judge(&q->tx_kick, sent || (!split && posted));
    if (split)
        kick_judge(&q->rx_kick, posted);
}

/* Take what the guest has put.  Returns true if packets came. */
static bool take(struct net_queue *q)
{
    struct err e = { 0 };
    int posted = net_rx_fill(q), sent = 0;

    if (posted < 0)
        fail(&e, posted, "the receive ring claims more than it can hold");
    else
        sent = net_tx_take(q, &e);
    if (e.rc == 0 && net_rx_fault(q))
        fail(&e, -EIO, "%s", net_rx_fault(q));
    if (e.rc) {
        queue_move(q, NET_QUEUE_BROKEN, e.text);
        return false;
    }
    judge_kicks(q, sent > 0, posted > 0);
    return sent > 0;
}

/* Returns true when there is more to do at once. */
static bool serve(struct net_queue *q)
{
    bool busy = false;

    net_tx_finish(q);
    if (q->state == NET_QUEUE_SERVING)
        busy = take(q);
    net_tx_send(q);
    if (q->state == NET_QUEUE_SERVING) {
        busy |= net_rx_deliver(q);
        net_rx_read(q);
    }
    if (busy) {
        q->last_busy_ns = q->now_ns;
        q->is_touched = true;
        spin_found(&q->spin, q->now_ns);
    }
    return busy;
}

/*
 * All is answered: look for as long as that pays (spin.h).  Who waits for
 * buffers or for the rate has nothing to take, and does not.
 */
static bool comes_soon(struct net_queue *q)
{
    uint64_t now_ns = loop_now_ns(), until_ns;

    if (!net_tx_over(q) || net_rx_waits(q))
        return false;
    if (q->nr_served)
        spin_served(&q->spin, now_ns - q->awake_ns, q->nr_served);
    q->awake_ns = now_ns;
    q->nr_served = 0;
    until_ns = spin_until(&q->spin, now_ns);
    if (!until_ns)
        return false;
    do {
        if (net_ring_has(&q->tx.ring) || loop_has(q->loop)) {
            q->awake_ns = loop_now_ns(); /* a look is no work */
            return true;
        }
        __builtin_ia32_pause();
    } while (loop_now_ns() < until_ns);
    spin_missed(&q->spin);
    return false;
}

/* May we wait?  Asks the guest for events first. */
static bool may_wait(struct net_queue *q)
{
    if (q->state != NET_QUEUE_SERVING)
        return true;
    if (comes_soon(q))
        return false;
    /* A pass that is not over wakes us when it is. */
    if (net_tx_over(q) && net_ring_arm(&q->tx.ring))
        return false;
    if (net_rx_waits(q) && net_ring_arm(&q->rx.ring))
        return false;
    kick_unmask(&q->tx_kick);
    kick_unmask(&q->rx_kick);
    plan_trim(q);
    return true;
}

static void turn(struct net_queue *q)
{
    bool busy = false, wait;

    q->now_ns = loop_now_ns();
    if (q->attached)
        busy = serve(q);
    if (q->state == NET_QUEUE_DRAINING) {
        if (q->attached && !net_tx_over(q))
            net_tx_cancel(q); /* what the tap does not take at once */
        else
            drained(q);
    }
    wait = !busy && may_wait(q);
    loop_turn(q->loop, wait);
    if (wait) {
        q->awake_ns = loop_now_ns();
        q->nr_served = 0;
    }
}

/* --- the thread -------------------------------------------------------- */

static int open_loop(struct net_queue *q, struct err *e)
{
    const int fixed[] = { q->card->tap_fd[q->number], q->card->journal_fd };

    return loop_open(&q->loop, LOOP_ENTRIES, fixed, ARRAY_SIZE(fixed), e);
}

static void *run(void *arg)
{
    struct net_queue *q = arg;
    int rc = open_loop(q, q->worker.open_err);

    worker_opened(&q->worker, rc);
    if (rc < 0)
        return NULL;
    loop_poll(q->loop, q->worker.order_fd, POLLIN, &q->order_ev);
    while (!q->quit)
        turn(q);
    return NULL;
}

static void queue_free(struct net_queue *q)
{
    loop_close(q->loop);
    if (q->scratch)
        munmap(q->scratch, SCRATCH_BYTES);
    worker_free(&q->worker);
    free(q);
}

static struct net_queue *queue_new(struct net_card *c, uint32_t number)
{
    struct net_queue *q = calloc(1, sizeof(*q));

    if (!q)
        return NULL;
    q->card = c;
    q->number = number;
    q->journal = &c->journal->queue[number];
    q->order_ev.fn = on_order;
    q->trim_ev.fn = on_trim;
    q->scratch = mmap(NULL, SCRATCH_BYTES, PROT_READ | PROT_WRITE,
                      MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    if (q->scratch == MAP_FAILED)
        q->scratch = NULL;
    return q;
}

int net_queue_open(struct net_card *c, uint32_t number, struct net_queue **out,
                   struct err *e)
{
    struct net_queue *q = queue_new(c, number);
    int rc;

    if (!q)
        return fail(e, -ENOMEM, "queue %u: no memory", number);
    rc = worker_init(&q->worker, number, e);
    if (rc == 0 && !q->scratch)
        rc = fail(e, -ENOMEM, "queue %u: no memory", number);
    if (rc == 0)
        rc = worker_start(&q->worker, run, q, e);
    if (rc < 0) {
        queue_free(q);
        return rc;
    }
    *out = q;
    return 0;
}

void net_queue_close(struct net_queue *q)
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

void net_queue_connect(struct net_queue *q, const struct net_link *link)
{
    pthread_mutex_lock(&q->worker.lock);
    q->order.connect = true;
    q->order.link = *link;
    /* It is not idle from here on, though it may hear of this later. */
    q->news.state = NET_QUEUE_SERVING;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
}

void net_queue_disconnect(struct net_queue *q)
{
    pthread_mutex_lock(&q->worker.lock);
    q->order.disconnect = true;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
}

void net_queue_rules(struct net_queue *q, const struct net_rules *rules)
{
    pthread_mutex_lock(&q->worker.lock);
    q->order.rules = *rules;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
}

void net_queue_headroom(struct net_queue *q, uint16_t bytes)
{
    pthread_mutex_lock(&q->worker.lock);
    q->order.link.wiring.headroom = bytes;
    pthread_mutex_unlock(&q->worker.lock);
    worker_wake(&q->worker);
}

void net_queue_news(struct net_queue *q, struct net_queue_news *out)
{
    pthread_mutex_lock(&q->worker.lock);
    *out = q->news;
    pthread_mutex_unlock(&q->worker.lock);
}
