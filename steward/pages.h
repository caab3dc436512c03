/* SPDX-License-Identifier: MIT */
/*
 * pages.h - the steward's view of memory, and the guest's share of it
 */
#ifndef STEWARD_PAGES_H
#define STEWARD_PAGES_H

#include "err.h"
#include "layout.h"
#include "offer.h"

/*
 * Replace the page tables that start.S made: still the lowest 4 GiB as they
 * are, but code that cannot be written, data that cannot be executed, and no
 * page below either stack.
 */
void pages_protect(void);

/* A guest physical address below 4 GiB, to be read or written. */
void *pages_at(struct gpa at);

/* Zero memory; unlike memset(), from address 0 on, too. */
void pages_clear(struct gpa at, uint64_t bytes);

/* Populate the shared pages: console, xenstore, control.  FH_ERR_POPULATE. */
int pages_populate_shared(struct st_err *e);

/*
 * Populate the guest's memory, 2 MiB at a time where Xen has that, and tell
 * Xen its map.  FH_ERR_POPULATE when there is not enough; FH_ERR_XEN.
 */
int pages_populate_ram(const struct offer *o, struct st_err *e);

/*
 * Where a block of the guest's memory is, 2 MiB from 2 MiB * block on; what
 * lies above 4 GiB, until the next call.
 */
uint8_t *pages_block(uint64_t block);

/*
 * Populate nr small pages from gfn on, and give them back to Xen.
 * FH_ERR_POPULATE; what Xen says, or -EBUSY when it took fewer.
 */
int pages_populate(uint64_t gfn, uint64_t nr, struct st_err *e);
long pages_depopulate(uint64_t gfn, uint64_t nr);

#endif
