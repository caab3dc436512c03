/* SPDX-License-Identifier: MIT */
/*
 * plan.h - decide where kernel and initrd go in the guest's memory
 */
#ifndef STEWARD_PLAN_H
#define STEWARD_PLAN_H

#include "bzimage.h"
#include "elf.h"
#include "err.h"
#include "layout.h"
#include "offer.h"

enum plan_kind { PLAN_BZIMAGE, PLAN_ELF };

struct plan {
    enum plan_kind kind;
    struct bzimage bz;      /* of the one kind */
    struct elf elf;         /* of the other */
    struct gpa file;        /* the kernel file's first byte; a page's start */
    struct gpa initrd;      /* a page's start; 0: no initrd */
    uint32_t cmdline_limit; /* bytes that the kernel reads, no NUL */
};

/*
 * Read the kernel's first page (with NULs behind a shorter file) and place
 * everything.
 *
 * A bzImage's file lies where its 32-bit code is at home, or less than a page
 * below; the initrd ends as high as it may.  An ELF file is staged between
 * its segments and the initrd, or below the segments, and copied from there.
 * Nothing overlaps, and all lies in LAYOUT_LOAD_GPA .. low_ram_bytes - 1,
 * padding to whole pages included.
 *
 *   FH_ERR_KERNEL   neither a bzImage nor a PVH ELF, or damaged
 *   FH_ERR_MEMORY   it does not fit; the words say what would
 */
int plan_make(const uint8_t head[PAGE_BYTES], const struct offer *o,
              struct plan *out, struct st_err *e);

#endif
