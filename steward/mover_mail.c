/* SPDX-License-Identifier: MIT */
/*
 * mover_mail.c - handshake, answers and tokens, on the control page
 */
#include <string.h>

#include "mover_priv.h"

/* ---- to dom0 ---- */

static void put_mail(struct mover *v)
{
    if (!v->mail_waits || !movepage_was_taken(v->control, v->mail.seq))
        return;
    if (++v->mail.seq == 0)
        v->mail.seq = 1;
    movepage_put_mail(v->control, &v->mail);
    v->mail_waits = false;
    v->news = true;
}

void mover_say(struct mover *v, enum fh_mail_kind kind, uint32_t arg,
               const void *p, uint32_t len_bytes)
{
    v->mail.kind = kind;
    v->mail.arg = arg;
    v->mail.len_bytes = len_bytes;
    memset(v->mail.bytes, 0, sizeof(v->mail.bytes));
    memcpy(v->mail.bytes, p, len_bytes);
    v->mail_waits = true;
    put_mail(v);
}

static void answer_epoch(struct mover *v)
{
    if (!v->receives || !v->m.have_answer ||
        !movepage_was_taken(v->control, v->mail.seq))
        return;
    mover_say(v, FH_MAIL_SHORT, 0, &v->m.answer, sizeof(v->m.answer));
    v->m.have_answer = false;
    v->nr_answers++;
}

void mover_flush(struct mover *v)
{
    put_mail(v);
    answer_epoch(v);
}

/* ---- from dom0 ---- */

union message {
    struct fh_mig_side h1;
    struct fh_mig_h2 h2;
    struct fh_mig_h3 h3;
    struct fh_mig_finished finished;
    struct fh_mig_short frame;
    struct fh_mig_token token;
};

/* Whether the mail is one of these, to the byte; then *to has it. */
static bool is_hand(const struct fh_mail *m, uint32_t which, union message *to,
                    uint32_t bytes)
{
    if (m->kind != FH_MAIL_HAND || m->arg != which || m->len_bytes != bytes)
        return false;
    memcpy(to, m->bytes, bytes);
    return true;
}

static void hand_to_source(struct mover *v, const struct fh_mail *m)
{
    union message in, out;

    if (is_hand(m, 2, &in, sizeof(in.h2))) {
        if (export_h2(&v->x, &in.h2, &out.h3) == 0)
            mover_say(v, FH_MAIL_HAND, 3, &out, sizeof(out.h3));
    } else if (is_hand(m, 4, &in, sizeof(in.finished))) {
        if (export_h4(&v->x, &in.finished, &out.finished) == 0)
            mover_say(v, FH_MAIL_HAND, 5, &out, sizeof(out.finished));
    } else {
        export_broken(&v->x, FH_MIG_ERR_HANDSHAKE,
                      "handshake: a message that is none came");
    }
}

static void hand_to_dest(struct mover *v, const struct fh_mail *m)
{
    union message in, out;

    if (v->begun && is_hand(m, 1, &in, sizeof(in.h1))) {
        if (import_h1(&v->m, &in.h1, &out.h2) == 0)
            mover_say(v, FH_MAIL_HAND, 2, &out, sizeof(out.h2));
    } else if (v->begun && is_hand(m, 3, &in, sizeof(in.h3))) {
        if (import_h3(&v->m, &in.h3, &out.finished) == 0)
            mover_say(v, FH_MAIL_HAND, 4, &out, sizeof(out.finished));
    } else if (v->begun && is_hand(m, 5, &in, sizeof(in.finished))) {
        import_h5(&v->m, &in.finished);
    } else {
        v->m.world = &v->xen.world;
        import_broken(&v->m, FH_MIG_ERR_HANDSHAKE,
                      "handshake: a message that is none came");
    }
}

/* What dom0 calls a token; import_token() says 1 when it means nothing. */
static void token(struct mover *v, const struct fh_mail *m)
{
    struct fh_mig_token t;

    if (m->len_bytes != sizeof(t))
        return;
    memcpy(&t, m->bytes, sizeof(t));
    if (v->receives)
        import_token(&v->m, &t);
    else
        export_token(&v->x, &t);
}

static void short_frame(struct mover *v, const struct fh_mail *m)
{
    struct fh_mig_short f;

    if (v->receives) /* its EPOCH comes by a slot */
        return;
    memcpy(&f, m->bytes, sizeof(f));
    if (m->len_bytes == sizeof(f))
        export_short(&v->x, &f);
    else
        export_broken(&v->x, FH_MIG_ERR_FRAME,
                      "answer: it is no frame of 512 bytes");
}

/* What would say more waits until dom0 has heard what was said. */
static bool has_to_wait(const struct mover *v)
{
    return v->mail_waits || (v->receives && v->m.have_answer);
}

void mover_hear(struct mover *v, uint32_t seq)
{
    struct fh_mail m;

    if (seq == v->mail_taken || seq == 0 || has_to_wait(v))
        return;
    movepage_fetch_mail(v->control, &m);
    v->mail_taken = seq;
    movepage_taken(v->control, seq);
    v->news = true;
    switch (m.kind) {
    case FH_MAIL_HAND:
        if (v->receives)
            hand_to_dest(v, &m);
        else
            hand_to_source(v, &m);
        break;
    case FH_MAIL_SHORT:
        short_frame(v, &m);
        break;
    case FH_MAIL_TOKEN:
        token(v, &m);
        break;
    default:
        break;
    }
}
