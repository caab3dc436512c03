/* SPDX-License-Identifier: MIT */
/*
 * ledger.h - what a guest was really given, and how that is measured
 *
 * A second opinion: it follows steward_abi.h on its own and shares no code
 * with the steward or with `freehold measure`.
 */
#ifndef LEDGER_H
#define LEDGER_H

#include <pthread.h>
#include <stdint.h>

#include "abi/steward_abi.h"

struct err;

struct ledger {
    pthread_mutex_t lock;     /* a storm may fill pages, too */
    uint8_t *bytes[FH_BLOBS]; /* 0 where nothing was filled in */
    uint64_t cap_bytes[FH_BLOBS];
    uint64_t len_bytes[FH_BLOBS]; /* the end of what was asked for */
};

int ledger_open(struct ledger *l, const uint64_t cap_bytes[FH_BLOBS],
                struct err *e);
void ledger_close(struct ledger *l); /* all zero: no-op */

/*
 * Nobody measures, asks or fills between the two but the holder: so that a
 * storm's copy and its entry here are one step for the judge.
 */
void ledger_hold(struct ledger *l);
void ledger_release(struct ledger *l);

/* The steward asked for these bytes of a blob. */
void ledger_asked(struct ledger *l, uint32_t blob, uint64_t off_bytes,
                  uint64_t len_bytes);

/* These bytes are in the guest's page now; those behind cap_bytes are lost. */
void ledger_filled(struct ledger *l, uint32_t blob, uint64_t off_bytes,
                   const void *bytes, uint64_t len_bytes);

/*
 * The measurement of a guest that was offered flags and ram_bytes and has
 * exactly these bytes.
 */
void ledger_measure(struct ledger *l, uint32_t nr_vcpus, uint64_t ram_bytes,
                    uint32_t flags, uint8_t out[32]);

#endif
