/* SPDX-License-Identifier: MIT */
/*
 * serve.c - what dom0 asks of the steward of a guest that runs, or is to come
 */
#include "serve.h"

void serve_open(struct serve *s, struct control *c,
                const struct machine_shape *shape, bool receives)
{
    s->control = c;
    mover_open(&s->mover, c, shape, receives);
}

static int obey(struct serve *s, uint32_t op, struct st_err *e)
{
    switch (op) {
    case FH_OP_CANCEL:
        if (s->track.state != FH_TRANSFER_IDLE)
            track_obey(&s->track, op, e);
        return mover_obey(&s->mover, op, e);
    case FH_OP_TRACK:
    case FH_OP_PASS:
    case FH_OP_FINAL:
        if (mover_is_busy(&s->mover))
            return st_fail(e, FH_ERR_STATE, "guest: it is being moved");
        return track_obey(&s->track, op, e);
    default:
        if (s->track.state != FH_TRANSFER_IDLE && op == FH_OP_SEND)
            return st_fail(e, FH_ERR_STATE,
                           "transfer: it is in state %u, want %u",
                           s->track.state, FH_TRANSFER_IDLE);
        return mover_obey(&s->mover, op, e);
    }
}

static void answer(const struct serve *s, const struct st_err *e)
{
    const struct track *t = &s->track;
    struct fh_answer a = {
        .seq = s->seq,
        .error = e->code,
        .transfer = t->state,
        .nr_passes = t->nr_passes,
        .ram_pages = t->ram_pages,
        .dirty_pages = t->dirty_pages,
        .context_bytes = t->context_bytes,
    };

    for (unsigned i = 0; i + 1 < sizeof(a.text) && e->text[i]; i++)
        a.text[i] = e->text[i];
    control_answer(s->control, &a);
}

bool serve_look(struct serve *s)
{
    uint32_t mail = mover_mail_seq(&s->mover);
    struct fh_command w = control_fetch_command(s->control);
    bool is_new = w.seq != s->seq, more;
    struct st_err e = { 0 };

    if (track_watch(&s->track, &e) < 0)
        answer(s, &e);
    e = (struct st_err){ 0 };
    if (is_new) {
        s->seq = w.seq;
        obey(s, w.op, &e);
    }
    more = mover_go(&s->mover, mail);
    /* Behind what became of the transfer by it. */
    if (is_new)
        answer(s, &e);
    return more;
}
