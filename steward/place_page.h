/* SPDX-License-Identifier: MIT */
/*
 * place_page.h - checked records into the guest's memory
 *
 * The only writer of guest memory at a destination.  Xen hands out zeroed
 * pages, so in the first epoch a page that is zero is there already.
 */
#ifndef STEWARD_PLACE_PAGE_H
#define STEWARD_PLACE_PAGE_H

#include <stdint.h>

struct import;

/* FH_MIG_ERR_XEN, in m->why, when Xen does not give or take a page. */
int place_data(struct import *m, uint64_t gfn, const uint8_t *page);
int place_zero(struct import *m, uint64_t gfn, uint32_t nr);
int place_hole(struct import *m, uint64_t gfn, uint32_t nr);

#endif
