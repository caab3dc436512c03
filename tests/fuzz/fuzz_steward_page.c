/* SPDX-License-Identifier: MIT */
/*
 * fuzz_steward_page.c - a dom0 that writes anything into its control page
 *
 * The input is a series of writes to dom0's half, each followed by a look of a
 * steward whose guest runs, or of one that waits for a guest; now and then
 * dom0 plays by the rules for a step.  No guest is fenced and none runs that
 * did not: no evidence of another side ever comes.  No copy reaches what is
 * not the frame's, and nothing of a transfer is left behind its end.
 */
#include "steward/serve.h"

#include "tests/fakes/fake_hosts.h"
#include "tests/fuzz/input.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes);

static struct fake_host host[2];
static struct control control;
static struct serve serve;

static void open_side(bool receives)
{
    static const uint8_t none[16];
    struct fake_host *h = &host[receives];
    struct machine_shape shape = { 0 };

    if (!h->page)
        fake_host_open(h, receives ? FAKE_MIG_RECEIVING : FAKE_MIG_RUN, 2, 1,
                       receives + 1u);
    memset(h->page, 0, sizeof(*h->page));
    h->mig.state = receives ? FAKE_MIG_RECEIVING : FAKE_MIG_RUN;
    h->mig.suspension = 0;
    h->revoked = h->mig.context_set = false;
    memset(&control, 0, sizeof(control));
    memset(&serve, 0, sizeof(serve));
    fake_host_enter(h);
    control_open(&control, none);
    control.state = receives ? FH_STATE_RECEIVING : FH_STATE_RUNNING;
    shape.ram_bytes = h->mig.me.ram_bytes;
    shape.config = h->mig.me.config;
    serve_open(&serve, &control, &shape, receives);
}

/* What makes sense, so that the input comes further than chance would. */
static void be_honest(struct fake_host *h, uint8_t how)
{
    struct fh_dom0_half *d = &h->page->dom0;
    struct fh_move_dom0 *m = &d->move;
    uint16_t nr = 0;

    if (how & 1) {
        m->nr_streams = 1 + (how >> 4) % 4;
        m->nr_slots = m->nr_streams * 2;
        m->flags = m->slow_percent = 0;
        memcpy(m->ref, h->ref, sizeof(m->ref));
    }
    if (how & 2)
        m->mail_taken = h->page->steward.move.mail.seq;
    if (how & 4)
        memcpy(m->moved, h->page->steward.move.moved, sizeof(m->moved));
    if (how & 8) {
        m->mail.seq++;
        input(&m->mail, 12);
        input(&nr, 2);
        if (nr > left)
            nr = (uint16_t)left;
        input(m->mail.bytes, nr < FH_MAIL_BYTES ? nr : FH_MAIL_BYTES);
    }
    d->command.seq++;
    d->command.op = how >> 4;
}

/* A first message that is right: a destination has no way to tell. */
static void say_h1(struct fake_host *h)
{
    struct hand hand = { .world = &serve.mover.xen.world,
                         .me = &serve.mover.me };
    struct fh_mail *mail = &h->page->dom0.move.mail;
    struct fh_mig_side h1;
    struct st_err e;

    if (hand_src_begin(&hand, &h->mig.drbg, serve.mover.slots.nr_streams, false,
                       &h1, &e) < 0)
        return;
    mail->kind = FH_MAIL_HAND;
    mail->arg = 1;
    mail->len_bytes = sizeof(h1);
    memcpy(mail->bytes, &h1, sizeof(h1));
    mail->seq++;
}

static void be_evil(struct fake_host *h)
{
    uint16_t at = 0;
    uint32_t word = 0;

    input(&at, sizeof(at));
    input(&word, sizeof(word));
    memcpy((uint8_t *)&h->page->dom0 + at % (sizeof(h->page->dom0) - 4), &word,
           sizeof(word));
    h->revoked ^= at >> 15;
}

static void check(const struct fake_host *h, bool receives)
{
    const struct fh_move_steward *s = &h->page->steward.move;
    bool ended = s->state == FH_MOVE_CANCELLED || s->state == FH_MOVE_POISONED;

    MUST(!h->odd_copy && !h->dirty_pages);
    MUST(s->state < FH_MOVE_STATES &&
         h->page->steward.answer.error < FH_ERRORS);
    if (receives)
        MUST(h->mig.state == FAKE_MIG_RECEIVING ||
             h->mig.state == FAKE_MIG_POISONED);
    else
        MUST(h->mig.state == FAKE_MIG_RUN);
    if (ended && serve.track.state == FH_TRANSFER_IDLE)
        MUST(h->nr_private == 0 && !h->mig.logging);
    MUST(h->mig.logging || h->mig.slow_percent == 0);
    MUST(h->mig.slow_percent <= FH_MOVE_SLOW_MAX);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t data_bytes)
{
    uint8_t how = 0;
    bool receives;

    in = data;
    left = data_bytes;
    input(&how, 1);
    receives = how & 1;
    open_side(receives);
    while (input(&how, 1)) {
        struct fake_host *h = &host[receives];
        unsigned looks = 0;

        if (how == 0xff)
            be_evil(h);
        else if (how == 0xfe)
            say_h1(h);
        else if (how == 0xfd)
            h->mig.suspension ^= 1;
        else
            be_honest(h, how);
        while (serve_look(&serve) && ++looks < 3)
            check(h, receives);
        check(h, receives);
    }
    /* CANCEL ends all that may be: a log, a transfer. */
    be_honest(&host[receives], FH_OP_CANCEL << 4);
    serve_look(&serve);
    check(&host[receives], receives);
    MUST(host[receives].nr_private == 0 && !host[receives].mig.logging);
    return 0;
}
