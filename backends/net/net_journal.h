/* SPDX-License-Identifier: MIT */
/*
 * net_journal.h - what must outlive a network backend, and its figures
 *
 * How this works: a file on tmpfs, /run/freehold/NAME/vif-DEVID.journal, that
 * supervisor and backend map.  A response overwrites the slot of a request, so
 * what was taken from a ring and not answered is kept here by its index, each
 * before the cursor that covers it moves on.  Both rings are answered in the
 * order in which their requests came.  Read back after a kill: what was taken
 * for transmission is answered as dropped, and buffers that were taken for
 * reception are used for the packets that follow.  Packets may be lost or sent
 * twice, as on any network; requests and buffers may not.
 *
 * The backend locks the file (flock) and registers it with each of its
 * io_urings: the lock is free when the process and all I/O of it are gone.
 */
#ifndef NET_JOURNAL_H
#define NET_JOURNAL_H

#include <stdint.h>

#include "backends/net/net_ctl.h"

#define NET_JOURNAL_MAGIC 0x746e6866u /* "fhnt" */
#define NET_JOURNAL_VERSION 1u

struct net_stats { /* of one queue, since the vif is there; only grow */
    uint64_t tx_packets, tx_bytes; /* from the guest, given to the tap */
    uint64_t tx_dropped;           /* ... that the tap did not take */
    uint64_t tx_errors;            /* ... that were malformed */
    uint64_t tx_spoofed;           /* ... whose source was not the guest's */
    uint64_t rx_packets, rx_bytes; /* to the guest */
    uint64_t rx_dropped;           /* ... that it had no room for */
    uint64_t tx_gso, rx_gso;       /* of the packets, those to be segmented */
    uint64_t passes, copies;    /* looks that found something; grant copies */
    uint64_t kicks, idle_kicks; /* events that came; ... and found nothing */
    uint64_t notifies;          /* events that went */
    uint64_t waits;             /* times the rate limit held packets */
    uint64_t stalls;
};

struct net_journal_tx { /* a slot of the transmit ring that was taken */
    uint16_t id;
    uint16_t is_extra; /* answered by NETIF_RSP_NULL */
};

struct net_journal_rx {
    uint16_t id;
    uint32_t ref;
};

struct net_journal_queue {
    uint32_t tx_cons, tx_prod; /* private indices: requests, responses */
    uint32_t rx_cons, rx_prod;
    struct net_stats stats;
    struct net_journal_tx tx[NET_RING_SLOTS]; /* by index % NET_RING_SLOTS */
    struct net_journal_rx rx[NET_RING_SLOTS];
};

struct net_journal {
    uint32_t magic, version;
    uint32_t connected; /* wiring is in force, queues count */
    uint32_t reserved;
    struct net_wiring wiring;
    struct net_journal_queue queue[NET_QUEUES_MAX];
};

struct err;

/*
 * Map the file, which is made as large as it must be, all of it reserved.
 * Shared.  An empty file becomes an empty journal.
 *
 *   -ENOSPC, ... the file cannot be had
 */
int net_journal_map(int fd, struct net_journal **out, struct err *e);
void net_journal_unmap(struct net_journal *j); /* NULL: no-op */

/*
 * Empty, not connected, no wiring; figures are kept if the journal was sound.
 * The caller sets the wiring and cursors, then `connected`.
 */
void net_journal_reset(struct net_journal *j);

/*
 * Is it one that a backend may go on from?  Checks all that is read later.
 *
 *   -EINVAL     no
 */
int net_journal_check(const struct net_journal *j, struct err *e);

#endif
