/* SPDX-License-Identifier: MIT */
/*
 * layout.h - where the steward puts what, in its guest's address space
 *
 * The ranges themselves are an ABI (abi/xen_steward.h, abi/memory_map.h);
 * this file divides those that are the steward's to divide.
 */
#ifndef STEWARD_LAYOUT_H
#define STEWARD_LAYOUT_H

#include <stdint.h>

#include "abi/memory_map.h"
#include "abi/steward_abi.h"
#include "abi/xen_steward.h"

#define PAGE_BYTES 4096u
#define MIB_BYTES 0x100000ull

/* A guest physical address: not a pointer, so nobody reads it by accident. */
struct gpa {
    uint64_t v;
};

static inline struct gpa gpa(uint64_t v)
{
    return (struct gpa){ v };
}

static inline uint64_t page_round_up(uint64_t bytes)
{
    return (bytes + PAGE_BYTES - 1) & ~(uint64_t)(PAGE_BYTES - 1);
}

/*
 * The 64 KiB below 1 MiB.  Guest RAM that the memory map calls ACPI: no
 * kernel reuses it, and it migrates with the guest.
 */
#define LAYOUT_TABLES_GPA FH_ACPI_GPA /* RSDP first */
#define LAYOUT_TABLES_BYTES 0x2000u
#define LAYOUT_START_INFO_GPA (FH_ACPI_GPA + 0x2000)  /* PVH */
#define LAYOUT_BOOT_PARAMS_GPA (FH_ACPI_GPA + 0x3000) /* bzImage */
#define LAYOUT_CMDLINE_GPA (FH_ACPI_GPA + 0x4000)     /* loaded in place */
#define LAYOUT_HEAD_GPA (FH_ACPI_GPA + 0x5000)        /* kernel's 1st page */

/* Images go to RAM from here on, and end below the steward's ranges. */
#define LAYOUT_LOAD_GPA MIB_BYTES

/*
 * While the guest is moved: one frame, what dom0 made of the CPU, a bit a block
 * of 2 MiB for holes, 64 bytes a block for what changed; the vCPUs' state.
 */
#define LAYOUT_FRAME_GPA (XEN_STEWARD_PRIVATE_GPA + 0x400000u)
#define LAYOUT_POLICY_GPA (XEN_STEWARD_PRIVATE_GPA + 0x420000u)
#define LAYOUT_HOLED_GPA (XEN_STEWARD_PRIVATE_GPA + 0x440000u)
#define LAYOUT_WINDOW_GPA (XEN_STEWARD_PRIVATE_GPA + 0x600000u)
#define LAYOUT_WINDOW_BYTES_MAX 0x100000u
#define LAYOUT_CONTEXT_GPA (XEN_STEWARD_PRIVATE_GPA + 0xa00000u)
#define LAYOUT_CONTEXT_BYTES_MAX 0x200000u

/* While it loads, the steward sees its grant table here; then nowhere. */
#define LAYOUT_GRANT_GPA (XEN_STEWARD_PRIVATE_GPA + 0x800000u)

#endif
