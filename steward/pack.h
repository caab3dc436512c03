/* SPDX-License-Identifier: MIT */
/*
 * pack.h - records into the plaintext of a DATA frame
 *
 * The text is private memory, so a page is copied once, into the place where
 * it is encrypted.
 */
#ifndef STEWARD_PACK_H
#define STEWARD_PACK_H

#include <stdbool.h>

#include "abi/migrate_wire.h"

struct pack {
    uint8_t *text; /* FH_MIG_TEXT_LONG bytes */
    uint32_t used;
    uint32_t run; /* where the last record is, if it is a run; else 0 and */
    uint32_t run_type; /* FH_MIG_PAD */
    uint64_t run_end;  /* the frame that would make it longer */
};

void pack_open(struct pack *p, uint8_t *text);

/* Each returns false, and adds nothing, when it does not fit any more. */
bool pack_page(struct pack *p, uint64_t gfn, const uint8_t *page);
/* One frame of a ZERO_RUN or HOLE_RUN; neighbours become one record. */
bool pack_run(struct pack *p, enum fh_mig_record type, uint64_t gfn);
/* Part of a STATE; bytes 1..FH_MIG_STATE_BYTES. */
bool pack_state(struct pack *p, enum fh_mig_state id, uint32_t part,
                uint32_t nr_parts, const void *from, uint32_t bytes);

/* Fill the rest with zeroes.  Whether there was any record. */
bool pack_close(struct pack *p);

#endif
