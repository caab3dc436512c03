/* SPDX-License-Identifier: MIT */
/*
 * test_steward_plan.c - tests of steward/plan.c
 */
#include "tests/unit/steward_test.h"

#include "steward/plan.h"
#include "tests/unit/steward_images.h"

static union {
    struct elf_image image;
    uint8_t page[PAGE_BYTES];
} head;
static struct plan plan;
static struct st_err e;

static struct offer offer_of(uint64_t ram_mib, uint64_t kernel_bytes,
                             uint64_t initrd_bytes)
{
    uint64_t ram = ram_mib * MIB_BYTES;

    return (struct offer){
        .ram_bytes = ram,
        .low_ram_bytes = ram < FH_LOW_RAM_END ? ram : FH_LOW_RAM_END,
        .kernel_bytes = kernel_bytes,
        .initrd_bytes = initrd_bytes,
    };
}

static int make(struct offer o)
{
    e = (struct st_err){ 0 };
    return plan_make(head.page, &o, &plan, &e);
}

static void bzimage_head(uint32_t sects)
{
    make_bzimage(head.page, PAGE_BYTES, 1);
    head.page[BZ_SETUP_SECTS] = (uint8_t)sects;
    put(head.page, BZ_SYSSIZE, (12 << 20) / 16 - (sects + 1) * 32, 4);
}

TEST(a_bzimage_lies_at_home_with_the_initrd_on_top)
{
    bzimage_head(39); /* 20480 bytes: whole pages */
    CHECK_EQ(make(offer_of(128, 12 << 20, 1000000)), 0);
    CHECK_EQ(plan.kind, PLAN_BZIMAGE);
    CHECK_EQ(plan.file.v, IMAGE_PREF - 20480);
    CHECK_EQ(plan.initrd.v, 128 * MIB_BYTES - 1003520);
    CHECK_EQ(plan.cmdline_limit, 2047);
}

TEST(a_setup_part_of_odd_length_starts_in_a_page_of_its_own)
{
    bzimage_head(30);
    CHECK_EQ(make(offer_of(128, 12 << 20, 0)), 0);
    CHECK_EQ(plan.file.v, IMAGE_PREF - 16384);
    CHECK_EQ(plan.initrd.v, 0);
}

TEST(an_initrd_fits_to_the_page)
{
    /* The kernel takes 16 + 55 MiB and one page. */
    uint64_t most = (128 - 71) * MIB_BYTES - PAGE_BYTES;

    bzimage_head(39);
    CHECK_EQ(make(offer_of(128, 12 << 20, most)), 0);
    CHECK_EQ(plan.initrd.v, 71 * MIB_BYTES + PAGE_BYTES);
    CHECK_FAILS(make(offer_of(128, 12 << 20, most + 1)), &e, FH_ERR_MEMORY,
                "initrd: 57 MiB does not fit 128 MiB");
}

TEST(an_initrd_stays_below_the_kernels_limit_and_2_gib)
{
    bzimage_head(39);
    CHECK_EQ(make(offer_of(5120, 12 << 20, PAGE_BYTES)), 0);
    CHECK_EQ(plan.initrd.v, 0x7ffff000);
    put(head.page, BZ_INITRD_ADDR_MAX, 0x37ffffff, 4);
    CHECK_EQ(make(offer_of(5120, 12 << 20, PAGE_BYTES)), 0);
    CHECK_EQ(plan.initrd.v, 0x37fff000);
    put(head.page, BZ_INITRD_ADDR_MAX, 0, 4);
    CHECK_FAILS(make(offer_of(5120, 12 << 20, 1)), &e, FH_ERR_MEMORY, "initrd");
}

TEST(a_kernel_larger_than_memory_says_what_it_needs)
{
    bzimage_head(39);
    CHECK_FAILS(make(offer_of(64, 12 << 20, 0)), &e, FH_ERR_MEMORY,
                "kernel: needs 72 MiB of memory, the guest has 64 MiB");
    put(head.page, BZ_INIT_BYTES, UINT32_MAX, 4);
    CHECK_FAILS(make(offer_of(5120, 12 << 20, 0)), &e, FH_ERR_MEMORY,
                "kernel: needs");
}

TEST(an_elf_file_is_staged_between_its_segments_and_the_initrd)
{
    memset(&head, 0, sizeof(head));
    make_elf(&head.image);
    CHECK_EQ(make(offer_of(16, sizeof(head.image), 5000)), 0);
    CHECK_EQ(plan.kind, PLAN_ELF);
    CHECK_EQ(plan.initrd.v, 16 * MIB_BYTES - 8192);
    CHECK_EQ(plan.file.v, 16 * MIB_BYTES - 12288);
}

TEST(an_elf_file_is_staged_below_its_segments_when_that_is_the_room)
{
    memset(&head, 0, sizeof(head));
    make_elf(&head.image);
    head.image.load.p_paddr = 16 * MIB_BYTES - IMAGE_ELF_MEM_BYTES;
    CHECK_EQ(make(offer_of(16, sizeof(head.image), 0)), 0);
    CHECK_EQ(plan.file.v, MIB_BYTES);
    head.image.load.p_paddr = MIB_BYTES;
    head.image.load.p_memsz = 15 * MIB_BYTES;
    CHECK_FAILS(make(offer_of(16, sizeof(head.image), 0)), &e, FH_ERR_MEMORY,
                "no room to load an ELF");
    head.image.load.p_memsz++;
    CHECK_FAILS(make(offer_of(16, sizeof(head.image), 0)), &e, FH_ERR_MEMORY,
                "kernel: needs 17 MiB");
}

TEST(an_elf_kernels_command_line_is_linuxs_unless_backends_are_trusted)
{
    struct offer o = offer_of(16, sizeof(head.image), 0);

    memset(&head, 0, sizeof(head));
    make_elf(&head.image);
    CHECK_EQ(make(o), 0);
    CHECK_EQ(plan.cmdline_limit, 2047);
    o.trust_backends = true;
    CHECK_EQ(make(o), 0);
    CHECK_EQ(plan.cmdline_limit, 4095);
}

TEST(other_files_are_told_by_their_first_bytes)
{
    memset(&head, 0, sizeof(head));
    memcpy(head.page, "\x1f\x8b", 2);
    CHECK_FAILS(make(offer_of(128, PAGE_BYTES, 0)), &e, FH_ERR_KERNEL,
                "starts with 1f 8b 0 0");
}

/* clang-format off */
RUN_TESTS(
    RULE(a_bzimage_lies_at_home_with_the_initrd_on_top),
    RULE(a_setup_part_of_odd_length_starts_in_a_page_of_its_own),
    RULE(an_initrd_fits_to_the_page),
    RULE(an_initrd_stays_below_the_kernels_limit_and_2_gib),
    RULE(a_kernel_larger_than_memory_says_what_it_needs),
    RULE(an_elf_file_is_staged_between_its_segments_and_the_initrd),
    RULE(an_elf_file_is_staged_below_its_segments_when_that_is_the_room),
    RULE(an_elf_kernels_command_line_is_linuxs_unless_backends_are_trusted),
    RULE(other_files_are_told_by_their_first_bytes))
/* clang-format on */
