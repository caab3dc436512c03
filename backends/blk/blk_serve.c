/* SPDX-License-Identifier: MIT */
/*
 * blk_serve.c - a queue's requests: ring, check, copy, store, reply
 *
 * How this works: one pass takes all requests that are on the ring (BATCH_MAX
 * at most), fetches the pages of indirect segments in one grant copy, checks,
 * fetches the data of all writes in one more, and hands them to the store.
 * What the store has done is gathered in `done`; then the data of all reads
 * goes to the guest in one grant copy, and all responses go with one push and
 * at most one event.
 *
 * A request that finds no buffer, or meets a limit, is first in `waiting`, and
 * nothing more is taken from the ring until that is empty: nothing grows.
 */
#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "backends/blk/blk_queue_priv.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/log.h"

static void on_stored(struct blk_io *io, int rc);

static void *map_private(size_t bytes)
{
    void *va = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    return va == MAP_FAILED ? NULL : va;
}

static size_t segs_bytes(const struct blk_queue *q)
{
    return sizeof(struct blk_seg) * BLK_INDIRECT_SEGS_MAX * q->nr_slots;
}

int blk_serve_open(struct blk_queue *q, struct err *e)
{
    q->nr_slots = MIN_OF(q->ring.size, BLK_RING_SLOTS_MAX);
    q->slot = calloc(q->nr_slots, sizeof(*q->slot));
    q->segs = map_private(segs_bytes(q));
    q->indirect = map_private((size_t)BATCH_MAX * PAGE_BYTES);
    q->scratch = map_private(gnt_copy_scratch_bytes(PIECES_MAX));
    if (!q->slot || !q->segs || !q->indirect || !q->scratch)
        return fail(e, -ENOMEM, "queue %u: no memory", q->number);
    slot_list_init(&q->waiting);
    slot_list_init(&q->done);
    q->free = NULL;
    for (uint32_t i = q->nr_slots; i-- > 0;) {
        q->slot[i].number = (uint16_t)i;
        q->slot[i].queue = q;
        q->slot[i].next = q->free;
        q->free = &q->slot[i];
    }
    return blk_pool_open(&q->pool, e);
}

void blk_serve_close(struct blk_queue *q)
{
    assert(q->nr_taken == 0);
    blk_pool_close(&q->pool);
    free(q->slot);
    if (q->segs)
        munmap(q->segs, segs_bytes(q));
    if (q->indirect)
        munmap(q->indirect, (size_t)BATCH_MAX * PAGE_BYTES);
    if (q->scratch)
        munmap(q->scratch, gnt_copy_scratch_bytes(PIECES_MAX));
    q->slot = NULL;
    q->segs = NULL;
    q->indirect = NULL;
    q->scratch = NULL;
}

static struct blk_wire *wire_of(struct blk_slot *s)
{
    return &s->queue->journal->slot[s->number].wire;
}

static void done(struct blk_slot *s, int rc)
{
    s->rc = rc;
    s->queue->nr_done_segs += MAX_OF(s->req.nr_segs, 1u);
    slot_list_add(&s->queue->done, s);
}

static void on_stored(struct blk_io *io, int rc)
{
    struct blk_slot *s = CONTAINER_OF(io, struct blk_slot, io);

    s->queue->nr_stored--;
    done(s, rc);
}

/* One call for all pieces; each knows its own fate. */
static void copy_pieces(struct blk_queue *q, uint32_t nr)
{
    struct err e = { 0 };

    if (nr == 0)
        return;
    q->journal->stats.copies++;
    if (gnt_copy(q->disk->gnt, q->disk->domid, q->piece, nr, q->scratch, &e) <
        0)
        log_debug("%s: %s", q->disk->name, e.text);
}

static void add_pieces(struct blk_queue *q, const struct blk_slot *s,
                       uint32_t *nr, bool to_guest)
{
    uint8_t *at = s->io.buf;

    for (uint32_t i = 0; i < s->req.nr_segs; i++) {
        const struct blk_seg *seg = &s->req.seg[i];

        q->piece[(*nr)++] = (struct gnt_piece){
            .ref = seg->ref,
            .off_bytes = seg->off,
            .len_bytes = seg->len,
            .to_guest = to_guest,
            .ours = at,
        };
        at += seg->len;
    }
}

/* Did all of so many pieces from *nr on go well?  Moves *nr on. */
static bool pieces_went(const struct blk_queue *q, uint32_t nr_pieces,
                        uint32_t *nr)
{
    bool well = true;

    for (uint32_t i = 0; i < nr_pieces; i++)
        well &= !q->piece[(*nr)++].failed;
    return well;
}

static void rules_now(const struct blk_queue *q, struct blk_disk_rules *out)
{
    *out = q->disk->rules;
    out->size_bytes =
        atomic_load_explicit(&q->disk->size_bytes, memory_order_relaxed);
}

/* Which of the two it is waiting for, its pages or its turn. */
static void admit(struct blk_slot *s, const struct blk_disk_rules *rules,
                  struct slot_list *indirect)
{
    struct blk_queue *q = s->queue;
    int rc;

    s->taken_ns = q->now_ns;
    s->nr_pages = 0;
    s->req = (struct blk_req){
        .seg = &q->segs[(size_t)s->number * BLK_INDIRECT_SEGS_MAX]
    };
    rc = blk_check(rules, wire_of(s), &s->req);
    if (rc < 0)
        done(s, rc);
    else if (rc == 1)
        slot_list_add(indirect, s);
    else
        slot_list_add(&q->waiting, s);
}

/* The pages of indirect segments, as far as the guest says it filled them. */
static void fetch_indirect(struct blk_queue *q, struct slot_list *indirect,
                           const struct blk_disk_rules *rules)
{
    struct blk_slot *s;
    uint32_t nr = 0;
    int rc;

    for (s = indirect->first; s; s = s->next) {
        const struct blk_wire *w = wire_of(s);

        assert(s->req.nr_indirect == 1);
        q->piece[nr] = (struct gnt_piece){
            .ref = w->u.indirect[0],
            .len_bytes =
                (uint16_t)(w->nr_segs * sizeof(struct blkif_request_segment)),
            .ours = q->indirect + (size_t)nr * PAGE_BYTES,
        };
        nr++;
    }
    copy_pieces(q, nr);
    for (uint32_t i = 0; (s = slot_list_take(indirect)); i++) {
        rc = q->piece[i].failed
                 ? -EFAULT
                 : blk_check_indirect(rules, q->piece[i].ours, &s->req);
        if (rc < 0)
            done(s, rc);
        else
            slot_list_add(&q->waiting, s);
    }
}

static void slot_take(struct blk_queue *q, struct blk_slot *s)
{
    q->free = s->next;
    q->nr_taken++;
}

int blk_serve_pass(struct blk_queue *q)
{
    struct blk_disk_rules rules;
    struct slot_list indirect;
    uint32_t nr_segs = 0;
    int nr = 0, rc = 0;

    slot_list_init(&indirect);
    rules_now(q, &rules);
    if (q->waiting.first)
        return 0;
    while (nr < (int)BATCH_MAX && nr_segs < PASS_SEGS && q->free) {
        struct blk_slot *s = q->free;
        struct blk_wire wire;
        uint32_t index;

        rc = blk_ring_take(&q->ring, &wire, &index);
        if (rc <= 0)
            break;
        blk_journal_take(q->journal, s->number, index, &wire);
        slot_take(q, s);
        admit(s, &rules, &indirect);
        nr_segs += s->req.nr_segs;
        nr++;
    }
    if (indirect.first)
        fetch_indirect(q, &indirect, &rules);
    if (nr > 0)
        q->journal->stats.passes++;
    return rc < 0 ? rc : nr;
}

static void push(struct blk_queue *q)
{
    if (!blk_ring_push(&q->ring))
        return;
    q->journal->stats.notifies++;
    evt_notify(q->link.evt, q->link.port);
}

/* The free list in which none of those in use is left. */
static void find_free(struct blk_queue *q)
{
    q->free = NULL;
    for (uint32_t i = q->nr_slots; i-- > 0;)
        if (q->journal->slot[i].mark == 0) {
            q->slot[i].next = q->free;
            q->free = &q->slot[i];
        }
}

void blk_serve_sort(struct blk_queue *q)
{
    uint32_t slots = blk_ring_slots(q->link.abi, q->link.ring_pages);

    q->left.nr =
        blk_journal_recover(q->journal, MIN_OF(slots, BLK_RING_SLOTS_MAX),
                            q->left.again, &q->left.answer);
}

/* The guest may not know of what was answered: it is told in any case. */
void blk_serve_recover(struct blk_queue *q)
{
    struct blk_disk_rules rules;
    struct slot_list indirect;

    if (q->left.answer >= 0) {
        uint32_t slot = (uint32_t)q->left.answer;
        const struct blk_journal_slot *j = &q->journal->slot[slot];

        blk_ring_answer(&q->ring, j->wire.id, blk_answer_op(&j->wire),
                        j->status);
        blk_journal_answered(q->journal, slot);
    }
    push(q);
    find_free(q);
    q->nr_taken = q->left.nr;
    slot_list_init(&indirect);
    rules_now(q, &rules);
    /* In parts: what fetch_indirect() uses is for a pass. */
    for (uint32_t i = 0; i < q->left.nr; i++) {
        admit(&q->slot[q->left.again[i]], &rules, &indirect);
        if (i % BATCH_MAX == BATCH_MAX - 1)
            fetch_indirect(q, &indirect, &rules);
    }
    fetch_indirect(q, &indirect, &rules);
    log_info("%s: queue %u: goes on with %u requests", q->disk->name, q->number,
             q->left.nr);
}

static bool has_data(const struct blk_slot *s)
{
    return s->req.op == BLK_READ || s->req.op == BLK_WRITE;
}

/* May it start now?  Then it has its buffer. */
static bool prepare(struct blk_queue *q, struct blk_slot *s)
{
    uint32_t nr = has_data(s) ? (uint32_t)pages_of(s->req.len) : 0;
    uint64_t wait_ns;
    void *buf = NULL;

    if (nr) {
        buf = blk_pool_get(&q->pool, nr);
        if (!buf) {
            q->journal->stats.waits++;
            return false;
        }
    }
    wait_ns = blk_limit_take(&q->disk->limit, nr ? s->req.len : 0, q->now_ns);
    if (wait_ns && q->state != BLK_QUEUE_DRAINING) {
        if (nr)
            blk_pool_put(&q->pool, buf, nr);
        if (!q->limit_ev.busy) {
            q->journal->stats.waits++;
            loop_timer(q->loop, wait_ns, &q->limit_ev);
        }
        return false;
    }
    s->nr_pages = nr;
    s->io = (struct blk_io){
        .op = s->req.op,
        .secure = s->req.secure,
        .buf = buf,
        .off = s->req.off,
        .len = s->req.len,
        .done = on_stored,
    };
    return true;
}

static void store(struct blk_queue *q, struct blk_slot *s)
{
    q->nr_stored++;
    q->disk->store->ops->submit(q->store, &s->io);
}

/* Fetch the data of these writes, nr pieces in all, and store them. */
static void store_writes(struct blk_queue *q, struct slot_list *writes,
                         uint32_t nr)
{
    struct blk_slot *s;
    uint32_t at = 0;

    copy_pieces(q, nr);
    while ((s = slot_list_take(writes))) {
        if (pieces_went(q, s->req.nr_segs, &at))
            store(q, s);
        else
            done(s, -EFAULT);
    }
}

void blk_serve_start(struct blk_queue *q)
{
    struct slot_list writes;
    struct blk_slot *s;
    uint32_t nr = 0;

    slot_list_init(&writes);
    while ((s = q->waiting.first)) {
        if (nr + BLK_INDIRECT_SEGS_MAX > PIECES_MAX) {
            store_writes(q, &writes, nr);
            nr = 0;
        }
        if (!prepare(q, s))
            break;
        slot_list_take(&q->waiting);
        if (s->req.op == BLK_WRITE) {
            add_pieces(q, s, &nr, false);
            slot_list_add(&writes, s);
        } else {
            store(q, s);
        }
    }
    store_writes(q, &writes, nr);
}

static void count(struct blk_queue *q, const struct blk_slot *s)
{
    struct blk_stats *st = &q->journal->stats;

    st->busy_ns += q->now_ns - s->taken_ns;
    if (s->rc < 0) {
        st->errors++;
        return;
    }
    switch (s->req.op) {
    case BLK_READ:
        st->reads++;
        st->read_bytes += s->req.len;
        return;
    case BLK_WRITE:
        st->writes++;
        st->write_bytes += s->req.len;
        return;
    case BLK_FLUSH:
        st->flushes++;
        return;
    default:
        st->discards++;
        st->discard_bytes += s->req.len;
        return;
    }
}

static void answer(struct blk_queue *q, struct blk_slot *s)
{
    const struct blk_wire *w = wire_of(s);
    int16_t status = blk_status(s->rc);

    count(q, s);
    blk_journal_answering(q->journal, s->number, status);
    blk_ring_answer(&q->ring, w->id, blk_answer_op(w), status);
    blk_journal_answered(q->journal, s->number);
    if (s->nr_pages)
        blk_pool_put(&q->pool, s->io.buf, s->nr_pages);
    s->next = q->free;
    q->free = s;
    q->nr_taken--;
    q->nr_answered++;
}

static bool is_data_for_guest(const struct blk_slot *s)
{
    return s->req.op == BLK_READ && s->rc == 0 && s->nr_pages;
}

/* As many of what is done as one copy can hold. */
static void finish_some(struct blk_queue *q)
{
    uint32_t nr = 0, at = 0;
    struct blk_slot *s, *end;

    for (s = q->done.first; s; s = s->next) {
        if (nr + BLK_INDIRECT_SEGS_MAX > PIECES_MAX)
            break;
        if (is_data_for_guest(s))
            add_pieces(q, s, &nr, true);
    }
    end = s;
    copy_pieces(q, nr);
    while (q->done.first != end) {
        s = slot_list_take(&q->done);
        if (is_data_for_guest(s) && !pieces_went(q, s->req.nr_segs, &at))
            s->rc = -EFAULT;
        answer(q, s);
    }
}

void blk_serve_finish(struct blk_queue *q)
{
    if (!q->done.first)
        return;
    while (q->done.first)
        finish_some(q);
    q->nr_done_segs = 0;
    push(q);
}
