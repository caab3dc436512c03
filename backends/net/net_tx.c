/* SPDX-License-Identifier: MIT */
/*
 * net_tx.c - from the guest to the tap: ring, check, copy, write, answer
 *
 * How this works: a pass takes what is on the ring, checks it, and fetches all
 * slots of all packets in one grant copy, each into a page of its own.  Heads
 * are parsed then, addresses judged, and each packet is one write, of the tap's
 * header and the slots; they go to the tap by one system call, which completes
 * them at once as a rule.  Answers go in ring order, as far as packets are
 * done, with one push and at most one event.
 *
 * The next pass is taken when the last one is answered: nothing grows.  A
 * packet that meets the rate holds those behind it, for as long as that says.
 */
#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/net/net_head.h"
#include "backends/net/net_queue_priv.h"
#include "backends/net/net_spoof.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/log.h"

/* Room before a slot's data, so that header and data are one piece. */
#define LEAD_BYTES 16u
#define PAGES_BYTES ((size_t)NET_RING_SLOTS * PAGE_BYTES)

static void on_written(struct loop_event *ev, int res);
static void on_rate(struct loop_event *ev, int res);

int net_tx_open(struct net_queue *q, struct err *e)
{
    struct net_tx *t = &q->tx;

    t->pages = mmap(NULL, PAGES_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (t->pages == MAP_FAILED)
        t->pages = NULL;
    t->wire = calloc(NET_RING_SLOTS, sizeof(*t->wire));
    t->out = calloc(NET_RING_SLOTS, sizeof(*t->out));
    t->iov = calloc(2 * NET_RING_SLOTS, sizeof(*t->iov));
    if (!t->pages || !t->wire || !t->out || !t->iov)
        return fail(e, -ENOMEM, "queue %u: no memory", q->number);
    t->pass.nr_packets = t->answered = t->sent = 0;
    t->rate_ev.fn = on_rate;
    for (uint32_t i = 0; i < NET_RING_SLOTS; i++) {
        t->out[i].queue = q;
        t->out[i].ev.fn = on_written;
    }
    return 0;
}

void net_tx_close(struct net_queue *q)
{
    struct net_tx *t = &q->tx;

    assert(t->nr_writing == 0);
    if (t->pages)
        munmap(t->pages, PAGES_BYTES);
    free(t->wire);
    free(t->out);
    free(t->iov);
    t->pages = NULL;
    t->wire = NULL;
    t->out = NULL;
    t->iov = NULL;
    t->ring = (struct net_ring){ 0 };
}

static void push(struct net_queue *q)
{
    if (!net_ring_push(&q->tx.ring))
        return;
    q->journal->stats.notifies++;
    evt_notify(q->link.tx_evt, q->link.tx_port);
}

/* The guest may not know of what was answered: it is told in any case. */
int net_tx_attach(struct net_queue *q)
{
    struct net_ring *r = &q->tx.ring;
    int rc = net_ring_attach(r, NET_RING_TX, q->link.tx_ring, q->journal,
                             q->link.resume);

    if (rc < 0 || !q->link.resume)
        return rc;
    net_ring_answer_tx(r, net_ring_taken(r), NETIF_RSP_DROPPED);
    push(q);
    return 0;
}

bool net_tx_over(const struct net_queue *q)
{
    return q->tx.answered == q->tx.pass.nr_packets;
}

static void done(struct net_out *o, int16_t status)
{
    o->status = status;
    o->done = true;
}

static struct iovec *iov_of(struct net_tx *t, uint32_t number)
{
    return &t->iov[t->pass.packet[number].first_slot + number];
}

/*
 * Where the bytes of a packet will be: iov[0] is the tap's header, the others
 * are the slots.  The pieces to fetch have the slots' own numbers.
 */
static void place(struct net_queue *q, uint32_t number)
{
    struct net_tx *t = &q->tx;
    const struct net_packet *p = &t->pass.packet[number];
    struct iovec *iov = iov_of(t, number);

    iov[0] = (struct iovec){ &t->out[number].hdr, HDR_BYTES };
    for (uint32_t i = 0; i < p->nr_slots; i++) {
        uint32_t nr = p->first_slot + i;
        const struct net_slot *s = &t->pass.slot[nr];
        uint8_t *at = t->pages + (size_t)nr * PAGE_BYTES;

        if (i == 0 && s->len <= PAGE_BYTES - LEAD_BYTES) {
            at += LEAD_BYTES;
            iov[0].iov_base = at - HDR_BYTES;
        }
        iov[1 + i] = (struct iovec){ at, s->len };
        q->piece[nr] = (struct gnt_piece){
            .ref = s->ref,
            .off_bytes = s->off,
            .len_bytes = s->len,
            .ours = at,
        };
    }
}

static bool was_fetched(const struct net_queue *q, const struct net_packet *p)
{
    bool well = true;

    for (uint32_t i = 0; i < p->nr_slots; i++)
        well &= !q->piece[p->first_slot + i].failed;
    return well;
}

/* Its bytes are here: may it go, and with what header? */
static void judge(struct net_queue *q, uint32_t number)
{
    struct net_tx *t = &q->tx;
    const struct net_packet *p = &t->pass.packet[number];
    struct net_stats *st = &q->journal->stats;
    struct iovec *iov = iov_of(t, number);
    struct virtio_net_hdr hdr = { 0 };
    const char *why = p->drop;
    struct net_head head;

    if (!why && !was_fetched(q, p))
        why = "a grant that is none";
    if (!why) {
        net_head_read(&head, iov + 1, p->nr_slots);
        why = net_spoof(&q->rules, &head);
        if (why) {
            st->tx_spoofed++;
            done(&t->out[number], NETIF_RSP_DROPPED);
            log_debug("%s: queue %u: %s", q->card->name, q->number, why);
            return;
        }
        why = net_head_to_tap(p, &head, iov + 1, p->nr_slots, &hdr);
    }
    if (why) {
        st->tx_errors++;
        done(&t->out[number], NETIF_RSP_ERROR);
        log_debug("%s: queue %u: dropped: %s", q->card->name, q->number, why);
        return;
    }
    memcpy(iov[0].iov_base, &hdr, HDR_BYTES);
}

int net_tx_take(struct net_queue *q, struct err *e)
{
    struct net_tx *t = &q->tx;
    int nr, rc;

    if (!net_tx_over(q))
        return 0;
    nr = net_ring_take_tx(&t->ring, NET_RING_SLOTS, t->wire);
    if (nr < 0)
        return fail(e, nr, "the transmit ring claims more than it can hold");
    if (nr == 0)
        return 0;
    q->journal->stats.passes++;
    rc = net_check(t->wire, (uint32_t)nr, &t->pass, e);
    t->answered = t->sent = 0;
    for (uint32_t i = 0; i < t->pass.nr_packets; i++) {
        t->out[i].done = false;
        if (!t->pass.packet[i].drop)
            place(q, i);
    }
    net_queue_copy(q, t->pass.nr_slots);
    for (uint32_t i = 0; i < t->pass.nr_packets; i++)
        judge(q, i);
    return rc < 0 ? rc : nr;
}

static void write_out(struct net_queue *q, uint32_t number)
{
    struct net_tx *t = &q->tx;
    struct iovec *iov = iov_of(t, number);
    uint32_t nr = 1u + t->pass.packet[number].nr_slots;
    struct loop_event *ev = &t->out[number].ev;

    if ((uint8_t *)iov[0].iov_base + HDR_BYTES == iov[1].iov_base) {
        iov[1].iov_base = iov[0].iov_base;
        iov[1].iov_len += HDR_BYTES;
        iov++;
        nr--;
    }
    t->nr_writing++;
    if (nr == 1)
        loop_write(q->loop, iov->iov_base, (uint32_t)iov->iov_len, 0, ev);
    else
        loop_writev(q->loop, iov, nr, 0, ev);
}

static void on_written(struct loop_event *ev, int res)
{
    struct net_out *o = CONTAINER_OF(ev, struct net_out, ev);
    struct net_queue *q = o->queue;
    struct net_stats *st = &q->journal->stats;
    const struct net_packet *p = &q->tx.pass.packet[o - q->tx.out];

    q->tx.nr_writing--;
    if (res < 0) { /* its interface is down, perhaps */
        st->tx_dropped++;
        done(o, NETIF_RSP_DROPPED);
        return;
    }
    st->tx_packets++;
    st->tx_bytes += p->len;
    st->tx_gso += p->gso_size != 0;
    done(o, NETIF_RSP_OKAY);
}

static void on_rate(struct loop_event *ev, int res)
{
    (void)ev, (void)res; /* net_tx_send() looks again in each turn */
}

/* May it go now?  A guest that leaves does not wait for it. */
static bool may_go(struct net_queue *q, const struct net_packet *p)
{
    uint64_t wait_ns = net_rate_take(&q->card->rate, p->len, q->now_ns);

    if (wait_ns == 0 || q->state == NET_QUEUE_DRAINING)
        return true;
    if (!q->tx.rate_ev.busy) {
        q->journal->stats.waits++;
        loop_timer(q->loop, wait_ns, &q->tx.rate_ev);
    }
    return false;
}

void net_tx_send(struct net_queue *q)
{
    struct net_tx *t = &q->tx;

    while (t->sent < t->pass.nr_packets) {
        if (!t->out[t->sent].done) {
            if (!may_go(q, &t->pass.packet[t->sent]))
                return;
            write_out(q, t->sent);
        }
        t->sent++;
    }
}

void net_tx_finish(struct net_queue *q)
{
    struct net_tx *t = &q->tx;
    uint32_t first = t->answered;

    while (t->answered < t->sent && t->out[t->answered].done) {
        net_ring_answer_tx(&t->ring, t->pass.packet[t->answered].nr_wires,
                           t->out[t->answered].status);
        t->answered++;
    }
    q->nr_served += t->answered - first;
    if (t->answered != first)
        push(q);
}

void net_tx_cancel(struct net_queue *q)
{
    loop_cancel(q->loop, &q->tx.rate_ev);
    for (uint32_t i = 0; q->tx.nr_writing > 0 && i < q->tx.sent; i++)
        loop_cancel(q->loop, &q->tx.out[i].ev);
}

void net_tx_trim(struct net_queue *q)
{
    if (net_tx_over(q))
        madvise(q->tx.pages, PAGES_BYTES, MADV_DONTNEED);
}
