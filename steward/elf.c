/* SPDX-License-Identifier: MIT */
/*
 * elf.c - read an ELF image with a PVH entry, of 32 or 64 bits
 *
 * Every header is copied into the 64-bit form first; then one set of checks
 * serves both classes.
 */
#include "elf.h"

#include <elf.h>
#include <string.h>

#define NOTE_PHYS32_ENTRY 18u /* XEN_ELFNOTE_PHYS32_ENTRY */
#define NOTE_NAME "Xen"

struct headers { /* of either class */
    uint64_t off_bytes;
    uint64_t nr, entry_bytes, entry_bytes_want;
    uint16_t type, machine;
};

bool elf_is(const uint8_t *head, uint64_t head_bytes)
{
    return head_bytes >= sizeof(Elf32_Ehdr) &&
           memcmp(head, ELFMAG, SELFMAG) == 0;
}

static struct headers read_headers(const uint8_t *head, bool is_64)
{
    Elf64_Ehdr e64;
    Elf32_Ehdr e32;

    if (is_64) {
        memcpy(&e64, head, sizeof(e64));
        return (struct headers){ .off_bytes = e64.e_phoff,
                                 .nr = e64.e_phnum,
                                 .entry_bytes = e64.e_phentsize,
                                 .entry_bytes_want = sizeof(Elf64_Phdr),
                                 .type = e64.e_type,
                                 .machine = e64.e_machine };
    }
    memcpy(&e32, head, sizeof(e32));
    return (struct headers){ .off_bytes = e32.e_phoff,
                             .nr = e32.e_phnum,
                             .entry_bytes = e32.e_phentsize,
                             .entry_bytes_want = sizeof(Elf32_Phdr),
                             .type = e32.e_type,
                             .machine = e32.e_machine };
}

static Elf64_Phdr read_part(const uint8_t *at, bool is_64)
{
    Elf64_Phdr p64;
    Elf32_Phdr p32;

    if (is_64) {
        memcpy(&p64, at, sizeof(p64));
        return p64;
    }
    memcpy(&p32, at, sizeof(p32));
    return (Elf64_Phdr){ .p_type = p32.p_type,
                         .p_offset = p32.p_offset,
                         .p_paddr = p32.p_paddr,
                         .p_filesz = p32.p_filesz,
                         .p_memsz = p32.p_memsz };
}

static int check_headers(const uint8_t *head, const struct headers *h,
                         struct st_err *e)
{
    if (head[EI_DATA] != ELFDATA2LSB || h->type != ET_EXEC ||
        (h->machine != EM_386 && h->machine != EM_X86_64))
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: ELF of machine %u, type %u, want an x86 "
                       "executable",
                       h->machine, h->type);
    if (h->nr == 0 || h->entry_bytes != h->entry_bytes_want)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: damaged ELF: %lu program headers of %lu "
                       "bytes, want some of %lu",
                       (unsigned long)h->nr, (unsigned long)h->entry_bytes,
                       (unsigned long)h->entry_bytes_want);
    if (h->off_bytes > PAGE_BYTES ||
        h->off_bytes + h->nr * h->entry_bytes > PAGE_BYTES)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: ELF: %lu program headers at byte %lu, want "
                       "them in the first %u bytes",
                       (unsigned long)h->nr, (unsigned long)h->off_bytes,
                       PAGE_BYTES);
    return 0;
}

static int check_part(const Elf64_Phdr *p, uint32_t i, uint64_t file_bytes,
                      struct st_err *e)
{
    if (p->p_offset > file_bytes || p->p_filesz > file_bytes - p->p_offset)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: damaged ELF: segment %u wants %lu bytes at "
                       "%lu, the file has %lu",
                       i, (unsigned long)p->p_filesz,
                       (unsigned long)p->p_offset, (unsigned long)file_bytes);
    if (p->p_type != PT_LOAD)
        return 0;
    if (p->p_filesz > p->p_memsz)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: damaged ELF: segment %u has %lu bytes in the "
                       "file, %lu in memory",
                       i, (unsigned long)p->p_filesz,
                       (unsigned long)p->p_memsz);
    if (p->p_paddr < LAYOUT_LOAD_GPA || p->p_paddr > FH_LOW_RAM_END ||
        p->p_memsz > FH_LOW_RAM_END - p->p_paddr)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: ELF segment %u: %lu bytes at 0x%lx, want it "
                       "between 0x%lx and 0x%x",
                       i, (unsigned long)p->p_memsz, (unsigned long)p->p_paddr,
                       (unsigned long)LAYOUT_LOAD_GPA, FH_LOW_RAM_END);
    return 0;
}

static int add_part(const Elf64_Phdr *p, uint32_t *nr, struct elf_part *parts,
                    struct st_err *e)
{
    if (*nr == ELF_PARTS_MAX)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: ELF: more than %u segments of type %u",
                       ELF_PARTS_MAX, p->p_type);
    parts[(*nr)++] = (struct elf_part){ .off = p->p_offset,
                                        .file_bytes = p->p_filesz,
                                        .mem_bytes = p->p_memsz,
                                        .at = gpa(p->p_paddr) };
    return 0;
}

static int take_part(const Elf64_Phdr *p, uint32_t i, uint64_t file_bytes,
                     struct elf *out, struct st_err *e)
{
    int rc;

    if (p->p_type != PT_LOAD && p->p_type != PT_NOTE)
        return 0;
    rc = check_part(p, i, file_bytes, e);
    if (rc < 0)
        return rc;
    if (p->p_type == PT_NOTE)
        return add_part(p, &out->nr_note, out->note, e);
    if (p->p_memsz == 0)
        return 0;
    if (p->p_paddr < out->lo.v)
        out->lo = gpa(p->p_paddr);
    if (p->p_paddr + p->p_memsz > out->hi.v)
        out->hi = gpa(p->p_paddr + p->p_memsz);
    return add_part(p, &out->nr_load, out->load, e);
}

int elf_parse(const uint8_t head[PAGE_BYTES], uint64_t file_bytes,
              struct elf *out, struct st_err *e)
{
    bool is_64 = head[EI_CLASS] == ELFCLASS64;
    struct headers h = read_headers(head, is_64);
    int rc;

    *out = (struct elf){ .lo = { FH_LOW_RAM_END } };
    rc = check_headers(head, &h, e);
    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < h.nr; i++) {
        Elf64_Phdr p = read_part(head + h.off_bytes + i * h.entry_bytes, is_64);

        rc = take_part(&p, i, file_bytes, out, e);
        if (rc < 0)
            return rc;
    }
    if (out->nr_load == 0)
        return st_fail(e, FH_ERR_KERNEL, "kernel: ELF: nothing to load");
    return 0;
}

/* The first PHYS32_ENTRY note among left bytes at p: 1, or 0: none. */
static int find_entry(const uint8_t *p, uint64_t left, struct gpa *entry)
{
    Elf64_Nhdr n; /* the same in both classes */

    while (left >= sizeof(n)) {
        uint64_t name_bytes, desc_bytes;

        memcpy(&n, p, sizeof(n));
        p += sizeof(n);
        left -= sizeof(n);
        name_bytes = ((uint64_t)n.n_namesz + 3) & ~(uint64_t)3;
        desc_bytes = ((uint64_t)n.n_descsz + 3) & ~(uint64_t)3;
        if (name_bytes > left || desc_bytes > left - name_bytes)
            return 0;
        if (n.n_type == NOTE_PHYS32_ENTRY && n.n_namesz == sizeof(NOTE_NAME) &&
            memcmp(p, NOTE_NAME, sizeof(NOTE_NAME)) == 0 &&
            (n.n_descsz == 4 || n.n_descsz == 8)) {
            entry->v = 0;
            memcpy(&entry->v, p + name_bytes, n.n_descsz);
            return 1;
        }
        p += name_bytes + desc_bytes;
        left -= name_bytes + desc_bytes;
    }
    return 0;
}

static bool is_loaded(const struct elf *elf, struct gpa at)
{
    for (uint32_t i = 0; i < elf->nr_load; i++) {
        const struct elf_part *p = &elf->load[i];

        if (at.v >= p->at.v && at.v - p->at.v < p->mem_bytes)
            return true;
    }
    return false;
}

int elf_entry(const struct elf *elf, const uint8_t *file, struct gpa *entry,
              struct st_err *e)
{
    for (uint32_t i = 0; i < elf->nr_note; i++) {
        const struct elf_part *p = &elf->note[i];

        if (!find_entry(file + p->off, p->file_bytes, entry))
            continue;
        if (is_loaded(elf, *entry))
            return 0;
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: ELF: PVH entry 0x%lx is in no segment",
                       (unsigned long)entry->v);
    }
    return st_fail(e, FH_ERR_KERNEL,
                   "kernel: ELF without a PVH entry (Xen note %u)",
                   NOTE_PHYS32_ENTRY);
}
