/* SPDX-License-Identifier: MIT */
/*
 * fake_mover.c - a guest's steward and its Xen, as freehold-migrate sees them
 */
#include "tests/fakes/fake_mover.h"

#include <stdio.h>
#include <string.h>

#include "migrate/chan.h"

struct fake_frame { /* the head of one */
    char magic[4];
    uint8_t version, type;
    uint16_t stream;
    uint32_t epoch, seq, last[4]; /* EPOCH: seq of each stream */
};
_Static_assert(sizeof(struct fake_frame) == FAKE_FRAME_BYTES, "fake_frame");
enum { DATA = 1, EPOCH, EPOCH_ACK, READY };

static const uint32_t hand_bytes[] = { 0, 192, 512, 336, 48, 48 };

void fake_mover_open(struct fake_mover *m, enum fake_xen xen, uint8_t *slots,
                     uint32_t seed)
{
    memset(m, 0, sizeof(*m));
    m->slots = slots;
    m->xen = xen;
    m->sends = xen == FAKE_XEN_RUN;
    m->frames_in[0] = 2;
    m->frames_in[1] = m->frames_in[2] = m->frames_in[3] = 1;
    memset(m->h[!m->sends] + 160, (int)(seed & 0xff) | 1, 8);
    memcpy(m->h[!m->sends] + 164, &seed, sizeof(seed));
}

static struct fh_move_steward *out(struct fake_mover *m)
{
    return &m->page.steward.move;
}

static void move(struct fake_mover *m, enum fh_move_state to, uint32_t error)
{
    if (to != FH_MOVE_PRECOPY)
        m->slow_percent = 0; /* suspended, or the log has ended */
    m->state = to;
    out(m)->error = error;
    out(m)->epoch = m->epoch;
    out(m)->acked = m->acked;
    out(m)->dirty_pages = m->acked < m->busy_until ? 1u << 20 : UINT64_MAX;
    memcpy(out(m)->session, m->session, WIRE_ID_BYTES);
    if (error)
        snprintf(out(m)->text, sizeof(out(m)->text), "fake: error %u", error);
    out(m)->state = to;
    m->rings++;
}

/* ---- mail ---- */

static void flush_mail(struct fake_mover *m)
{
    if (!m->mail_waits || m->page.dom0.move.mail_taken != m->mail_seq)
        return;
    m->mail.seq = ++m->mail_seq;
    out(m)->mail = m->mail;
    m->mail_waits = false;
    m->rings++;
}

static void say(struct fake_mover *m, enum fh_mail_kind kind, uint32_t arg,
                const void *p, uint32_t bytes)
{
    m->mail = (struct fh_mail){ .kind = kind, .arg = arg, .len_bytes = bytes };
    memcpy(m->mail.bytes, p, bytes);
    m->mail_waits = true;
    flush_mail(m);
}

static void say_short(struct fake_mover *m, uint8_t type)
{
    uint8_t frame[FH_FRAME_SHORT_BYTES] = { 0 };
    const struct fake_frame f = {
        "FHMF", 1, type, 0, m->epoch, m->acked, { 0 }
    };

    memcpy(frame, &f, sizeof(f));
    say(m, FH_MAIL_SHORT, 0, frame, sizeof(frame));
}

static void say_hand(struct fake_mover *m, uint32_t n)
{
    uint8_t text[512] = { 0 };

    memcpy(text, n <= 2 ? m->h[n - 1] : text, n <= 2 ? 512 : 0);
    snprintf((char *)text, 5, "FHH%u", n);
    say(m, FH_MAIL_HAND, n, text, hand_bytes[n]);
}

/* ---- tokens, and Xen ---- */

static void make_token(struct fake_mover *m, enum wire_token type)
{
    memset(m->token, 0, sizeof(m->token));
    memcpy(m->token, "FHMT\1", 5);
    m->token[5] = (uint8_t)type;
    memcpy(m->token + 16, m->session, WIRE_ID_BYTES);
    memset(m->token + 32, 0xa0 + (int)type, 288); /* "evidence" */
    memcpy(m->token + 40, m->session, WIRE_ID_BYTES);
    memcpy(out(m)->token, m->token, sizeof(m->token));
}

static bool is_token(const struct fake_mover *m, const uint8_t *token,
                     enum wire_token type)
{
    return token[5] == type && token[32] == 0xa0 + (int)type &&
           memcmp(token + 16, m->session, WIRE_ID_BYTES) == 0 &&
           memcmp(token + 40, m->session, WIRE_ID_BYTES) == 0;
}

static void cancel(struct fake_mover *m, uint32_t error)
{
    if (m->state == FH_MOVE_DONE || m->state == FH_MOVE_POISONED ||
        m->state == FH_MOVE_FENCED || m->state == FH_MOVE_RETIRED ||
        m->state == FH_MOVE_CANCELLED)
        return;
    if (m->sends) {
        if (m->state != FH_MOVE_IDLE)
            move(m, FH_MOVE_CANCELLED, error);
        return;
    }
    m->xen = FAKE_XEN_POISONED;
    make_token(m, WIRE_ABORT);
    move(m, FH_MOVE_POISONED, error);
}

static void fence_if_due(struct fake_mover *m)
{
    if (m->state != FH_MOVE_AGREED || !m->drained)
        return;
    if (!m->suspended || m->xen != FAKE_XEN_RUN) {
        cancel(m, 11);
        return;
    }
    m->xen = FAKE_XEN_FENCED;
    make_token(m, WIRE_START);
    move(m, FH_MOVE_FENCED, 0);
}

static void on_token(struct fake_mover *m, const uint8_t *token)
{
    if (m->state == FH_MOVE_READY && is_token(m, token, WIRE_START)) {
        m->xen = FAKE_XEN_RUN;
        make_token(m, WIRE_DONE);
        move(m, FH_MOVE_DONE, 0);
    } else if (m->state == FH_MOVE_FENCED && is_token(m, token, WIRE_DONE)) {
        m->xen = FAKE_XEN_RETIRED;
        move(m, FH_MOVE_RETIRED, 0);
    } else if (m->state == FH_MOVE_FENCED && is_token(m, token, WIRE_ABORT)) {
        m->xen = FAKE_XEN_RUN;
        move(m, FH_MOVE_CANCELLED, 14);
    }
}

/* ---- handshake and what answers epochs ---- */

static void derive(struct fake_mover *m)
{
    for (uint32_t i = 0; i < WIRE_ID_BYTES; i++)
        m->session[i] = m->h[0][160 + i] ^ (uint8_t)(m->h[1][160 + i] * 3);
}

static void on_hand(struct fake_mover *m, const struct fh_mail *mail)
{
    static const enum fh_move_state want[] = { 0,
                                               FH_MOVE_IDLE,
                                               FH_MOVE_HELLO,
                                               FH_MOVE_ANSWERED,
                                               FH_MOVE_SEND_KEYED,
                                               FH_MOVE_KEYED };
    uint32_t n = mail->arg;

    if (n < 1 || n > 5 || m->nr_streams == 0 || m->state != want[n]) {
        cancel(m, 6);
        return;
    }
    if (n <= 2)
        memcpy(m->h[n - 1], mail->bytes, 512);
    if (n == 3)
        derive(m);
    if (n == 2)
        derive(m);
    if (n < 5)
        say_hand(m, n + 1);
    move(m,
         n == 1   ? FH_MOVE_ANSWERED
         : n == 2 ? FH_MOVE_SEND_KEYED
         : n == 3 ? FH_MOVE_KEYED
         : n == 4 ? FH_MOVE_PRECOPY
                  : FH_MOVE_IMPORT,
         0);
}

static uint32_t obey(struct fake_mover *m, uint32_t op);

static void on_short(struct fake_mover *m, const struct fh_mail *mail)
{
    struct fake_frame f;

    memcpy(&f, mail->bytes, sizeof(f));
    if (!m->sends)
        return;
    if (f.type == READY && m->state == FH_MOVE_WAIT_READY) {
        move(m, FH_MOVE_AGREED, 0);
        fence_if_due(m);
    } else if (f.type == EPOCH_ACK && m->state == FH_MOVE_PRECOPY && m->ended &&
               f.epoch == m->epoch) {
        m->acked++;
        m->epoch++;
        m->ended = false;
        move(m, FH_MOVE_PRECOPY, 0);
        if (m->by_itself) {
            m->suspended = m->drained = true;
            obey(m, FH_OP_PAUSED);
        }
    } else if (m->state != FH_MOVE_FENCED) {
        cancel(m, 7);
    }
}

static bool hear_mail(struct fake_mover *m)
{
    struct fh_mail mail;

    if (m->page.dom0.move.mail.seq == m->mail_taken)
        return false;
    mail = m->page.dom0.move.mail;
    m->mail_taken = mail.seq;
    out(m)->mail_taken = mail.seq;
    m->rings++;
    if (mail.kind == FH_MAIL_HAND)
        on_hand(m, &mail);
    else if (mail.kind == FH_MAIL_SHORT)
        on_short(m, &mail);
    else
        on_token(m, mail.bytes);
    return true;
}

static bool hear_slow(struct fake_mover *m)
{
    uint32_t percent = m->page.dom0.move.slow_percent;

    if (!m->sends || m->state != FH_MOVE_PRECOPY || m->suspended ||
        percent == m->slow_percent)
        return false;
    m->slow_percent = percent;
    if (percent > m->slow_most)
        m->slow_most = percent;
    return true;
}

/* ---- commands ---- */

static uint32_t begin(struct fake_mover *m)
{
    bool again = m->state == FH_MOVE_CANCELLED && m->sends;

    if (m->state != FH_MOVE_IDLE && !again)
        return FH_ERR_STATE;
    m->nr_streams = m->page.dom0.move.nr_streams;
    m->nr_slots = m->page.dom0.move.nr_slots;
    memset(m->moved, 0, sizeof(m->moved));
    memset(out(m)->moved, 0, sizeof(out(m)->moved));
    memset(m->seq, 0, sizeof(m->seq));
    m->epoch = m->acked = 0;
    m->sending = m->paused = m->drained = m->ended = false;
    if (m->sends) {
        say_hand(m, 1);
        move(m, FH_MOVE_HELLO, 0);
    }
    return 0;
}

static void begin_epoch(struct fake_mover *m)
{
    uint32_t i = m->epoch < FAKE_MOVER_EPOCHS ? m->epoch : 3;

    for (uint32_t s = 0; s < m->nr_streams; s++)
        m->left[s] = m->state == FH_MOVE_LAST ? 1 : m->frames_in[i];
    m->sending = true;
}

static uint32_t obey(struct fake_mover *m, uint32_t op)
{
    switch (op) {
    case FH_OP_SEND:
    case FH_OP_RECEIVE:
        return (op == FH_OP_SEND) == m->sends ? begin(m) : FH_ERR_STATE;
    case FH_OP_ROUND:
        if (m->state != FH_MOVE_PRECOPY || m->sending || m->ended)
            return FH_ERR_STATE;
        begin_epoch(m);
        return 0;
    case FH_OP_PAUSED:
        if (m->state != FH_MOVE_PRECOPY || !m->suspended)
            return FH_ERR_STATE;
        if (m->forgets)
            return 0;
        m->epoch = FH_MOVE_LAST_EPOCH;
        move(m, FH_MOVE_LAST, 0);
        begin_epoch(m);
        return 0;
    case FH_OP_DRAINED:
        m->drained = true;
        fence_if_due(m);
        return 0;
    case FH_OP_CANCEL:
        cancel(m, 14);
        return 0;
    default:
        return FH_ERR_PROTOCOL;
    }
}

static bool hear_command(struct fake_mover *m)
{
    struct fh_answer *a = &m->page.steward.answer;

    if (m->page.dom0.command.seq == m->command_seq)
        return false;
    m->command_seq = m->page.dom0.command.seq;
    a->error = obey(m, m->page.dom0.command.op);
    snprintf(a->text, sizeof(a->text), "%s", a->error ? "fake: not now" : "");
    a->seq = m->command_seq;
    m->rings++;
    return true;
}

/* ---- frames ---- */

static uint8_t *slot(struct fake_mover *m, uint32_t s, uint32_t *nr)
{
    *nr = m->moved[s] % (m->nr_slots / m->nr_streams) * m->nr_streams + s;
    return m->slots + (size_t)*nr * CHAN_SLOT_BYTES;
}

static bool fill_one(struct fake_mover *m, uint32_t s, uint8_t type)
{
    struct fake_frame f = { "FHMF", 1, type, (uint16_t)s, m->epoch, 0, { 0 } };
    uint32_t nr;
    uint8_t *p = slot(m, s, &nr);

    if (m->moved[s] - m->page.dom0.move.moved[s] == m->nr_slots / m->nr_streams)
        return false;
    f.seq = ++m->seq[s];
    memcpy(f.last, m->seq, type == EPOCH ? sizeof(f.last) : 0);
    memcpy(p, &f, sizeof(f));
    out(m)->len_bytes[nr] =
        type == DATA ? FH_FRAME_LONG_BYTES : FH_FRAME_SHORT_BYTES;
    out(m)->sent_pages += type == DATA ? 16 : 0;
    out(m)->moved[s] = ++m->moved[s];
    m->rings++;
    return true;
}

static bool send_one(struct fake_mover *m)
{
    uint32_t left = 0;

    if (!m->sending || !m->sends ||
        (m->state != FH_MOVE_PRECOPY && m->state != FH_MOVE_LAST))
        return false;
    for (uint32_t s = 0; s < m->nr_streams; s++) {
        if (m->left[s] && fill_one(m, s, DATA)) {
            m->left[s]--;
            return true;
        }
        left += m->left[s];
    }
    if (left || !fill_one(m, 0, EPOCH))
        return false;
    m->sending = false;
    m->ended = true;
    if (m->state == FH_MOVE_LAST)
        move(m, FH_MOVE_WAIT_READY, 0);
    return true;
}

/* The epoch's EPOCH was taken: answer when the others are as far. */
static void end_epoch(struct fake_mover *m)
{
    for (uint32_t s = 0; s < m->nr_streams; s++)
        if (m->seq[s] != m->last[s])
            return;
    m->ended = false;
    say_short(m, m->epoch == FH_MOVE_LAST_EPOCH ? READY : EPOCH_ACK);
    m->acked++;
    move(m, m->epoch == FH_MOVE_LAST_EPOCH ? FH_MOVE_READY : FH_MOVE_IMPORT, 0);
}

static bool open_one(struct fake_mover *m)
{
    for (uint32_t s = 0; !m->sends && s < m->nr_streams; s++) {
        struct fake_frame f;
        uint32_t nr;
        uint8_t *p = slot(m, s, &nr);

        if (m->moved[s] == m->page.dom0.move.moved[s])
            continue;
        memcpy(&f, p, sizeof(f));
        out(m)->moved[s] = ++m->moved[s];
        m->nr_frames++;
        m->rings++;
        if (m->state != FH_MOVE_IMPORT)
            return true;
        if (memcmp(f.magic, "FHMF", 4) != 0 || f.stream != s ||
            f.seq != m->seq[s] + 1 || m->nr_frames == m->fail_at_frame) {
            cancel(m, 7);
            return true;
        }
        m->seq[s] = f.seq;
        if (f.type == EPOCH) {
            m->epoch = f.epoch;
            memcpy(m->last, f.last, sizeof(m->last));
            m->ended = true;
        }
        if (m->ended)
            end_epoch(m);
        return true;
    }
    return false;
}

bool fake_mover_step(struct fake_mover *m)
{
    bool waited = m->mail_waits;

    if (m->dead)
        return false;
    flush_mail(m);
    if (waited != m->mail_waits)
        return true;
    if (m->mail_waits) /* what would say more waits for this */
        return hear_command(m);
    return hear_slow(m) || hear_command(m) || hear_mail(m) || open_one(m) ||
           send_one(m);
}
