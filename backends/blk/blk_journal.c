/* SPDX-License-Identifier: MIT */
/*
 * blk_journal.c - what must outlive a backend
 *
 * A barrier stands between any two steps, so that the compiler keeps them in
 * order too; no more is needed, for a kill comes between two instructions.
 */
#include "backends/blk/blk_journal.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "backends/blk/blk_ring.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/shm.h"

enum { FREE, TAKEN, ANSWERED };

static uint64_t mark_of(uint32_t state, uint32_t ring_index)
{
    return (uint64_t)state << 32 | ring_index;
}

static uint32_t state_of(const struct blk_journal_slot *s)
{
    return (uint32_t)(s->mark >> 32);
}

static uint32_t index_of(const struct blk_journal_slot *s)
{
    return (uint32_t)s->mark;
}

static void set_mark(struct blk_journal_slot *s, uint32_t state, uint32_t index)
{
    shm_wmb();
    *(volatile uint64_t *)&s->mark = mark_of(state, index);
    shm_wmb();
}

/* Pages that tmpfs has not made yet may not be there when they are touched. */
static int reserve(int fd, uint64_t off, uint64_t len, struct err *e)
{
    int r = posix_fallocate(fd, (off_t)off, (off_t)len);

    if (r == 0)
        return 0;
    return fail(e, -r, "journal: reserve %llu bytes: %s",
                (unsigned long long)len, strerror(r));
}

/* The same of what is mapped, which needs no descriptor that writes. */
static int populate(void *from, size_t len_bytes, struct err *e)
{
    uintptr_t first = (uintptr_t)from & ~(uintptr_t)(PAGE_BYTES - 1);
    size_t bytes = (uintptr_t)from + len_bytes - first;

    if (madvise((void *)first, bytes, MADV_POPULATE_WRITE) == 0)
        return 0;
    return fail(e, errno == EFAULT ? -ENOSPC : -errno,
                "journal: reserve %zu bytes: %s", len_bytes,
                errno == EFAULT ? "no room for them" : strerror(errno));
}

int blk_journal_map(int fd, struct blk_journal **out, struct err *e)
{
    struct blk_journal *j;
    struct stat st;
    int rc;

    if (fstat(fd, &st))
        return fail(e, -errno, "journal: stat: %s", strerror(errno));
    if (st.st_size != sizeof(*j) && ftruncate(fd, sizeof(*j)))
        return fail(e, -errno, "journal: make it %zu bytes: %s", sizeof(*j),
                    strerror(errno));
    rc = reserve(fd, 0, offsetof(struct blk_journal, queue), e);
    for (uint32_t i = 0; rc == 0 && i < BLK_QUEUES_MAX; i++)
        rc = reserve(fd, offsetof(struct blk_journal, queue[i]),
                     offsetof(struct blk_journal_queue, slot), e);
    if (rc < 0)
        return rc;
    j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (j == MAP_FAILED)
        return fail(e, -errno, "journal: map: %s", strerror(errno));
    if (st.st_size == 0) {
        j->version = BLK_JOURNAL_VERSION;
        j->magic = BLK_JOURNAL_MAGIC;
    }
    *out = j;
    return 0;
}

/* Another open file of it, that reads. */
static int reopen(int fd, struct err *e)
{
    char path[32];
    int own;

    snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
    own = open(path, O_RDONLY | O_CLOEXEC);
    if (own < 0)
        return fail(e, -errno, "journal: open it to read: %s", strerror(errno));
    return own;
}

int blk_journal_take_over(int fd, struct blk_journal **out, struct err *e)
{
    int own = reopen(fd, e), rc = MIN_OF(own, 0);

    if (rc == 0 && flock(own, LOCK_EX))
        rc = fail(e, -errno, "journal: lock it: %s", strerror(errno));
    if (rc == 0)
        rc = blk_journal_map(fd, out, e);
    if (rc == 0 && dup3(own, fd, O_CLOEXEC) < 0) {
        rc = fail(e, -errno, "journal: keep it: %s", strerror(errno));
        blk_journal_unmap(*out);
        *out = NULL;
    }
    if (own >= 0)
        close(own);
    return rc;
}

int blk_journal_reserve(struct blk_journal *j, uint32_t nr_queues,
                        uint32_t nr_slots, struct err *e)
{
    int rc = 0;

    assert(nr_queues <= BLK_QUEUES_MAX && nr_slots <= BLK_RING_SLOTS_MAX);
    for (uint32_t i = 0; rc == 0 && i < nr_queues; i++)
        rc = populate(j->queue[i].slot,
                      nr_slots * sizeof(struct blk_journal_slot), e);
    return rc;
}

void blk_journal_unmap(struct blk_journal *j)
{
    if (j)
        munmap(j, sizeof(*j));
}

static bool sound_head(const struct blk_journal *j)
{
    return j->magic == BLK_JOURNAL_MAGIC && j->version == BLK_JOURNAL_VERSION;
}

static bool sound_wiring(const struct blk_wiring *w)
{
    return w->abi < BLK_ABIS && w->nr_queues > 0 &&
           w->nr_queues <= BLK_QUEUES_MAX && w->ring_pages > 0 &&
           w->ring_pages <= BLK_RING_PAGES_MAX &&
           (w->ring_pages & (w->ring_pages - 1)) == 0;
}

static void queue_reset(struct blk_journal_queue *q, uint32_t nr_slots)
{
    q->req_cons = q->rsp_prod = 0;
    for (uint32_t i = 0; i < nr_slots; i++)
        set_mark(&q->slot[i], FREE, 0);
}

/*
 * Slots that no wiring ever reached are not touched: they would become memory.
 */
void blk_journal_reset(struct blk_journal *j)
{
    struct blk_wiring w = j->wiring;

    *(volatile uint32_t *)&j->connected = 0;
    shm_wmb();
    if (sound_head(j) && sound_wiring(&w)) {
        for (uint32_t i = 0; i < w.nr_queues; i++)
            queue_reset(&j->queue[i], blk_ring_slots(w.abi, w.ring_pages));
    } else if (!sound_head(j) || w.nr_queues != 0) {
        memset(j->queue, 0, sizeof(j->queue));
    }
    j->reserved = 0;
    j->wiring = (struct blk_wiring){ 0 };
    j->version = BLK_JOURNAL_VERSION;
    shm_wmb();
    j->magic = BLK_JOURNAL_MAGIC;
}

/*
 * How many requests the marks say are out: each that was taken, and the one
 * whose answer may not be on the ring.
 */
static uint32_t count_out(const struct blk_journal_queue *q, uint32_t nr_slots)
{
    uint32_t nr = 0;

    for (uint32_t i = 0; i < nr_slots; i++)
        nr += state_of(&q->slot[i]) == TAKEN ||
              (state_of(&q->slot[i]) == ANSWERED &&
               index_of(&q->slot[i]) == q->rsp_prod);
    return nr;
}

static bool has(const struct blk_journal_queue *q, uint32_t nr_slots,
                uint32_t state, uint32_t index)
{
    for (uint32_t i = 0; i < nr_slots; i++)
        if (q->slot[i].mark == mark_of(state, index))
            return true;
    return false;
}

/* One request between its mark and req_cons is all that a kill can leave. */
static bool sound_queue(const struct blk_journal_queue *q, uint32_t nr_slots)
{
    uint32_t used = q->req_cons - q->rsp_prod;
    uint32_t nr_out = count_out(q, nr_slots), nr_answered = 0;

    for (uint32_t i = 0; i < nr_slots; i++) {
        const struct blk_journal_slot *s = &q->slot[i];

        if (state_of(s) > ANSWERED || s->status > BLKIF_RSP_OKAY ||
            s->status < BLKIF_RSP_EOPNOTSUPP)
            return false;
        nr_answered += state_of(s) == ANSWERED;
    }
    if (nr_answered > 1 || used > nr_slots)
        return false;
    return nr_out == used ||
           (nr_out == used + 1 && has(q, nr_slots, TAKEN, q->req_cons));
}

int blk_journal_check(const struct blk_journal *j, struct err *e)
{
    const struct blk_wiring *w = &j->wiring;

    if (!sound_head(j))
        return fail(e, -EINVAL, "journal: magic %#x, version %u, want %#x, %u",
                    j->magic, j->version, BLK_JOURNAL_MAGIC,
                    BLK_JOURNAL_VERSION);
    if (j->connected > 1)
        return fail(e, -EINVAL, "journal: connected %u, want 0 or 1",
                    j->connected);
    if (!j->connected)
        return 0;
    if (!sound_wiring(w))
        return fail(e, -EINVAL,
                    "journal: wiring: abi %u, %u queues, %u ring pages", w->abi,
                    w->nr_queues, w->ring_pages);
    for (uint32_t i = 0; i < w->nr_queues; i++)
        if (!sound_queue(&j->queue[i], blk_ring_slots(w->abi, w->ring_pages)))
            return fail(e, -EINVAL,
                        "journal: queue %u: slots and indices %u, %u differ", i,
                        j->queue[i].req_cons, j->queue[i].rsp_prod);
    return 0;
}

void blk_journal_take(struct blk_journal_queue *q, uint32_t slot,
                      uint32_t ring_index, const struct blk_wire *w)
{
    struct blk_journal_slot *s = &q->slot[slot];

    assert(state_of(s) == FREE && ring_index == q->req_cons);
    s->wire = *w;
    s->status = 0;
    set_mark(s, TAKEN, ring_index);
    shm_set_u32(&q->req_cons, ring_index + 1);
}

void blk_journal_answering(struct blk_journal_queue *q, uint32_t slot,
                           int16_t status)
{
    struct blk_journal_slot *s = &q->slot[slot];

    assert(state_of(s) == TAKEN);
    s->status = status;
    set_mark(s, ANSWERED, q->rsp_prod);
}

void blk_journal_answered(struct blk_journal_queue *q, uint32_t slot)
{
    struct blk_journal_slot *s = &q->slot[slot];

    assert(s->mark == mark_of(ANSWERED, q->rsp_prod));
    shm_wmb(); /* the response, too, comes first */
    shm_set_u32(&q->rsp_prod, q->rsp_prod + 1);
    set_mark(s, FREE, 0);
}

/* Into again[], which is sorted by how long ago a request was taken. */
static void insert(const struct blk_journal_queue *q, uint16_t *again,
                   uint32_t nr, uint16_t slot)
{
    uint32_t age = q->req_cons - index_of(&q->slot[slot]);
    uint32_t at = nr;

    while (at > 0 && q->req_cons - index_of(&q->slot[again[at - 1]]) < age) {
        again[at] = again[at - 1];
        at--;
    }
    again[at] = slot;
}

/* Whatever it has done when it is killed itself, it does once more. */
uint32_t blk_journal_recover(struct blk_journal_queue *q, uint32_t nr_slots,
                             uint16_t again[BLK_RING_SLOTS_MAX], int *answer)
{
    uint32_t nr = 0;

    *answer = -1;
    /* An index comes round again, so the count decides, not the index. */
    if (count_out(q, nr_slots) == q->req_cons - q->rsp_prod + 1)
        shm_set_u32(&q->req_cons, q->req_cons + 1);
    for (uint32_t i = 0; i < nr_slots; i++) {
        struct blk_journal_slot *s = &q->slot[i];

        if (state_of(s) == TAKEN)
            insert(q, again, nr++, (uint16_t)i);
        else if (s->mark == mark_of(ANSWERED, q->rsp_prod))
            *answer = (int)i;
        else if (s->mark)
            set_mark(s, FREE, 0);
    }
    return nr;
}
