/* SPDX-License-Identifier: MIT */
/*
 * mover.c - a migration, between its engine, dom0's page and dom0's buffers
 */
#include "mover.h"

#include <string.h>

#include "hyper.h"
#include "pages.h"
#include "wipe.h"

/* No vCPU's state is larger: XSAVE areas are 11 KiB, all else is less. */
#define VCPU_CONTEXT_BYTES 0x6000u
#define OTHER_CONTEXT_BYTES 0x10000u

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

/* ---- mail to dom0 ---- */

static void flush_mail(struct mover *v)
{
    if (!v->mail_waits || !movepage_was_taken(v->control, v->mail.seq))
        return;
    if (++v->mail.seq == 0)
        v->mail.seq = 1;
    movepage_put_mail(v->control, &v->mail);
    v->mail_waits = false;
    v->news = true;
}

static void say(struct mover *v, enum fh_mail_kind kind, uint32_t arg,
                const void *p, uint32_t len_bytes)
{
    v->mail.kind = kind;
    v->mail.arg = arg;
    v->mail.len_bytes = len_bytes;
    memset(v->mail.bytes, 0, sizeof(v->mail.bytes));
    memcpy(v->mail.bytes, p, len_bytes);
    v->mail_waits = true;
    flush_mail(v);
}

/* ---- SEND, RECEIVE ---- */

static int seed(struct mover *v, struct st_err *e)
{
    uint8_t cpu[DRBG_SEED_BYTES];

    if (!drbg_cpu_seed(cpu))
        return st_fail(e, FH_ERR_XEN,
                       "cpu: neither RDSEED nor RDRAND gives random bytes: "
                       "nothing to make keys of");
    drbg_open(&v->drbg, cpu, &v->me.own, sizeof(v->me.own));
    wipe(cpu, sizeof(cpu));
    return 0;
}

static uint64_t least(uint64_t a, uint64_t b)
{
    return a < b ? a : b;
}

static int take_scratch(struct mover *v, struct st_err *e)
{
    const struct fh_measured_config *config = &v->shape.config;
    struct ram ram;
    uint64_t blocks, context;
    int rc;

    if (!ram_open(&ram, config->map, config->nr_map))
        return st_fail(e, FH_ERR_MEMORY, "memory map: none that could migrate");
    blocks = ram_end_block(&ram);
    context = OTHER_CONTEXT_BYTES +
              (uint64_t)config->nr_guest_vcpus * VCPU_CONTEXT_BYTES;
    rc =
        scratch_take(&v->scratch, SCRATCH_FRAME, sizeof(struct fh_mig_long), e);
    if (rc == 0)
        rc = scratch_take(&v->scratch, SCRATCH_POLICY, MACHINE_POLICY_BYTES_MAX,
                          e);
    if (rc == 0 && !v->receives)
        return scratch_take(
            &v->scratch, SCRATCH_WINDOW,
            least(blocks * RAM_BLOCK_WORDS * 8, LAYOUT_WINDOW_BYTES_MAX), e);
    if (rc == 0)
        rc =
            scratch_take(&v->scratch, SCRATCH_HOLED, (blocks + 63) / 64 * 8, e);
    if (rc == 0)
        rc = scratch_take(&v->scratch, SCRATCH_CONTEXT,
                          least(context, LAYOUT_CONTEXT_BYTES_MAX), e);
    return rc;
}

static int prepare(struct mover *v, struct st_err *e)
{
    struct slots_wire wire;
    int rc;

    movepage_fetch_slots(v->control, &wire);
    rc = slots_check(&wire, &v->slots, e);
    if (rc == 0)
        rc = take_scratch(v, e);
    if (rc == 0)
        rc = machine_read(&v->me, &v->shape, scratch_at(SCRATCH_POLICY), e);
    if (rc == 0)
        rc = seed(v, e);
    if (rc < 0)
        scratch_drop(&v->scratch);
    return rc;
}

static void reset(struct mover *v)
{
    memset(v->moved, 0, sizeof(v->moved));
    v->mail_waits = false; /* of a transfer that ended */
    v->view = (struct movepage_view){
        .ram_pages = v->shape.ram_bytes / PAGE_BYTES,
    };
    movepage_reset(v->control);
}

static int begin_send(struct mover *v, struct st_err *e)
{
    struct fh_mig_side h1;
    int rc;

    if (v->receives || mover_is_busy(v))
        return st_fail(e, FH_ERR_STATE,
                       v->receives ? "guest: it has not come yet"
                                   : "transfer: there is one");
    rc = prepare(v, e);
    if (rc < 0)
        return rc;
    reset(v);
    memset(&v->x, 0, sizeof(v->x));
    v->x.world = &v->xen.world;
    v->x.me = &v->me;
    v->x.window = scratch_at(SCRATCH_WINDOW);
    v->x.window_blocks =
        v->scratch.pages[SCRATCH_WINDOW] * PAGE_BYTES / (RAM_BLOCK_WORDS * 8);
    v->x.context = scratch_at(SCRATCH_CONTEXT);
    v->x.context_room = LAYOUT_CONTEXT_BYTES_MAX;
    v->x.drbg = &v->drbg;
    rc = export_begin(&v->x, v->slots.nr_streams, v->slots.check, &h1);
    if (rc == 0)
        say(v, FH_MAIL_HAND, 1, &h1, sizeof(h1));
    return 0;
}

static int begin_receive(struct mover *v, struct st_err *e)
{
    int rc;

    if (!v->receives || v->begun || v->m.state != IMPORT_IDLE)
        return st_fail(e, FH_ERR_STATE,
                       v->receives ? "transfer: there was one"
                                   : "guest: it runs here");
    rc = prepare(v, e);
    if (rc < 0)
        return rc;
    reset(v);
    v->begun = true;
    v->m.world = &v->xen.world;
    v->m.me = &v->me;
    v->m.holed = scratch_at(SCRATCH_HOLED);
    v->m.holed_blocks = v->scratch.pages[SCRATCH_HOLED] * PAGE_BYTES * 8;
    v->m.context = scratch_at(SCRATCH_CONTEXT);
    v->m.context_room =
        (uint32_t)(v->scratch.pages[SCRATCH_CONTEXT] * PAGE_BYTES);
    v->m.drbg = &v->drbg;
    return 0;
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
        return begin_send(v, e);
    case FH_OP_RECEIVE:
        return begin_receive(v, e);
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

/* ---- mail from dom0 ---- */

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
            say(v, FH_MAIL_HAND, 3, &out, sizeof(out.h3));
    } else if (is_hand(m, 4, &in, sizeof(in.finished))) {
        if (export_h4(&v->x, &in.finished, &out.finished) == 0)
            say(v, FH_MAIL_HAND, 5, &out, sizeof(out.finished));
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
            say(v, FH_MAIL_HAND, 2, &out, sizeof(out.h2));
    } else if (v->begun && is_hand(m, 3, &in, sizeof(in.h3))) {
        if (import_h3(&v->m, &in.h3, &out.finished) == 0)
            say(v, FH_MAIL_HAND, 4, &out, sizeof(out.finished));
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

static void hear_mail(struct mover *v, uint32_t seq)
{
    struct fh_mail m;

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

uint32_t mover_mail_seq(const struct mover *v)
{
    return movepage_mail_seq(v->control);
}

/* ---- frames ---- */

static bool put_frame(struct mover *v, uint16_t stream, uint32_t bytes)
{
    uint32_t n = v->moved[stream];
    uint32_t slot = slots_of(&v->slots, stream, n);
    long rc = slots_put(&v->slots, slot, scratch_gfn(SCRATCH_FRAME), bytes);

    if (rc != 0) {
        export_broken(&v->x, FH_MIG_ERR_XEN,
                      "buffers: Xen does not copy into what dom0 granted");
        return false;
    }
    movepage_set_len(v->control, slot, bytes);
    movepage_set_moved(v->control, stream, ++v->moved[stream]);
    /* dom0 had taken all before: it may sleep. */
    if (movepage_moved(v->control, stream) == n)
        v->news = true;
    return true;
}

/* Whether a frame went. */
static bool send_frame(struct mover *v, uint16_t stream)
{
    uint32_t out = v->moved[stream] - movepage_moved(v->control, stream);
    enum export_frame kind;

    if (out > v->slots.nr_a_stream) {
        export_broken(&v->x, FH_MIG_ERR_FRAME,
                      "buffers: dom0 took frames that were not there");
        return false;
    }
    if (out == v->slots.nr_a_stream)
        return false;
    if (export_next(&v->x, stream, scratch_at(SCRATCH_FRAME), &kind) != 0 ||
        kind == EXPORT_NONE)
        return false;
    return put_frame(v, stream,
                     kind == EXPORT_LONG ? FH_FRAME_LONG_BYTES
                                         : FH_FRAME_SHORT_BYTES);
}

/* Whether all of it is here; the slot is dom0's again then. */
static bool get_frame(struct mover *v, uint16_t stream, uint32_t *bytes)
{
    uint32_t n = v->moved[stream];
    uint32_t slot = slots_of(&v->slots, stream, n);
    long rc;

    *bytes = movepage_len(v->control, slot);
    if (*bytes != FH_FRAME_LONG_BYTES &&
        !(*bytes == FH_FRAME_SHORT_BYTES && stream == 0)) {
        import_broken(&v->m, FH_MIG_ERR_FRAME,
                      "buffers: a frame of a length that none has");
        return false;
    }
    rc = slots_get(&v->slots, slot, scratch_gfn(SCRATCH_FRAME), *bytes);
    if (rc != 0) {
        import_broken(&v->m, FH_MIG_ERR_XEN,
                      "buffers: Xen does not copy from what dom0 granted");
        return false;
    }
    movepage_set_moved(v->control, stream, ++v->moved[stream]);
    /* All slots were full: dom0 may sleep. */
    if (movepage_moved(v->control, stream) - n >= v->slots.nr_a_stream)
        v->news = true;
    return true;
}

/* Whether one came. */
static bool take_frame(struct mover *v, uint16_t stream)
{
    uint32_t in = movepage_moved(v->control, stream) - v->moved[stream];
    uint32_t bytes;

    if (in > v->slots.nr_a_stream) {
        import_broken(&v->m, FH_MIG_ERR_FRAME,
                      "buffers: dom0 filled more than there are");
        return false;
    }
    if (in == 0 || !get_frame(v, stream, &bytes))
        return false;
    if (bytes == FH_FRAME_LONG_BYTES)
        import_long(&v->m, stream, scratch_at(SCRATCH_FRAME));
    else
        import_short(&v->m, scratch_at(SCRATCH_FRAME));
    return true;
}

/* One of each stream.  Frames that come before H5 wait for it in their slots.
 */
static bool move_frames(struct mover *v)
{
    bool any = false;

    for (uint16_t i = 0; i < v->slots.nr_streams; i++) {
        if (v->receives && v->m.state == IMPORT_IMPORT && !v->m.hand.check)
            any |= take_frame(v, i);
        else if (!v->receives && v->x.sending)
            any |= send_frame(v, i);
    }
    return any;
}

/* ---- what dom0 sees of it ---- */

static uint64_t pages_of(const struct totals *t)
{
    return t->data_pages + t->zero_pages + t->hole_pages;
}

static void look_at_source(const struct mover *v, struct movepage_view *out)
{
    const struct export *x = &v->x;

    out->state = export_shows[x->state];
    out->error = x->why.code;
    out->epoch = x->epoch;
    out->acked = x->nr_acked;
    out->sent_pages = pages_of(&x->totals);
    out->epoch_pages = x->totals.epoch_pages;
    memcpy(out->session, x->hand.session, sizeof(out->session));
}

static void look_at_dest(const struct mover *v, struct movepage_view *out)
{
    const struct import *m = &v->m;

    out->state = import_shows[m->state];
    out->error = m->why.code;
    out->epoch = m->epoch;
    out->acked = v->nr_answers;
    out->sent_pages = pages_of(&m->totals);
    out->epoch_pages = m->totals.epoch_pages;
    memcpy(out->session, m->hand.session, sizeof(out->session));
    if (m->state == IMPORT_READY && m->have_answer)
        out->state = FH_MOVE_IMPORT; /* READY is to be the last mail by then */
}

static void show_token(const struct mover *v, uint32_t state)
{
    if (state == FH_MOVE_FENCED)
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
        show_token(v, now.state);
    v->news |= now.state != v->view.state || now.acked != v->view.acked ||
               now.error != v->view.error;
    movepage_show(v->control, &now, why->code ? why->text : "");
    v->view = now;
}

static void answer_epoch(struct mover *v)
{
    if (!v->receives || !v->m.have_answer ||
        !movepage_was_taken(v->control, v->mail.seq))
        return;
    say(v, FH_MAIL_SHORT, 0, &v->m.answer, sizeof(v->m.answer));
    v->m.have_answer = false;
    v->nr_answers++;
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
    case FH_MOVE_READY:
        control_guest(v->control, v->m.hand.peer.guest_id,
                      v->m.hand.peer.measurement);
        break;
    case FH_MOVE_DONE:
        if (v->receives)
            arrive(v);
        break;
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

/* What would say more waits until dom0 has heard what was said. */
static bool has_to_wait(const struct mover *v)
{
    return v->mail_waits || (v->receives && v->m.have_answer);
}

bool mover_go(struct mover *v, uint32_t mail_seq)
{
    bool more;

    flush_mail(v);
    answer_epoch(v);
    if (mail_seq != v->mail_taken && mail_seq != 0 && !has_to_wait(v))
        hear_mail(v, mail_seq);
    more = move_frames(v);
    answer_epoch(v);
    show(v);
    if (v->news)
        hyper_notify();
    v->news = false;
    clear_up(v);
    return more;
}
