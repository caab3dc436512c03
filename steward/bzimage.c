/* SPDX-License-Identifier: MIT */
/*
 * bzimage.c - read the header of a Linux bzImage
 *
 * Nothing here trusts a field: each is bounded by the file's length or by
 * 2 GiB, below which every image lies, so that no sum of two can overflow.
 */
#include "bzimage.h"

#include <string.h>

#define BOOT_FLAG 0xaa55u
#define MAGIC "HdrS"
#define VERSION_MIN 0x020eu /* 2.14: acpi_rsdp_addr */
#define LOADED_HIGH 1u
#define SECTOR_BYTES 512u
#define SETUP_SECTS_IF_0 4u
#define SYSSIZE_UNIT_BYTES 16u
#define JUMP_END 0x202u /* the jump's length counts from here */

static uint64_t field(const uint8_t *head, unsigned off, unsigned bytes)
{
    uint64_t value = 0;

    memcpy(&value, head + off, bytes);
    return value;
}

bool bzimage_is(const uint8_t *head, uint64_t head_bytes)
{
    return head_bytes >= BZ_HEADER_MAX &&
           field(head, BZ_BOOT_FLAG, 2) == BOOT_FLAG &&
           memcmp(head + BZ_MAGIC, MAGIC, 4) == 0;
}

static int check_version(const uint8_t *head, struct st_err *e)
{
    unsigned version = (unsigned)field(head, BZ_VERSION, 2);

    if (version < VERSION_MIN)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: boot protocol %u.%u, want 2.14 or later",
                       version >> 8, version & 0xff);
    if (!(head[BZ_LOADFLAGS] & LOADED_HIGH))
        return st_fail(e, FH_ERR_KERNEL, "kernel: a zImage, want a bzImage");
    return 0;
}

static int check_code(const uint8_t *head, uint64_t file_bytes,
                      struct bzimage *out, struct st_err *e)
{
    uint32_t sects = head[BZ_SETUP_SECTS];

    if (sects == 0)
        sects = SETUP_SECTS_IF_0;
    out->setup_bytes = (sects + 1) * SECTOR_BYTES;
    out->code_bytes = field(head, BZ_SYSSIZE, 4) * SYSSIZE_UNIT_BYTES;
    out->header_end = JUMP_END + head[BZ_JUMP_LEN];
    if (out->header_end < BZ_INIT_BYTES + 4 || out->header_end > BZ_HEADER_MAX)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: damaged bzImage: header ends at 0x%x, want "
                       "0x%x to 0x%x",
                       out->header_end, BZ_INIT_BYTES + 4, BZ_HEADER_MAX);
    if (out->code_bytes == 0 || out->setup_bytes + out->code_bytes > file_bytes)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: damaged bzImage: %lu bytes, its header says "
                       "%lu",
                       (unsigned long)file_bytes,
                       (unsigned long)(out->setup_bytes + out->code_bytes));
    return 0;
}

static int check_place(const uint8_t *head, struct bzimage *out,
                       struct st_err *e)
{
    uint64_t pref = field(head, BZ_PREF_ADDRESS, 8);

    out->init_bytes = field(head, BZ_INIT_BYTES, 4);
    out->initrd_limit = field(head, BZ_INITRD_ADDR_MAX, 4) + 1;
    out->cmdline_limit = (uint32_t)field(head, BZ_CMDLINE_BYTES, 4);
    out->pref = gpa(pref);
    if (pref % PAGE_BYTES || pref >= FH_LOW_RAM_END ||
        pref < LAYOUT_LOAD_GPA + page_round_up(out->setup_bytes))
        return st_fail(
            e, FH_ERR_KERNEL,
            "kernel: wants to lie at 0x%lx, want a page from 0x%lx "
            "to 0x%x",
            (unsigned long)pref,
            (unsigned long)(LAYOUT_LOAD_GPA + page_round_up(out->setup_bytes)),
            FH_LOW_RAM_END - PAGE_BYTES);
    return 0;
}

int bzimage_parse(const uint8_t head[PAGE_BYTES], uint64_t file_bytes,
                  struct bzimage *out, struct st_err *e)
{
    int rc;

    *out = (struct bzimage){ 0 };
    if (file_bytes < BZ_HEADER_MAX)
        return st_fail(e, FH_ERR_KERNEL,
                       "kernel: damaged bzImage: %lu bytes, want at least %u",
                       (unsigned long)file_bytes, BZ_HEADER_MAX);
    rc = check_version(head, e);
    if (rc < 0)
        return rc;
    rc = check_code(head, file_bytes, out, e);
    if (rc < 0)
        return rc;
    return check_place(head, out, e);
}
