/* SPDX-License-Identifier: MIT */
/*
 * unpack.c - a DATA frame's plaintext, record by record, each one checked
 */
#include "unpack.h"

#include <string.h>

#include "mig.h"

static int bad(const char **why, const char *what)
{
    *why = what;
    return -1;
}

/* Behind PAD there is nothing: a covert channel is no part of a stream. */
static int check_pad(struct unpack *u, uint64_t word, const char **why)
{
    uint32_t left = FH_MIG_TEXT_LONG - u->at;

    if (word != 0 || !mig_is_zero(u->text + u->at, left))
        return bad(why, "something behind the end");
    u->at = FH_MIG_TEXT_LONG;
    return 0;
}

static int check_frames(struct unpack *u, const struct unpacked *r,
                        const char **why)
{
    if (u->order->in_state)
        return bad(why, "memory behind state");
    if (r->nr == 0 || r->gfn % FH_MIG_BLOCK_PAGES + r->nr > FH_MIG_BLOCK_PAGES)
        return bad(why, "a run that crosses a block, or is empty");
    if (!ram_has(u->ram, r->gfn, r->nr))
        return bad(why, "not the guest's memory");
    if (r->gfn / FH_MIG_BLOCK_PAGES % u->nr_streams != u->stream)
        return bad(why, "another stream's frame");
    if (r->gfn < u->order->next_gfn)
        return bad(why, "named before in this epoch, or out of order");
    u->order->next_gfn = r->gfn + r->nr;
    return 1;
}

static int check_page(struct unpack *u, struct unpacked *r, uint32_t arg,
                      const char **why)
{
    if (arg != 0)
        return bad(why, "a page with an argument");
    if (FH_MIG_TEXT_LONG - u->at < FH_MIG_PAGE_BYTES)
        return bad(why, "a page that crosses the frame");
    r->nr = 1;
    r->bytes = u->text + u->at;
    r->len_bytes = FH_MIG_PAGE_BYTES;
    u->at += FH_MIG_PAGE_BYTES;
    return check_frames(u, r, why);
}

static int check_state(struct unpack *u, struct unpacked *r, uint32_t arg,
                       const char **why)
{
    uint32_t padded = (arg + 7) & ~7u;

    if (!u->last_epoch || u->stream != 0)
        return bad(why, "state in the wrong place");
    if (arg == 0 || arg > FH_MIG_STATE_BYTES)
        return bad(why, "state of no bytes, or too many");
    if (FH_MIG_TEXT_LONG - u->at < padded)
        return bad(why, "state that crosses the frame");
    if (!mig_is_zero(u->text + u->at + arg, padded - arg))
        return bad(why, "state with something behind it");
    r->state = r->gfn & 0xff;
    r->part = r->gfn >> 8 & 0xffff;
    r->nr_parts = r->gfn >> 24 & 0xffff;
    r->bytes = u->text + u->at;
    r->len_bytes = arg;
    u->at += padded;
    u->order->in_state = true;
    return 1;
}

int unpack_next(struct unpack *u, struct unpacked *out, const char **why)
{
    uint64_t word;
    uint32_t arg;

    if (FH_MIG_TEXT_LONG - u->at < FH_MIG_RECORD_BYTES)
        return 0;
    memcpy(&word, u->text + u->at, sizeof(word));
    u->at += FH_MIG_RECORD_BYTES;
    u->record++;
    arg = (uint32_t)(word >> (FH_MIG_GFN_BITS + FH_MIG_TYPE_BITS));
    *out = (struct unpacked){
        .type = word >> FH_MIG_GFN_BITS & ((1u << FH_MIG_TYPE_BITS) - 1),
        .gfn = word & ((1ull << FH_MIG_GFN_BITS) - 1),
    };
    switch (out->type) {
    case FH_MIG_PAD:
        return check_pad(u, word, why);
    case FH_MIG_DATA4K:
        return check_page(u, out, arg, why);
    case FH_MIG_ZERO_RUN:
    case FH_MIG_HOLE_RUN:
        out->nr = arg;
        return check_frames(u, out, why);
    case FH_MIG_STATE:
        return check_state(u, out, arg, why);
    default:
        return bad(why, "of a type that does not exist");
    }
}
