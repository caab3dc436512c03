/* SPDX-License-Identifier: MIT */
/*
 * scratch.h - memory that the steward has while its guest is moved
 *
 * Private pages in its own range, there on demand, empty when they come, and
 * wiped before they go back to Xen.
 */
#ifndef STEWARD_SCRATCH_H
#define STEWARD_SCRATCH_H

#include "err.h"
#include "layout.h"

enum scratch_part {
    SCRATCH_FRAME,
    SCRATCH_POLICY,
    SCRATCH_HOLED,
    SCRATCH_WINDOW,
    SCRATCH_CONTEXT,
    SCRATCH_PARTS
};

struct scratch { /* all zero: nothing is there */
    uint64_t pages[SCRATCH_PARTS];
};

/*
 * Have room for that many bytes; once a part.  FH_ERR_POPULATE, when Xen has
 * no memory; FH_ERR_MEMORY, when they are more than there is an address for.
 */
int scratch_take(struct scratch *s, enum scratch_part part, uint64_t bytes,
                 struct st_err *e);
void *scratch_at(enum scratch_part part);
uint64_t scratch_gfn(enum scratch_part part);

/* All of it.  Twice: no-op. */
void scratch_drop(struct scratch *s);

#endif
