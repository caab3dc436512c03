/* SPDX-License-Identifier: MIT */
/*
 * offer.h - check what dom0 offers to launch
 */
#ifndef STEWARD_OFFER_H
#define STEWARD_OFFER_H

#include <stdbool.h>

#include "err.h"
#include "layout.h"

struct offer {     /* checked */
    bool receives; /* nothing to load: a guest will come */
    bool trust_backends;
    uint64_t ram_bytes;
    uint64_t low_ram_bytes; /* of it, from 0 on: where images go */
    uint64_t cmdline_bytes; /* no NUL, no suffix */
    uint64_t kernel_bytes;
    uint64_t initrd_bytes; /* 0: no initrd */
    uint32_t nr_map;
    struct fh_map_entry map[FH_MAP_MAX];
};

/*
 * Check w, a private copy of the offer, for a domain that may own max_pages,
 * own_pages of them the steward's.
 *
 *   FH_ERR_OFFER    a field is out of range, or an unknown flag is set, or one
 *                   that a guest which comes cannot have
 *   FH_ERR_CMDLINE  the command line is too long
 *   FH_ERR_KERNEL   the kernel is empty
 *   FH_ERR_MEMORY   kernel and initrd are larger than the memory
 */
int offer_check(const struct fh_offer *w, uint64_t max_pages,
                uint64_t own_pages, struct offer *out, struct st_err *e);

#endif
