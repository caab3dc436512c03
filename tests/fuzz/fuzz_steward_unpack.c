/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_unpack.c - a DATA frame's plaintext, which a peer's steward
 * sealed: records, and the state that some of them carry
 *
 * Byte 0: stream, streams, whether it is the last epoch.  Then the text, which
 * zeroes fill up; a zero byte of input behind 0xff stands for a page.
 */
#include "steward/unpack.c"

#include "steward/state_in.h"
#include "tests/fuzz/input.h"

static uint8_t text[FH_MIG_TEXT_LONG], context[40000], policy[33000];

static void make_ram(struct ram *r)
{
    const struct fh_map_entry map[] = {
        { 0, 0xf0000, FH_MAP_RAM, 0 },
        { 0xf0000, 0x10000, FH_MAP_ACPI, 0 },
        { 0x100000, 0x400000, FH_MAP_RAM, 0 },
        { 0x80000000, 0x1000000, FH_MAP_RESERVED, 0 },
        { 0x100000000, 0x205000, FH_MAP_RAM, 0 },
    };

    MUST(ram_open(r, map, sizeof(map) / sizeof(*map)));
}

/* So that small inputs reach far into the text. */
static void expand(void)
{
    uint32_t at = 0;
    uint8_t byte;

    memset(text, 0, sizeof(text));
    while (at < sizeof(text) && input(&byte, 1)) {
        if (byte == 0xff && left > 0 && *in == 0) {
            input(&byte, 1);
            at += FH_MIG_PAGE_BYTES;
        } else {
            text[at++] = byte;
        }
    }
}

static void must_be_frames(const struct unpack *u, const struct unpacked *r,
                           uint64_t *after)
{
    MUST(r->nr > 0 && r->nr <= RAM_BLOCK_PAGES);
    MUST(r->gfn / RAM_BLOCK_PAGES == (r->gfn + r->nr - 1) / RAM_BLOCK_PAGES);
    for (uint32_t i = 0; i < r->nr; i++)
        MUST(ram_has(u->ram, r->gfn + i, 1));
    MUST(r->gfn / RAM_BLOCK_PAGES % u->nr_streams == u->stream);
    MUST(r->gfn >= *after);
    *after = r->gfn + r->nr;
}

static void must_be_inside(const struct unpacked *r)
{
    MUST(r->bytes >= text);
    MUST(r->bytes + r->len_bytes <= text + sizeof(text));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct mig_machine me = { .policy = policy,
                              .policy_bytes = sizeof(policy) };
    struct mig_claims source = { .generation = 0 };
    struct state_in state = { .me = &me,
                              .source = &source,
                              .context = context,
                              .context_room = sizeof(context) };
    struct unpack_order order = { 0 };
    struct unpacked r;
    struct st_err e;
    struct ram ram;
    const char *why = NULL;
    uint64_t after = 0;
    uint8_t head = 0;
    struct unpack u;
    int rc;

    in = data;
    left = size;
    make_ram(&ram);
    input(&head, 1);
    u = (struct unpack){ .ram = &ram,
                         .order = &order,
                         .text = text,
                         .nr_streams = (uint16_t)(head % 4 + 1),
                         .last_epoch = head & 0x80 };
    u.stream = (uint16_t)((head >> 2) % 4 % u.nr_streams);
    expand();
    while ((rc = unpack_next(&u, &r, &why)) > 0) {
        MUST(u.at <= sizeof(text));
        MUST(r.type > FH_MIG_PAD && r.type < FH_MIG_RECORDS);
        if (r.type == FH_MIG_STATE) {
            MUST(u.last_epoch && u.stream == 0);
            must_be_inside(&r);
            if (state_in_add(&state, &r, &e) < 0)
                break;
            MUST(state.context_bytes <= sizeof(context));
            MUST(state.nr_done < FH_MIG_STATES);
            continue;
        }
        MUST(!order.in_state);
        must_be_frames(&u, &r, &after);
        if (r.type == FH_MIG_DATA4K)
            must_be_inside(&r);
    }
    MUST(rc >= 0 || why);
    return 0;
}
