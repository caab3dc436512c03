/* SPDX-License-Identifier: MIT */
/*
 * plan.c - decide where kernel and initrd go in the guest's memory
 *
 * Every number below is at most 4 GiB plus a page (offer.c, bzimage.c and
 * elf.c see to that), so that 64-bit sums of a few of them cannot overflow.
 */
#include "plan.h"

#include "cmdline.h"

static uint64_t page_round_down(uint64_t bytes)
{
    return bytes & ~(uint64_t)(PAGE_BYTES - 1);
}

/*
 * Put the initrd's end at or below limit and its start at or above floor,
 * the end of what the kernel needs.  Returns where it starts; with no initrd,
 * where it could.
 */
static int place_initrd(const struct offer *o, uint64_t floor, uint64_t limit,
                        uint64_t *start, struct st_err *e)
{
    uint64_t bytes = page_round_up(o->initrd_bytes);

    limit =
        page_round_down(limit < o->low_ram_bytes ? limit : o->low_ram_bytes);
    if (floor > o->low_ram_bytes)
        return st_fail(e, FH_ERR_MEMORY,
                       "kernel: needs %lu MiB of memory, the guest has %lu "
                       "MiB below 2 GiB",
                       st_mib(floor), st_mib(o->low_ram_bytes));
    if (floor > limit || bytes > limit - floor)
        return st_fail(e, FH_ERR_MEMORY,
                       "initrd: %lu MiB does not fit %lu MiB of memory: the "
                       "kernel takes %lu MiB, both need %lu MiB",
                       st_mib(bytes), st_mib(o->low_ram_bytes), st_mib(floor),
                       st_mib(floor + bytes));
    *start = limit - bytes;
    return 0;
}

static int plan_bzimage(const struct offer *o, struct plan *p, struct st_err *e)
{
    const struct bzimage *bz = &p->bz;
    uint64_t code_bytes = page_round_up(o->kernel_bytes - bz->setup_bytes);
    uint64_t need = bz->init_bytes > code_bytes ? bz->init_bytes : code_bytes;
    uint64_t initrd = 0;
    int rc;

    /* One page more: a file that is not moved yet may end in it. */
    rc = place_initrd(o, page_round_up(bz->pref.v + need) + PAGE_BYTES,
                      bz->initrd_limit, &initrd, e);
    if (rc < 0)
        return rc;
    p->file = gpa(bz->pref.v - page_round_up(bz->setup_bytes));
    p->initrd = gpa(o->initrd_bytes ? initrd : 0);
    p->cmdline_limit = bz->cmdline_limit;
    return 0;
}

static int plan_elf(const struct offer *o, struct plan *p, struct st_err *e)
{
    uint64_t file_bytes = page_round_up(o->kernel_bytes);
    uint64_t initrd = 0, hi = page_round_up(p->elf.hi.v);
    int rc;

    rc = place_initrd(o, hi, FH_LOW_RAM_END, &initrd, e);
    if (rc < 0)
        return rc;
    if (initrd - hi >= file_bytes)
        p->file = gpa(initrd - file_bytes);
    else if (page_round_down(p->elf.lo.v) - LAYOUT_LOAD_GPA >= file_bytes)
        p->file = gpa(LAYOUT_LOAD_GPA);
    else
        return st_fail(e, FH_ERR_MEMORY,
                       "kernel: no room to load an ELF file of %lu MiB beside "
                       "its segments: needs %lu MiB of memory, the guest has "
                       "%lu MiB below 2 GiB",
                       st_mib(file_bytes),
                       st_mib(hi + file_bytes + o->initrd_bytes),
                       st_mib(o->low_ram_bytes));
    p->initrd = gpa(o->initrd_bytes ? initrd : 0);
    p->cmdline_limit =
        o->trust_backends ? FH_CMDLINE_MAX - 1 : CMDLINE_LINUX_MAX;
    return 0;
}

int plan_make(const uint8_t head[PAGE_BYTES], const struct offer *o,
              struct plan *out, struct st_err *e)
{
    int rc;

    *out = (struct plan){ 0 };
    if (elf_is(head, o->kernel_bytes)) {
        out->kind = PLAN_ELF;
        rc = elf_parse(head, o->kernel_bytes, &out->elf, e);
        return rc < 0 ? rc : plan_elf(o, out, e);
    }
    if (bzimage_is(head, o->kernel_bytes)) {
        out->kind = PLAN_BZIMAGE;
        rc = bzimage_parse(head, o->kernel_bytes, &out->bz, e);
        return rc < 0 ? rc : plan_bzimage(o, out, e);
    }
    return st_fail(e, FH_ERR_KERNEL,
                   "kernel: neither a bzImage nor a PVH ELF image: starts "
                   "with %x %x %x %x",
                   head[0], head[1], head[2], head[3]);
}
