/* SPDX-License-Identifier: MIT */
/*
 * whole.c - a migration with all its parts, in one process
 */
#include "tests/unit/whole.h"

#include <stdlib.h>

#include "common/err.h"
#include "tests/unit/steward_test.h"

#define BIT(n) (1u << (n))
#define STEPS_MAX 100000u
#define LOW_BLOCKS 3u
#define HIGH_BLOCKS 2u
static const char plan[] = "{\"name\":\"web\"}";
static const char answer[] = "{\"ok\":true,\"missing\":[]}";

static void ring(void *arg)
{
    ((struct whole_side *)arg)->rung = true;
}

static uint32_t next_random(struct whole *w)
{
    w->seed = w->seed * 1664525u + 1013904223u;
    return w->seed >> 8;
}

/* ---- the guest ---- */

static void change(struct whole *w, uint64_t gfn)
{
    struct fake_mig *g = &w->s.h.mig;
    uint32_t kind = next_random(w) % 16;
    uint8_t page[4096] = { 0 };

    fake_mig_balloon(g, gfn, kind < 3);
    if (kind < 3)
        return;
    for (unsigned i = 0; kind < 9 && i < sizeof(page); i++)
        page[i] = (uint8_t)next_random(w);
    page[gfn % 4096] = kind > 13;
    fake_mig_write(g, gfn, page);
}

void whole_mutate(struct whole *w, uint32_t every)
{
    struct fake_mig *g = &w->s.h.mig;

    for (uint64_t gfn = 0; gfn != UINT64_MAX; gfn = fake_mig_next(g, gfn))
        if (next_random(w) % every == 0)
            change(w, gfn);
}

/* ---- the world of dom0's two machines ---- */

static void push(struct whole *w, struct whole_way *way, uint16_t stream,
                 const struct wire_unit *u, const void *bytes)
{
    struct whole_unit *q = &way->unit[way->nr];

    if (!w->is_up)
        return;
    CHECK(way->nr < ARRAY_SIZE(way->unit));
    way->nr++;
    q->u = *u;
    q->stream = stream;
    if (u->len_bytes)
        memcpy(q->bytes, bytes, u->len_bytes);
}

static void say(struct whole *w, struct whole_way *way, uint32_t kind,
                uint64_t n, const void *bytes, uint32_t len)
{
    const struct wire_unit u = { kind, len, n };
    struct err e = { 0 };

    CHECK_EQ(
        wire_check_unit(&u, way == &w->s2d ? WIRE_SOURCE : WIRE_DEST, 0, &e),
        0);
    push(w, way, 0, &u, bytes);
}

static void s_say(void *arg, uint32_t kind, uint64_t n, const void *bytes,
                  uint32_t len)
{
    say(arg, &((struct whole *)arg)->s2d, kind, n, bytes, len);
}

static void d_say(void *arg, uint32_t kind, uint64_t n, const void *bytes,
                  uint32_t len)
{
    say(arg, &((struct whole *)arg)->d2s, kind, n, bytes, len);
}

static void begin(struct whole *w, struct whole_side *side, enum fh_op op,
                  uint32_t flags)
{
    uint32_t m = FAKE_HOST_SLOTS / w->nr_streams;
    struct err e = { 0 };

    CHECK_EQ(chan_begin(&side->chan, op, w->nr_streams, m * w->nr_streams,
                        flags, side->h.ref, w->now_ms, &e),
             0);
}

static void s_begin(void *arg, uint32_t flags)
{
    begin(arg, &((struct whole *)arg)->s, FH_OP_SEND, flags);
}

static void d_begin(void *arg, uint32_t flags)
{
    begin(arg, &((struct whole *)arg)->d, FH_OP_RECEIVE, flags);
}

static void s_command(void *arg, enum fh_op op)
{
    struct whole *w = arg;

    CHECK_EQ(chan_command(&w->s.chan, op, w->now_ms, NULL), 0);
}

static void d_command(void *arg, enum fh_op op)
{
    struct whole *w = arg;

    CHECK_EQ(chan_command(&w->d.chan, op, w->now_ms, NULL), 0);
}

static void s_mail(void *arg, enum fh_mail_kind kind, uint32_t n,
                   const void *bytes, uint32_t len)
{
    struct whole *w = arg;
    struct err e = { 0 };

    if (chan_mail(&w->s.chan, kind, n, bytes, len, w->now_ms, &e) < 0)
        source_steward_fails(&w->src, e.text, false, w->now_ms);
}

static void d_mail(void *arg, enum fh_mail_kind kind, uint32_t n,
                   const void *bytes, uint32_t len)
{
    struct whole *w = arg;
    struct err e = { 0 };

    if (chan_mail(&w->d.chan, kind, n, bytes, len, w->now_ms, &e) < 0)
        dest_steward_fails(&w->dst, e.text, false, w->now_ms);
}

static void s_slow(void *arg, uint32_t percent)
{
    chan_slow(&((struct whole *)arg)->s.chan, percent);
}

static int s_token(void *arg, uint8_t *token)
{
    return chan_token(&((struct whole *)arg)->s.chan, token, NULL);
}

static int d_token(void *arg, uint8_t *token)
{
    return chan_token(&((struct whole *)arg)->d.chan, token, NULL);
}

static int d_last(void *arg, struct fh_mail *out)
{
    return chan_last_mail(&((struct whole *)arg)->d.chan, out);
}

static void tell(void *arg, enum move_tell what, const char *text)
{
    struct whole *w = arg;

    (void)text;
    w->suspend_asked |= what == MOVE_SUSPEND;
    w->drain_asked |= what == MOVE_DRAIN;
    w->plan_asked |= what == MOVE_PLAN;
}

static void keep(struct whole *w, unsigned side, const uint8_t *token)
{
    int type = wire_check_token(token, NULL, NULL);

    CHECK(type > 0);
    memcpy(w->file[side][type], token, FH_TOKEN_BYTES);
}

static void s_keep(void *arg, const uint8_t *token)
{
    keep(arg, 0, token);
}

static void d_keep(void *arg, const uint8_t *token)
{
    keep(arg, 1, token);
}

static struct move_io s_io = {
    .say = s_say,
    .begin = s_begin,
    .command = s_command,
    .mail = s_mail,
    .slow = s_slow,
    .token = s_token,
    .tell = tell,
    .keep = s_keep,
};
static struct move_io d_io = {
    .say = d_say,
    .begin = d_begin,
    .command = d_command,
    .mail = d_mail,
    .token = d_token,
    .last_mail = d_last,
    .tell = tell,
    .keep = d_keep,
};

/* ---- the link ---- */

static void cut(struct whole *w)
{
    if (!w->is_up)
        return;
    w->is_up = false;
    w->s2d.nr = w->d2s.nr = 0;
    source_lost(&w->src, "cut", w->now_ms);
    dest_lost(&w->dst, "cut", w->now_ms);
}

static void count(struct whole *w)
{
    w->nr_messages++;
    if (w->cancel_at == w->nr_messages && w->cancels == WHOLE_SOURCE)
        source_order(&w->src, SOURCE_CANCEL, w->now_ms);
    if (w->cancel_at == w->nr_messages && w->cancels == WHOLE_DEST)
        dest_cancel(&w->dst, "the operator's", w->now_ms);
    if (w->cut_at == w->nr_messages)
        cut(w);
}

/* A frame into its slot: false when there is none. */
static bool place(struct whole *w, const struct whole_unit *q)
{
    struct err e = { 0 };
    void *room;

    if (w->d.chan.nr_slots == 0)
        return true; /* the relay ends the connection; here it is lost */
    if (chan_room(&w->d.chan, q->stream, &room, &e) < 0)
        dest_steward_fails(&w->dst, e.text, false, w->now_ms);
    if (!room) {
        w->blocked |= BIT(q->stream); /* not read again before D rings */
        return false;
    }
    memcpy(room, q->bytes, q->u.len_bytes);
    chan_filled(&w->d.chan, q->stream, q->u.len_bytes);
    w->now_ms += w->frame_ms;
    w->dst.line.heard_ms = w->now_ms;
    w->nr_frames++;
    return true;
}

static bool give_d(struct whole *w, const struct whole_unit *q)
{
    if (q->u.kind == WIRE_FRAME || q->u.kind == WIRE_SHORT)
        return w->dst.state == DEST_ENDED || place(w, q);
    dest_unit(&w->dst, &q->u, q->bytes, w->now_ms);
    return true;
}

/*
 * The next of any stream: streams are connections of their own, so one that
 * has no room holds up no other.
 */
static bool deliver_s2d(struct whole *w)
{
    static struct whole_unit q;

    for (uint32_t i = 0; i < w->s2d.nr; i++) {
        q = w->s2d.unit[i];
        if (w->blocked & BIT(q.stream) || !give_d(w, &q))
            continue;
        w->has_room = true;
        if (!w->is_up || i >= w->s2d.nr)
            return true;
        w->s2d.nr--;
        memmove(&w->s2d.unit[i], &w->s2d.unit[i + 1],
                (w->s2d.nr - i) * sizeof(w->s2d.unit[0]));
        count(w);
        return true;
    }
    return false;
}

static bool deliver_d2s(struct whole *w)
{
    static struct whole_unit q;

    if (w->d2s.nr == 0)
        return false;
    q = w->d2s.unit[0];
    source_unit(&w->src, &q.u, q.bytes, w->now_ms);
    if (w->d2s.nr) {
        w->d2s.nr--;
        memmove(&w->d2s.unit[0], &w->d2s.unit[1],
                w->d2s.nr * sizeof(w->d2s.unit[0]));
    }
    count(w);
    return true;
}

/* ---- who looks ---- */

void whole_look(struct whole *w, struct whole_side *side)
{
    side->rung = false;
    if (w->evil)
        w->evil(w, side);
    fake_host_enter(&side->h);
    side->more = serve_look(&side->serve);
    side->nr_looks++;
    CHECK(!side->h.dirty_pages && !side->h.odd_copy);
}

static bool look_steward(struct whole *w, struct whole_side *side)
{
    if (!side->rung && !side->more)
        return false;
    whole_look(w, side);
    return true;
}

/* What leaves the slots; there is always more room for words. */
static bool send_frames(struct whole *w)
{
    struct err e = { 0 };
    bool did = false;
    uint32_t len;
    void *frame;

    for (uint16_t i = 0; i < w->nr_streams && w->s.chan.nr_slots; i++) {
        int rc = 0;

        while (w->is_up && w->s2d.nr < WHOLE_QUEUE &&
               (rc = chan_next(&w->s.chan, i, &frame, &len, &e)) == 1) {
            const struct wire_unit u = {
                len == FH_FRAME_LONG_BYTES ? WIRE_FRAME : WIRE_SHORT, len, 0
            };

            push(w, &w->s2d, i, &u, frame);
            chan_taken(&w->s.chan, i);
            source_sent(&w->src, len);
            did = true;
        }
        if (rc < 0)
            source_steward_fails(&w->src, e.text, false, w->now_ms);
    }
    return did;
}

static bool look_s(struct whole *w)
{
    enum fh_op refused = FH_OP_NONE;
    struct err e = { 0 };
    struct chan_view v;
    struct fh_mail m;
    bool did;

    if (w->src.state == SOURCE_ENDED)
        return false;
    did = w->has_room && send_frames(w);
    w->has_room = false;
    if (w->s.heard == w->s.h.nr_rings)
        return did;
    w->s.heard = w->s.h.nr_rings;
    if (chan_look(&w->s.chan, w->now_ms, &v, &refused, &e) < 0)
        source_steward_fails(&w->src, e.text, false, w->now_ms);
    while (chan_take_mail(&w->s.chan, &m, &e) == 1)
        source_mail(&w->src, &m, w->now_ms);
    send_frames(w);
    source_steward(&w->src, &v, w->now_ms);
    return true;
}

static bool look_d(struct whole *w)
{
    enum fh_op refused = FH_OP_NONE;
    struct err e = { 0 };
    struct chan_view v;
    struct fh_mail m;

    if (w->dst.state == DEST_ENDED || !w->dst.attached ||
        w->d.heard == w->d.h.nr_rings)
        return false;
    w->d.heard = w->d.h.nr_rings;
    w->blocked = 0;
    if (chan_look(&w->d.chan, w->now_ms, &v, &refused, &e) < 0)
        dest_steward_fails(&w->dst, e.text, false, w->now_ms);
    while (chan_take_mail(&w->d.chan, &m, &e) == 1)
        dest_mail(&w->dst, &m, w->now_ms);
    dest_steward(&w->dst, &v, w->now_ms);
    return true;
}

static bool supervise(struct whole *w)
{
    if (w->suspend_asked) {
        w->suspend_asked = false;
        w->s.h.mig.suspension = ++w->s.h.mig.resumes;
        w->s.h.mig.slow_percent = 0; /* by Xen */
        w->s.rung = true;            /* by Xen */
        source_order(&w->src, SOURCE_SUSPENDED, w->now_ms);
    } else if (w->drain_asked) {
        w->drain_asked = false;
        source_order(&w->src, SOURCE_DRAINED, w->now_ms);
    } else if (w->plan_asked) {
        w->plan_asked = false;
        dest_answer(&w->dst, true, answer, sizeof(answer) - 1, w->now_ms);
    } else {
        return false;
    }
    return true;
}

static bool say_hello(struct whole *w)
{
    if (w->hello_said || !w->is_up)
        return false;
    w->hello_said = true;
    dest_hello(&w->dst, w->purpose, w->now_ms);
    source_hello(&w->src, w->now_ms);
    return true;
}

static bool step(struct whole *w)
{
    for (uint32_t i = 0, k = next_random(w); i < 8; i++, k++) {
        bool did = false;

        switch (k % 8) {
        case 0:
            did = say_hello(w);
            break;
        case 1:
            did = w->is_up && deliver_s2d(w);
            break;
        case 2:
            did = w->is_up && deliver_d2s(w);
            break;
        case 3:
            did = !w->slow && look_steward(w, &w->s);
            break;
        case 4:
            did = look_steward(w, &w->d);
            break;
        case 5:
            did = look_s(w);
            break;
        case 6:
            did = look_d(w);
            break;
        case 7:
            did = supervise(w);
            break;
        }
        if (did)
            return true;
    }
    return w->slow && look_steward(w, &w->s);
}

/* ---- a transfer ---- */

static void check_always(const struct whole *w)
{
    CHECK(!(w->s.h.mig.state == FAKE_MIG_RUN &&
            w->d.h.mig.state == FAKE_MIG_RUN));
}

static void pass_time(struct whole *w)
{
    uint64_t s_due =
        w->src.state == SOURCE_ENDED ? MOVE_NEVER : source_due_ms(&w->src);
    uint64_t d_due =
        w->dst.state == DEST_ENDED ? MOVE_NEVER : dest_due_ms(&w->dst);
    uint64_t due = s_due < d_due ? s_due : d_due;

    CHECK(due != MOVE_NEVER); /* else it hangs */
    w->now_ms = due > w->now_ms ? due : w->now_ms + 1;
    source_tick(&w->src, w->now_ms);
    dest_tick(&w->dst, w->now_ms);
}

/* The guest goes on while it can, and as fast. */
static void live(struct whole *w, uint32_t n)
{
    const struct fake_mig *g = &w->s.h.mig;

    if (!g->logging || g->suspension)
        return;
    for (uint32_t i = 0; i < w->changes; i++)
        if (next_random(w) % 100 >= g->slow_percent)
            change(w, next_random(w) % 1000);
    if (w->changes == 0 && n % 16 == 0)
        change(w, next_random(w) % 1000);
}

static void run(struct whole *w)
{
    for (uint32_t n = 0;; n++) {
        CHECK(n < STEPS_MAX);
        check_always(w);
        if (step(w)) {
            live(w, n);
            continue;
        }
        if (w->src.state == SOURCE_ENDED && w->dst.state == DEST_ENDED)
            break;
        if (w->src.state == SOURCE_ENDED && w->dst.line.up)
            dest_lost(&w->dst, "closed", w->now_ms);
        else if (w->dst.state == DEST_ENDED && w->src.line.up)
            source_lost(&w->src, "closed", w->now_ms);
        else
            pass_time(w);
    }
    if (w->src.end == MOVE_END_STAYED || w->src.end == MOVE_END_CHECKED)
        w->s.h.mig.suspension = 0;
}

void whole_run(struct whole *w)
{
    struct source_opts o = {
        .plan = plan,
        .plan_bytes = sizeof(plan) - 1,
        .check = w->check,
        .live = w->live,
        .max_downtime_ms = RULE_DOWNTIME_MS,
    };

    chan_open(&w->s.chan, w->s.h.page, w->s.h.slots, ring, &w->s);
    chan_open(&w->d.chan, w->d.h.page, w->d.h.slots, ring, &w->d);
    w->is_up = true;
    w->hello_said = false;
    w->purpose = w->check ? WIRE_CHECK : WIRE_MIGRATE;
    w->s2d.nr = w->d2s.nr = w->nr_messages = w->nr_frames = 0;
    w->has_room = false;
    w->blocked = 0;
    w->suspend_asked = w->drain_asked = w->plan_asked = false;
    s_io.arg = d_io.arg = w;
    source_open(&w->src, &s_io, &o, w->now_ms);
    dest_open(&w->dst, &d_io, w->now_ms);
    run(w);
}

void whole_resolve(struct whole *w, bool want_abort)
{
    struct source_opts o = { .resolve = true, .want_abort = want_abort };
    enum fh_op refused;
    struct chan_view v;

    chan_open(&w->s.chan, w->s.h.page, w->s.h.slots, ring, &w->s);
    chan_open(&w->d.chan, w->d.h.page, w->d.h.slots, ring, &w->d);
    o.have_start = chan_token(&w->s.chan, o.start, NULL) == WIRE_START;
    w->is_up = true;
    w->hello_said = false;
    w->purpose = WIRE_RESOLVE;
    w->s2d.nr = w->d2s.nr = w->nr_messages = 0;
    w->cut_at = w->cancel_at = 0;
    source_open(&w->src, &s_io, &o, w->now_ms);
    dest_open(&w->dst, &d_io, w->now_ms);
    CHECK(say_hello(w));
    CHECK(chan_look(&w->d.chan, w->now_ms, &v, &refused, NULL) >= 0);
    dest_resolve(&w->dst, DEST_DOMAIN, NULL, &v, w->now_ms);
    w->s.heard = w->d.heard = UINT32_MAX;
    run(w);
}

/* ---- the stewards ---- */

/* As main.c leaves it behind a launch, or an offer to receive. */
static void open_side(struct whole_side *side, enum fake_mig_state state,
                      uint32_t seed)
{
    static const uint8_t none[16];
    struct machine_shape shape;

    memset(side, 0, sizeof(*side));
    fake_host_open(&side->h, state, LOW_BLOCKS, HIGH_BLOCKS, seed);
    fake_host_enter(&side->h);
    control_open(&side->control, none);
    side->control.state =
        state == FAKE_MIG_RUN ? FH_STATE_RUNNING : FH_STATE_RECEIVING;
    shape.ram_bytes = side->h.mig.me.ram_bytes;
    shape.config = side->h.mig.me.config;
    serve_open(&side->serve, &side->control, &shape, state != FAKE_MIG_RUN);
}

void whole_open(struct whole *w)
{
    w->now_ms = 1000;
    open_side(&w->s, FAKE_MIG_RUN, w->seed * 2 + 1);
    open_side(&w->d, FAKE_MIG_RECEIVING, w->seed * 2 + 2);
    whole_mutate(w, 2);
}

void whole_turn(struct whole *w, uint32_t seed)
{
    struct whole_side old = w->s;

    w->s = w->d;
    w->s.h.mig.world.arg = &w->s.h.mig;
    w->s.serve.control = w->s.serve.mover.control = &w->s.control;
    w->s.serve.mover.xen.world.arg = &w->s.serve.mover.xen;
    w->s.serve.mover.xen.me = &w->s.serve.mover.me;
    w->s.serve.mover.xen.scratch = &w->s.serve.mover.scratch;
    w->s.h.mig.resumes = 0;
    fake_host_close(&old.h);
    open_side(&w->d, FAKE_MIG_RECEIVING, seed);
}

void whole_close(struct whole *w)
{
    fake_host_close(&w->s.h);
    fake_host_close(&w->d.h);
}
