/* SPDX-License-Identifier: MIT */
/*
 * dest.c - dom0's side of a guest that arrives: what happens, and when
 */
#include "migrate/dest.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

static const char *const state_name[] = {
    [DEST_HELLO] = "hello",         [DEST_PLAN] = "plan",
    [DEST_MAKING] = "making",       [DEST_HAND] = "handshake",
    [DEST_IMPORT] = "import",       [DEST_READY] = "ready",
    [DEST_POISONING] = "poisoning", [DEST_RUNS] = "runs",
    [DEST_ASKING] = "asking",       [DEST_ENDED] = "ended",
};
_Static_assert(ARRAY_SIZE(state_name) == DEST_STATES, "state_name");

/* A steward may be further than what was heard of it. */
#define STEWARD_ENDS                                                           \
    (BIT(DEST_READY) | BIT(DEST_POISONING) | BIT(DEST_RUNS) | BIT(DEST_ENDED))
static const uint16_t next_states[] = {
    [DEST_HELLO] = BIT(DEST_PLAN) | BIT(DEST_ASKING) | BIT(DEST_ENDED),
    [DEST_PLAN] = BIT(DEST_MAKING) | BIT(DEST_ENDED),
    [DEST_MAKING] = BIT(DEST_HAND) | BIT(DEST_ENDED),
    [DEST_HAND] = BIT(DEST_IMPORT) | STEWARD_ENDS,
    [DEST_IMPORT] = STEWARD_ENDS,
    [DEST_READY] = BIT(DEST_POISONING) | BIT(DEST_RUNS) | BIT(DEST_ENDED),
    [DEST_POISONING] = BIT(DEST_RUNS) | BIT(DEST_ENDED),
    [DEST_RUNS] = BIT(DEST_ENDED),
    [DEST_ASKING] = BIT(DEST_READY) | BIT(DEST_ENDED),
    [DEST_ENDED] = 0,
};
_Static_assert(ARRAY_SIZE(next_states) == DEST_STATES, "next_states");

const char *dest_state_name(enum dest_state state)
{
    return state_name[state];
}

static void tell(struct dest *d, enum move_tell what, const char *text)
{
    d->io->tell(d->io->arg, what, text);
}

static void set_timer(struct dest *d, uint64_t at_ms, const char *what)
{
    d->timer = (struct move_timer){ .at_ms = at_ms, .what = what };
}

/* The only writer of d->state. */
static void go(struct dest *d, enum dest_state to)
{
    assert(next_states[d->state] & BIT(to));
    d->state = to;
    set_timer(d, MOVE_NEVER, NULL);
    tell(d, MOVE_STATE, state_name[to]);
}

static void say(struct dest *d, uint32_t kind, uint64_t n, const void *p,
                uint32_t len_bytes, uint64_t now_ms)
{
    if (!d->line.up)
        return;
    d->line.said_ms = now_ms;
    d->io->say(d->io->arg, kind, n, p, len_bytes);
}

static void because(struct dest *d, const char *why)
{
    if (d->why[0] == 0)
        snprintf(d->why, sizeof(d->why), "%s", why);
}

static void finish(struct dest *d, enum move_end end, uint64_t now_ms)
{
    char json[WIRE_END_MAX];

    say(d, WIRE_END, 0, json, words_make_end(json, d->why[0] ? d->why : "done"),
        now_ms);
    d->line.up = false;
    d->end = end;
    go(d, DEST_ENDED);
}

void dest_open(struct dest *d, const struct move_io *io, uint64_t now_ms)
{
    *d = (struct dest){ .io = io, .state = DEST_HELLO };
    set_timer(d, now_ms + MOVE_HELLO_MS, "nobody says hello");
}

/* ---- giving up: ABORT, if there is a steward to make it ---- */

static void poison(struct dest *d, const char *why, uint64_t now_ms)
{
    because(d, why);
    go(d, DEST_POISONING);
    set_timer(d, now_ms + MOVE_STEWARD_MS, "the steward makes no ABORT");
    d->io->command(d->io->arg, FH_OP_CANCEL);
}

void dest_cancel(struct dest *d, const char *why, uint64_t now_ms)
{
    switch (d->state) {
    case DEST_HELLO:
    case DEST_PLAN:
    case DEST_MAKING:
    case DEST_ASKING:
        because(d, why);
        finish(d, MOVE_END_REFUSED, now_ms);
        break;
    case DEST_HAND:
    case DEST_IMPORT:
    case DEST_READY:
        poison(d, why, now_ms);
        break;
    case DEST_POISONING:
    case DEST_RUNS: /* it is too late */
    case DEST_ENDED:
    case DEST_STATES:
        break;
    }
}

static void leave_ready(struct dest *d, const char *why, uint64_t now_ms)
{
    because(d, why);
    /* A START that is with the steward has its answer soon. */
    if (!d->started)
        finish(d, MOVE_END_READY, now_ms);
}

void dest_alone(struct dest *d, uint64_t now_ms)
{
    const char *why = "its supervisor ended";

    if (d->state == DEST_READY)
        leave_ready(d, why, now_ms);
    else
        dest_cancel(d, why, now_ms);
}

void dest_lost(struct dest *d, const char *why, uint64_t now_ms)
{
    d->line.up = false;
    switch (d->state) {
    case DEST_READY:
        leave_ready(d, why, now_ms);
        break;
    case DEST_RUNS:
        finish(d, MOVE_END_RUNS, now_ms);
        break;
    default:
        dest_cancel(d, why, now_ms);
        break;
    }
}

/* ---- tokens ---- */

static void say_token(struct dest *d, const uint8_t *token, uint64_t now_ms)
{
    say(d, WIRE_TOKEN, 0, token, FH_TOKEN_BYTES, now_ms);
}

void dest_start(struct dest *d, const uint8_t token[FH_TOKEN_BYTES],
                uint64_t now_ms)
{
    switch (d->state) {
    case DEST_HAND:   /* ignored by the steward, unless it is READY and we */
    case DEST_IMPORT: /* have not heard */
    case DEST_READY:
        d->started = true;
        d->io->mail(d->io->arg, FH_MAIL_TOKEN, 0, token, FH_TOKEN_BYTES);
        if (d->state == DEST_READY)
            set_timer(d, now_ms + MOVE_STEWARD_MS,
                      "START is there, and Xen does not commit");
        break;
    case DEST_ASKING: /* the supervisor is still looking */
        memcpy(d->start, token, FH_TOKEN_BYTES);
        d->have_start = true;
        break;
    default: /* POISONING, RUNS: their token is the answer */
        break;
    }
}

static void on_token(struct dest *d, const uint8_t *token, uint64_t now_ms)
{
    uint8_t done[FH_TOKEN_BYTES];
    struct err e = { 0 };
    int type = wire_check_token(token, NULL, &e);

    if (type != WIRE_START) {
        tell(d, MOVE_NOTE, type < 0 ? e.text : "token: it is no START");
        return;
    }
    d->io->keep(d->io->arg, token);
    if (d->state == DEST_RUNS && d->io->token(d->io->arg, done) == WIRE_DONE)
        say_token(d, done, now_ms);
    else
        dest_start(d, token, now_ms);
}

/* Answer ASK by what is true. */
static void say_truth(struct dest *d, uint64_t now_ms)
{
    uint8_t token[FH_TOKEN_BYTES];
    struct fh_mail ready;

    if (d->state == DEST_RUNS && d->io->token(d->io->arg, token) == WIRE_DONE) {
        say_token(d, token, now_ms);
    } else if (d->state == DEST_READY &&
               d->io->last_mail(d->io->arg, &ready) == 0) {
        say(d, WIRE_SHORT, 0, ready.bytes, FH_FRAME_SHORT_BYTES, now_ms);
    } else if (d->state == DEST_HAND || d->state == DEST_IMPORT) {
        poison(d, "asked for what is true: not ready", now_ms);
    }
}

static void on_ask(struct dest *d, uint64_t which, uint64_t now_ms)
{
    if (d->state == DEST_ASKING) {
        d->ask = which;
    } else if (which == WIRE_ASK_END && d->state != DEST_RUNS) {
        dest_cancel(d, "the source asked for ABORT", now_ms);
    } else {
        say_truth(d, now_ms);
    }
}

/* ---- from the peer ---- */

static void on_plan(struct dest *d, const void *p, uint32_t len_bytes,
                    uint64_t now_ms)
{
    static char text[WIRE_PLAN_MAX + 1];
    struct err e = { 0 };

    if (d->state != DEST_PLAN) {
        dest_cancel(d, "unit PLAN: it is not its time", now_ms);
        return;
    }
    if (words_plan(p, len_bytes, &e) < 0) {
        dest_cancel(d, e.text, now_ms);
        return;
    }
    memcpy(text, p, len_bytes);
    text[len_bytes] = 0;
    go(d, DEST_MAKING);
    tell(d, MOVE_PLAN, text);
}

static void on_end(struct dest *d, const void *p, uint32_t len_bytes,
                   uint64_t now_ms)
{
    char words[WORDS_BYTES], why[WORDS_BYTES + 32];

    words_end(p, len_bytes, words);
    snprintf(why, sizeof(why), "the source: %s", words);
    dest_lost(d, why, now_ms);
}

void dest_hello(struct dest *d, enum wire_purpose purpose, uint64_t now_ms)
{
    if (d->state != DEST_HELLO)
        return;
    d->line = (struct move_line){ true, now_ms, now_ms };
    d->check = purpose == WIRE_CHECK;
    go(d, purpose == WIRE_RESOLVE ? DEST_ASKING : DEST_PLAN);
    if (d->state == DEST_PLAN) /* ALIVE is not enough */
        set_timer(d, now_ms + MOVE_HELLO_MS, "there is no PLAN");
}

void dest_unit(struct dest *d, const struct wire_unit *u, const void *p,
               uint64_t now_ms)
{
    if (!d->line.up || d->state == DEST_ENDED)
        return;
    d->line.heard_ms = now_ms;
    switch (u->kind) {
    case WIRE_PLAN:
        on_plan(d, p, u->len_bytes, now_ms);
        break;
    case WIRE_HAND:
        if (d->state == DEST_HAND) {
            d->io->mail(d->io->arg, FH_MAIL_HAND, (uint32_t)u->arg, p,
                        u->len_bytes);
            set_timer(d, now_ms + MOVE_HAND_MS, "the handshake: no answer");
        } else if (d->state < DEST_HAND) {
            dest_cancel(d, "unit HAND: it is not its time", now_ms);
        }
        break;
    case WIRE_TOKEN:
        on_token(d, p, now_ms);
        break;
    case WIRE_ASK:
        on_ask(d, u->arg, now_ms);
        break;
    case WIRE_END:
        on_end(d, p, u->len_bytes, now_ms);
        break;
    default: /* ALIVE; frames go past here */
        break;
    }
}

/* ---- from the steward ---- */

void dest_mail(struct dest *d, const struct fh_mail *m, uint64_t now_ms)
{
    if (d->state != DEST_HAND && d->state != DEST_IMPORT)
        return;
    say(d, m->kind == FH_MAIL_HAND ? WIRE_HAND : WIRE_SHORT,
        m->kind == FH_MAIL_HAND ? m->arg : 0, m->bytes, m->len_bytes, now_ms);
}

/* Sent before the file is written, and the supervisor writes it. */
static void settle(struct dest *d, enum wire_token want, uint64_t now_ms)
{
    uint8_t token[FH_TOKEN_BYTES];

    if (d->io->token(d->io->arg, token) != (int)want) {
        tell(d, MOVE_NOTE, "steward: the token is not that of its state");
        return;
    }
    say_token(d, token, now_ms);
    d->io->keep(d->io->arg, token);
}

static void on_done(struct dest *d, uint64_t now_ms)
{
    if (d->state == DEST_RUNS)
        return;
    go(d, DEST_RUNS);
    settle(d, WIRE_DONE, now_ms);
    if (!d->line.up)
        finish(d, MOVE_END_RUNS, now_ms);
    else
        set_timer(d, now_ms + MOVE_DONE_MS, "the source does not say good-bye");
}

static void on_poisoned(struct dest *d, uint64_t now_ms)
{
    char why[WORDS_BYTES];

    if (d->state == DEST_RUNS)
        return; /* the page is the guest's by now */
    if (d->view.error) {
        snprintf(why, sizeof(why), "steward: %s: %s",
                 chan_error_name(d->view.error), d->view.text);
        because(d, why);
    }
    settle(d, WIRE_ABORT, now_ms);
    finish(d, MOVE_END_POISONED, now_ms);
}

/* A source that says ALIVE and sends nothing would keep a domain for ever. */
static void watch_progress(struct dest *d, uint64_t now_ms)
{
    uint64_t done = d->bytes + d->view.sent_pages + d->view.acked;

    if (d->state != DEST_IMPORT || (d->timer.what && done == d->done))
        return;
    d->done = done;
    set_timer(d, now_ms + MOVE_IMPORT_MS, "nothing of the guest comes");
}

void dest_came(struct dest *d, uint32_t len_bytes)
{
    d->bytes += len_bytes;
}

void dest_steward(struct dest *d, const struct chan_view *v, uint64_t now_ms)
{
    d->view = *v;
    if (d->state < DEST_HAND || d->state >= DEST_ASKING)
        return;
    switch (v->state) {
    case FH_MOVE_IMPORT:
        if (d->state == DEST_HAND)
            go(d, DEST_IMPORT);
        break;
    case FH_MOVE_READY:
        if (d->state == DEST_HAND || d->state == DEST_IMPORT) {
            go(d, DEST_READY);
            if (!d->line.up)
                finish(d, MOVE_END_READY, now_ms);
        }
        break;
    case FH_MOVE_DONE:
        on_done(d, now_ms);
        break;
    case FH_MOVE_POISONED:
        on_poisoned(d, now_ms);
        break;
    default:
        break;
    }
    watch_progress(d, now_ms);
}

void dest_steward_fails(struct dest *d, const char *why, bool dead,
                        uint64_t now_ms)
{
    if (d->state == DEST_ENDED)
        return;
    tell(d, MOVE_NOTE, why);
    if (!dead) {
        if (d->state != DEST_READY)
            dest_cancel(d, why, now_ms);
        return;
    }
    because(d, why);
    finish(d, d->state == DEST_RUNS ? MOVE_END_RUNS : MOVE_END_STUCK, now_ms);
}

/* ---- from the supervisor ---- */

void dest_answer(struct dest *d, bool ok, const void *json, uint32_t len_bytes,
                 uint64_t now_ms)
{
    if (d->state != DEST_MAKING)
        return;
    if (!ok) {
        because(d, "it was refused: see ANSWER");
        say(d, WIRE_ANSWER, 0, json, len_bytes, now_ms);
        finish(d, MOVE_END_REFUSED, now_ms);
        return;
    }
    go(d, DEST_HAND);
    set_timer(d, now_ms + MOVE_HAND_MS, "the handshake: no H1");
    d->attached = true;
    d->io->begin(d->io->arg, d->check ? FH_MOVE_CHECK : 0);
    say(d, WIRE_ANSWER, 0, json, len_bytes, now_ms);
}

/* DONE or POISONED has said its token already. */
static void resume(struct dest *d, const struct chan_view *v, uint64_t now_ms)
{
    d->attached = true;
    go(d, DEST_READY);
    dest_steward(d, v, now_ms);
    if (d->state != DEST_READY)
        return;
    if (v->state != FH_MOVE_READY)
        poison(d, "the transfer was cut before all of the guest was here",
               now_ms);
    else if (d->have_start)
        dest_start(d, d->start, now_ms);
    else if (d->ask)
        on_ask(d, d->ask, now_ms);
}

void dest_resolve(struct dest *d, enum dest_found found, const uint8_t *token,
                  const struct chan_view *v, uint64_t now_ms)
{
    if (d->state != DEST_ASKING)
        return;
    switch (found) {
    case DEST_NOTHING:
        because(d, "no such session");
        finish(d, MOVE_END_REFUSED, now_ms);
        break;
    case DEST_TOKEN:
        say_token(d, token, now_ms);
        finish(d, MOVE_END_REFUSED, now_ms);
        break;
    case DEST_DOMAIN:
        resume(d, v, now_ms);
        break;
    }
}

/* ---- time ---- */

static void on_timer(struct dest *d, uint64_t now_ms)
{
    const char *what = d->timer.what;

    watch_progress(d, now_ms);
    if (now_ms < d->timer.at_ms)
        return;
    set_timer(d, MOVE_NEVER, NULL);
    switch (d->state) {
    case DEST_POISONING:
        dest_steward_fails(d, what, true, now_ms);
        break;
    case DEST_RUNS:
        because(d, what);
        finish(d, MOVE_END_RUNS, now_ms);
        break;
    case DEST_READY: /* a START that was refused: it changed nothing */
        d->started = false;
        if (d->line.up)
            tell(d, MOVE_NOTE, what);
        else
            finish(d, MOVE_END_READY, now_ms);
        break;
    default:
        dest_cancel(d, what, now_ms);
        break;
    }
}

void dest_tick(struct dest *d, uint64_t now_ms)
{
    if (d->state == DEST_ENDED)
        return;
    if (now_ms >= d->timer.at_ms)
        on_timer(d, now_ms);
    else if (d->line.up && now_ms - d->line.heard_ms >= MOVE_SILENCE_MS)
        dest_lost(d, "the source is silent", now_ms);
    if (d->state != DEST_ENDED && d->line.up &&
        now_ms - d->line.said_ms >= MOVE_ALIVE_MS)
        say(d, WIRE_ALIVE, 0, NULL, 0, now_ms);
}

uint64_t dest_due_ms(const struct dest *d)
{
    uint64_t due = d->timer.at_ms;

    if (d->line.up) {
        due = MIN_OF(due, d->line.heard_ms + MOVE_SILENCE_MS);
        due = MIN_OF(due, d->line.said_ms + MOVE_ALIVE_MS);
    }
    return due;
}
