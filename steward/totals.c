/* SPDX-License-Identifier: MIT */
/*
 * totals.c - what was sent, or came, so far
 */
#include "totals.h"

#include <string.h>

#include "hand.h"

void totals_open(struct totals *t, uint16_t nr_streams)
{
    memset(t, 0, sizeof(*t));
    t->nr_streams = nr_streams;
    for (uint16_t i = 0; i < nr_streams; i++)
        measure_begin(&t->run[i]);
}

void totals_frame(struct totals *t, uint16_t stream, uint64_t seq,
                  const uint8_t tag[FH_MIG_TAG_BYTES])
{
    t->frames++;
    t->last_seq[stream] = seq;
    measure_bytes(&t->run[stream], tag, FH_MIG_TAG_BYTES);
}

void totals_epoch(const struct totals *t, uint32_t epoch,
                  const uint8_t session[FH_MIG_ID_BYTES],
                  struct fh_mig_epoch *out)
{
    uint8_t run[FH_MIG_STREAMS_MAX][FH_MIG_HASH_BYTES];
    struct hand_piece piece[] = {
        { session, FH_MIG_ID_BYTES },
        { run, t->nr_streams * sizeof(run[0]) },
        { out, offsetof(struct fh_mig_epoch, digest) },
    };

    for (uint16_t i = 0; i < t->nr_streams; i++) {
        struct measure copy = t->run[i]; /* more will follow */

        measure_end(&copy, run[i]);
    }
    *out = (struct fh_mig_epoch){
        .epoch = epoch,
        .nr_streams = t->nr_streams,
        .frames = t->frames,
        .data_pages = t->data_pages,
        .zero_pages = t->zero_pages,
        .hole_pages = t->hole_pages,
        .epoch_pages = (uint32_t)t->epoch_pages,
        .states = t->states,
    };
    memcpy(out->last_seq, t->last_seq, sizeof(out->last_seq));
    hand_hash(FH_MIG_LABEL_DIGEST, piece, 3, out->digest);
}
