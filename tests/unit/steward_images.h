/* SPDX-License-Identifier: MIT */
/*
 * steward_images.h - the smallest kernels that the steward takes
 */
#ifndef STEWARD_IMAGES_H
#define STEWARD_IMAGES_H

#include <elf.h>
#include <stdint.h>
#include <string.h>

#include "steward/bzimage.h"

#define IMAGE_PREF 0x1000000u
#define IMAGE_INIT_BYTES 0x3700000u

/* A bzImage of file_bytes: sects * 512 of setup, the rest code. */
static inline void make_bzimage(uint8_t *file, uint64_t file_bytes,
                                uint32_t sects)
{
    uint64_t code_bytes = file_bytes - (sects + 1) * 512;

    for (uint64_t i = 0; i < file_bytes; i++)
        file[i] = (uint8_t)(i * 7 + i / 4096);
    memset(file, 0, BZ_HEADER_MAX);
    file[BZ_SETUP_SECTS] = (uint8_t)sects;
    memcpy(file + BZ_SYSSIZE, &(uint32_t){ (uint32_t)(code_bytes / 16) }, 4);
    memcpy(file + BZ_BOOT_FLAG,
           "\x55\xaa\xeb\x6a"
           "HdrS\x0f\x02",
           10);
    file[BZ_LOADFLAGS] = 1;
    memcpy(file + BZ_INITRD_ADDR_MAX, &(uint32_t){ 0x7fffffff }, 4);
    memcpy(file + BZ_CMDLINE_BYTES, &(uint32_t){ 2047 }, 4);
    memcpy(file + BZ_PREF_ADDRESS, &(uint64_t){ IMAGE_PREF }, 8);
    memcpy(file + BZ_INIT_BYTES, &(uint32_t){ IMAGE_INIT_BYTES }, 4);
}

struct elf_image { /* ELF64: one segment, one note */
    Elf64_Ehdr ehdr;
    Elf64_Phdr load, note;
    struct {
        Elf64_Nhdr n;
        char name[4];
        uint64_t entry;
    } __attribute__((packed)) xen;
    uint8_t code[256];
};

#define IMAGE_ELF_GPA 0x200000u
#define IMAGE_ELF_MEM_BYTES 0x3000u

static inline void make_elf(struct elf_image *i)
{
    memset(i, 0, sizeof(*i));
    memcpy(i->ehdr.e_ident, ELFMAG "\2\1\1", 7);
    i->ehdr.e_type = ET_EXEC;
    i->ehdr.e_machine = EM_X86_64;
    i->ehdr.e_phoff = offsetof(struct elf_image, load);
    i->ehdr.e_phentsize = sizeof(Elf64_Phdr);
    i->ehdr.e_phnum = 2;
    i->load = (Elf64_Phdr){ .p_type = PT_LOAD,
                            .p_offset = offsetof(struct elf_image, code),
                            .p_paddr = IMAGE_ELF_GPA,
                            .p_filesz = sizeof(i->code),
                            .p_memsz = IMAGE_ELF_MEM_BYTES };
    i->note = (Elf64_Phdr){ .p_type = PT_NOTE,
                            .p_offset = offsetof(struct elf_image, xen),
                            .p_filesz = sizeof(i->xen) };
    i->xen.n = (Elf64_Nhdr){ 4, 8, 18 };
    memcpy(i->xen.name, "Xen", 4);
    i->xen.entry = IMAGE_ELF_GPA + 0x10;
    memset(i->code, 0x90, sizeof(i->code));
}

#endif
