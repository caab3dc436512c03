/* SPDX-License-Identifier: MIT */
/*
 * slots.h - dom0's buffers for sealed frames, reached by Xen's grant copy alone
 *
 * abi/steward_abi.h, struct fh_move_dom0: which slot is whose turn.
 */
#ifndef STEWARD_SLOTS_H
#define STEWARD_SLOTS_H

#include <stdbool.h>

#include "err.h"
#include "layout.h"

struct slots_wire { /* as dom0 wrote it, fetched once */
    uint32_t nr_streams, nr_slots, flags;
    uint32_t ref[FH_MOVE_SLOTS][FH_SLOT_PAGES];
};

struct slots { /* checked */
    uint16_t nr_streams;
    uint32_t nr_a_stream;
    bool check; /* a dry run */
    uint32_t ref[FH_MOVE_SLOTS][FH_SLOT_PAGES];
};

/* FH_ERR_PROTOCOL: streams, slots or flags are out of range. */
int slots_check(const struct slots_wire *w, struct slots *out,
                struct st_err *e);

/* Where a stream's nth frame goes. */
uint32_t slots_of(const struct slots *s, uint16_t stream, uint32_t n);

/*
 * Copy bytes between the steward's pages from gfn on and a slot.  0, or what
 * Xen says.
 */
long slots_put(const struct slots *s, uint32_t slot, uint64_t gfn,
               uint32_t bytes);
long slots_get(const struct slots *s, uint32_t slot, uint64_t gfn,
               uint32_t bytes);

#endif
