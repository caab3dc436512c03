/* SPDX-License-Identifier: MIT */
/*
 * lies_image.c - files that are no ELF kernels: noise, bzImages, command lines
 */
#include <string.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/err.h"
#include "tests/evil/cases.h"
#include "tests/evil/image.h"

#define OLD_PROTOCOL 0x20d

static int garbage(struct evil *v, struct err *e)
{
    return image_pattern(v, FH_BLOB_KERNEL, 3 * PAGE_BYTES + 7, 2, e);
}

static int one_byte(struct evil *v, struct err *e)
{
    return image_set(v, FH_BLOB_KERNEL, "\x7f", 1, e);
}

static int bz_old(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.version = OLD_PROTOCOL;
    return rc;
}

static int bz_huge(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.init_bytes = 0xfffff000u;
    return rc;
}

static int bz_in_private(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.pref_address = XEN_STEWARD_PRIVATE_GPA;
    return rc;
}

static int bz_at_0(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.pref_address = 0;
    return rc;
}

static int bz_endless_address(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.pref_address = UINT64_MAX - 0xfff;
    return rc;
}

static int bz_beyond_memory(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.pref_address = v->spec.ram_bytes;
    return rc;
}

static int bz_cut(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.syssize += 1;
    return rc;
}

static int bz_header_alone(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    return rc < 0 ? rc : image_grow(v, FH_BLOB_KERNEL, 2 * 512, e);
}

static int bz_short_cmdline(struct evil *v, struct err *e)
{
    struct image_bz b;
    int rc = image_bzimage(v, &b, e);

    if (rc == 0)
        *b.cmdline_bytes = 16;
    return rc;
}

static int cmdline_nul(struct evil *v, struct err *e)
{
    return image_set(v, FH_BLOB_CMDLINE, "quiet\0evil=1", 12, e);
}

static int cmdline_newline(struct evil *v, struct err *e)
{
    return image_text(v, "quiet\nevil=1", e);
}

static int cmdline_trusted(struct evil *v, struct err *e)
{
    return image_text(v, "quiet xen_blkfront.trusted=1", e);
}

static int cmdline_trusted_spelt(struct evil *v, struct err *e)
{
    return image_text(v, "quiet xen-netfront.tr\"us\"ted=1", e);
}

static int cmdline_dashes(struct evil *v, struct err *e)
{
    return image_text(v, "quiet --", e);
}

static int cmdline_open_quote(struct evil *v, struct err *e)
{
    return image_text(v, "evil=\"", e);
}

/* Passes the offer's limit, and not with what the steward appends. */
static int cmdline_no_room(struct evil *v, struct err *e)
{
    char line[FH_CMDLINE_MAX - 1];

    memset(line, 'x', sizeof(line));
    return image_set(v, FH_BLOB_CMDLINE, line, sizeof(line), e);
}

static int cmdline_trusted_openly(struct evil *v, struct err *e)
{
    v->offer[0].flags = FH_OFFER_TRUST_BACKENDS;
    return image_text(v, "quiet xen_blkfront.trusted=1", e);
}

static int cmdline_none(struct evil *v, struct err *e)
{
    return image_text(v, "", e);
}

static int initrd_none(struct evil *v, struct err *e)
{
    return image_pattern(v, FH_BLOB_INITRD, 0, 0, e);
}

#define FAILS(err, re) { .end = EVIL_FAILED, .error = err, .words = re }
#define RUNS { .end = EVIL_RUNNING, .match = EVIL_SAME }

const struct evil_case lies_image[] = {
    /* clang-format off */
    { .name = "kernel-garbage", .lie = "a kernel that is noise",
      .want = FAILS(FH_ERR_KERNEL, "neither a bzImage nor a PVH ELF"),
      .prepare = garbage },
    { .name = "kernel-one-byte", .lie = "a kernel of one byte",
      .want = FAILS(FH_ERR_KERNEL, "neither a bzImage nor a PVH ELF"),
      .prepare = one_byte },
    { .name = "bz-old", .lie = "a bzImage of boot protocol 2.13",
      .want = FAILS(FH_ERR_KERNEL, "boot protocol 2.13, want 2.14"),
      .prepare = bz_old },
    { .name = "bz-huge", .lie = "a bzImage with an init_size of 4 GiB",
      .want = FAILS(FH_ERR_MEMORY, "kernel: needs .* of memory"),
      .prepare = bz_huge },
    { .name = "bz-in-private", .lie = "a bzImage that wants the steward's "
                                      "place",
      .want = FAILS(FH_ERR_KERNEL, "wants to lie at 0x80000000"),
      .prepare = bz_in_private },
    { .name = "bz-at-0", .lie = "a bzImage that wants address 0",
      .want = FAILS(FH_ERR_KERNEL, "wants to lie at 0x0"),
      .prepare = bz_at_0 },
    { .name = "bz-endless-address", .lie = "a bzImage at 2^64 - 4096",
      .want = FAILS(FH_ERR_KERNEL, "wants to lie at 0xfffffffffffff000"),
      .prepare = bz_endless_address },
    { .name = "bz-beyond-memory", .lie = "a bzImage behind the RAM's end",
      .want = FAILS(FH_ERR_MEMORY, "kernel: needs .* of memory"),
      .prepare = bz_beyond_memory },
    { .name = "bz-cut", .lie = "a bzImage shorter than its header says",
      .want = FAILS(FH_ERR_KERNEL, "damaged bzImage"), .prepare = bz_cut },
    { .name = "bz-header-alone", .lie = "a bzImage's header and no code",
      .want = FAILS(FH_ERR_KERNEL, "damaged bzImage"),
      .prepare = bz_header_alone },
    { .name = "bz-short-cmdline", .lie = "a kernel that reads 16 bytes of its "
                                         "command line, so not the suffix",
      .want = FAILS(FH_ERR_CMDLINE, "the kernel reads 16"),
      .prepare = bz_short_cmdline },
    { .name = "cmdline-nul", .lie = "a NUL in the command line",
      .want = FAILS(FH_ERR_CMDLINE, "byte 5 is the control character 0x0"),
      .prepare = cmdline_nul },
    { .name = "cmdline-newline", .lie = "a newline in the command line",
      .want = FAILS(FH_ERR_CMDLINE, "byte 5 is the control character 0xa"),
      .prepare = cmdline_newline },
    { .name = "cmdline-trusted", .lie = "xen_blkfront.trusted=1",
      .want = FAILS(FH_ERR_CMDLINE, "sets xen_blkfront.trusted"),
      .prepare = cmdline_trusted },
    { .name = "cmdline-trusted-spelt", .lie = "the same, quoted and dashed",
      .want = FAILS(FH_ERR_CMDLINE, "sets xen_netfront.trusted"),
      .prepare = cmdline_trusted_spelt },
    { .name = "cmdline-dashes", .lie = "a -- that hides the suffix",
      .want = FAILS(FH_ERR_CMDLINE, "would hide what the steward appends"),
      .prepare = cmdline_dashes },
    { .name = "cmdline-open-quote", .lie = "a quote that swallows the suffix",
      .want = FAILS(FH_ERR_CMDLINE, "a quote is left open"),
      .prepare = cmdline_open_quote },
    { .name = "cmdline-no-room", .lie = "no room for the suffix",
      .want = FAILS(FH_ERR_CMDLINE, "4095 bytes, want at most"),
      .prepare = cmdline_no_room },
    { .name = "cmdline-trusted-openly", .lie = "trusted=1 with the flag that "
                                               "allows it, measured",
      .want = RUNS, .prepare = cmdline_trusted_openly },
    { .name = "cmdline-none", .lie = "no command line", .want = RUNS,
      .prepare = cmdline_none },
    { .name = "initrd-none", .lie = "no initrd", .want = RUNS,
      .prepare = initrd_none },
    { 0 },
    /* clang-format on */
};
