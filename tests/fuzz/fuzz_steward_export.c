/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_export.c - whatever reaches a source's steward
 *
 * The relay's bytes as messages, answers and tokens, its wishes in any order,
 * and answers that are sealed with the right key and hold anything.  The guest
 * must stay where it is: no evidence of another side ever comes.
 */
#include "steward/export.c"

#include "tests/fuzz/input.h"
#include "tests/unit/migpair.h"

static struct pair p;
static struct export after; /* behind the handshake */
static struct frame_key key;
static bool started;
static struct fh_mig_long frame;

static void start(void)
{
    pair_open_sized(&p, 2, 2, 1);
    MUST(pair_handshake(&p, false) == 0);
    after = p.x;
    started = true;
}

static void restore(void)
{
    p.x = after;
    key = after.hand.d2s;
    p.s.state = FAKE_MIG_RUN;
    p.s.logging = false;
    p.s.suspension = 0;
}

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

static void sealed(uint8_t how)
{
    bool last = p.x.state == EXPORT_WAIT_READY;
    struct frame_kind kind = { last ? FH_MIG_READY : FH_MIG_EPOCH_ACK,
                               p.x.last_epoch.epoch };
    struct fh_mig_short *s = (struct fh_mig_short *)&frame;
    struct fh_mig_ack *a = (struct fh_mig_ack *)s->text;

    bytes_into(s->text, sizeof(s->text));
    if (how & 1) { /* as it should be, but for evidence */
        memset(a, 0, last ? 48 : sizeof(*a));
        a->epoch = p.x.last_epoch.epoch;
        a->frames = p.x.last_epoch.frames;
        memcpy(a->digest, p.x.last_epoch.digest, sizeof(a->digest));
    }
    frame_seal(&key, kind, &s->head, sizeof(s->text));
    export_short(&p.x, s);
}

static void carry(void)
{
    enum export_frame kind = EXPORT_LONG;

    for (unsigned i = 0; i < 64 && kind != EXPORT_SHORT; i++)
        if (export_next(&p.x, (uint16_t)(i & 1), &frame, &kind) != 0)
            break;
}

static void raw(uint8_t what)
{
    struct fh_mig_finished f, g;
    struct fh_mig_token t;
    struct fh_mig_h2 h2;
    struct fh_mig_h3 h3;

    switch (what) {
    case 0:
        bytes_into(&h2, sizeof(h2));
        export_h2(&p.x, &h2, &h3);
        break;
    case 1:
        bytes_into(&f, sizeof(f));
        export_h4(&p.x, &f, &g);
        break;
    case 2:
        bytes_into(&frame, sizeof(struct fh_mig_short));
        export_short(&p.x, (struct fh_mig_short *)&frame);
        break;
    case 3:
        bytes_into(&t, sizeof(t));
        export_token(&p.x, &t);
        break;
    case 4:
        export_cancel(&p.x);
        break;
    default:
        export_next(&p.x, what, &frame, &(enum export_frame){ EXPORT_NONE });
        break;
    }
}

static void wish(uint8_t what)
{
    struct fh_mig_side h1;

    switch (what) {
    case 0:
        export_round(&p.x);
        break;
    case 1:
        export_paused(&p.x);
        break;
    case 2:
        export_drained(&p.x);
        break;
    case 3:
        p.s.suspension ^= 1;
        break;
    case 4:
        carry();
        break;
    case 5:
        fake_mig_balloon(&p.s, 3, p.s.suspension == 0);
        break;
    default:
        if (p.x.state == EXPORT_CANCELLED)
            export_begin(&p.x, what, false, &h1);
        break;
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint8_t op;

    if (!started)
        start();
    restore();
    in = data;
    left = size;
    while (input(&op, 1)) {
        if (op & 0x80)
            raw(op & 7);
        else if (op & 0x40)
            sealed(op);
        else
            wish(op & 7);
        MUST(p.s.state == FAKE_MIG_RUN);
        MUST(p.x.state != EXPORT_FENCED && p.x.state != EXPORT_RETIRED);
        if (p.x.state == EXPORT_CANCELLED) {
            MUST(!p.s.logging);
            MUST(mig_is_zero(p.x.hand.s2d, sizeof(p.x.hand.s2d)));
        }
    }
    return 0;
}
