/* SPDX-License-Identifier: MIT */
/*
 * grant.h - give pages to dom0, and take them back for certain
 *
 * While it loads, the steward owns the whole grant table.  Afterwards only
 * XEN_STEWARD_{CONSOLE,STORE,CONTROL}_REF are left in it, the table is the
 * guest's, and nothing here may be called any more.
 */
#ifndef STEWARD_GRANT_H
#define STEWARD_GRANT_H

#include "err.h"
#include "layout.h"

struct grant_entry_v1;

struct grant {
    struct grant_entry_v1 *table; /* shared with Xen */
    uint32_t nr_frames, nr_refs;
};

/*
 * Map as much of the table as two windows need, at most visible_frames.
 * Returns 0 or FH_ERR_XEN.
 */
int grant_open(struct grant *g, uint32_t visible_frames, struct st_err *e);

/* The windows' first ref and their size in refs, after grant_open(). */
uint32_t grant_window_ref(const struct grant *g, unsigned window);
uint32_t grant_window_refs(const struct grant *g);

/* Let dom0 read and write the page at gfn, by a ref that is free. */
void grant_give(struct grant *g, uint32_t ref, uint64_t gfn);

/*
 * Take a grant back.  FH_ERR_GRANT when dom0 holds the page at this moment,
 * for reading or for writing; that is final.
 */
int grant_take(struct grant *g, uint32_t ref, struct st_err *e);

/*
 * Take back what is left but the steward's three, and leave the table to the
 * guest.  FH_ERR_GRANT as above; FH_ERR_XEN.
 */
int grant_close(struct grant *g, struct st_err *e);

#endif
