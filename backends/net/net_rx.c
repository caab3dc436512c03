/* SPDX-License-Identifier: MIT */
/*
 * net_rx.c - from the tap to the guest: read, copy, answer
 *
 * How this works: reads wait in the tap, as many as have been worth while of
 * late: one when little comes, RX_BUFFERS when all that were there came back at
 * once.  What came is put into the guest's buffers by one grant copy, and told
 * by one push and at most one event.
 *
 * A packet that finds no room in the guest's buffers is held, and nothing more
 * is read until it goes: the rest stays in the tap, whose queue is bounded.  A
 * guest that posts nothing for card->stall_ns is stalled: what is held is
 * dropped, and nothing is read until there is room again.  One that does not
 * tell when it posts (no rx_notify) is looked at every HUSH_NS, and never
 * stalls: what it has no room for is dropped after HUSH_DROP_NS, as netback
 * does.
 */
#include <assert.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/net/net_head.h"
#include "backends/net/net_queue_priv.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/log.h"

#define BUFFER_BYTES ((size_t)RX_BUFFER_PAGES * PAGE_BYTES)
#define READ_BYTES (HDR_BYTES + (RX_BUFFER_PAGES - 1) * PAGE_BYTES)
#define ERRORS_MAX 64u /* of reads, one behind the other */
#define HUSH_NS 5000000u
#define HUSH_DROP_NS 30000000u

static void on_read(struct loop_event *ev, int res);
static void on_stall(struct loop_event *ev, int res);

int net_rx_open(struct net_queue *q, struct err *e)
{
    struct net_rx *r = &q->rx;
    void *va = mmap(NULL, RX_BUFFERS * BUFFER_BYTES, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    *r = (struct net_rx){ .nr_wanted = 1, .stall_ev.fn = on_stall };
    if (va == MAP_FAILED)
        return fail(e, -ENOMEM, "queue %u: no memory", q->number);
    r->pages = va;
    for (uint32_t i = RX_BUFFERS; i-- > 0;) {
        r->in[i].queue = q;
        r->in[i].ev.fn = on_read;
        r->free[r->nr_free++] = (uint8_t)i;
    }
    return 0;
}

void net_rx_close(struct net_queue *q)
{
    struct net_rx *r = &q->rx;

    assert(r->nr_reading == 0);
    if (r->pages)
        munmap(r->pages, RX_BUFFERS * BUFFER_BYTES);
    *r = (struct net_rx){ 0 };
}

static void push(struct net_queue *q)
{
    if (!net_ring_push(&q->rx.ring))
        return;
    q->journal->stats.notifies++;
    evt_notify(q->link.rx_evt, q->link.rx_port);
}

/* Nobody knows what was published last: see net_ring_attach(). */
int net_rx_attach(struct net_queue *q)
{
    int rc = net_ring_attach(&q->rx.ring, NET_RING_RX, q->link.rx_ring,
                             q->journal, q->link.resume);

    if (rc == 0 && q->link.resume)
        push(q);
    return rc;
}

static uint8_t *frame_of(const struct net_rx *r, uint32_t buffer)
{
    return r->pages + buffer * BUFFER_BYTES + PAGE_BYTES;
}

/* --- the guest's buffers ----------------------------------------------- */

static void set_stalled(struct net_queue *q, bool stalled)
{
    q->rx.stalled = stalled;
    q->journal->stats.stalls += stalled;
    net_queue_tell_stalled(q, stalled);
}

int net_rx_fill(struct net_queue *q)
{
    uint32_t before = net_ring_taken(&q->rx.ring);
    int nr = net_ring_fill_rx(&q->rx.ring);

    if (nr < 0)
        return nr;
    if (q->rx.stalled && (uint32_t)nr >= q->rx.nr_needed)
        set_stalled(q, false);
    return nr - (int)before;
}

bool net_rx_waits(const struct net_queue *q)
{
    return q->rx.nr_ready > 0 || q->rx.stalled;
}

/* --- what came --------------------------------------------------------- */

static void take_first(struct net_rx *r)
{
    r->free[r->nr_free++] = r->ready[0];
    r->nr_ready--;
    memmove(r->ready, r->ready + 1, r->nr_ready);
}

static void drop_held(struct net_queue *q)
{
    struct net_rx *r = &q->rx;

    q->journal->stats.rx_dropped += r->nr_ready;
    while (r->nr_ready > 0)
        take_first(r);
    r->held_since_ns = 0;
}

/* A packet of the tap's, as the guest will have it. */
struct parcel {
    const struct net_in *in;
    uint8_t buffer;       /* number */
    uint32_t first_piece; /* of the copy */
    uint32_t nr_data, nr_extras;
    uint32_t len;
};

/* Once: a checksum may be filled in. */
static const char *parse(struct net_queue *q, uint8_t buffer)
{
    struct net_in *in = &q->rx.in[buffer];
    uint8_t *frame = frame_of(&q->rx, buffer);
    struct virtio_net_hdr hdr;

    if (in->is_parsed)
        return NULL;
    in->is_parsed = true;
    memcpy(&hdr, frame - HDR_BYTES, HDR_BYTES);
    return net_head_to_guest(&q->link.wiring, &hdr, frame, in->len, &in->head);
}

/* NULL, or why the guest cannot have the first of those that came. */
static const char *look(struct net_queue *q, struct parcel *p)
{
    const struct net_wiring *takes = &q->link.wiring;
    uint8_t buffer = q->rx.ready[0];
    const struct net_in *in = &q->rx.in[buffer];
    const char *why = parse(q, buffer);

    if (why)
        return why;
    *p = (struct parcel){ .in = in, .buffer = buffer, .len = in->len };
    p->nr_extras = (in->head.gso_size != 0) + (takes->headroom != 0);
    p->nr_data =
        net_check_rx_slots(p->len, takes->headroom, in->head.gso_size != 0) -
        p->nr_extras;
    if (p->nr_data > (takes->sg ? NET_SLOTS_MAX : 1u))
        return "it takes more slots than the guest does";
    return NULL;
}

static void add_pieces(struct net_queue *q, struct parcel *p, uint32_t slot,
                       uint32_t piece)
{
    uint32_t headroom = q->link.wiring.headroom, at = 0;
    uint8_t *frame = frame_of(&q->rx, p->buffer);

    p->first_piece = piece;
    for (uint32_t i = 0; i < p->nr_data; i++) {
        uint32_t len = MIN_OF(p->len - at, PAGE_BYTES - headroom);

        q->piece[piece++] = (struct gnt_piece){
            .ref = net_ring_buffer(&q->rx.ring, slot).ref,
            .off_bytes = (uint16_t)headroom,
            .len_bytes = (uint16_t)len,
            .to_guest = true,
            .ours = frame + at,
        };
        slot += i == 0 ? 1 + p->nr_extras : 1;
        at += len;
    }
}

static bool went(const struct net_queue *q, const struct parcel *p)
{
    bool well = true;

    for (uint32_t i = 0; i < p->nr_data; i++)
        well &= !q->piece[p->first_piece + i].failed;
    return well;
}

static void answer_extras(struct net_queue *q, const struct parcel *p)
{
    uint16_t headroom = q->link.wiring.headroom;
    uint8_t slot[NET_WIRE_RX_BYTES];

    if (p->in->head.gso_size) {
        net_wire_extra_gso(p->in->head.gso_type, p->in->head.gso_size,
                           headroom != 0, slot);
        net_ring_answer_extra(&q->rx.ring, slot);
    }
    if (headroom) {
        net_wire_extra_xdp(headroom, false, slot);
        net_ring_answer_extra(&q->rx.ring, slot);
    }
}

static void answer(struct net_queue *q, const struct parcel *p)
{
    uint16_t flags = p->in->head.flags | (p->nr_extras ? NETRXF_extra_info : 0);

    for (uint32_t i = 0; i < p->nr_data; i++) {
        const struct gnt_piece *c = &q->piece[p->first_piece + i];

        if (i + 1 < p->nr_data)
            flags |= NETRXF_more_data;
        net_ring_answer_rx(&q->rx.ring, c->off_bytes, flags,
                           (int16_t)c->len_bytes);
        if (i == 0)
            answer_extras(q, p);
        flags = 0;
    }
}

/* Each buffer back for itself: the guest has granted what is none. */
static void answer_error(struct net_queue *q, const struct parcel *p)
{
    for (uint32_t i = 0; i < p->nr_data + p->nr_extras; i++)
        net_ring_answer_rx(&q->rx.ring, 0, 0, NETIF_RSP_ERROR);
}

static void finish(struct net_queue *q, const struct parcel *p)
{
    struct net_stats *st = &q->journal->stats;

    q->nr_served++;
    if (!went(q, p)) {
        st->rx_dropped++;
        answer_error(q, p);
        return;
    }
    answer(q, p);
    st->rx_packets++;
    st->rx_bytes += p->len;
    st->rx_gso += p->in->head.gso_size != 0;
}

/* How long a guest may leave a packet waiting, and when it is looked at. */
static uint64_t patience_ns(const struct net_queue *q)
{
    return q->link.wiring.rx_notify ? q->card->stall_ns : HUSH_DROP_NS;
}

/* The first of those that came needs so many buffers, and there are fewer. */
static void hold(struct net_queue *q, uint32_t nr_needed)
{
    struct net_rx *r = &q->rx;

    r->nr_needed = nr_needed;
    if (r->held_since_ns == 0)
        r->held_since_ns = q->now_ns;
    if (q->now_ns - r->held_since_ns >= patience_ns(q)) {
        drop_held(q);
        if (q->link.wiring.rx_notify)
            set_stalled(q, true);
        return;
    }
    if (!r->stall_ev.busy)
        loop_timer(q->loop,
                   q->link.wiring.rx_notify
                       ? patience_ns(q) - (q->now_ns - r->held_since_ns)
                       : HUSH_NS,
                   &r->stall_ev);
}

static void on_stall(struct loop_event *ev, int res)
{
    (void)ev, (void)res; /* net_rx_deliver() looks again in each turn */
}

bool net_rx_deliver(struct net_queue *q)
{
    struct parcel parcel[RX_BUFFERS];
    uint32_t room = net_ring_taken(&q->rx.ring), slots = 0, pieces = 0, nr = 0;
    struct net_rx *r = &q->rx;
    uint32_t nr_came = r->nr_ready;

    if (r->stalled)
        drop_held(q);
    while (r->nr_ready > 0) {
        struct parcel *p = &parcel[nr];
        const char *why = look(q, p);

        if (why) {
            q->journal->stats.rx_dropped++;
            log_debug("%s: queue %u: dropped: %s", q->card->name, q->number,
                      why);
            take_first(r);
            continue;
        }
        if (slots + p->nr_data + p->nr_extras > room) {
            hold(q, p->nr_data + p->nr_extras);
            break;
        }
        add_pieces(q, p, slots, pieces);
        slots += p->nr_data + p->nr_extras;
        pieces += p->nr_data;
        nr++;
        take_first(r);
        r->held_since_ns = 0;
    }
    if (nr > 0) {
        net_queue_copy(q, pieces);
        for (uint32_t i = 0; i < nr; i++)
            finish(q, &parcel[i]);
        push(q);
    }
    return r->nr_ready < nr_came;
}

/* --- the tap ----------------------------------------------------------- */

static void on_read(struct loop_event *ev, int res)
{
    struct net_in *in = CONTAINER_OF(ev, struct net_in, ev);
    struct net_rx *r = &in->queue->rx;
    uint8_t number = (uint8_t)(in - r->in);

    r->nr_reading--;
    if (res <= (int)HDR_BYTES) {
        r->free[r->nr_free++] = number;
        if (res != -ECANCELED && res != -EINTR && res != -EAGAIN)
            r->nr_errors++;
        return;
    }
    r->nr_errors = 0;
    r->nr_came++;
    in->len = (uint32_t)res - HDR_BYTES;
    in->is_parsed = false;
    r->ready[r->nr_ready++] = number;
}

const char *net_rx_fault(const struct net_queue *q)
{
    return q->rx.nr_errors < ERRORS_MAX ? NULL : "the tap cannot be read";
}

/* As many as came when all did, fewer when few do. */
static void set_wanted(struct net_rx *r)
{
    uint32_t there = r->nr_came + r->nr_reading;

    if (r->nr_came == 0)
        return;
    if (r->nr_reading == 0)
        r->nr_wanted = MIN_OF(2 * r->nr_wanted, RX_BUFFERS);
    else if (r->nr_came * 4 < there)
        r->nr_wanted = MAX_OF(r->nr_wanted / 2, 1u);
    r->nr_came = 0;
}

void net_rx_read(struct net_queue *q)
{
    struct net_rx *r = &q->rx;

    if (r->nr_ready > 0 || r->stalled)
        return;
    set_wanted(r);
    while (r->nr_reading < r->nr_wanted && r->nr_free > 0) {
        uint8_t number = r->free[--r->nr_free];

        r->nr_reading++;
        loop_read(q->loop, frame_of(r, number) - HDR_BYTES, READ_BYTES, 0,
                  &r->in[number].ev);
    }
}

bool net_rx_over(const struct net_queue *q)
{
    return q->rx.nr_reading == 0 && !q->rx.stall_ev.busy;
}

void net_rx_cancel(struct net_queue *q)
{
    drop_held(q);
    loop_cancel(q->loop, &q->rx.stall_ev);
    for (uint32_t i = 0; i < RX_BUFFERS; i++)
        loop_cancel(q->loop, &q->rx.in[i].ev);
}

/* Buffers in which a read waits hold nothing yet. */
void net_rx_trim(struct net_queue *q)
{
    if (q->rx.nr_ready == 0)
        madvise(q->rx.pages, RX_BUFFERS * BUFFER_BYTES, MADV_DONTNEED);
}
