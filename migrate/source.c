/* SPDX-License-Identifier: MIT */
/*
 * source.c - dom0's side of a guest that leaves: what happens, and when
 */
#include "migrate/source.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"

_Static_assert(RULE_SLOW_MAX <= FH_MOVE_SLOW_MAX, "what the steward takes");

static const char *const state_name[] = {
    [SOURCE_HELLO] = "hello",           [SOURCE_PLAN] = "plan",
    [SOURCE_HAND] = "handshake",        [SOURCE_PRECOPY] = "precopy",
    [SOURCE_SUSPENDING] = "suspending", [SOURCE_LAST] = "last",
    [SOURCE_FENCED] = "fenced",         [SOURCE_CANCELLING] = "cancelling",
    [SOURCE_ENDED] = "ended",
};
_Static_assert(ARRAY_SIZE(state_name) == SOURCE_STATES, "state_name");

#define ENDS (BIT(SOURCE_CANCELLING) | BIT(SOURCE_FENCED) | BIT(SOURCE_ENDED))
static const uint16_t next_states[] = {
    [SOURCE_HELLO] = BIT(SOURCE_PLAN) | BIT(SOURCE_FENCED) | BIT(SOURCE_ENDED),
    [SOURCE_PLAN] = BIT(SOURCE_HAND) | BIT(SOURCE_ENDED),
    [SOURCE_HAND] = BIT(SOURCE_PRECOPY) | BIT(SOURCE_SUSPENDING) | ENDS,
    [SOURCE_PRECOPY] = BIT(SOURCE_SUSPENDING) | BIT(SOURCE_LAST) | ENDS,
    [SOURCE_SUSPENDING] = BIT(SOURCE_PRECOPY) | BIT(SOURCE_LAST) | ENDS,
    [SOURCE_LAST] = ENDS,
    [SOURCE_FENCED] = BIT(SOURCE_ENDED),
    [SOURCE_CANCELLING] = BIT(SOURCE_FENCED) | BIT(SOURCE_ENDED),
    [SOURCE_ENDED] = 0,
};
_Static_assert(ARRAY_SIZE(next_states) == SOURCE_STATES, "next_states");

const char *source_state_name(enum source_state state)
{
    return state_name[state];
}

static void tell(struct source *s, enum move_tell what, const char *text)
{
    s->io->tell(s->io->arg, what, text);
}

static void set_timer(struct source *s, uint64_t at_ms, const char *what)
{
    s->timer = (struct move_timer){ .at_ms = at_ms, .what = what };
}

/* The only writer of s->state. */
static void go(struct source *s, enum source_state to)
{
    assert(next_states[s->state] & BIT(to));
    s->state = to;
    set_timer(s, MOVE_NEVER, NULL);
    tell(s, MOVE_STATE, state_name[to]);
}

static void say(struct source *s, uint32_t kind, uint64_t n, const void *p,
                uint32_t len_bytes, uint64_t now_ms)
{
    if (!s->line.up)
        return;
    s->line.said_ms = now_ms;
    s->io->say(s->io->arg, kind, n, p, len_bytes);
}

static void because(struct source *s, const char *why)
{
    if (s->why[0] == 0)
        snprintf(s->why, sizeof(s->why), "%s", why);
}

static void say_end(struct source *s, const char *why, uint64_t now_ms)
{
    char json[WIRE_END_MAX];

    say(s, WIRE_END, 0, json, words_make_end(json, why), now_ms);
    s->line.up = false;
}

static void finish(struct source *s, enum move_end end, uint64_t now_ms)
{
    say_end(s, s->why[0] ? s->why : "done", now_ms);
    s->end = end;
    go(s, SOURCE_ENDED);
}

/* ---- giving up ---- */

static void cancel(struct source *s, const char *why, uint64_t now_ms)
{
    switch (s->state) {
    case SOURCE_HELLO:
    case SOURCE_PLAN: /* the steward knows nothing of it yet */
        because(s, why);
        finish(s, s->opts.resolve ? MOVE_END_FENCED : MOVE_END_STAYED, now_ms);
        break;
    case SOURCE_HAND:
    case SOURCE_PRECOPY:
    case SOURCE_SUSPENDING:
    case SOURCE_LAST:
        because(s, why);
        go(s, SOURCE_CANCELLING);
        set_timer(s, now_ms + MOVE_STEWARD_MS, "the steward does not cancel");
        s->io->command(s->io->arg, FH_OP_CANCEL);
        break;
    case SOURCE_FENCED: /* the peer alone can still let the guest stay */
        because(s, why);
        if (!s->line.up) {
            if (!s->token_mailed) /* else Xen has it, and decides */
                finish(s, MOVE_END_FENCED, now_ms);
            break;
        }
        if (!s->asked)
            say(s, WIRE_ASK, WIRE_ASK_END, NULL, 0, now_ms);
        s->asked = true;
        break;
    case SOURCE_CANCELLING:
    case SOURCE_ENDED:
    case SOURCE_STATES:
        break;
    }
}

/* ---- fenced: tokens ---- */

static void say_start(struct source *s, uint64_t now_ms)
{
    say(s, WIRE_TOKEN, 0, s->start, FH_TOKEN_BYTES, now_ms);
}

static void on_token(struct source *s, const uint8_t *token, uint64_t now_ms)
{
    uint8_t session[WIRE_ID_BYTES];
    struct err e = { 0 };
    int type = wire_check_token(token, session, &e);

    if (type < 0 || type == WIRE_START) {
        tell(s, MOVE_NOTE, type < 0 ? e.text : "token: START from the peer");
        return;
    }
    if (s->state != SOURCE_FENCED) {
        memcpy(s->early, token, FH_TOKEN_BYTES);
        s->have_early = true;
        cancel(s, "the destination gave up", now_ms);
        return;
    }
    if (memcmp(session, s->start + 16, WIRE_ID_BYTES) != 0 &&
        !s->opts.resolve) {
        tell(s, MOVE_NOTE, "token: one of another session is dropped");
        return;
    }
    s->io->keep(s->io->arg, token);
    if (s->opts.no_domain) {
        if (type == WIRE_ABORT)
            because(s, "the guest is at neither side any more");
        finish(s, type == WIRE_DONE ? MOVE_END_MOVED : MOVE_END_STUCK, now_ms);
        return;
    }
    if (!s->token_mailed) /* a peer could send bad ones without end */
        set_timer(s, now_ms + MOVE_STEWARD_MS,
                  type == WIRE_DONE
                      ? "DONE is there, and Xen does not retire it"
                      : "ABORT is there, and Xen does not unfence it");
    s->token_mailed = true;
    s->io->mail(s->io->arg, FH_MAIL_TOKEN, 0, token, FH_TOKEN_BYTES);
}

/*
 * The guest's kernel can write our commands, too, and suspend by itself: START
 * is none to say before the supervisor suspended it and its disks are drained.
 */
static void be_fenced(struct source *s, uint64_t now_ms)
{
    bool had_enough = s->state == SOURCE_CANCELLING || !s->drained;

    if (!s->drained)
        because(s, "steward: FENCED, and nobody said DRAINED");
    if (s->io->token(s->io->arg, s->start) != WIRE_START) {
        source_steward_fails(s, "steward: FENCED, and no START is there", false,
                             now_ms);
        return;
    }
    go(s, SOURCE_FENCED);
    /* Ended already for who cancelled: the destination is asked to agree. */
    if (had_enough && s->line.up) {
        s->asked = true;
        say(s, WIRE_ASK, WIRE_ASK_END, NULL, 0, now_ms);
    } else {
        say_start(s, now_ms);
    }
    s->io->keep(s->io->arg, s->start);
    set_timer(s, now_ms + MOVE_DONE_MS, "START had no answer");
    if (s->have_early)
        on_token(s, s->early, now_ms);
    else if (!s->line.up)
        finish(s, MOVE_END_FENCED, now_ms);
}

/* ---- from the peer ---- */

static void on_answer(struct source *s, const void *p, uint32_t len_bytes,
                      uint64_t now_ms)
{
    char missing[WORDS_BYTES], why[WORDS_BYTES + 32];
    struct err e = { 0 };
    bool ok = false;

    if (s->state != SOURCE_PLAN) {
        cancel(s, "unit ANSWER: nothing was asked", now_ms);
        return;
    }
    if (words_answer(p, len_bytes, &ok, missing, &e) < 0) {
        cancel(s, e.text, now_ms);
        return;
    }
    if (!ok) {
        snprintf(why, sizeof(why), "the destination: %s", missing);
        cancel(s, why, now_ms);
        return;
    }
    go(s, SOURCE_HAND);
    set_timer(s, now_ms + MOVE_HAND_MS, "the handshake: no answer");
    s->io->begin(s->io->arg, s->opts.check ? FH_MOVE_CHECK : 0);
}

static bool talks_to_steward(const struct source *s)
{
    return s->state >= SOURCE_HAND && s->state <= SOURCE_LAST;
}

static void on_end(struct source *s, const void *p, uint32_t len_bytes,
                   uint64_t now_ms)
{
    char words[WORDS_BYTES], why[WORDS_BYTES + 32];

    words_end(p, len_bytes, words);
    snprintf(why, sizeof(why), "the destination: %s", words);
    source_lost(s, why, now_ms);
}

void source_unit(struct source *s, const struct wire_unit *u, const void *p,
                 uint64_t now_ms)
{
    if (!s->line.up || s->state == SOURCE_ENDED)
        return;
    s->line.heard_ms = now_ms;
    switch (u->kind) {
    case WIRE_ANSWER:
        on_answer(s, p, u->len_bytes, now_ms);
        break;
    case WIRE_HAND:
        if (!talks_to_steward(s))
            break;
        s->io->mail(s->io->arg, FH_MAIL_HAND, (uint32_t)u->arg, p,
                    u->len_bytes);
        if (s->state == SOURCE_HAND)
            set_timer(s, now_ms + MOVE_HAND_MS, "the handshake: no answer");
        break;
    case WIRE_SHORT:
        if (talks_to_steward(s))
            s->io->mail(s->io->arg, FH_MAIL_SHORT, 0, p, u->len_bytes);
        else if (s->opts.resolve && s->state == SOURCE_FENCED && !s->asked) {
            because(s, "the destination is ready, and waits for START");
            finish(s, MOVE_END_FENCED, now_ms);
        }
        break;
    case WIRE_TOKEN:
        on_token(s, p, now_ms);
        break;
    case WIRE_END:
        on_end(s, p, u->len_bytes, now_ms);
        break;
    default: /* ALIVE */
        break;
    }
}

void source_hello(struct source *s, uint64_t now_ms)
{
    if (s->state != SOURCE_HELLO)
        return;
    s->line = (struct move_line){ true, now_ms, now_ms };
    if (!s->opts.resolve) {
        go(s, SOURCE_PLAN);
        set_timer(s, now_ms + MOVE_ANSWER_MS, "PLAN had no answer");
        say(s, WIRE_PLAN, 0, s->opts.plan, s->opts.plan_bytes, now_ms);
        return;
    }
    go(s, SOURCE_FENCED);
    set_timer(s, now_ms + MOVE_DONE_MS, "the destination does not decide");
    memcpy(s->start, s->opts.start, FH_TOKEN_BYTES);
    s->asked = s->opts.want_abort;
    if (s->opts.want_abort)
        say(s, WIRE_ASK, WIRE_ASK_END, NULL, 0, now_ms);
    else if (s->opts.have_start)
        say_start(s, now_ms);
    else
        say(s, WIRE_ASK, WIRE_ASK_TRUE, NULL, 0, now_ms);
}

void source_lost(struct source *s, const char *why, uint64_t now_ms)
{
    s->line.up = false;
    cancel(s, why, now_ms);
}

/* ---- precopy ---- */

static void begin_round(struct source *s, uint64_t now_ms)
{
    s->epoch_bytes = s->bytes;
    s->epoch_sent = s->view.sent_pages;
    s->acked = s->view.acked;
    s->round_out = true;
    rule_epoch(&s->rule, now_ms);
    s->io->command(s->io->arg, FH_OP_ROUND);
}

/* Slowed it only takes longer to suspend, and changes as much until then. */
static void suspend(struct source *s, uint64_t now_ms)
{
    if (s->rule.slowed)
        s->io->slow(s->io->arg, 0);
    go(s, SOURCE_SUSPENDING);
    set_timer(s, now_ms + MOVE_SUSPEND_MS, "the guest does not suspend");
    tell(s, MOVE_SUSPEND, NULL);
}

static void last_epoch(struct source *s)
{
    go(s, SOURCE_LAST);
    s->paused_said = true;
    s->io->command(s->io->arg, FH_OP_PAUSED);
    tell(s, MOVE_DRAIN, NULL);
}

/* The handshake is over: what H5 was for begins. */
static void keyed(struct source *s, uint64_t now_ms)
{
    if (s->opts.check) {
        cancel(s, "", now_ms);
        return;
    }
    if (!s->opts.live) {
        suspend(s, now_ms);
        return;
    }
    go(s, SOURCE_PRECOPY);
    rule_begin(&s->rule, now_ms);
    begin_round(s, now_ms);
}

static void give_up(struct source *s, uint64_t now_ms)
{
    char why[160];

    snprintf(why, sizeof(why),
             "the guest changes its memory faster than it moves: it would "
             "stand still for %llu ms, want at most %u; a larger "
             "--max-downtime lets it go",
             (unsigned long long)s->rule.best_ms, s->rule.max_downtime_ms);
    cancel(s, why, now_ms);
}

static void epoch_over(struct source *s, uint64_t now_ms)
{
    const struct rule_epoch ep = {
        .pages = s->view.sent_pages - s->epoch_sent,
        .bytes = s->bytes - s->epoch_bytes,
        .dirty_pages = s->view.dirty_pages,
    };
    uint32_t slowed = s->rule.slowed;
    enum rule_verdict v = rule_judge(&s->rule, &ep, now_ms);

    s->round_out = false;
    tell(s, MOVE_ROUND, NULL);
    if (s->suspended) { /* not live: the first of two */
        last_epoch(s);
        return;
    }
    if (s->rule.slowed != slowed && v == RULE_ROUND)
        s->io->slow(s->io->arg, s->rule.slowed);
    switch (v) {
    case RULE_ROUND:
        begin_round(s, now_ms);
        break;
    case RULE_PAUSE:
        suspend(s, now_ms);
        break;
    case RULE_LATE:
        cancel(s,
               "the guest changes its memory faster than it moves, and its "
               "time is over",
               now_ms);
        break;
    case RULE_VAIN:
        give_up(s, now_ms);
        break;
    }
}

/* ---- from the steward ---- */

void source_mail(struct source *s, const struct fh_mail *m, uint64_t now_ms)
{
    if (m->kind != FH_MAIL_HAND || s->state != SOURCE_HAND)
        return;
    say(s, WIRE_HAND, m->arg, m->bytes, m->len_bytes, now_ms);
    s->h5_said |= m->arg == 5;
}

static void on_cancelled(struct source *s, uint64_t now_ms)
{
    char why[WORDS_BYTES];
    bool checked = s->opts.check && s->h5_said && s->why[0] == 0;

    if (s->view.error && s->state != SOURCE_CANCELLING &&
        s->state != SOURCE_FENCED) {
        snprintf(why, sizeof(why), "steward: %s: %s",
                 chan_error_name(s->view.error), s->view.text);
        because(s, why);
    }
    /* One that is READY would wait for ever. */
    if (s->state != SOURCE_FENCED)
        say(s, WIRE_ASK, WIRE_ASK_END, NULL, 0, now_ms);
    finish(s, checked ? MOVE_END_CHECKED : MOVE_END_STAYED, now_ms);
}

/* Who is to do something, while the guest's memory moves. */
static const char *waits_for(const struct source *s)
{
    if (!s->suspended)
        return "nothing of the guest moves: it goes on running";
    if (s->view.state == FH_MOVE_WAIT_READY)
        return "READY does not come";
    if (s->view.state != FH_MOVE_AGREED)
        return "nothing of the guest moves any more";
    return s->drained ? "the steward does not fence the guest"
                      : "the disks are not drained";
}

/*
 * A steward that forgot what it was asked, because it is its guest's or
 * somebody let the guest run, and a peer that says ALIVE and takes no frame,
 * would have the transfer never end, and a guest that is suspended for it
 * stand still for ever.
 */
static void watch_progress(struct source *s, uint64_t now_ms)
{
    uint64_t done = s->bytes + s->view.sent_pages + s->view.acked +
                    s->view.state + s->drained;

    if (s->state != SOURCE_PRECOPY && s->state != SOURCE_LAST)
        return;
    if (s->timer.what && done == s->done)
        return;
    s->done = done;
    set_timer(s, now_ms + (s->suspended ? MOVE_STILL_MS : MOVE_STALL_MS),
              waits_for(s));
}

/* While it sends: the handshake's end, or an epoch's. */
static void on_progress(struct source *s, uint64_t now_ms)
{
    if (s->view.state != FH_MOVE_PRECOPY)
        return;
    if (s->state == SOURCE_HAND && s->h5_said)
        keyed(s, now_ms);
    else if (s->state == SOURCE_PRECOPY && s->round_out &&
             s->view.acked != s->acked)
        epoch_over(s, now_ms);
}

void source_steward(struct source *s, const struct chan_view *v,
                    uint64_t now_ms)
{
    s->view = *v;
    if (s->state < SOURCE_HAND || s->state == SOURCE_ENDED)
        return;
    switch (v->state) {
    case FH_MOVE_FENCED:
        if (s->state != SOURCE_FENCED)
            be_fenced(s, now_ms);
        break;
    case FH_MOVE_RETIRED:
        if (s->state == SOURCE_FENCED) {
            s->why[0] = 0;
            finish(s, MOVE_END_MOVED, now_ms);
        }
        break;
    case FH_MOVE_CANCELLED:
    case FH_MOVE_IDLE:
        /* Until it has heard of SEND, that is of the transfer before. */
        if (v->nr_unanswered == 0)
            on_cancelled(s, now_ms);
        break;
    default:
        on_progress(s, now_ms);
        break;
    }
    watch_progress(s, now_ms);
}

void source_steward_fails(struct source *s, const char *why, bool dead,
                          uint64_t now_ms)
{
    if (s->state == SOURCE_ENDED)
        return;
    if (dead) {
        because(s, why);
        finish(s, s->state < SOURCE_HAND ? MOVE_END_STAYED : MOVE_END_STUCK,
               now_ms);
        return;
    }
    tell(s, MOVE_NOTE, why);
    if (s->state != SOURCE_FENCED)
        cancel(s, why, now_ms);
}

/* ---- from the supervisor ---- */

static void on_suspended(struct source *s, uint64_t now_ms)
{
    if (s->state != SOURCE_SUSPENDING)
        return; /* by itself: dom0's own look at it decides, not this */
    s->suspended = true;
    if (s->opts.live) {
        last_epoch(s);
        return;
    }
    go(s, SOURCE_PRECOPY);
    rule_begin(&s->rule, now_ms);
    begin_round(s, now_ms);
}

void source_order(struct source *s, enum source_order order, uint64_t now_ms)
{
    switch (order) {
    case SOURCE_SUSPENDED:
        on_suspended(s, now_ms);
        watch_progress(s, now_ms);
        break;
    case SOURCE_DRAINED:
        if (s->state != SOURCE_LAST || s->drained)
            break;
        s->drained = true;
        s->io->command(s->io->arg, FH_OP_DRAINED);
        watch_progress(s, now_ms);
        break;
    case SOURCE_CANCEL:
        cancel(s, "cancelled", now_ms);
        break;
    }
}

/* ---- time ---- */

void source_open(struct source *s, const struct move_io *io,
                 const struct source_opts *opts, uint64_t now_ms)
{
    *s = (struct source){
        .io = io,
        .opts = *opts,
        .state = SOURCE_HELLO,
        .rule = { .max_downtime_ms = opts->max_downtime_ms,
                  .strict = opts->strict,
                  .timeout_ms = opts->timeout_ms,
                  .force = opts->force },
    };
    set_timer(s, now_ms + MOVE_HELLO_MS, "nobody answers");
}

void source_sent(struct source *s, uint32_t len_bytes)
{
    s->bytes += len_bytes;
}

static void on_timer(struct source *s, uint64_t now_ms)
{
    const char *what = s->timer.what;

    watch_progress(s, now_ms); /* frames that left since the steward rang */
    if (now_ms < s->timer.at_ms)
        return;
    set_timer(s, MOVE_NEVER, NULL);
    if (s->state == SOURCE_CANCELLING) {
        source_steward_fails(s, what, true, now_ms);
    } else if (s->state == SOURCE_FENCED) {
        because(s, what);
        finish(s, MOVE_END_FENCED, now_ms);
    } else {
        cancel(s, what, now_ms);
    }
}

static bool round_is_late(const struct source *s, uint64_t now_ms)
{
    return s->state == SOURCE_PRECOPY && s->round_out && !s->suspended &&
           !s->rule.force && rule_late(&s->rule, now_ms);
}

void source_tick(struct source *s, uint64_t now_ms)
{
    if (s->state == SOURCE_ENDED)
        return;
    if (now_ms >= s->timer.at_ms)
        on_timer(s, now_ms);
    else if (s->line.up && now_ms - s->line.heard_ms >= MOVE_SILENCE_MS)
        source_lost(s, "the destination is silent", now_ms);
    else if (round_is_late(s, now_ms))
        cancel(s, "the time for it is over", now_ms);
    if (s->state != SOURCE_ENDED && s->line.up &&
        now_ms - s->line.said_ms >= MOVE_ALIVE_MS)
        say(s, WIRE_ALIVE, 0, NULL, 0, now_ms);
}

uint64_t source_due_ms(const struct source *s)
{
    uint64_t due = s->timer.at_ms;

    if (s->line.up) {
        due = MIN_OF(due, s->line.heard_ms + MOVE_SILENCE_MS);
        due = MIN_OF(due, s->line.said_ms + MOVE_ALIVE_MS);
    }
    if (s->rule.timeout_ms && !s->rule.force && s->round_out &&
        s->state == SOURCE_PRECOPY && !s->suspended)
        due = MIN_OF(due, s->rule.begun_ms + s->rule.timeout_ms);
    return due;
}

bool source_is_limited(const struct source *s)
{
    return s->state != SOURCE_LAST && !s->suspended;
}
