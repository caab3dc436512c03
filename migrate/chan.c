/* SPDX-License-Identifier: MIT */
/*
 * chan.c - the control page's migration part, from dom0's side
 */
#include "migrate/chan.h"

#include <assert.h>
#include <errno.h>
#include <stddef.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/shm.h"
#include "migrate/wire.h"

static const char *const state_name[] = {
    [FH_MOVE_IDLE] = "idle",
    [FH_MOVE_HELLO] = "hello",
    [FH_MOVE_SEND_KEYED] = "send-keyed",
    [FH_MOVE_PRECOPY] = "precopy",
    [FH_MOVE_LAST] = "last",
    [FH_MOVE_WAIT_READY] = "wait-ready",
    [FH_MOVE_AGREED] = "agreed",
    [FH_MOVE_FENCED] = "fenced",
    [FH_MOVE_CANCELLED] = "cancelled",
    [FH_MOVE_RETIRED] = "retired",
    [FH_MOVE_ANSWERED] = "answered",
    [FH_MOVE_KEYED] = "keyed",
    [FH_MOVE_IMPORT] = "import",
    [FH_MOVE_READY] = "ready",
    [FH_MOVE_DONE] = "done",
    [FH_MOVE_POISONED] = "poisoned",
};
_Static_assert(ARRAY_SIZE(state_name) == FH_MOVE_STATES, "state_name");

static const char *const error_name[] = {
    "none",  "version",   "shape", "policy", "evidence",
    "peer",  "handshake", "frame", "record", "epoch",
    "state", "resumed",   "guest", "xen",    "cancelled",
};

const char *chan_state_name(uint32_t state)
{
    return state < FH_MOVE_STATES ? state_name[state] : "unknown";
}

const char *chan_error_name(uint32_t error)
{
    return error < ARRAY_SIZE(error_name) ? error_name[error] : "unknown";
}

static struct fh_move_dom0 *own(const struct chan *c)
{
    return &c->page->dom0.move;
}

static const struct fh_move_steward *theirs(const struct chan *c)
{
    return &c->page->steward.move;
}

void chan_open(struct chan *c, struct fh_control *page, uint8_t *slots,
               void (*ring)(void *arg), void *arg)
{
    *c =
        (struct chan){ .page = page, .slots = slots, .ring = ring, .arg = arg };
    /* Another one than any that was said before us. */
    c->command_seq = shm_u32(&page->dom0.command.seq);
    c->mail_seq = shm_u32(&page->dom0.move.mail.seq);
    c->mail_taken = shm_u32(&page->dom0.move.mail_taken);
}

/* ---- what goes to the steward ---- */

static void say_command(struct chan *c)
{
    struct fh_command *w = &c->page->dom0.command;

    shm_set_u32(&w->op, c->command[0]);
    shm_wmb();
    shm_set_u32(&w->seq, ++c->command_seq);
    c->command_out = true;
    c->ring(c->arg);
}

static void say_mail(struct chan *c)
{
    struct fh_mail *w = &own(c)->mail;

    if (++c->mail_seq == 0)
        c->mail_seq = 1;
    shm_put(w, &c->mail[0], offsetof(struct fh_mail, seq));
    shm_put(w->bytes, c->mail[0].bytes, sizeof(w->bytes));
    shm_wmb();
    shm_set_u32(&w->seq, c->mail_seq);
    c->mail_out = true;
    c->ring(c->arg);
}

static void say_what_waits(struct chan *c, uint64_t now_ms)
{
    bool was = c->command_out || c->mail_out;

    if (!c->command_out && c->nr_commands > 0)
        say_command(c);
    if (!c->mail_out && c->nr_mails > 0)
        say_mail(c);
    if (!was)
        c->since_ms = now_ms;
}

int chan_command(struct chan *c, enum fh_op op, uint64_t now_ms, struct err *e)
{
    if (c->nr_commands == CHAN_COMMANDS)
        return fail(e, -ENOBUFS, "steward: command %u: %u wait already", op,
                    c->nr_commands);
    c->command[c->nr_commands++] = op;
    say_what_waits(c, now_ms);
    return 0;
}

int chan_mail(struct chan *c, enum fh_mail_kind kind, uint32_t arg,
              const void *p, uint32_t len_bytes, uint64_t now_ms, struct err *e)
{
    struct fh_mail *m = &c->mail[c->nr_mails];

    assert(len_bytes <= FH_MAIL_BYTES);
    if (c->nr_mails == CHAN_MAILS)
        return fail(e, -ENOBUFS,
                    "steward: a message of kind %u: %u wait already", kind,
                    c->nr_mails);
    *m = (struct fh_mail){ .kind = kind, .arg = arg, .len_bytes = len_bytes };
    memcpy(m->bytes, p, len_bytes);
    c->nr_mails++;
    say_what_waits(c, now_ms);
    return 0;
}

int chan_begin(struct chan *c, enum fh_op op, uint32_t nr_streams,
               uint32_t nr_slots, uint32_t flags,
               const uint32_t (*refs)[FH_SLOT_PAGES], uint64_t now_ms,
               struct err *e)
{
    struct fh_move_dom0 *w = own(c);

    if (nr_streams < 1 || nr_streams > FH_MOVE_STREAMS ||
        nr_slots > FH_MOVE_SLOTS || nr_slots < nr_streams ||
        nr_slots % nr_streams)
        return fail(e, -EINVAL,
                    "steward: %u slots for %u streams, want a multiple of 1 "
                    "to %u, at most %u",
                    nr_slots, nr_streams, FH_MOVE_STREAMS, FH_MOVE_SLOTS);
    c->fills = op == FH_OP_RECEIVE;
    c->counts = false;
    c->nr_streams = nr_streams;
    c->nr_slots = nr_slots;
    shm_set_u32(&w->nr_streams, nr_streams);
    shm_set_u32(&w->nr_slots, nr_slots);
    shm_set_u32(&w->flags, flags);
    shm_set_u32(&w->slow_percent, 0);
    for (uint32_t i = 0; i < FH_MOVE_STREAMS; i++) {
        c->moved[i] = 0;
        shm_set_u32(&w->moved[i], 0);
    }
    shm_put(w->ref, refs, nr_slots * sizeof(refs[0]));
    /* What another has left there is none of this transfer. */
    c->mail_taken = shm_u32(&theirs(c)->mail.seq);
    shm_set_u32(&w->mail_taken, c->mail_taken);
    return chan_command(c, op, now_ms, e);
}

void chan_slow(struct chan *c, uint32_t percent)
{
    assert(percent <= FH_MOVE_SLOW_MAX);
    shm_set_u32(&own(c)->slow_percent, percent);
    c->ring(c->arg);
}

/* ---- what comes from it ---- */

static void printable(char *text, size_t bytes)
{
    text[bytes - 1] = 0;
    for (char *p = text; *p; p++)
        if (*p < 0x20 || *p > 0x7e)
            *p = '?';
}

static void shift(void *list, uint32_t *nr, size_t each)
{
    --*nr;
    memmove(list, (char *)list + each, *nr * each);
}

/* Was the command that is out done?  -EREMOTEIO: refused. */
static int hear_answer(struct chan *c, enum fh_op *refused, struct err *e)
{
    struct fh_answer a;
    enum fh_op op;

    if (!c->command_out ||
        shm_u32(&c->page->steward.answer.seq) != c->command_seq)
        return 0;
    shm_rmb();
    shm_fetch(&a, &c->page->steward.answer, sizeof(a));
    op = c->command[0];
    c->command_out = false;
    shift(c->command, &c->nr_commands, sizeof(c->command[0]));
    if (a.error == FH_ERR_NONE) {
        c->counts |= op == FH_OP_SEND || op == FH_OP_RECEIVE;
        return 0;
    }
    *refused = op;
    printable(a.text, sizeof(a.text));
    return fail(e, -EREMOTEIO, "steward: command %u: %s", op, a.text);
}

static void hear_taken(struct chan *c)
{
    if (!c->mail_out || shm_u32(&theirs(c)->mail_taken) != c->mail_seq)
        return;
    c->mail_out = false;
    shift(c->mail, &c->nr_mails, sizeof(c->mail[0]));
}

int chan_look(struct chan *c, uint64_t now_ms, struct chan_view *out,
              enum fh_op *refused, struct err *e)
{
    const struct fh_move_steward *s = theirs(c);
    uint32_t nr_out = c->nr_commands + c->nr_mails;
    int rc = hear_answer(c, refused, e); /* its state is newer, or the same */
    uint32_t state;

    shm_rmb();
    state = shm_u32(&s->state);
    shm_rmb(); /* it is written last */
    *out = (struct chan_view){
        .nr_unanswered = c->nr_commands,
        .error = shm_u32(&s->error),
        .epoch = shm_u32(&s->epoch),
        .acked = shm_u32(&s->acked),
    };
    shm_fetch(&out->ram_pages, &s->ram_pages, sizeof(out->ram_pages));
    shm_fetch(&out->sent_pages, &s->sent_pages, sizeof(out->sent_pages));
    shm_fetch(&out->epoch_pages, &s->epoch_pages, sizeof(out->epoch_pages));
    shm_fetch(&out->dirty_pages, &s->dirty_pages, sizeof(out->dirty_pages));
    shm_fetch(out->session, s->session, sizeof(out->session));
    shm_fetch(out->text, s->text, sizeof(out->text));
    printable(out->text, sizeof(out->text));
    if (state >= FH_MOVE_STATES)
        return fail(e, -EPROTO, "steward: state %u, want less than %u", state,
                    FH_MOVE_STATES);
    out->state = (enum fh_move_state)state;

    hear_taken(c);
    if (c->nr_commands + c->nr_mails < nr_out)
        c->since_ms = now_ms;
    say_what_waits(c, now_ms);
    return rc;
}

uint64_t chan_waits_ms(const struct chan *c, uint64_t now_ms)
{
    return c->command_out || c->mail_out ? now_ms - c->since_ms : 0;
}

int chan_take_mail(struct chan *c, struct fh_mail *out, struct err *e)
{
    static const uint32_t hand_bytes[] = { 0, 192, 512, 336, 48, 48 };
    uint32_t seq = shm_u32(&theirs(c)->mail.seq);

    if (seq == 0 || seq == c->mail_taken)
        return 0;
    shm_rmb();
    shm_fetch(out, &theirs(c)->mail, sizeof(*out));
    c->mail_taken = seq;
    shm_mb();
    shm_set_u32(&own(c)->mail_taken, seq);
    c->ring(c->arg);
    if (out->kind == FH_MAIL_HAND && out->arg >= 1 && out->arg <= 5 &&
        out->len_bytes == hand_bytes[out->arg])
        return 1;
    if (out->kind == FH_MAIL_SHORT && out->arg == 0 &&
        out->len_bytes == FH_FRAME_SHORT_BYTES)
        return 1;
    return fail(e, -EPROTO,
                "steward: a message of kind %u, arg %u, %u bytes, want HAND or "
                "SHORT",
                out->kind, out->arg, out->len_bytes);
}

int chan_last_mail(const struct chan *c, struct fh_mail *out)
{
    shm_fetch(out, &theirs(c)->mail, sizeof(*out));
    return out->kind == FH_MAIL_SHORT && out->len_bytes == FH_FRAME_SHORT_BYTES
               ? 0
               : -ENOENT;
}

int chan_token(const struct chan *c, uint8_t token[FH_TOKEN_BYTES],
               struct err *e)
{
    shm_fetch(token, theirs(c)->token, FH_TOKEN_BYTES);
    return wire_check_token(token, NULL, e);
}

/* ---- slots ---- */

static uint32_t slot_of(const struct chan *c, uint32_t stream)
{
    uint32_t m = c->nr_slots / c->nr_streams;

    return c->moved[stream] % m * c->nr_streams + stream;
}

static uint8_t *slot_at(const struct chan *c, uint32_t slot)
{
    return c->slots + (size_t)slot * CHAN_SLOT_BYTES;
}

int chan_next(struct chan *c, uint32_t stream, void **frame,
              uint32_t *len_bytes, struct err *e)
{
    uint32_t filled, slot, len;

    if (c->fills || !c->counts || stream >= c->nr_streams)
        return 0;
    filled = shm_u32(&theirs(c)->moved[stream]) - c->moved[stream];
    if (filled > c->nr_slots / c->nr_streams)
        return fail(e, -EPROTO, "steward: stream %u: %u frames in %u slots",
                    stream, filled, c->nr_slots / c->nr_streams);
    if (filled == 0)
        return 0;
    shm_rmb();
    slot = slot_of(c, stream);
    len = shm_u32(&theirs(c)->len_bytes[slot]);
    if (len != FH_FRAME_LONG_BYTES &&
        !(len == FH_FRAME_SHORT_BYTES && stream == 0))
        return fail(e, -EPROTO, "steward: stream %u: a frame of %u bytes",
                    stream, len);
    *frame = slot_at(c, slot);
    *len_bytes = len;
    return 1;
}

static void moved(struct chan *c, uint32_t stream)
{
    c->moved[stream]++;
    shm_mb();
    shm_set_u32(&own(c)->moved[stream], c->moved[stream]);
    c->ring(c->arg);
}

void chan_taken(struct chan *c, uint32_t stream)
{
    moved(c, stream);
}

int chan_room(struct chan *c, uint32_t stream, void **room, struct err *e)
{
    uint32_t waits;

    *room = NULL;
    if (!c->fills || !c->counts || stream >= c->nr_streams)
        return 0;
    waits = c->moved[stream] - shm_u32(&theirs(c)->moved[stream]);
    if (waits > c->nr_slots / c->nr_streams)
        return fail(e, -EPROTO,
                    "steward: stream %u: it took %u frames too many", stream,
                    0u - waits);
    if (waits == c->nr_slots / c->nr_streams)
        return 0;
    *room = slot_at(c, slot_of(c, stream));
    return 0;
}

void chan_filled(struct chan *c, uint32_t stream, uint32_t len_bytes)
{
    shm_set_u32(&own(c)->len_bytes[slot_of(c, stream)], len_bytes);
    moved(c, stream);
}
