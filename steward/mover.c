/* SPDX-License-Identifier: MIT */
/*
 * mover.c - a migration, between its engine, dom0's page and dom0's buffers
 */
#include "mover.h"

#include <string.h>

#include "hyper.h"
#include "mover_priv.h"
#include "wipe.h"

#define SHOWN_STEPS 64u /* of all memory */

static const uint8_t export_shows[] = {
    [EXPORT_IDLE] = FH_MOVE_IDLE,
    [EXPORT_HELLO] = FH_MOVE_HELLO,
    [EXPORT_KEYED] = FH_MOVE_SEND_KEYED,
    [EXPORT_PRECOPY] = FH_MOVE_PRECOPY,
    [EXPORT_LAST] = FH_MOVE_LAST,
    [EXPORT_WAIT_READY] = FH_MOVE_WAIT_READY,
    [EXPORT_AGREED] = FH_MOVE_AGREED,
    [EXPORT_FENCED] = FH_MOVE_FENCED,
    [EXPORT_CANCELLED] = FH_MOVE_CANCELLED,
    [EXPORT_RETIRED] = FH_MOVE_RETIRED,
};
_Static_assert(sizeof(export_shows) == EXPORT_STATES, "export_shows");

static const uint8_t import_shows[] = {
    [IMPORT_IDLE] = FH_MOVE_IDLE,         [IMPORT_ANSWERED] = FH_MOVE_ANSWERED,
    [IMPORT_KEYED] = FH_MOVE_KEYED,       [IMPORT_IMPORT] = FH_MOVE_IMPORT,
    [IMPORT_READY] = FH_MOVE_READY,       [IMPORT_DONE] = FH_MOVE_DONE,
    [IMPORT_POISONED] = FH_MOVE_POISONED,
};
_Static_assert(sizeof(import_shows) == IMPORT_STATES, "import_shows");

void mover_open(struct mover *v, struct control *c,
                const struct machine_shape *shape, bool receives)
{
    v->control = c;
    v->shape = *shape;
    v->receives = receives;
    xenworld_open(&v->xen, &v->me, &v->scratch);
}

bool mover_is_busy(const struct mover *v)
{
    if (v->receives)
        return true;
    return v->x.state != EXPORT_IDLE && v->x.state != EXPORT_CANCELLED;
}

/* ---- commands ---- */

/* What the engine ignores is an error only while there is something to lose. */
static int not_now(const struct mover *v, int rc, struct st_err *e)
{
    if (rc <= 0 || v->x.state >= EXPORT_FENCED || !mover_is_busy(v))
        return 0;
    return st_fail(e, FH_ERR_STATE, "transfer: it is in state %u", v->x.state);
}

static int obey_source(struct mover *v, uint32_t op, struct st_err *e)
{
    switch (op) {
    case FH_OP_ROUND:
        return not_now(v, export_round(&v->x), e);
    case FH_OP_PAUSED:
        return not_now(v, export_paused(&v->x), e);
    default:
        return not_now(v, export_drained(&v->x), e);
    }
}

static void cancel(struct mover *v)
{
    if (!v->receives) {
        export_cancel(&v->x);
        return;
    }
    v->m.world = &v->xen.world; /* RECEIVE may not have come */
    import_cancel(&v->m);
}

int mover_obey(struct mover *v, uint32_t op, struct st_err *e)
{
    switch (op) {
    case FH_OP_SEND:
        return mover_send(v, e);
    case FH_OP_RECEIVE:
        return mover_receive(v, e);
    case FH_OP_CANCEL:
        cancel(v);
        return 0;
    case FH_OP_ROUND:
    case FH_OP_PAUSED:
    case FH_OP_DRAINED:
        if (!v->receives)
            return obey_source(v, op, e);
        return st_fail(e, FH_ERR_STATE, "guest: it has not come yet");
    default:
        return st_fail(e, FH_ERR_PROTOCOL, "command: got %u, want 1 to %u", op,
                       FH_OPS - 1);
    }
}

uint32_t mover_mail_seq(const struct mover *v)
{
    return movepage_mail_seq(v->control);
}

/* ---- what dom0 sees of it ---- */

/*
 * While an epoch lasts, its pages are counted in steps: frame by frame they
 * would say how many each has named, and thus where memory is zero.
 */
static void count_pages(const struct mover *v, const struct totals *t,
                        bool lasts, struct movepage_view *out)
{
    uint64_t all = t->data_pages + t->zero_pages + t->hole_pages;
    uint64_t step = v->view.ram_pages / SHOWN_STEPS + 1;

    out->epoch_pages = t->epoch_pages;
    if (lasts)
        out->epoch_pages -= t->epoch_pages % step;
    out->sent_pages = all - t->epoch_pages + out->epoch_pages;
}

static void look_at_source(const struct mover *v, struct movepage_view *out)
{
    const struct export *x = &v->x;

    out->state = export_shows[x->state];
    out->error = x->why.code;
    out->epoch = x->epoch;
    out->acked = x->nr_acked;
    count_pages(v, &x->totals, x->sending, out);
    if (x->state == EXPORT_CANCELLED) { /* maybe in the midst of one */
        out->sent_pages = v->view.sent_pages;
        out->epoch_pages = v->view.epoch_pages;
    }
    memcpy(out->session, x->hand.session, sizeof(out->session));
}

static void look_at_dest(const struct mover *v, struct movepage_view *out)
{
    const struct import *m = &v->m;

    out->state = import_shows[m->state];
    out->error = m->why.code;
    out->epoch = m->epoch;
    out->acked = v->nr_answers;
    count_pages(v, &m->totals, true, out); /* at its end epoch_pages are 0 */
    memcpy(out->session, m->hand.session, sizeof(out->session));
    if (m->state == IMPORT_READY && m->have_answer)
        out->state = FH_MOVE_IMPORT; /* READY is to be the last mail by then */
}

/* What a state announces stands there before it. */
static void show_before(const struct mover *v, uint32_t state)
{
    const struct mig_claims *guest = &v->m.hand.peer;

    if (state == FH_MOVE_READY)
        control_guest(v->control, guest->guest_id, guest->measurement);
    else if (state == FH_MOVE_FENCED)
        movepage_token(v->control, &v->x.start);
    else if (state == FH_MOVE_DONE || state == FH_MOVE_POISONED)
        movepage_token(v->control, &v->m.token);
}

static void show(struct mover *v)
{
    const struct st_err *why = v->receives ? &v->m.why : &v->x.why;
    struct movepage_view now = { .ram_pages = v->view.ram_pages };

    if (!v->receives && v->x.state == EXPORT_IDLE)
        return; /* what stands there is of how the guest came */
    if (v->receives)
        look_at_dest(v, &now);
    else
        look_at_source(v, &now);
    if (!memcmp(&now, &v->view, sizeof(now)))
        return;
    if (now.state != v->view.state)
        show_before(v, now.state);
    v->news |= now.state != v->view.state || now.acked != v->view.acked ||
               now.error != v->view.error;
    movepage_show(v->control, &now, why->code ? why->text : "");
    v->view = now;
}

/* ---- its end ---- */

/* The guest runs here, and may be moved on. */
static void arrive(struct mover *v)
{
    control_move(v->control, FH_STATE_RUNNING);
    memset(&v->m, 0, sizeof(v->m));
    v->receives = v->begun = false;
}

/* Nothing moves any more, whatever comes now. */
static void clear_up(struct mover *v)
{
    switch (v->view.state) {
    case FH_MOVE_DONE:
        if (v->receives)
            arrive(v);
        break;
    case FH_MOVE_READY:
    case FH_MOVE_FENCED:
    case FH_MOVE_CANCELLED:
    case FH_MOVE_RETIRED:
    case FH_MOVE_POISONED:
        break;
    default:
        return;
    }
    scratch_drop(&v->scratch);
    wipe(&v->drbg, sizeof(v->drbg));
}

bool mover_go(struct mover *v, uint32_t mail_seq)
{
    bool more;

    mover_flush(v);
    mover_hear(v, mail_seq);
    if (!v->receives)
        export_slow(&v->x, movepage_slow(v->control));
    more = mover_frames(v);
    mover_flush(v);
    show(v);
    if (v->news)
        hyper_notify();
    v->news = false;
    clear_up(v);
    return more;
}
