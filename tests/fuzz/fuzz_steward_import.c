/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_import.c - whatever reaches a destination's steward
 *
 * The relay's own bytes as messages, frames and tokens; and, since a peer's
 * steward is not to be believed either, frames that are sealed with the right
 * key and hold anything.  The handshake is done once; each input starts behind
 * it.  The guest must never run, and nothing may be written after an error.
 */
#include "steward/import.c"

#include "steward/pack.h"
#include "tests/fuzz/input.h"
#include "tests/unit/migpair.h"

static struct pair p;
static struct import after; /* behind the handshake */
static struct frame_key key[FH_MIG_STREAMS_MAX];
static uint64_t *present;
static uint8_t *(*real_block)(void *arg, uint64_t block);
static struct fh_mig_long frame;

static uint8_t *watched_block(void *arg, uint64_t block)
{
    MUST(p.m.state == IMPORT_IMPORT);
    return real_block(arg, block);
}

static size_t present_bytes(void)
{
    return (p.d.nr_blocks + p.d.nr_high) * RAM_BLOCK_WORDS * 8;
}

static void start(void)
{
    pair_open_sized(&p, 2, 2, 1);
    MUST(pair_handshake(&p, false) == 0);
    after = p.m;
    present = malloc(present_bytes());
    MUST(present);
    memcpy(present, p.d.present, present_bytes());
    real_block = p.d.world.block;
    p.d.world.block = watched_block;
}

static void restore(void)
{
    p.m = after;
    memcpy(key, p.m.hand.s2d, sizeof(key));
    memcpy(p.d.present, present, present_bytes());
    memset(p.d.holed, 0, sizeof(p.d.holed));
    p.d.state = FAKE_MIG_RECEIVING;
    p.d.context_set = false;
}

/* Up to max bytes of input, behind a u16 that says how many. */
static void bytes_into(void *out, size_t max)
{
    uint16_t nr = 0;

    input(&nr, 2);
    memset(out, 0, max);
    if (nr > max)
        nr = (uint16_t)max;
    if (nr > left)
        nr = (uint16_t)left;
    input(out, nr);
}

static void sealed(uint16_t stream, bool is_long)
{
    struct frame_kind kind = { is_long ? FH_MIG_DATA : FH_MIG_EPOCH,
                               p.m.epoch };
    uint8_t what = 0;

    input(&what, 1);
    if (p.m.between)
        kind.epoch = what & 1 ? FH_MIG_EPOCH_LAST : p.m.epoch + 1;
    if (is_long) {
        bytes_into(frame.text, sizeof(frame.text));
        frame_seal(&key[stream], kind, &frame.head, sizeof(frame.text));
        import_long(&p.m, stream, &frame);
        return;
    }
    bytes_into(frame.text, FH_MIG_TEXT_SHORT);
    if (what & 2) /* as it should be */
        totals_epoch(&p.m.totals, kind.epoch, p.m.hand.session,
                     (struct fh_mig_epoch *)frame.text);
    frame_seal(&key[0], kind, &frame.head, FH_MIG_TEXT_SHORT);
    import_short(&p.m, (struct fh_mig_short *)&frame);
}

/* All of memory is zero: what an honest first epoch may say of it. */
static void honest_zeroes(uint16_t stream)
{
    struct frame_kind kind = { FH_MIG_DATA, 0 };
    struct pack pack;

    pack_open(&pack, frame.text);
    for (uint64_t gfn = 0; gfn != UINT64_MAX; gfn = fake_mig_next(&p.d, gfn))
        if (gfn / RAM_BLOCK_PAGES % 2 == stream)
            pack_run(&pack, FH_MIG_ZERO_RUN, gfn);
    pack_close(&pack);
    frame_seal(&key[stream], kind, &frame.head, sizeof(frame.text));
    import_long(&p.m, stream, &frame);
}

static void raw(uint16_t stream, uint8_t what)
{
    struct fh_mig_token t;
    struct fh_mig_finished f;
    struct fh_mig_side h1;
    struct fh_mig_h2 h2;
    struct fh_mig_h3 h3;

    switch (what) {
    case 0:
        bytes_into(&frame, sizeof(frame));
        import_long(&p.m, stream, &frame);
        break;
    case 1:
        bytes_into(&frame, sizeof(struct fh_mig_short));
        import_short(&p.m, (struct fh_mig_short *)&frame);
        break;
    case 2:
        bytes_into(&t, sizeof(t));
        import_token(&p.m, &t);
        break;
    case 3:
        bytes_into(&h1, sizeof(h1));
        import_h1(&p.m, &h1, &h2);
        break;
    case 4:
        bytes_into(&h3, sizeof(h3));
        import_h3(&p.m, &h3, &f);
        break;
    case 5:
        bytes_into(&f, sizeof(f));
        import_h5(&p.m, &f);
        break;
    case 6:
        import_ask(&p.m, stream & 1);
        break;
    default:
        import_cancel(&p.m);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t op;

    if (!present)
        start();
    restore();
    in = data;
    left = size;
    while (input(&op, 1)) {
        bool was_over = p.m.state == IMPORT_POISONED;
        uint16_t stream = op >> 6 & 1;

        if (op & 0x20)
            raw((uint16_t)(op >> 5), op & 7);
        else if ((op & 3) == 3)
            honest_zeroes(stream);
        else
            sealed(stream, op & 1);
        MUST(p.d.state != FAKE_MIG_RUN);
        MUST(!was_over || p.m.state == IMPORT_POISONED);
        if (p.m.state == IMPORT_POISONED) {
            MUST(p.d.state == FAKE_MIG_POISONED);
            MUST(mig_is_zero(p.m.hand.s2d, sizeof(p.m.hand.s2d)));
            MUST(p.m.token.type == FH_MIG_ABORT);
        }
    }
    return 0;
}
