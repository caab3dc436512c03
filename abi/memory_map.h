/* SPDX-License-Identifier: MIT */
/*
 * memory_map.h - a guest's memory map and command line, as both sides see it
 *
 * The steward builds them, `freehold measure` predicts them: one definition,
 * so the two cannot drift.  Needs nothing but <stdint.h>.
 */
#ifndef MEMORY_MAP_H
#define MEMORY_MAP_H

#include "steward_abi.h"
#include "xen_steward.h"

#define FH_LOW_RAM_END XEN_STEWARD_PRIVATE_GPA /* 2 GiB */
#define FH_HIGH_RAM_GPA 0x100000000ull         /* 4 GiB */

/*
 * Of the address space: nothing that a kernel puts into the steward's slot is
 * to be found there, so all of it is reserved, and not the pages alone.
 */
#define FH_PRIVATE_BYTES (XEN_STEWARD_SHARED_GPA - XEN_STEWARD_PRIVATE_GPA)

#define FH_RAM_MIN (16ull << 20) /* bytes */
#define FH_RAM_MAX (1ull << 40)  /* bytes */

/* ACPI tables, start info and the like: the last pages below 1 MiB. */
#define FH_ACPI_GPA 0xf0000ull
#define FH_ACPI_BYTES 0x10000ull

/*
 * Fill map[FH_MAP_MAX], lowest address first, for a guest of ram_bytes (a
 * multiple of 4096 in FH_RAM_MIN..FH_RAM_MAX; the ACPI pages count as RAM).
 * Returns the number of entries; 0 when ram_bytes is out of range.
 */
static inline uint32_t fh_memory_map(uint64_t ram_bytes,
                                     struct fh_map_entry *map)
{
    uint64_t low = ram_bytes < FH_LOW_RAM_END ? ram_bytes : FH_LOW_RAM_END;
    uint32_t n = 0;

    if (ram_bytes < FH_RAM_MIN || ram_bytes > FH_RAM_MAX || (ram_bytes & 4095))
        return 0;
    for (uint32_t i = 0; i < FH_MAP_MAX; i++)
        map[i] = (struct fh_map_entry){ 0, 0, 0, 0 };

    map[n++] = (struct fh_map_entry){ 0, FH_ACPI_GPA, FH_MAP_RAM, 0 };
    map[n++] =
        (struct fh_map_entry){ FH_ACPI_GPA, FH_ACPI_BYTES, FH_MAP_ACPI, 0 };
    map[n++] = (struct fh_map_entry){ 0x100000, low - 0x100000, FH_MAP_RAM, 0 };
    map[n++] = (struct fh_map_entry){ XEN_STEWARD_PRIVATE_GPA, FH_PRIVATE_BYTES,
                                      FH_MAP_RESERVED, 0 };
    map[n++] =
        (struct fh_map_entry){ XEN_STEWARD_SHARED_GPA, XEN_STEWARD_RANGE_BYTES,
                               FH_MAP_RESERVED, 0 };
    if (ram_bytes > low)
        map[n++] = (struct fh_map_entry){ FH_HIGH_RAM_GPA, ram_bytes - low,
                                          FH_MAP_RAM, 0 };
    return n;
}

/*
 * What the steward appends to the measured command line, unless the guest's
 * configuration says that it trusts its backends: stock frontends otherwise
 * grant whole pages that also hold unrelated kernel data (XSA-403).
 */
#define FH_CMDLINE_SUFFIX " xen_blkfront.trusted=0 xen_netfront.trusted=0"

#endif
