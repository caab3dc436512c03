/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_elf.c - a whole ELF file: its headers, segments and notes
 *
 * The file ends where the heap block does, so one byte beyond it shows.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "steward/elf.c"

static void read_segments(const struct elf *elf, const uint8_t *file)
{
    volatile uint8_t sum = 0;

    for (uint32_t i = 0; i < elf->nr_load; i++) {
        const struct elf_part *p = &elf->load[i];

        if (p->at.v < elf->lo.v || p->at.v + p->mem_bytes > elf->hi.v ||
            p->file_bytes > p->mem_bytes)
            abort();
        for (uint64_t b = 0; b < p->file_bytes; b++)
            sum = (uint8_t)(sum + file[p->off + b]);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t page[PAGE_BYTES] = { 0 };
    struct st_err e = { 0 };
    struct gpa entry;
    struct elf elf;
    uint8_t *file;

    if (!elf_is(data, size))
        return 0;
    memcpy(page, data, size < PAGE_BYTES ? size : PAGE_BYTES);
    if (elf_parse(page, size, &elf, &e) < 0)
        return 0;
    if (elf.lo.v < LAYOUT_LOAD_GPA || elf.hi.v > FH_LOW_RAM_END)
        abort();
    file = malloc(size);
    if (!file)
        return 0;
    memcpy(file, data, size);
    read_segments(&elf, file);
    if (elf_entry(&elf, file, &entry, &e) == 0 &&
        (entry.v < elf.lo.v || entry.v >= elf.hi.v))
        abort();
    free(file);
    return 0;
}
