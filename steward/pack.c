/* SPDX-License-Identifier: MIT */
/*
 * pack.c - records into the plaintext of a DATA frame
 */
#include "pack.h"

#include <string.h>

static uint64_t record(uint64_t gfn, enum fh_mig_record type, uint32_t arg)
{
    return gfn | (uint64_t)type << FH_MIG_GFN_BITS |
           (uint64_t)arg << (FH_MIG_GFN_BITS + FH_MIG_TYPE_BITS);
}

void pack_open(struct pack *p, uint8_t *text)
{
    *p = (struct pack){ .text = text, .run_type = FH_MIG_PAD };
}

static bool fits(const struct pack *p, uint32_t bytes)
{
    return FH_MIG_TEXT_LONG - p->used >= FH_MIG_RECORD_BYTES + bytes;
}

static void put_record(struct pack *p, uint64_t gfn, enum fh_mig_record type,
                       uint32_t arg)
{
    uint64_t word = record(gfn, type, arg);

    memcpy(p->text + p->used, &word, sizeof(word));
    p->used += FH_MIG_RECORD_BYTES;
    p->run_type = FH_MIG_PAD;
}

bool pack_page(struct pack *p, uint64_t gfn, const uint8_t *page)
{
    if (!fits(p, FH_MIG_PAGE_BYTES))
        return false;
    put_record(p, gfn, FH_MIG_DATA4K, 0);
    memcpy(p->text + p->used, page, FH_MIG_PAGE_BYTES);
    p->used += FH_MIG_PAGE_BYTES;
    return true;
}

bool pack_run(struct pack *p, enum fh_mig_record type, uint64_t gfn)
{
    if (p->run_type == type && p->run_end == gfn &&
        gfn % FH_MIG_BLOCK_PAGES != 0) {
        uint64_t word;

        memcpy(&word, p->text + p->run, sizeof(word));
        word += 1ull << (FH_MIG_GFN_BITS + FH_MIG_TYPE_BITS);
        memcpy(p->text + p->run, &word, sizeof(word));
    } else {
        if (!fits(p, 0))
            return false;
        p->run = p->used;
        put_record(p, gfn, type, 1);
        p->run_type = type;
    }
    p->run_end = gfn + 1;
    return true;
}

bool pack_state(struct pack *p, enum fh_mig_state id, uint32_t part,
                uint32_t nr_parts, const void *from, uint32_t bytes)
{
    uint32_t padded = (bytes + 7) & ~7u;

    if (!fits(p, padded))
        return false;
    put_record(p, id | (uint64_t)part << 8 | (uint64_t)nr_parts << 24,
               FH_MIG_STATE, bytes);
    memcpy(p->text + p->used, from, bytes);
    memset(p->text + p->used + bytes, 0, padded - bytes);
    p->used += padded;
    return true;
}

bool pack_close(struct pack *p)
{
    memset(p->text + p->used, 0, FH_MIG_TEXT_LONG - p->used);
    return p->used > 0;
}
