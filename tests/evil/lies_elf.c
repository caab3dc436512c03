/* SPDX-License-Identifier: MIT */
/*
 * lies_elf.c - ELF kernels that nobody should boot, and a few odd ones
 */
#include <string.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/evil/cases.h"
#include "tests/evil/image.h"

static int elf_magic_alone(struct evil *v, struct err *e)
{
    return image_set(v, FH_BLOB_KERNEL, ELFMAG, SELFMAG, e);
}

static int elf_cut(struct evil *v, struct err *e)
{
    return image_grow(v, FH_BLOB_KERNEL, 0x200, e);
}

static int elf_segment_at(struct evil *v, uint32_t at, uint32_t mem_bytes,
                          struct err *e)
{
    Elf32_Phdr *p;
    int rc = image_add_segment(v, &p, e);

    if (rc < 0)
        return rc;
    p->p_paddr = at;
    p->p_filesz = MIN_OF(p->p_filesz, mem_bytes);
    p->p_memsz = mem_bytes;
    return 0;
}

static int elf_in_private(struct evil *v, struct err *e)
{
    return elf_segment_at(v, XEN_STEWARD_PRIVATE_GPA, PAGE_BYTES, e);
}

static int elf_in_shared(struct evil *v, struct err *e)
{
    return elf_segment_at(v, XEN_STEWARD_SHARED_GPA, PAGE_BYTES, e);
}

static int elf_into_private(struct evil *v, struct err *e)
{
    return elf_segment_at(v, XEN_STEWARD_PRIVATE_GPA - PAGE_BYTES,
                          2 * PAGE_BYTES, e);
}

static int elf_below_1_mib(struct evil *v, struct err *e)
{
    return elf_segment_at(v, (uint32_t)FH_ACPI_GPA, PAGE_BYTES, e);
}

static int elf_wraps(struct evil *v, struct err *e)
{
    return elf_segment_at(v, 0xfffff000u, 0x200000, e);
}

static int elf_beyond_memory(struct evil *v, struct err *e)
{
    return elf_segment_at(v, (uint32_t)v->spec.ram_bytes, PAGE_BYTES, e);
}

static int elf_huge(struct evil *v, struct err *e)
{
    return elf_segment_at(v, 0x200000, 0x7fe00000, e);
}

/* A second copy of the same bytes in the same place: odd, and harmless. */
static int elf_overlaps(struct evil *v, struct err *e)
{
    Elf32_Phdr *p;

    return image_add_segment(v, &p, e);
}

/* A segment over the first one's start: what runs is what is measured. */
static int elf_overlaps_note(struct evil *v, struct err *e)
{
    Elf32_Phdr *p;
    int rc = image_add_segment(v, &p, e);

    if (rc == 0) {
        p->p_filesz = 0;
        p->p_memsz = 16; /* ELF header: nothing uses it in memory */
    }
    return rc;
}

static int elf_file_beyond_memory_size(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.load->p_memsz = x.load->p_filesz - 1;
    return rc;
}

static int elf_beyond_file(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.load->p_offset = 0xfffffff0u;
    return rc;
}

static int elf_note_beyond_file(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.note->p_filesz = 0x10000;
    return rc;
}

static int elf_note_cut(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.note->p_filesz = 15;
    return rc;
}

static int elf_note_lengths(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0) {
        Elf32_Nhdr *n = (void *)((char *)x.head + x.note->p_offset);

        n->n_namesz = n->n_descsz = 0xffffffffu;
    }
    return rc;
}

static int elf_entry_outside(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0) {
        char *note = (char *)x.head + x.note->p_offset;
        uint32_t entry = XEN_STEWARD_PRIVATE_GPA + 0x1000;

        memcpy(note + sizeof(Elf32_Nhdr) + 4, &entry, sizeof(entry));
    }
    return rc;
}

static int elf_no_headers(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.head->e_phnum = 0;
    return rc;
}

static int elf_many_headers(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.head->e_phnum = 0xffff;
    return rc;
}

static int elf_headers_far(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.head->e_phoff = 0xfffffff0u;
    return rc;
}

static int elf_other_machine(struct evil *v, struct err *e)
{
    struct image_elf x;
    int rc = image_elf(v, &x, e);

    if (rc == 0)
        x.head->e_machine = EM_AARCH64;
    return rc;
}

#define FAILS(err, re) { .end = EVIL_FAILED, .error = err, .words = re }
#define RUNS { .end = EVIL_RUNNING, .match = EVIL_SAME }

const struct evil_case lies_elf[] = {
    /* clang-format off */
    { .name = "elf-magic-alone", .lie = "an ELF of four bytes",
      .want = FAILS(FH_ERR_KERNEL, "neither a bzImage nor a PVH ELF"),
      .prepare = elf_magic_alone },
    { .name = "elf-cut", .lie = "an ELF that ends in its first segment",
      .want = FAILS(FH_ERR_KERNEL, "the file has 512"), .prepare = elf_cut },
    { .name = "elf-in-private", .lie = "a segment over the steward itself",
      .want = FAILS(FH_ERR_KERNEL, "at 0x80000000, want it between"),
      .prepare = elf_in_private },
    { .name = "elf-into-private", .lie = "a segment that ends in the steward",
      .want = FAILS(FH_ERR_KERNEL, "at 0x7ffff000, want it between"),
      .prepare = elf_into_private },
    { .name = "elf-in-shared", .lie = "a segment over rings and control page",
      .want = FAILS(FH_ERR_KERNEL, "at 0xc0000000, want it between"),
      .prepare = elf_in_shared },
    { .name = "elf-below-1-mib", .lie = "a segment over ACPI tables",
      .want = FAILS(FH_ERR_KERNEL, "at 0xf0000, want it between"),
      .prepare = elf_below_1_mib },
    { .name = "elf-wraps", .lie = "a segment that wraps at 4 GiB",
      .want = FAILS(FH_ERR_KERNEL, "at 0xfffff000, want it between"),
      .prepare = elf_wraps },
    { .name = "elf-beyond-memory", .lie = "a segment behind the RAM's end",
      .want = FAILS(FH_ERR_MEMORY, "kernel: needs .* of memory"),
      .prepare = elf_beyond_memory },
    { .name = "elf-huge", .lie = "a segment of almost 2 GiB",
      .want = FAILS(FH_ERR_MEMORY, "kernel: needs .* of memory"),
      .prepare = elf_huge },
    { .name = "elf-overlaps", .lie = "a segment twice: harmless, measured",
      .want = RUNS, .prepare = elf_overlaps },
    { .name = "elf-overlaps-in-part", .lie = "a segment over another's start: "
                                             "harmless, measured",
      .want = RUNS, .prepare = elf_overlaps_note },
    { .name = "elf-file-beyond-size", .lie = "more in the file than in memory",
      .want = FAILS(FH_ERR_KERNEL, "in the file, .* in memory"),
      .prepare = elf_file_beyond_memory_size },
    { .name = "elf-beyond-file", .lie = "a segment behind the file's end",
      .want = FAILS(FH_ERR_KERNEL, "damaged ELF: segment"),
      .prepare = elf_beyond_file },
    { .name = "elf-note-beyond-file", .lie = "a note behind the file's end",
      .want = FAILS(FH_ERR_KERNEL, "damaged ELF: segment"),
      .prepare = elf_note_beyond_file },
    { .name = "elf-note-cut", .lie = "a note that ends in its header",
      .want = FAILS(FH_ERR_KERNEL, "without a PVH entry"),
      .prepare = elf_note_cut },
    { .name = "elf-note-lengths", .lie = "a note with lengths of 2^32 - 1",
      .want = FAILS(FH_ERR_KERNEL, "without a PVH entry"),
      .prepare = elf_note_lengths },
    { .name = "elf-entry-outside", .lie = "an entry in the steward",
      .want = FAILS(FH_ERR_KERNEL, "PVH entry 0x80001000 is in no segment"),
      .prepare = elf_entry_outside },
    { .name = "elf-no-headers", .lie = "an ELF without segments",
      .want = FAILS(FH_ERR_KERNEL, "0 program headers"),
      .prepare = elf_no_headers },
    { .name = "elf-many-headers", .lie = "an ELF with 65535 segments",
      .want = FAILS(FH_ERR_KERNEL, "65535 program headers"),
      .prepare = elf_many_headers },
    { .name = "elf-headers-far", .lie = "program headers at 4 GiB - 16",
      .want = FAILS(FH_ERR_KERNEL, "program headers at byte 4294967280"),
      .prepare = elf_headers_far },
    { .name = "elf-other-machine", .lie = "an ELF for another CPU",
      .want = FAILS(FH_ERR_KERNEL, "want an x86 executable"),
      .prepare = elf_other_machine },
    { 0 },
    /* clang-format on */
};
