/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_bzimage.c - a kernel's first page, and the plan made of it
 *
 * Input: memory in MiB (2 bytes), kernel and initrd in pages (2 bytes each),
 * then the page.  Whatever it says, what the plan accepts must lie in RAM and
 * not overlap.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "steward/bzimage.c"
#include "steward/plan.h"

#define FIXED_BYTES 6u

static void require(bool truth)
{
    if (!truth)
        abort();
}

static void check_plan(const struct plan *p, const struct offer *o)
{
    uint64_t kernel_end = p->file.v + page_round_up(o->kernel_bytes);
    uint64_t initrd_end = p->initrd.v + page_round_up(o->initrd_bytes);

    require(p->file.v % PAGE_BYTES == 0 && p->initrd.v % PAGE_BYTES == 0);
    require(p->file.v >= LAYOUT_LOAD_GPA && kernel_end <= o->low_ram_bytes);
    if (p->kind == PLAN_BZIMAGE) {
        uint64_t loaded = o->kernel_bytes - p->bz.setup_bytes;

        require(p->bz.setup_bytes + p->bz.code_bytes <= o->kernel_bytes);
        require(p->bz.pref.v >= p->file.v);
        require(p->bz.pref.v + loaded <= o->low_ram_bytes);
        require(p->bz.pref.v + p->bz.init_bytes <= o->low_ram_bytes);
        if (kernel_end < p->bz.pref.v + p->bz.init_bytes)
            kernel_end = p->bz.pref.v + p->bz.init_bytes;
    } else {
        require(p->elf.hi.v <= o->low_ram_bytes);
        require(kernel_end <= p->elf.lo.v || p->file.v >= p->elf.hi.v);
        if (kernel_end < p->elf.hi.v)
            kernel_end = p->elf.hi.v;
    }
    if (o->initrd_bytes)
        require(p->initrd.v >= kernel_end && initrd_end <= o->low_ram_bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t page[PAGE_BYTES] = { 0 };
    uint16_t fixed[3];
    struct fh_offer wire = { 0 };
    struct st_err e = { 0 };
    struct offer o;
    struct plan p;

    if (size < FIXED_BYTES)
        return 0;
    memcpy(fixed, data, FIXED_BYTES);
    size -= FIXED_BYTES;
    memcpy(page, data + FIXED_BYTES, size < PAGE_BYTES ? size : PAGE_BYTES);
    wire.ram_bytes = fixed[0] * MIB_BYTES;
    wire.len_bytes[FH_BLOB_KERNEL] = (uint64_t)fixed[1] * PAGE_BYTES + 1;
    wire.len_bytes[FH_BLOB_INITRD] = (uint64_t)fixed[2] * PAGE_BYTES;
    if (offer_check(&wire, UINT64_MAX, 0, &o, &e) < 0)
        return 0;
    if (plan_make(page, &o, &p, &e) == 0)
        check_plan(&p, &o);
    else
        require(e.code != FH_ERR_NONE && e.text[0]);
    return 0;
}
