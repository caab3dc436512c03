/* SPDX-License-Identifier: MIT */
/*
 * blk_journal.h - what must outlive a backend: requests taken and not answered
 *
 * How this works: a file on tmpfs, /run/freehold/NAME/vbd-DEVID.journal, that
 * supervisor and backend map.  A response may overwrite the slot of a request
 * still in flight, so the ring cannot tell which those are; and what the guest
 * can write tells nothing.  A kill may come between any two stores; they reach
 * the file in program order, and each step below is one store:
 *
 *   take    fill slot.wire, then slot.mark = TAKEN(index), then req_cons
 *   answer  slot.status, then slot.mark = ANSWERED(index of the response),
 *           then the response on the ring, then rsp_prod, then mark = FREE
 *   push    the shared rsp_prod, from ours
 *
 * Read back after a kill (blk_journal_recover): one TAKEN slot more than are
 * out by the indices means that req_cons is one more; an ANSWERED one at
 * rsp_prod is answered again in the same place; all other TAKEN ones are done
 * again, all others ANSWERED are free.  Reads and writes may be done twice: the
 * guest has had no answer.
 *
 * The backend locks the file (flock) and registers it with each of its
 * io_urings: the lock is free when the process *and all I/O it had submitted*
 * are gone, so the next one, which waits for it, cannot be overtaken by a stale
 * write.
 *
 * The rest of the file is figures for whoever shows them.
 */
#ifndef BLK_JOURNAL_H
#define BLK_JOURNAL_H

#include <stddef.h>
#include <stdint.h>

#include "backends/blk/blk_ctl.h"
#include "backends/blk/blk_wire.h"

#define BLK_JOURNAL_MAGIC 0x6c626866u /* "fhbl" */
#define BLK_JOURNAL_VERSION 1u
/* Order 4: 64 KiB of slots of 112 bytes, rounded down to a power of two. */
#define BLK_RING_SLOTS_MAX 512u

struct blk_journal_slot {
    uint64_t mark;  /* 0: free; else state << 32 | ring index */
    int16_t status; /* of ANSWERED: BLKIF_RSP_* */
    uint8_t pad[6];
    struct blk_wire wire;
};

struct blk_stats { /* of one queue, since the disk is there; only grow */
    uint64_t reads, writes, flushes, discards; /* requests answered */
    uint64_t read_bytes, write_bytes, discard_bytes;
    uint64_t errors;     /* answered with an error */
    uint64_t passes;     /* looks at the ring that found something */
    uint64_t kicks;      /* events that came */
    uint64_t idle_kicks; /* ... and found nothing */
    uint64_t notifies;   /* events that went */
    uint64_t copies;     /* grant-copy calls */
    uint64_t waits;      /* times a limit or an empty pool held requests */
    uint64_t busy_ns;    /* from taken to answered, summed over requests */
};

struct blk_journal_queue {
    uint32_t req_cons, rsp_prod; /* private indices */
    struct blk_stats stats;
    struct blk_journal_slot slot[BLK_RING_SLOTS_MAX];
};

struct blk_journal {
    uint32_t magic, version;
    uint32_t connected; /* wiring is in force, queues count */
    uint32_t reserved;
    struct blk_wiring wiring;
    struct blk_journal_queue queue[BLK_QUEUES_MAX];
};

struct err;

/*
 * Map the file, which is made as large as it must be.  Shared.  An empty file
 * becomes an empty journal.  What the head and the figures take is reserved.
 *
 *   -ENOSPC, ... the file cannot be had
 */
int blk_journal_map(int fd, struct blk_journal **out, struct err *e);
/*
 * A backend's own: wait for the lock, map, and make fd a descriptor that only
 * reads and holds the lock.  From then on nobody in this process can make the
 * file larger: it is on a tmpfs that the host needs.  Needs /proc.
 *
 *   -ENOSPC, ... the file cannot be had; fd is as it was
 */
int blk_journal_take_over(int fd, struct blk_journal **out, struct err *e);
void blk_journal_unmap(struct blk_journal *j); /* NULL: no-op */

/*
 * Reserve the slots that a wiring needs, before they are used: on a tmpfs that
 * is full, to touch them would be a SIGBUS.  -ENOSPC.
 */
int blk_journal_reserve(struct blk_journal *j, uint32_t nr_queues,
                        uint32_t nr_slots, struct err *e);

/*
 * Empty, not connected, no wiring; figures of queues are kept if the journal
 * was sound.  The caller sets the wiring, then `connected`.
 */
void blk_journal_reset(struct blk_journal *j);

/*
 * Is it one that a backend may go on from?  Checks all that is read later but
 * for the requests, which are as the guest wrote them.
 *
 *   -EINVAL     no
 */
int blk_journal_check(const struct blk_journal *j, struct err *e);

/* Which slot a request gets is its number in the queue: 0..nr_slots-1. */
void blk_journal_take(struct blk_journal_queue *q, uint32_t slot,
                      uint32_t ring_index, const struct blk_wire *w);
/* Before and after the response is written to the ring at our rsp_prod. */
void blk_journal_answering(struct blk_journal_queue *q, uint32_t slot,
                           int16_t status);
void blk_journal_answered(struct blk_journal_queue *q, uint32_t slot);

/*
 * Bring a queue that a killed backend left into order.  again[] gets the
 * numbers of slots whose requests are to be done again, in ring order, and
 * *answer the slot whose response is to be written again at rsp_prod, or -1:
 * blk_ring_answer() with its wire and status, then blk_journal_answered().
 * Returns the count of again[].  The queue passed blk_journal_check().
 */
uint32_t blk_journal_recover(struct blk_journal_queue *q, uint32_t nr_slots,
                             uint16_t again[BLK_RING_SLOTS_MAX], int *answer);

#endif
