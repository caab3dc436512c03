/* SPDX-License-Identifier: MIT */
/*
 * test_blk_race.c - ring, check and answer against a guest that writes at the
 * same moment
 *
 * tests/guest/rogue does the same in the lab, where an emulator decides when
 * two CPUs meet.  Here a thread of ours is the guest's other CPU.  Whatever it
 * does, a request that was let pass is inside the disk and inside its pages,
 * and no more are out than the ring can hold.
 */
#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "backends/blk/blk_check.h"
#include "backends/blk/blk_journal.h"
#include "backends/blk/blk_ring.h"
#include "common/shm.h"
#include "tests/unit/test.h"

#define PAGES 4u
#define TAKES 200000u
#define LOOKS 5000000u /* for a lie, until the guest is held honest */
#define DISK_BYTES (1ull << 20)

/* Judged when the guest's thread is over: a CHECK would leave it running. */
#define EXPECT(what) (wrong += !(what))

struct shared {
    volatile uint32_t req_prod, req_event, rsp_prod, rsp_event;
    uint8_t pad[48];
    volatile uint8_t slots[];
};

static _Alignas(4096) uint8_t ring_pages[PAGES * 4096];
static _Alignas(8) uint8_t list_page[4096]; /* segments of indirect requests */
static struct blk_ring ring;
static struct blk_journal_queue *journal;
static struct blk_seg segs[BLK_INDIRECT_SEGS_MAX];
static atomic_bool over;
static bool lies_about_prod;
static uint32_t wrong;

static struct shared *shared(void)
{
    return (struct shared *)ring_pages;
}

static uint32_t next(uint32_t *x)
{
    *x ^= *x << 13;
    *x ^= *x >> 17;
    *x ^= *x << 5;
    return *x;
}

/*
 * A slot as a guest would write it, but for one field in two that can be
 * anything: most must be good, or nothing gets far.
 */
static void scribble(volatile uint8_t *slot, uint32_t bytes, uint32_t *x)
{
    uint32_t id_at = bytes == 108 ? 4 : 8;

    slot[0] = (uint8_t)(next(x) % 8);
    slot[1] = (uint8_t)(next(x) % 13);
    slot[2] = (uint8_t)next(x); /* segments of an indirect one */
    slot[3] = next(x) % 8 == 0;
    slot[id_at + 8] = (uint8_t)next(x);
    slot[id_at + 9] = (uint8_t)(next(x) % 9);
    slot[id_at + 8 + 2 + next(x) % 6] = next(x) % 8 ? 0 : 0xff;
    for (uint32_t i = 0; i < 11; i++) {
        slot[id_at + 16 + 8 * i + 4] = (uint8_t)(next(x) % 5);
        slot[id_at + 16 + 8 * i + 5] = (uint8_t)(4 + next(x) % 64 / 15);
    }
}

static void *other_cpu(void *arg)
{
    uint32_t x = 2463534242u, bytes = *(uint32_t *)arg;
    uint32_t slots = ring.size;
    volatile uint8_t *list = list_page;

    while (!atomic_load_explicit(&over, memory_order_relaxed)) {
        scribble(shared()->slots + next(&x) % slots * bytes, bytes, &x);
        for (uint32_t i = 0; i < 8; i++) {
            uint32_t at = next(&x) % 512 * 8;

            list[at + 4] = (uint8_t)(next(&x) % 5);
            list[at + 5] = (uint8_t)(4 + next(&x) % 512 / 127);
        }
        if (lies_about_prod && next(&x) % 4 == 0)
            shared()->req_prod = next(&x);
        else if (lies_about_prod)
            shared()->req_prod = shared()->rsp_prod + next(&x) % slots;
    }
    return NULL;
}

/* All that a store and a grant copy rely on. */
static void is_inside(const struct blk_disk_rules *d, const struct blk_req *q)
{
    uint64_t sum = 0;

    EXPECT(q->len <= d->size_bytes && q->off <= d->size_bytes - q->len);
    EXPECT(!d->readonly || q->op == BLK_READ || q->op == BLK_FLUSH);
    if (q->op != BLK_READ && q->op != BLK_WRITE)
        return;
    EXPECT(q->nr_segs >= 1 && q->nr_segs <= BLK_INDIRECT_SEGS_MAX);
    for (uint32_t i = 0; i < q->nr_segs; i++) {
        EXPECT(q->seg[i].len >= BLK_SECTOR);
        EXPECT(q->seg[i].off + q->seg[i].len <= 4096);
        sum += q->seg[i].len;
    }
    EXPECT(sum == q->len);
}

static int judge(const struct blk_disk_rules *d, const struct blk_wire *w)
{
    static _Alignas(8) uint8_t copy[4096];
    struct blk_req q = { .seg = segs };
    int rc = blk_check(d, w, &q);

    if (rc == 1) {
        EXPECT(q.nr_indirect == 1); /* 256 segments: one page at most */
        shm_fetch(copy, list_page, sizeof(copy)); /* as a grant copy would */
        rc = blk_check_indirect(d, copy, &q);
    }
    if (rc == 0)
        is_inside(d, &q);
    EXPECT(rc == 0 || rc == -EINVAL || rc == -ERANGE || rc == -EROFS ||
           rc == -EOPNOTSUPP);
    return rc;
}

static void start_guest(enum blk_abi abi, bool lies)
{
    memset(ring_pages, 0, sizeof(ring_pages));
    journal = calloc(1, sizeof(*journal));
    blk_ring_begin(ring_pages, journal);
    CHECK_EQ(blk_ring_attach(&ring, ring_pages, PAGES, abi, journal, false), 0);
    lies_about_prod = lies;
    wrong = 0;
    atomic_store(&over, false);
}

/* Take and answer, as a backend does; *good and *bad count the judgements. */
static void serve(const struct blk_disk_rules *d, uint32_t *good, uint32_t *bad,
                  uint32_t *broken)
{
    struct blk_wire w;
    uint32_t index;

    /* On a busy machine the other side may not have been on its CPU yet. */
    for (uint32_t n = 0;
         n < TAKES ||
         (n < LOOKS && (!*good || !*bad || (lies_about_prod && !*broken)));
         n++) {
        int rc;

        if (!lies_about_prod)
            shared()->req_prod = journal->req_cons + 1;
        rc = blk_ring_take(&ring, &w, &index);
        if (rc == -EPROTO) { /* the device is closed, and connected anew */
            ++*broken;
            shared()->req_prod = shared()->rsp_prod;
            blk_ring_begin(ring_pages, journal);
            (void)blk_ring_attach(&ring, ring_pages, PAGES, ring.abi, journal,
                                  false);
            continue;
        }
        if (rc == 0) {
            sched_yield();
            continue;
        }
        EXPECT(index == journal->req_cons);
        journal->req_cons = index + 1;
        EXPECT(journal->req_cons - journal->rsp_prod <= ring.size);
        rc = judge(d, &w);
        ++*(rc == 0 ? good : bad);
        if (n % 4 && journal->req_cons - journal->rsp_prod < ring.size / 2)
            continue; /* slow: more are out */
        while (journal->rsp_prod != journal->req_cons) {
            blk_ring_answer(&ring, w.id, blk_answer_op(&w), blk_status(rc));
            journal->rsp_prod++;
        }
        (void)blk_ring_push(&ring);
    }
}

static void race(const struct blk_disk_rules *d, enum blk_abi abi, bool lies)
{
    uint32_t good = 0, bad = 0, broken = 0;
    uint32_t bytes = blk_wire_slot_bytes(abi);
    pthread_t guest;

    start_guest(abi, lies);
    CHECK_EQ(pthread_create(&guest, NULL, other_cpu, &bytes), 0);
    serve(d, &good, &bad, &broken);
    atomic_store(&over, true);
    CHECK_EQ(pthread_join(guest, NULL), 0);
    free(journal);
    CHECK_EQ(wrong, 0);
    CHECK(good > 0 && bad > 0); /* else it tried nothing */
    CHECK_EQ(broken > 0, lies);
}

static const struct blk_disk_rules writable = { .size_bytes = DISK_BYTES,
                                                .flush = true,
                                                .discard = true };
static const struct blk_disk_rules readonly = {
    .size_bytes = DISK_BYTES, .readonly = true, .flush = true, .discard = true
};

TEST(a_request_that_changes_meanwhile_stays_inside_the_disk)
{
    for (uint32_t abi = 0; abi < BLK_ABIS; abi++)
        race(&writable, abi, false);
}

TEST(a_request_that_changes_meanwhile_writes_no_readonly_disk)
{
    race(&readonly, BLK_ABI_NATIVE, false);
}

TEST(a_cursor_that_jumps_about_only_breaks_its_ring)
{
    for (uint32_t abi = 0; abi < BLK_ABIS; abi++)
        race(&writable, abi, true);
}

RUN_TESTS(RULE(a_request_that_changes_meanwhile_stays_inside_the_disk),
          RULE(a_request_that_changes_meanwhile_writes_no_readonly_disk),
          RULE(a_cursor_that_jumps_about_only_breaks_its_ring))
