/* SPDX-License-Identifier: MIT */
/*
 * belink.c - a backend's process, kept alive
 */
#include "toolstack/supervisor/belink.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

#define MINUTE_MS 60000u
#define PAUSE_MS_MIN 100u
#define PAUSE_MS_MAX 10000u
#define QUIT_MS 2000u
#define KILL_MS 30000u /* a process in the kernel's hands may take long */

enum belink_state {
    LINK_NONE,
    LINK_PAUSE,
    LINK_HELLO,
    LINK_OPENING,
    LINK_OPENED,
    LINK_QUITTING,
    LINK_FAILED,
    LINK_STATES
};

#define WHAT(l) ((l)->spec.kind->what)

struct belink {
    uv_loop_t *loop;
    struct belink_spec spec;
    struct belink_ops ops;
    void *arg;
    enum belink_state state;
    struct beproc *proc;
    struct beproc_id id;
    uv_timer_t timer; /* by state: pause, quitting */
    bool adopted, resumes, greeted, opened_once, replacing, killed, holding;
    struct err said; /* by the backend: why it ends */
    uint64_t death_ms[BELINK_DEATHS_MAX];
    uint32_t nr_deaths, nr_restarts;
};

static void on_timer(uv_timer_t *t);
static void on_message(void *arg, const struct be_word *w, const void *m);
static void on_ended(void *arg, const char *why);
static void on_handle_closed(uv_handle_t *h);

static const uint8_t link_next[] = {
    [LINK_NONE] = BIT(LINK_HELLO) | BIT(LINK_QUITTING) | BIT(LINK_FAILED),
    [LINK_PAUSE] = BIT(LINK_HELLO) | BIT(LINK_PAUSE) | BIT(LINK_QUITTING) |
                   BIT(LINK_FAILED),
    [LINK_HELLO] = BIT(LINK_OPENING) | BIT(LINK_OPENED) | BIT(LINK_PAUSE) |
                   BIT(LINK_QUITTING) | BIT(LINK_FAILED),
    [LINK_OPENING] = BIT(LINK_OPENED) | BIT(LINK_PAUSE) | BIT(LINK_QUITTING) |
                     BIT(LINK_FAILED),
    [LINK_OPENED] = BIT(LINK_PAUSE) | BIT(LINK_QUITTING) | BIT(LINK_FAILED),
    [LINK_QUITTING] = BIT(LINK_NONE) | BIT(LINK_PAUSE),
    [LINK_FAILED] = BIT(LINK_QUITTING),
};
_Static_assert(ARRAY_SIZE(link_next) == LINK_STATES, "link_next");

static const char *const link_name[] = {
    [LINK_NONE] = "none",     [LINK_PAUSE] = "pause",
    [LINK_HELLO] = "hello",   [LINK_OPENING] = "opening",
    [LINK_OPENED] = "opened", [LINK_QUITTING] = "quitting",
    [LINK_FAILED] = "failed",
};
_Static_assert(ARRAY_SIZE(link_name) == LINK_STATES, "link_name");

/* The only writer of l->state. */
static void link_move(struct belink *l, enum belink_state to, const char *why)
{
    assert(link_next[l->state] & BIT(to));
    log_debug("%s %s: backend: %s -> %s: %s", WHAT(l), l->spec.name,
              link_name[l->state], link_name[to], why);
    l->state = to;
    uv_timer_stop(&l->timer);
}

static void drop_process(struct belink *l)
{
    beproc_close(l->proc);
    l->proc = NULL;
    l->id = (struct beproc_id){ 0 };
    l->ops.dropped(l->arg);
}

/* Nothing comes any more. */
static void give_up(struct belink *l, const struct err *e)
{
    if (l->proc)
        beproc_kill(l->proc, "given up");
    drop_process(l);
    link_move(l, LINK_FAILED, "given up");
    log_err("%s %s: %s", WHAT(l), l->spec.name, e->text);
    l->ops.failed(l->arg, e);
}

static const struct beproc_events *events_of(struct belink *l,
                                             struct beproc_events *out)
{
    *out = (struct beproc_events){
        .message = on_message,
        .ended = on_ended,
        .arg = l,
    };
    return out;
}

/* ---- start, and again ---- */

static int launch(struct belink *l, struct err *e)
{
    char base[BE_BASE_BYTES];
    struct beproc_events events;
    int rc;

    l->ops.base(l->arg, base);
    l->adopted = l->greeted = l->replacing = l->killed = false;
    l->said = (struct err){ 0 };
    l->resumes = l->ops.resumes(l->arg);
    rc = beproc_start(l->loop, l->spec.kind, l->spec.program, l->spec.name,
                      base, events_of(l, &events), &l->proc, e);
    if (rc < 0)
        return rc;
    l->id = beproc_id(l->proc);
    link_move(l, LINK_HELLO, l->resumes ? "to go on" : "started");
    l->ops.started(l->arg);
    return 0;
}

int belink_start(struct belink *l, struct err *e)
{
    return launch(l, e);
}

/* How many died within the last minute, this one too. */
static uint32_t count_death(struct belink *l)
{
    uint64_t now_ms = uv_now(l->loop);
    uint32_t nr = 1;

    for (uint32_t i = 0; i < MIN_OF(l->nr_deaths, BELINK_DEATHS_MAX); i++)
        nr += now_ms - l->death_ms[i] < MINUTE_MS;
    l->death_ms[l->nr_deaths++ % BELINK_DEATHS_MAX] = now_ms;
    return nr;
}

static void again(struct belink *l, const char *why)
{
    uint32_t nr = count_death(l), pause_ms = 0;
    struct err e = { 0 };

    if (nr > BELINK_DEATHS_MAX) {
        fail(&e, -EIO, "its backend died %u times in a minute, at last: %s", nr,
             l->said.text[0] ? l->said.text : why);
        give_up(l, &e);
        return;
    }
    if (nr > 1)
        pause_ms = MIN_OF(PAUSE_MS_MIN << (nr - 2), PAUSE_MS_MAX);
    log_err("%s %s: its backend died: %s; again in %u ms", WHAT(l),
            l->spec.name, l->said.text[0] ? l->said.text : why, pause_ms);
    l->nr_restarts++;
    link_move(l, LINK_PAUSE, "it died");
    uv_timer_start(&l->timer, on_timer, pause_ms, 0);
    l->ops.died(l->arg, why);
}

void belink_adopt(struct belink *l, const struct beproc_id *id)
{
    char base[BE_BASE_BYTES];
    struct beproc_events events;
    struct err e = { 0 };

    l->ops.base(l->arg, base);
    if (beproc_adopt(l->loop, l->spec.kind, base, id, events_of(l, &events),
                     &l->proc, &e) == 0) {
        l->id = beproc_id(l->proc);
        l->adopted = true;
        link_move(l, LINK_HELLO, "taken over");
        return;
    }
    log_warn("%s %s: %s; another is started", WHAT(l), l->spec.name, e.text);
    if (launch(l, &e) < 0)
        give_up(l, &e);
}

/* ---- what is opened ---- */

void belink_cannot_open(struct belink *l, const struct err *e)
{
    if (l->state != LINK_HELLO && l->state != LINK_OPENING)
        return; /* it is over meanwhile */
    l->said = *e;
    if (l->opened_once)
        beproc_kill(l->proc, "what it is to serve cannot be opened");
    else
        give_up(l, e);
}

void belink_open(struct belink *l, const void *message, int fd)
{
    if (l->state != LINK_HELLO)
        return;
    link_move(l, LINK_OPENING, "asked to open");
    beproc_send(l->proc, message, fd);
}

static void opened(struct belink *l, const void *m, enum belink_opened how)
{
    l->opened_once = true;
    link_move(l, LINK_OPENED, how == BELINK_WIRED ? "it serves" : "open");
    l->ops.opened(l->arg, m, how);
}

/* ---- what it says ---- */

static void quit(struct belink *l, const char *why)
{
    _Alignas(uint32_t) char m[BE_MESSAGE_BYTES_MAX] = { 0 };

    memcpy(m, &l->spec.kind->quit, sizeof(l->spec.kind->quit));
    link_move(l, LINK_QUITTING, why);
    if (l->proc)
        beproc_send(l->proc, m, -1);
    uv_timer_start(&l->timer, on_timer, l->proc ? QUIT_MS : 0, 0);
}

static void on_hello(struct belink *l, const struct be_word *w, const void *m)
{
    struct err e = { 0 };

    l->greeted = true;
    if (l->adopted && (!w->hello.same || l->id.pid == 0)) {
        l->replacing = true;
        quit(l, "it is replaced by the program that is installed now");
        return;
    }
    if (!w->hello.same) {
        fail(&e, -EPROTO,
             "its backend is build %.60s, want %s: install one version",
             w->hello.build, FREEHOLD_BUILD);
        belink_cannot_open(l, &e);
        return;
    }
    if (w->hello.opened)
        opened(l, m, w->hello.connected ? BELINK_WIRED : BELINK_UNWIRED);
    else
        l->ops.open(l->arg, l->resumes);
}

/* NULL, or why it makes no sense now. */
static const char *judge(const struct belink *l, const struct be_word *w,
                         const void *m)
{
    static const char odd[] = "it says what makes no sense now";
    bool fits = false;

    switch (w->what) {
    case BE_HELLO:
        fits = l->state == LINK_HELLO && !l->greeted;
        break;
    case BE_OPENED:
        fits = l->state == LINK_OPENING;
        break;
    case BE_EARLY:
        fits = l->state == LINK_OPENING || l->state == LINK_OPENED;
        break;
    case BE_OTHER:
        fits = l->state == LINK_OPENED;
        break;
    case BE_FAILED:
        return NULL;
    }
    return fits ? l->ops.check(l->arg, w, m) : odd;
}

static void on_message(void *arg, const struct be_word *w, const void *m)
{
    struct belink *l = arg;
    const char *why;

    if (l->state == LINK_QUITTING)
        return;
    why = judge(l, w, m);
    if (why)
        beproc_kill(l->proc, why);
    else if (w->what == BE_FAILED)
        fail(&l->said, -EIO, "%s", w->text);
    else if (w->what == BE_HELLO)
        on_hello(l, w, m);
    else if (w->what == BE_OPENED)
        opened(l, m, l->resumes ? BELINK_RESUMES : BELINK_UNWIRED);
    else
        l->ops.message(l->arg, m);
}

static void on_ended(void *arg, const char *why)
{
    struct belink *l = arg;
    struct err e = { 0 };

    drop_process(l);
    if (l->state == LINK_QUITTING && l->holding) {
        link_move(l, LINK_PAUSE, "held");
        uv_timer_start(&l->timer, on_timer, 0, 0); /* held() */
    } else if (l->state == LINK_QUITTING && !l->replacing) {
        uv_timer_start(&l->timer, on_timer, 0, 0); /* ended() */
    } else if (l->state == LINK_QUITTING) {
        link_move(l, LINK_PAUSE, "replaced");
        uv_timer_start(&l->timer, on_timer, 0, 0);
        l->ops.died(l->arg, "it is replaced");
    } else if (!l->opened_once && !l->adopted && !l->ops.resumes(l->arg)) {
        fail(&e, -EIO, "its backend could not start: %s",
             l->said.text[0] ? l->said.text : why);
        give_up(l, l->said.rc ? &l->said : &e);
    } else {
        again(l, why);
    }
}

/* ---- time ---- */

static void on_quit_timer(struct belink *l)
{
    if (l->proc && !l->killed) {
        l->killed = true;
        beproc_kill(l->proc, "it did not quit");
        uv_timer_start(&l->timer, on_timer, l->id.pid ? KILL_MS : 0, 0);
        return;
    }
    if (l->proc)
        log_err("%s %s: its backend (%d) does not end; it is left alone",
                WHAT(l), l->spec.name, l->id.pid);
    drop_process(l);
    if (l->replacing) {
        link_move(l, LINK_PAUSE, "it does not end");
        uv_timer_start(&l->timer, on_timer, 0, 0);
        return;
    }
    link_move(l, LINK_NONE, "it ended");
    l->ops.ended(l->arg);
}

static void on_timer(uv_timer_t *t)
{
    struct belink *l = t->data;
    struct err e = { 0 };

    if (l->holding) {
        if (!l->proc && l->ops.held)
            l->ops.held(l->arg);
    } else if (l->state == LINK_QUITTING)
        on_quit_timer(l);
    else if (l->state == LINK_PAUSE && launch(l, &e) < 0) {
        l->said = e;
        again(l, "it cannot be started");
    }
}

/* ---- the object ---- */

int belink_new(uv_loop_t *loop, const struct belink_spec *spec,
               const struct belink_ops *ops, void *arg, struct belink **out,
               struct err *e)
{
    struct belink *l = calloc(1, sizeof(*l));

    if (!l)
        return fail(e, -ENOMEM, "%s %s: no memory", spec->kind->what,
                    spec->name);
    l->loop = loop;
    l->spec = *spec;
    l->ops = *ops;
    l->arg = arg;
    uv_timer_init(loop, &l->timer);
    l->timer.data = l;
    *out = l;
    return 0;
}

void belink_send(struct belink *l, const void *message, int fd)
{
    if (l->state == LINK_OPENING || l->state == LINK_OPENED)
        beproc_send(l->proc, message, fd);
}

void belink_tell(struct belink *l, const void *message)
{
    if (l->state == LINK_OPENED)
        beproc_send(l->proc, message, -1);
}

void belink_kill(struct belink *l, const char *why)
{
    if (l->proc && l->state != LINK_QUITTING)
        beproc_kill(l->proc, why);
}

void belink_hold(struct belink *l)
{
    if (l->holding)
        return;
    l->holding = true;
    if (l->proc && l->state != LINK_QUITTING)
        quit(l, "held");
    uv_timer_stop(&l->timer); /* it may take as long as it takes */
    if (!l->proc)
        uv_timer_start(&l->timer, on_timer, 0, 0);
}

void belink_go_on(struct belink *l)
{
    if (!l->holding)
        return;
    l->holding = false;
    if (l->state == LINK_QUITTING) {
        l->replacing = true; /* when it has ended */
        uv_timer_start(&l->timer, on_timer, QUIT_MS, 0);
    } else if (l->state == LINK_PAUSE) {
        uv_timer_start(&l->timer, on_timer, 0, 0);
        l->ops.died(l->arg, "it was held");
    } else {
        uv_timer_stop(&l->timer);
    }
}

void belink_end(struct belink *l)
{
    bool held = l->holding;

    l->replacing = l->holding = false;
    if (l->state != LINK_QUITTING)
        quit(l, "asked to");
    else if (held)
        uv_timer_start(&l->timer, on_timer, QUIT_MS, 0);
}

void belink_close(struct belink *l)
{
    if (!l)
        return;
    beproc_close(l->proc);
    l->proc = NULL;
    uv_close((uv_handle_t *)&l->timer, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    free(h->data);
}

bool belink_opened_once(const struct belink *l)
{
    return l->opened_once;
}

struct beproc_id belink_id(const struct belink *l)
{
    return l->id;
}

uint32_t belink_restarts(const struct belink *l)
{
    return l->nr_restarts;
}
