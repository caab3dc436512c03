/* SPDX-License-Identifier: MIT */
/*
 * fuzz_net_serve.c - from rings that are anything to the tap, and back
 *
 * The queue's own passes over a fake guest's pages, with a loop and a tap in
 * memory, which takes packets at once or later.  Whatever the guest writes, and
 * whatever another guest sent to it: the tap gets frames that fit their header,
 * each slot is answered once, and in the end nothing is taken or out.
 *
 * Input: a setup, then steps, each with bytes: of one of the rings, of a page
 * that the guest grants (FAKE_IO_FIRST_REF and on; every fourth may only be
 * read), or a packet that comes by the tap, header and all.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/net_queue_priv.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/fakes/fake_io.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

#define GUEST 7u
#define PORT 4u
#define PAGES 24u

struct setup {
    uint8_t flags, hold; /* hold: of 8 writes each, those that wait */
    uint16_t headroom;
    uint32_t first_index;
};

enum { TO_TX_RING, TO_RX_RING, TO_PAGE, FROM_TAP };

struct step {
    uint8_t what; /* the above; 4: what the tap held is done; 8: a pass */
    uint8_t page;
    uint16_t at, len; /* bytes that follow go there */
    uint8_t tx_by, rx_by;
};

static struct {
    struct net_card card;
    struct net_queue queue;
    struct net_journal_queue journal;
    struct evt *evt;
    uint8_t tx[PAGE_BYTES] __attribute__((aligned(4096)));
    uint8_t rx[PAGE_BYTES] __attribute__((aligned(4096)));
    uint8_t packet[NET_FRAME_RX_MAX + 1 + HDR_BYTES];
    uint8_t hold;
    uint32_t nr_written;
    struct loop_event *held[NET_RING_SLOTS];
    uint32_t held_bytes[NET_RING_SLOTS], nr_held;
    struct {
        struct loop_event *ev;
        void *to;
        uint32_t room;
    } read[RX_BUFFERS];
    uint32_t nr_reads;
    uint64_t now_ns;
} t;

/* ---- the loop and the tap ---- */

static void complete(struct loop_event *ev, int res)
{
    ev->busy = false;
    ev->fn(ev, res);
}

/* As tun.c would judge it. */
static void check_frame(const struct iovec *iov, uint32_t nr)
{
    struct virtio_net_hdr hdr;
    uint32_t len = 0;

    MUST(nr > 0 && iov[0].iov_len >= HDR_BYTES);
    memcpy(&hdr, iov[0].iov_base, HDR_BYTES);
    for (uint32_t i = 0; i < nr; i++) {
        uint64_t first = (uintptr_t)iov[i].iov_base;

        MUST(iov[i].iov_len > 0);
        for (uint64_t k = 0; k < iov[i].iov_len; k++)
            len += ((const volatile uint8_t *)(uintptr_t)first)[k] >= 0;
    }
    len -= HDR_BYTES;
    MUST(len >= NET_FRAME_MIN && len <= NET_FRAME_MAX);
    if (hdr.flags & VIRTIO_NET_HDR_F_NEEDS_CSUM)
        MUST((uint32_t)hdr.csum_start + hdr.csum_offset + 2 <= len);
    MUST(hdr.hdr_len <= len);
    MUST(hdr.gso_type == VIRTIO_NET_HDR_GSO_NONE || hdr.gso_size > 0);
}

void loop_writev(struct loop *l, const struct iovec *iov, uint32_t nr,
                 uint64_t off, struct loop_event *ev)
{
    uint32_t bytes = 0;

    (void)l, (void)off;
    MUST(!ev->busy);
    ev->busy = true;
    check_frame(iov, nr);
    for (uint32_t i = 0; i < nr; i++)
        bytes += (uint32_t)iov[i].iov_len;
    MUST(t.nr_held < NET_RING_SLOTS);
    t.held_bytes[t.nr_held] = bytes;
    t.held[t.nr_held++] = ev;
}

void loop_write(struct loop *l, const void *from, uint32_t len_bytes,
                uint64_t off, struct loop_event *ev)
{
    struct iovec iov = { (void *)from, len_bytes };

    loop_writev(l, &iov, 1, off, ev);
}

void loop_read(struct loop *l, void *to, uint32_t len_bytes, uint64_t off,
               struct loop_event *ev)
{
    (void)l, (void)off;
    MUST(!ev->busy && t.nr_reads < RX_BUFFERS);
    ev->busy = true;
    t.read[t.nr_reads].ev = ev;
    t.read[t.nr_reads].to = to;
    t.read[t.nr_reads++].room = len_bytes;
}

void loop_timer(struct loop *l, uint64_t after_ns, struct loop_event *ev)
{
    (void)l, (void)after_ns;
    MUST(!ev->busy);
    ev->busy = true; /* until it is cancelled */
}

void loop_cancel(struct loop *l, struct loop_event *ev)
{
    (void)l;
    if (ev->busy)
        complete(ev, -ECANCELED);
}

/* What the tap has not taken yet, the last one first; all, or not those that
   hold says. */
static void take_held(bool all)
{
    uint32_t nr = t.nr_held, kept = 0;

    for (uint32_t i = nr; i-- > 0;) {
        struct loop_event *ev = t.held[i];
        uint32_t bytes = t.held_bytes[i];

        if (!all && (t.hold & BIT(t.nr_written++ % 8)))
            continue;
        t.held[i] = NULL;
        complete(ev, bytes % 7 == 3 ? -EIO : (int)bytes);
    }
    for (uint32_t i = 0; i < nr; i++)
        if (t.held[i]) {
            t.held_bytes[kept] = t.held_bytes[i];
            t.held[kept++] = t.held[i];
        }
    t.nr_held = kept;
}

/* It waits in the tap if nobody reads: then it is lost, here. */
static void packet_comes(uint32_t len)
{
    struct loop_event *ev;

    if (t.nr_reads == 0 || len == 0)
        return;
    ev = t.read[0].ev;
    memcpy(t.read[0].to, t.packet, MIN_OF(len, t.read[0].room));
    t.nr_reads--;
    memmove(t.read, t.read + 1, t.nr_reads * sizeof(t.read[0]));
    complete(ev, (int)MIN_OF(len, RX_BUFFER_PAGES * PAGE_BYTES));
}

/* ---- what net_queue.c does ---- */

void net_queue_copy(struct net_queue *q, uint32_t nr_pieces)
{
    struct err e = { 0 };

    MUST(nr_pieces <= NET_RING_SLOTS);
    if (nr_pieces)
        gnt_copy(q->card->gnt, q->card->domid, q->piece, nr_pieces, q->scratch,
                 &e);
}

void net_queue_tell_stalled(struct net_queue *q, bool stalled)
{
    MUST(q->rx.stalled == stalled);
}

static void pass(void)
{
    struct net_queue *q = &t.queue;
    struct err e = { 0 };

    q->now_ns = t.now_ns += 1000000;
    net_tx_finish(q);
    if (net_rx_fill(q) < 0 || net_tx_take(q, &e) < 0 || net_rx_fault(q))
        q->state = NET_QUEUE_BROKEN;
    net_tx_send(q);
    take_held(false);
    if (q->state == NET_QUEUE_SERVING) {
        net_rx_deliver(q);
        net_rx_read(q);
        MUST(q->rx.nr_ready + q->rx.nr_reading + q->rx.nr_free == RX_BUFFERS);
    }
    MUST(q->tx.answered <= q->tx.sent);
    MUST(t.journal.tx_cons - t.journal.tx_prod <= NET_RING_SLOTS);
    MUST(t.journal.rx_cons - t.journal.rx_prod <= NET_RING_SLOTS);
}

static uint8_t *place(const struct step *s)
{
    switch (s->what & 3) {
    case TO_TX_RING:
        return t.tx;
    case TO_RX_RING:
        return t.rx;
    case TO_PAGE:
        return fake_grant_page(GUEST, FAKE_IO_FIRST_REF + s->page % PAGES);
    default:
        return t.packet;
    }
}

static bool one_step(const struct step *s)
{
    bool tap = (s->what & 3) == FROM_TAP;
    uint32_t room = tap ? sizeof(t.packet) : PAGE_BYTES, at = s->at % room;
    uint32_t len = MIN_OF(s->len, room - at);

    if (!input(place(s) + at, MIN_OF(len, left)))
        return false;
    *(uint32_t *)(void *)t.tx += s->tx_by;
    *(uint32_t *)(void *)t.rx += s->rx_by;
    if (tap)
        packet_comes(at + len);
    if (s->what & 4)
        take_held(true);
    if (s->what & 8)
        pass();
    return true;
}

static void guest_up(void)
{
    struct fake_domain *d = &fake.domain[0];
    struct err e = { 0 };

    fake_reset();
    d->there = true;
    d->domid = GUEST;
    d->next_port = PORT + 1;
    for (uint32_t i = 0; i < PAGES; i++)
        fake_grant(GUEST, i % 4 == 3 ? FAKE_RO : FAKE_RW);
    MUST(gnt_open(&t.card.gnt, &e) == 0);
    MUST(evt_open(GUEST, &t.evt, &e) == 0);
    MUST(evt_bind(t.evt, PORT, &t.queue.link.tx_port, &e) == 0);
    t.queue.link.tx_evt = t.queue.link.rx_evt = t.evt;
    t.queue.link.rx_port = t.queue.link.tx_port;
}

static bool start(void)
{
    struct net_queue *q = &t.queue;
    struct setup how;
    struct err e = { 0 };

    if (!input(&how, sizeof(how)))
        return false;
    memset(&t, 0, sizeof(t));
    guest_up();
    t.hold = how.hold;
    t.card.name = "fuzz";
    t.card.domid = GUEST;
    t.card.stall_ns = 10000000; /* ten passes */
    q->card = &t.card;
    q->journal = &t.journal;
    q->state = NET_QUEUE_SERVING;
    q->rules.any_mac = !(how.flags & 1);
    q->link.wiring = (struct net_wiring){
        .nr_queues = 1,
        .sg = !(how.flags & 2),
        .gso_v4 = !(how.flags & 4),
        .gso_v6 = !(how.flags & 8),
        .csum_v4 = !(how.flags & 16),
        .csum_v6 = !(how.flags & 32),
        .rx_notify = !(how.flags & 64),
        .headroom = how.headroom % (NET_HEADROOM_MAX + 1),
    };
    q->scratch = malloc(gnt_copy_scratch_bytes(NET_RING_SLOTS));
    q->link.tx_ring = t.tx;
    q->link.rx_ring = t.rx;
    for (uint32_t i = 0; i < 12; i += 8) { /* req_prod, rsp_prod */
        memcpy(t.tx + i, &how.first_index, sizeof(how.first_index));
        memcpy(t.rx + i, &how.first_index, sizeof(how.first_index));
    }
    MUST(net_tx_open(q, &e) == 0 && net_rx_open(q, &e) == 0);
    MUST(net_tx_attach(q) == 0 && net_rx_attach(q) == 0);
    net_rx_read(q);
    return true;
}

static void end(void)
{
    struct net_queue *q = &t.queue;
    bool broken = q->state == NET_QUEUE_BROKEN;

    q->state = NET_QUEUE_DRAINING;
    net_tx_send(q);
    take_held(true);
    net_tx_finish(q);
    MUST(net_tx_over(q) && q->tx.nr_writing == 0);
    MUST(broken || t.journal.tx_cons == t.journal.tx_prod);
    net_tx_cancel(q);
    net_rx_cancel(q);
    MUST(net_rx_over(q) && q->rx.nr_free == RX_BUFFERS);
    net_tx_close(q);
    net_rx_close(q);
    free(q->scratch);
    evt_close(t.evt);
    gnt_close(t.card.gnt);
    fake_reset();
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    struct step s;

    log_set_level(LOG_LEVEL_ERR);
    in = data;
    left = data_bytes;
    if (!start())
        return 0;
    while (t.queue.state == NET_QUEUE_SERVING && input(&s, sizeof(s)))
        if (!one_step(&s))
            break;
    end();
    return 0;
}
