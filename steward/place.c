/* SPDX-License-Identifier: MIT */
/*
 * place.c - bring a loaded kernel to where it runs
 *
 * A bzImage was loaded in place; it moves only when its setup part is not a
 * multiple of a page, by less than a page.  An ELF file's segments are copied
 * out of it.  plan.c made sure that nothing overlaps.
 */
#include "place.h"

#include <string.h>

#include "pages.h"

static void place_bzimage(const struct plan *p, const struct offer *o)
{
    uint8_t *file = pages_at(p->file), *code = pages_at(p->bz.pref);
    uint64_t loaded_bytes = o->kernel_bytes - p->bz.setup_bytes;

    if (code != file + p->bz.setup_bytes)
        memmove(code, file + p->bz.setup_bytes, loaded_bytes);
    memset(file, 0, (size_t)(code - file));
    /* Behind the code: a signature, for instance. */
    memset(code + p->bz.code_bytes, 0, loaded_bytes - p->bz.code_bytes);
}

static int place_elf(const struct plan *p, const struct offer *o,
                     struct gpa *entry, struct st_err *e)
{
    uint8_t *file = pages_at(p->file);
    int rc = elf_entry(&p->elf, file, entry, e);

    if (rc < 0)
        return rc;
    for (uint32_t i = 0; i < p->elf.nr_load; i++) {
        const struct elf_part *part = &p->elf.load[i];
        uint8_t *to = pages_at(part->at);

        memcpy(to, file + part->off, part->file_bytes);
        memset(to + part->file_bytes, 0, part->mem_bytes - part->file_bytes);
    }
    memset(file, 0, page_round_up(o->kernel_bytes));
    return 0;
}

int place_kernel(const struct plan *p, const struct offer *o, struct gpa *entry,
                 struct st_err *e)
{
    if (p->kind == PLAN_ELF)
        return place_elf(p, o, entry, e);
    place_bzimage(p, o);
    *entry = p->bz.pref;
    return 0;
}
