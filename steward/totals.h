/* SPDX-License-Identifier: MIT */
/*
 * totals.h - what was sent, or came, so far: counted and hashed alike
 *
 * Both sides keep one; an epoch is good when they are equal.
 */
#ifndef STEWARD_TOTALS_H
#define STEWARD_TOTALS_H

#include "abi/migrate_wire.h"
#include "measure.h"

struct totals {
    uint16_t nr_streams;
    uint64_t frames, data_pages, zero_pages, hole_pages;
    uint64_t epoch_pages; /* named in this epoch; clear it at its start */
    uint32_t states;
    uint64_t last_seq[FH_MIG_STREAMS_MAX]; /* of DATA */
    struct measure run[FH_MIG_STREAMS_MAX];
};

void totals_open(struct totals *t, uint16_t nr_streams);

/* One more DATA frame. */
void totals_frame(struct totals *t, uint16_t stream, uint64_t seq,
                  const uint8_t tag[FH_MIG_TAG_BYTES]);

/* The EPOCH that says all this. */
void totals_epoch(const struct totals *t, uint32_t epoch,
                  const uint8_t session[FH_MIG_ID_BYTES],
                  struct fh_mig_epoch *out);

#endif
