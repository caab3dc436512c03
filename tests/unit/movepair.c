/* SPDX-License-Identifier: MIT */
/*
 * movepair.c - two dom0s, their stewards, and a link that may be cut
 */
#include "tests/unit/movepair.h"

#include <errno.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"

#define STEPS_MAX 20000u
static const char plan[] = "{\"name\":\"web\"}";
static const char answer[] = "{\"ok\":true,\"missing\":[]}";

static void ring(void *arg)
{
    (void)arg; /* stewards are stepped all the time */
}

/* ---- the world of both machines ---- */

static void push(struct pair *p, struct pair_way *w, uint16_t stream,
                 const struct wire_unit *u, const void *bytes)
{
    struct pair_unit *q = &w->unit[w->nr];
    uint32_t n = u->len_bytes < 512 ? u->len_bytes : 512;

    if (!p->is_up)
        return;
    CHECK(w->nr < PAIR_QUEUE);
    w->nr++;
    q->u = *u;
    q->stream = stream;
    if (bytes && n)
        memcpy(q->bytes, bytes, n);
}

static void say(struct pair *p, struct pair_way *w, uint32_t kind, uint64_t n,
                const void *bytes, uint32_t len)
{
    const struct wire_unit u = { kind, len, n };
    struct err e = { 0 };

    CHECK_EQ(wire_check_unit(&u, w == &p->s2d ? WIRE_SOURCE : WIRE_DEST, 0, &e),
             0);
    push(p, w, 0, &u, bytes);
}

static void s_say(void *arg, uint32_t kind, uint64_t n, const void *bytes,
                  uint32_t len)
{
    say(arg, &((struct pair *)arg)->s2d, kind, n, bytes, len);
}

static void d_say(void *arg, uint32_t kind, uint64_t n, const void *bytes,
                  uint32_t len)
{
    say(arg, &((struct pair *)arg)->d2s, kind, n, bytes, len);
}

static void begin(struct pair *p, struct chan *c, enum fh_op op, uint32_t flags)
{
    static const uint32_t refs[FH_MOVE_SLOTS][FH_SLOT_PAGES];
    struct err e = { 0 };

    CHECK_EQ(chan_begin(c, op, p->nr_streams, PAIR_SLOTS, flags, refs,
                        p->now_ms, &e),
             0);
}

static void s_begin(void *arg, uint32_t flags)
{
    begin(arg, &((struct pair *)arg)->cs, FH_OP_SEND, flags);
}

static void d_begin(void *arg, uint32_t flags)
{
    begin(arg, &((struct pair *)arg)->cd, FH_OP_RECEIVE, flags);
}

static void s_command(void *arg, enum fh_op op)
{
    struct pair *p = arg;

    CHECK_EQ(chan_command(&p->cs, op, p->now_ms, NULL), 0);
}

static void d_command(void *arg, enum fh_op op)
{
    struct pair *p = arg;

    CHECK_EQ(chan_command(&p->cd, op, p->now_ms, NULL), 0);
}

/* A queue that is full is the relay's to answer: as here. */
static void s_mail(void *arg, enum fh_mail_kind kind, uint32_t n,
                   const void *bytes, uint32_t len)
{
    struct pair *p = arg;
    struct err e = { 0 };

    if (chan_mail(&p->cs, kind, n, bytes, len, p->now_ms, &e) < 0)
        source_steward_fails(&p->src, e.text, false, p->now_ms);
}

static void d_mail(void *arg, enum fh_mail_kind kind, uint32_t n,
                   const void *bytes, uint32_t len)
{
    struct pair *p = arg;
    struct err e = { 0 };

    if (chan_mail(&p->cd, kind, n, bytes, len, p->now_ms, &e) < 0)
        dest_steward_fails(&p->dst, e.text, false, p->now_ms);
}

static void s_slow(void *arg, uint32_t percent)
{
    struct pair *p = arg;

    p->nr_slow += percent > 0;
    chan_slow(&p->cs, percent);
}

static int s_token(void *arg, uint8_t *token)
{
    return chan_token(&((struct pair *)arg)->cs, token, NULL);
}

static int d_token(void *arg, uint8_t *token)
{
    return chan_token(&((struct pair *)arg)->cd, token, NULL);
}

static int d_last(void *arg, struct fh_mail *out)
{
    return chan_last_mail(&((struct pair *)arg)->cd, out);
}

static void tell(void *arg, enum move_tell what, const char *text)
{
    struct pair *p = arg;

    (void)text;
    if (what == MOVE_SUSPEND)
        p->asked_at = p->s.page.dom0.move.slow_percent;
    p->suspend_asked |= what == MOVE_SUSPEND;
    p->drain_asked |= what == MOVE_DRAIN;
    p->plan_asked |= what == MOVE_PLAN;
    p->nr_rounds += what == MOVE_ROUND;
}

static void keep(struct pair *p, unsigned side, const uint8_t *token)
{
    int type = wire_check_token(token, NULL, NULL);

    CHECK(type > 0);
    memcpy(p->file[side][type], token, FH_TOKEN_BYTES);
}

static void s_keep(void *arg, const uint8_t *token)
{
    keep(arg, 0, token);
}

static void d_keep(void *arg, const uint8_t *token)
{
    keep(arg, 1, token);
}

static const struct move_io s_io = {
    .say = s_say,
    .begin = s_begin,
    .command = s_command,
    .mail = s_mail,
    .slow = s_slow,
    .token = s_token,
    .last_mail = NULL,
    .tell = tell,
    .keep = s_keep,
};
static const struct move_io d_io = {
    .say = d_say,
    .begin = d_begin,
    .command = d_command,
    .mail = d_mail,
    .token = d_token,
    .last_mail = d_last,
    .tell = tell,
    .keep = d_keep,
};
static struct move_io io[2];

/* ---- what goes on ---- */

static void cut(struct pair *p)
{
    if (!p->is_up)
        return;
    p->is_up = false;
    p->s2d.nr = p->d2s.nr = 0;
    source_lost(&p->src, "cut", p->now_ms);
    dest_lost(&p->dst, "cut", p->now_ms);
}

static void pop(struct pair_way *w)
{
    w->nr--;
    memmove(&w->unit[0], &w->unit[1], w->nr * sizeof(w->unit[0]));
}

static void count(struct pair *p)
{
    p->nr_messages++;
    if (p->cancel_at == p->nr_messages && p->cancels == PAIR_SOURCE)
        source_order(&p->src, SOURCE_CANCEL, p->now_ms);
    if (p->cancel_at == p->nr_messages && p->cancels == PAIR_DEST)
        (p->alone ? dest_alone(&p->dst, p->now_ms)
                  : dest_cancel(&p->dst, "the operator's", p->now_ms));
    if (p->cut_at == p->nr_messages)
        cut(p);
}

/* A frame into its slot: false when there is none. */
static bool place(struct pair *p, const struct pair_unit *q)
{
    struct err e = { 0 };
    void *room;

    if (p->cd.nr_slots == 0)
        return true; /* the relay ends the connection; here it is lost */
    CHECK_EQ(chan_room(&p->cd, q->stream, &room, &e), 0);
    if (!room)
        return false;
    memcpy(room, q->bytes, sizeof(q->bytes));
    chan_filled(&p->cd, q->stream, q->u.len_bytes);
    return true;
}

static bool give_d(struct pair *p, const struct pair_unit *q)
{
    if (q->u.kind == WIRE_FRAME || q->u.kind == WIRE_SHORT)
        return p->dst.state == DEST_ENDED || place(p, q);
    dest_unit(&p->dst, &q->u, q->bytes, p->now_ms);
    return true;
}

static bool deliver(struct pair *p, struct pair_way *w)
{
    struct pair_unit q;

    if (w->nr == 0 || !p->is_up)
        return false;
    q = w->unit[0];
    if (w == &p->s2d && !give_d(p, &q))
        return false;
    if (w == &p->d2s)
        source_unit(&p->src, &q.u, q.bytes, p->now_ms);
    if (w->nr)
        pop(w);
    if (p->nr_messages + 1 == p->twice_at && p->is_up) {
        if (w == &p->s2d)
            give_d(p, &q);
        else
            source_unit(&p->src, &q.u, q.bytes, p->now_ms);
    }
    count(p);
    return true;
}

static bool look_s(struct pair *p)
{
    struct chan_view before = p->src.view, v;
    enum source_state was = p->src.state;
    uint32_t seq = p->cs.command_seq;
    enum fh_op refused = FH_OP_NONE;
    struct err e = { 0 };
    struct fh_mail m;
    bool did = false;
    void *frame;
    uint32_t len;

    if (p->src.state == SOURCE_ENDED)
        return false;
    if (chan_look(&p->cs, p->now_ms, &v, &refused, &e) < 0)
        source_steward_fails(&p->src, e.text, false, p->now_ms);
    while (chan_take_mail(&p->cs, &m, &e) == 1) {
        source_mail(&p->src, &m, p->now_ms);
        did = true;
    }
    for (uint16_t s = 0; s < p->nr_streams && p->cs.nr_slots; s++)
        while (p->s2d.nr < PAIR_QUEUE / 2 && !p->holds &&
               !(p->no_frames && p->s.suspended) &&
               chan_next(&p->cs, s, &frame, &len, &e) == 1) {
            const struct wire_unit u = {
                len == FH_FRAME_LONG_BYTES ? WIRE_FRAME : WIRE_SHORT, len, 0
            };

            push(p, &p->s2d, s, &u, frame);
            chan_taken(&p->cs, s);
            source_sent(&p->src, len);
            did = true;
        }
    source_steward(&p->src, &v, p->now_ms);
    did |= seq != p->cs.command_seq;
    return did || was != p->src.state || memcmp(&before, &v, sizeof(v)) != 0;
}

static bool look_d(struct pair *p)
{
    struct chan_view before = p->dst.view, v;
    enum dest_state was = p->dst.state;
    uint32_t seq = p->cd.command_seq;
    enum fh_op refused = FH_OP_NONE;
    struct err e = { 0 };
    struct fh_mail m;
    bool did = false;

    if (p->dst.state == DEST_ENDED || !p->dst.attached)
        return false;
    if (chan_look(&p->cd, p->now_ms, &v, &refused, &e) < 0)
        dest_steward_fails(&p->dst, e.text, false, p->now_ms);
    while (chan_take_mail(&p->cd, &m, &e) == 1) {
        dest_mail(&p->dst, &m, p->now_ms);
        did = true;
    }
    dest_steward(&p->dst, &v, p->now_ms);
    did |= seq != p->cd.command_seq;
    return did || was != p->dst.state || memcmp(&before, &v, sizeof(v)) != 0;
}

static bool supervise(struct pair *p)
{
    if (p->suspend_asked && !p->no_suspend) {
        p->suspend_asked = false;
        p->s.suspended = true;
        source_order(&p->src, SOURCE_SUSPENDED, p->now_ms);
    } else if (p->drain_asked && !p->no_drain) {
        p->drain_asked = false;
        source_order(&p->src, SOURCE_DRAINED, p->now_ms);
    } else if (p->plan_asked && !p->no_answer) {
        p->plan_asked = false;
        dest_answer(&p->dst, true, answer, sizeof(answer) - 1, p->now_ms);
    } else {
        return false;
    }
    return true;
}

static bool say_hello(struct pair *p)
{
    if (p->hello_said || !p->is_up)
        return false;
    p->hello_said = true;
    dest_hello(&p->dst, p->purpose, p->now_ms);
    source_hello(&p->src, p->now_ms);
    return true;
}

/* One of what can happen, beginning with any. */
static bool step(struct pair *p)
{
    p->seed = p->seed * 1103515245u + 12345u;
    for (uint32_t i = 0, k = p->seed >> 16; i < 8; i++, k++) {
        bool did = false;

        switch (k % 8) {
        case 0:
            did = say_hello(p);
            break;
        case 1:
            did = deliver(p, &p->s2d);
            break;
        case 2:
            did = deliver(p, &p->d2s);
            break;
        case 3:
            did = fake_mover_step(&p->s);
            break;
        case 4:
            did = fake_mover_step(&p->d);
            break;
        case 5:
            did = look_s(p);
            break;
        case 6:
            did = look_d(p);
            break;
        case 7:
            did = supervise(p);
            break;
        }
        if (did)
            return true;
    }
    return false;
}

static bool d_has(const struct pair *p)
{
    return p->d.xen == FAKE_XEN_RUN;
}

bool pair_is_settled(const struct pair *p)
{
    return (p->s.xen == FAKE_XEN_RUN) != d_has(p);
}

static void check_always(const struct pair *p)
{
    CHECK(!(p->s.xen == FAKE_XEN_RUN && d_has(p)));
}

/* Supervisors do as they are told: their domains must agree. */
static void check_ends(struct pair *p)
{
    if (p->src.state == SOURCE_ENDED) {
        switch (p->src.end) {
        case MOVE_END_MOVED:
            CHECK_EQ(p->s.xen, FAKE_XEN_RETIRED);
            CHECK(d_has(p));
            break;
        case MOVE_END_STAYED:
        case MOVE_END_CHECKED:
            CHECK_EQ(p->s.xen, FAKE_XEN_RUN);
            p->s.suspended = false;
            p->resumed = true;
            break;
        case MOVE_END_FENCED:
            CHECK(p->s.xen == FAKE_XEN_FENCED || p->src.opts.resolve);
            break;
        default:
            CHECK_EQ(p->src.end, MOVE_END_STUCK);
            CHECK_EQ(p->src.end, MOVE_END_STUCK);
            CHECK(p->s.dead);
        }
    }
    if (p->dst.state == DEST_ENDED && p->dst.end == MOVE_END_POISONED) {
        CHECK_EQ(p->d.xen, FAKE_XEN_POISONED);
        p->d_destroyed = true;
    }
    if (p->dst.state == DEST_ENDED && p->dst.end == MOVE_END_RUNS)
        CHECK(d_has(p));
}

void pair_run(struct pair *p)
{
    uint32_t n = 0;

    for (;;) {
        uint64_t due;

        CHECK(n++ < STEPS_MAX);
        check_always(p);
        if (step(p))
            continue;
        if (p->src.state == SOURCE_ENDED && p->dst.state == DEST_ENDED)
            break;
        if (p->src.state == SOURCE_ENDED && p->dst.line.up) {
            dest_lost(&p->dst, "closed", p->now_ms);
            continue;
        }
        if (p->dst.state == DEST_ENDED && p->src.line.up) {
            source_lost(&p->src, "closed", p->now_ms);
            continue;
        }
        due = MIN_OF(source_due_ms(&p->src), dest_due_ms(&p->dst));
        if (p->src.state == SOURCE_ENDED)
            due = dest_due_ms(&p->dst);
        if (p->dst.state == DEST_ENDED)
            due = source_due_ms(&p->src);
        if (due != MOVE_NEVER)
            p->now_ms = MAX_OF(due, p->now_ms + 1);
        source_tick(&p->src, p->now_ms);
        dest_tick(&p->dst, p->now_ms);
    }
    check_ends(p);
}

void pair_open(struct pair *p)
{
    struct source_opts o = {
        .plan = plan,
        .plan_bytes = sizeof(plan) - 1,
        .check = p->check,
        .live = p->live,
        .max_downtime_ms = RULE_DOWNTIME_MS,
        .timeout_ms = p->timeout_ms,
        .force = p->force,
    };

    for (unsigned i = 0; i < 2; i++) {
        p->slots[i] = calloc(PAIR_SLOTS, CHAN_SLOT_BYTES);
        CHECK(p->slots[i]);
    }
    fake_mover_open(&p->s, FAKE_XEN_RUN, p->slots[0], p->seed * 2 + 1);
    fake_mover_open(&p->d, FAKE_XEN_RECEIVING, p->slots[1], p->seed * 7 + 3);
    chan_open(&p->cs, &p->s.page, p->slots[0], ring, p);
    chan_open(&p->cd, &p->d.page, p->slots[1], ring, p);
    p->now_ms = 1000;
    p->is_up = true;
    p->purpose = p->check ? WIRE_CHECK : WIRE_MIGRATE;
    io[0] = s_io;
    io[1] = d_io;
    io[0].arg = io[1].arg = p;
    source_open(&p->src, &io[0], &o, p->now_ms);
    dest_open(&p->dst, &io[1], p->now_ms);
}

void pair_close(struct pair *p)
{
    free(p->slots[0]);
    free(p->slots[1]);
}

static void found(struct pair *p)
{
    enum fh_op refused;
    struct chan_view v;

    if (p->d_destroyed) {
        dest_resolve(&p->dst, DEST_TOKEN, p->file[1][WIRE_ABORT], NULL,
                     p->now_ms);
        return;
    }
    CHECK(chan_look(&p->cd, p->now_ms, &v, &refused, NULL) >= -EREMOTEIO);
    dest_resolve(&p->dst, DEST_DOMAIN, NULL, &v, p->now_ms);
}

void pair_resolve(struct pair *p, bool want_abort, uint32_t cut_at)
{
    struct source_opts o = { .resolve = true, .want_abort = want_abort };

    chan_open(&p->cs, &p->s.page, p->slots[0], ring, p);
    chan_open(&p->cd, &p->d.page, p->slots[1], ring, p);
    o.have_start = chan_token(&p->cs, o.start, NULL) == WIRE_START;
    p->is_up = true;
    p->hello_said = false;
    p->purpose = WIRE_RESOLVE;
    p->s2d.nr = p->d2s.nr = p->nr_messages = 0;
    p->cut_at = cut_at;
    p->twice_at = p->cancel_at = 0;
    source_open(&p->src, &io[0], &o, p->now_ms);
    dest_open(&p->dst, &io[1], p->now_ms);
    CHECK(say_hello(p));
    while (p->seed % 3 && deliver(p, &p->s2d)) /* before it was looked for */
        p->seed /= 3;
    found(p);
    pair_run(p);
}
