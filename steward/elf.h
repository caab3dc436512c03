/* SPDX-License-Identifier: MIT */
/*
 * elf.h - read an ELF image with a PVH entry, of 32 or 64 bits
 *
 * Source: the System V ABI, and Xen, docs/misc/pvh.pandoc.
 */
#ifndef STEWARD_ELF_H
#define STEWARD_ELF_H

#include <stdbool.h>

#include "err.h"
#include "layout.h"

#define ELF_PARTS_MAX 16u /* PT_LOAD and PT_NOTE headers, of each */

struct elf_part { /* checked: off + file_bytes lies in the file */
    uint64_t off;
    uint64_t file_bytes;
    uint64_t mem_bytes; /* at least file_bytes; PT_LOAD only */
    struct gpa at;      /* PT_LOAD only */
};

struct elf { /* checked */
    uint32_t nr_load, nr_note;
    struct elf_part load[ELF_PARTS_MAX], note[ELF_PARTS_MAX];
    struct gpa lo, hi; /* all of load[] lies in lo .. hi - 1 */
};

/* Whether a file that starts with head calls itself an ELF image. */
bool elf_is(const uint8_t *head, uint64_t head_bytes);

/*
 * Read the program headers of a file of file_bytes whose first page is head
 * (with NULs behind a shorter file); they must lie in that page.  Every
 * PT_LOAD ends up between LAYOUT_LOAD_GPA and 2 GiB.
 * Returns 0 or FH_ERR_KERNEL.
 */
int elf_parse(const uint8_t head[PAGE_BYTES], uint64_t file_bytes,
              struct elf *out, struct st_err *e);

/*
 * Find the PVH entry point, the Xen note PHYS32_ENTRY, in the whole file that
 * elf_parse() accepted; it lies in one of load[].  Returns 0 or FH_ERR_KERNEL.
 */
int elf_entry(const struct elf *elf, const uint8_t *file, struct gpa *entry,
              struct st_err *e);

#endif
