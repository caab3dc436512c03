/* SPDX-License-Identifier: MIT */
/*
 * ram.h - which frames are the guest's memory
 *
 * Its RAM and the ACPI pages of its memory map.  All else is the steward's,
 * Xen's, or nothing, and no migration touches it.
 */
#ifndef STEWARD_RAM_H
#define STEWARD_RAM_H

#include <stdbool.h>
#include <stdint.h>

#include "abi/migrate_wire.h"

#define RAM_BLOCK_PAGES FH_MIG_BLOCK_PAGES
#define RAM_BLOCK_WORDS (RAM_BLOCK_PAGES / 64u)

struct ram { /* ascending, neither touching nor overlapping */
    struct ram_range {
        uint64_t first, end; /* frames */
    } range[FH_MAP_MAX];
    uint32_t nr;
    uint64_t pages;
};

/*
 * From a memory map, lowest address first.  false: it is not one, or holds no
 * memory, or frames beyond what a record can name.
 */
bool ram_open(struct ram *r, const struct fh_map_entry *map, uint32_t nr);

/* Whether all of [gfn, gfn + nr) is the guest's. */
bool ram_has(const struct ram *r, uint64_t gfn, uint64_t nr);

/* Bit i of mask: frame i of that block is the guest's. */
void ram_mask(const struct ram *r, uint64_t block,
              uint64_t mask[RAM_BLOCK_WORDS]);

/* One more than the last block that has any. */
uint64_t ram_end_block(const struct ram *r);

#endif
