/* SPDX-License-Identifier: MIT */
/*
 * hold.h - take granted pages as no honest supervisor does, and keep them
 *
 * Calls of one hold must not overlap; two holds are independent.
 */
#ifndef HOLD_H
#define HOLD_H

#include <stdint.h>

struct err;
struct hold; /* owns an open gntdev and its mappings */

int hold_open(struct hold **out, struct err *e);
void hold_close(struct hold *h); /* NULL: no-op; drops every mapping */

/*
 * Map nr_refs grants from first_ref on, one after the other, with prot of
 * mmap().  *va is good until hold_drop().
 *
 *   -EBUSY   more than HOLD_MAPS_MAX mappings
 *   others   the guest does not grant them
 */
#define HOLD_MAPS_MAX 16u
#define HOLD_REFS_MAX 512u
int hold_map(struct hold *h, uint16_t domid, uint32_t first_ref,
             uint32_t nr_refs, int prot, void **va, struct err *e);

/* Drop every mapping. */
void hold_drop(struct hold *h);

/*
 * Copy up to a page into a granted one.  Returns 0, or -EACCES when Xen
 * refuses the grant.
 */
int hold_copy(struct hold *h, uint16_t domid, uint32_t ref, const void *from,
              uint32_t len_bytes, struct err *e);

#endif
