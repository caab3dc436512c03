/* SPDX-License-Identifier: MIT */
/*
 * test_steward_elf.c - tests of steward/elf.c
 */
#include "tests/unit/steward_test.h"

#include "steward/elf.h"
#include "tests/unit/steward_images.h"

static union {
    struct elf_image image;
    uint8_t page[PAGE_BYTES];
} file;
static struct elf elf;
static struct st_err e;

static int parse(void)
{
    e = (struct st_err){ 0 };
    return elf_parse(file.page, sizeof(file.image), &elf, &e);
}

static int entry(struct gpa *at)
{
    e = (struct st_err){ 0 };
    return elf_entry(&elf, file.page, at, &e);
}

TEST(a_64_bit_image_is_read)
{
    struct gpa at;

    make_elf(&file.image);
    assert_true(elf_is(file.page, sizeof(file.image)));
    CHECK_EQ(parse(), 0);
    CHECK_EQ(elf.nr_load, 1);
    CHECK_EQ(elf.lo.v, IMAGE_ELF_GPA);
    CHECK_EQ(elf.hi.v, IMAGE_ELF_GPA + IMAGE_ELF_MEM_BYTES);
    CHECK_EQ(entry(&at), 0);
    CHECK_EQ(at.v, IMAGE_ELF_GPA + 0x10);
}

TEST(a_32_bit_image_is_read)
{
    struct {
        Elf32_Ehdr ehdr;
        Elf32_Phdr part[2];
        Elf32_Nhdr n;
        char name[4];
        uint32_t entry;
    } small = { .ehdr = { .e_ident = ELFMAG "\1\1\1",
                          .e_type = ET_EXEC,
                          .e_machine = EM_386,
                          .e_phoff = sizeof(Elf32_Ehdr),
                          .e_phentsize = sizeof(Elf32_Phdr),
                          .e_phnum = 2 },
                .n = { 4, 4, 18 },
                .name = "Xen",
                .entry = 0x100004 };
    struct gpa at;

    small.part[0] = (Elf32_Phdr){ .p_type = PT_LOAD,
                                  .p_paddr = 0x100000,
                                  .p_filesz = sizeof(small),
                                  .p_memsz = 0x4000 };
    small.part[1] = (Elf32_Phdr){ .p_type = PT_NOTE, .p_filesz = 20 };
    small.part[1].p_offset =
        (uint32_t)((uint8_t *)&small.n - (uint8_t *)&small);
    memset(&file, 0, sizeof(file));
    memcpy(&file, &small, sizeof(small));
    CHECK_EQ(elf_parse(file.page, sizeof(small), &elf, &e), 0);
    CHECK_EQ(elf.hi.v, 0x104000);
    CHECK_EQ(entry(&at), 0);
    CHECK_EQ(at.v, 0x100004);
}

TEST(headers_have_edges)
{
    static const struct {
        unsigned off, bytes;
        uint64_t value;
        const char *words;
    } edge[] = {
        { EI_DATA, 1, ELFDATA2MSB, "executable" },
        { offsetof(Elf64_Ehdr, e_type), 2, ET_DYN, "executable" },
        { offsetof(Elf64_Ehdr, e_machine), 2, EM_AARCH64, "executable" },
        { offsetof(Elf64_Ehdr, e_phnum), 2, 0, "program headers" },
        { offsetof(Elf64_Ehdr, e_phnum), 2, UINT16_MAX, "in the first" },
        { offsetof(Elf64_Ehdr, e_phentsize), 2, 55, "program headers" },
        { offsetof(Elf64_Ehdr, e_phoff), 8, 4096 - 2 * 56, "nothing" },
        { offsetof(Elf64_Ehdr, e_phoff), 8, 4096 - 2 * 56 + 1, "in the" },
        { offsetof(Elf64_Ehdr, e_phoff), 8, UINT64_MAX, "in the first" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(edge); i++) {
        memset(&file, 0, sizeof(file));
        make_elf(&file.image);
        put(&file, edge[i].off, edge[i].value, edge[i].bytes);
        CHECK_FAILS(parse(), &e, FH_ERR_KERNEL, edge[i].words);
    }
}

TEST(segments_have_edges)
{
    static const struct {
        uint64_t off, file_bytes, gpa, mem_bytes;
        const char *words;
    } edge[] = {
        { 0, sizeof(struct elf_image), 0x100000, 0x1000, NULL },
        { 1, sizeof(struct elf_image), 0x100000, 0x1000, "the file has" },
        { UINT64_MAX, 1, 0x100000, 0x1000, "the file has" },
        { 1, UINT64_MAX, 0x100000, UINT64_MAX, "the file has" },
        { 0, 17, 0x100000, 16, "in memory" },
        { 0, 16, 0xff000, 0x1000, "between" },
        { 0, 16, 0x7ffff000, 0x1000, NULL },
        { 0, 16, 0x7ffff000, 0x1001, "between" },
        { 0, 16, 0x80000000, 16, "between" },
        { 0, 16, UINT64_MAX, 16, "between" },
        { 0, 16, 0x100000, UINT64_MAX, "between" },
        { 0, 0, 0x100000, 0, "nothing to load" },
    };

    for (unsigned i = 0; i < ARRAY_SIZE(edge); i++) {
        make_elf(&file.image);
        file.image.load.p_offset = edge[i].off;
        file.image.load.p_filesz = edge[i].file_bytes;
        file.image.load.p_paddr = edge[i].gpa;
        file.image.load.p_memsz = edge[i].mem_bytes;
        if (edge[i].words)
            CHECK_FAILS(parse(), &e, FH_ERR_KERNEL, edge[i].words);
        else
            CHECK_EQ(parse(), 0);
    }
}

TEST(more_segments_than_there_is_room_for_are_refused)
{
    memset(&file, 0, sizeof(file));
    make_elf(&file.image);
    file.image.ehdr.e_phoff = 1024;
    file.image.ehdr.e_phnum = ELF_PARTS_MAX + 1;
    for (unsigned i = 0; i <= ELF_PARTS_MAX; i++)
        memcpy(file.page + 1024 + i * sizeof(Elf64_Phdr), &file.image.load,
               sizeof(Elf64_Phdr));
    CHECK_FAILS(parse(), &e, FH_ERR_KERNEL, "more than 16");
    file.image.ehdr.e_phnum--;
    CHECK_EQ(parse(), 0);
}

TEST(an_entry_outside_the_segments_is_refused)
{
    struct gpa at;

    make_elf(&file.image);
    file.image.xen.entry = IMAGE_ELF_GPA + IMAGE_ELF_MEM_BYTES;
    CHECK_EQ(parse(), 0);
    CHECK_FAILS(entry(&at), &e, FH_ERR_KERNEL, "no segment");
    file.image.xen.entry = IMAGE_ELF_GPA - 1;
    CHECK_FAILS(entry(&at), &e, FH_ERR_KERNEL, "no segment");
}

TEST(a_note_that_lies_about_its_length_ends_the_search)
{
    static const Elf64_Nhdr bad[] = {
        { 4, UINT32_MAX, 18 },
        { UINT32_MAX, 8, 18 },
        { 4, 16, 18 },
        { 4, 8, 17 },
        { 3, 8, 18 },
        { 4, 0, 18 },
        { UINT32_MAX, UINT32_MAX, 18 },
    };
    struct gpa at;

    for (unsigned i = 0; i < ARRAY_SIZE(bad); i++) {
        make_elf(&file.image);
        file.image.xen.n = bad[i];
        CHECK_EQ(parse(), 0);
        CHECK_FAILS(entry(&at), &e, FH_ERR_KERNEL, "without a PVH entry");
    }
}

/* clang-format off */
RUN_TESTS(
    RULE(a_64_bit_image_is_read),
    RULE(a_32_bit_image_is_read),
    RULE(headers_have_edges),
    RULE(segments_have_edges),
    RULE(more_segments_than_there_is_room_for_are_refused),
    RULE(an_entry_outside_the_segments_is_refused),
    RULE(a_note_that_lies_about_its_length_ends_the_search))
/* clang-format on */
