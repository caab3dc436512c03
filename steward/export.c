/* SPDX-License-Identifier: MIT */
/*
 * export.c - a guest leaves: the source steward's part of a migration
 */
#include "export.h"

#include <errno.h>
#include <string.h>

#include "token.h"
#include "wipe.h"

#define BIT(n) (1u << (n))

static const uint32_t export_moves[] = {
    [EXPORT_IDLE] = BIT(EXPORT_HELLO),
    [EXPORT_HELLO] = BIT(EXPORT_KEYED) | BIT(EXPORT_CANCELLED),
    [EXPORT_KEYED] = BIT(EXPORT_PRECOPY) | BIT(EXPORT_CANCELLED),
    [EXPORT_PRECOPY] = BIT(EXPORT_LAST) | BIT(EXPORT_CANCELLED),
    [EXPORT_LAST] = BIT(EXPORT_WAIT_READY) | BIT(EXPORT_CANCELLED),
    [EXPORT_WAIT_READY] = BIT(EXPORT_AGREED) | BIT(EXPORT_CANCELLED),
    [EXPORT_AGREED] = BIT(EXPORT_FENCED) | BIT(EXPORT_CANCELLED),
    [EXPORT_FENCED] = BIT(EXPORT_CANCELLED) | BIT(EXPORT_RETIRED),
    [EXPORT_CANCELLED] = BIT(EXPORT_HELLO),
    [EXPORT_RETIRED] = 0,
};
_Static_assert(sizeof(export_moves) / sizeof(*export_moves) == EXPORT_STATES,
               "export_moves");

/* The only writer of x->state. */
static void move(struct export *x, enum export_state to)
{
    if (!(export_moves[x->state] & BIT(to)))
        __builtin_trap();
    x->state = to;
}

static bool under_way(const struct export *x)
{
    return x->state >= EXPORT_HELLO && x->state <= EXPORT_AGREED;
}

/* Nothing of this session is of use any more but the fence. */
static void forget(struct export *x)
{
    hand_wipe(&x->hand);
    x->sending = false;
    if (x->logging)
        x->world->log(x->world->arg, false);
    x->logging = false;
}

/* The transfer ends by rc, if that is an error. */
static int end(struct export *x, int rc)
{
    if (rc >= 0)
        return rc;
    forget(x);
    move(x, EXPORT_CANCELLED);
    return rc;
}

/* All of the last session goes; what the owner set stays, and the state. */
static void renew(struct export *x)
{
    memset(&x->why, 0, sizeof(*x) - offsetof(struct export, why));
    x->hand.world = x->world;
    x->hand.me = x->me;
    x->hand.soft = x->soft;
}

static int check_guest(struct export *x)
{
    const struct mig_machine *me = x->me;
    long stray;

    if (!(me->own.flags & MIG_FLAG_MIGRATABLE))
        return mig_fail(&x->why, FH_MIG_ERR_GUEST,
                        "guest: it is pinned to this host");
    if (!x->soft && !gcm_fast())
        return mig_fail(&x->why, FH_MIG_ERR_XEN,
                        "cpu: AES-NI, PCLMULQDQ or SSSE3 is missing: nothing "
                        "to encrypt with");
    if (!ram_open(&x->ram, me->config.map, me->config.nr_map))
        return mig_fail(&x->why, FH_MIG_ERR_GUEST,
                        "memory map: none that could migrate");
    stray = x->world->stray(x->world->arg);
    if (stray < 0)
        return mig_fail(&x->why, FH_MIG_ERR_XEN,
                        "which pages are there: Xen says %ld", stray);
    if (stray > 0)
        return mig_fail(&x->why, FH_MIG_ERR_GUEST,
                        "guest: it has %ld pages outside its memory map",
                        stray);
    return 0;
}

int export_begin(struct export *x, uint16_t nr_streams, bool check,
                 struct fh_mig_side *h1)
{
    int rc;

    if (x->state != EXPORT_IDLE && x->state != EXPORT_CANCELLED)
        return 1;
    renew(x);
    move(x, EXPORT_HELLO);
    rc = check_guest(x);
    if (rc == 0)
        rc = hand_src_begin(&x->hand, x->drbg, nr_streams, check, h1, &x->why);
    if (rc < 0)
        return end(x, rc);
    totals_open(&x->totals, nr_streams);
    x->rounds = (struct rounds){ .world = x->world,
                                 .ram = &x->ram,
                                 .window = x->window,
                                 .window_blocks = x->window_blocks,
                                 .nr_streams = nr_streams };
    return 0;
}

int export_h2(struct export *x, const struct fh_mig_h2 *h2,
              struct fh_mig_h3 *h3)
{
    int rc;

    if (!under_way(x))
        return 1;
    rc = hand_src_h2(&x->hand, h2, h3, &x->why);
    if (rc == 0)
        move(x, EXPORT_KEYED);
    return end(x, rc);
}

int export_h4(struct export *x, const struct fh_mig_finished *h4,
              struct fh_mig_finished *h5)
{
    int rc;

    if (!under_way(x))
        return 1;
    rc = hand_src_h4(&x->hand, h4, h5, &x->why);
    if (rc == 0)
        move(x, EXPORT_PRECOPY);
    return end(x, rc);
}

/* ---- epochs ---- */

static int start_log(struct export *x)
{
    long rc = x->world->log(x->world->arg, true);

    if (rc < 0)
        return mig_fail(&x->why, FH_MIG_ERR_XEN,
                        "log of changed pages: Xen says %ld", rc);
    x->logging = true;
    return 0;
}

int export_round(struct export *x)
{
    bool first = x->nr_acked == 0;
    int rc = 0;

    if (x->state != EXPORT_PRECOPY || x->hand.check || x->sending ||
        x->epoch != x->nr_acked)
        return 1;
    if (first)
        rc = start_log(x);
    if (rc == 0)
        rc = rounds_begin(&x->rounds, first, &x->why);
    x->totals.epoch_pages = 0;
    x->sending = true;
    return end(x, rc);
}

int export_slow(struct export *x, uint32_t percent)
{
    long rc;

    if (x->state != EXPORT_PRECOPY || !x->logging || percent == x->slow_percent)
        return 1;
    if (percent > FH_MOVE_SLOW_MAX)
        return end(x, mig_fail(&x->why, FH_MIG_ERR_FRAME,
                               "page: dom0 has the guest slowed by %u per "
                               "cent, want 0 to %u",
                               percent, FH_MOVE_SLOW_MAX));
    rc = x->world->slow(x->world->arg, percent);
    if (rc < 0)
        return end(x, mig_fail(&x->why, FH_MIG_ERR_XEN,
                               "slowing the guest: Xen says %ld", rc));
    x->slow_percent = percent;
    return 0;
}

/* Xen's number of this suspend comes first: what is read belongs to it. */
static int begin_last(struct export *x)
{
    struct fh_mig_param param[FH_MIG_PARAMS];
    const struct mig_world *w = x->world;
    uint32_t bytes = x->context_room;
    long rc;

    x->suspension = w->suspended(w->arg);
    if (x->suspension == 0) {
        x->paused = false; /* dom0 let it run again: it may ask once more */
        x->drained = false;
        return 1;
    }
    rc = w->mark_mapped(w->arg, x->suspension);
    if (rc == 0)
        rc = w->get_context(w->arg, x->suspension, x->context, &bytes);
    if (rc == 0)
        rc = w->get_params(w->arg, param);
    if (rc < 0)
        return mig_fail(&x->why,
                        rc == -EAGAIN ? FH_MIG_ERR_RESUMED : FH_MIG_ERR_XEN,
                        "state of the vcpus: Xen says %ld", rc);
    state_out_open(&x->out, x->me, param, x->context, bytes);
    rc = rounds_begin(&x->rounds, false, &x->why);
    if (rc < 0)
        return (int)rc;
    x->epoch = FH_MIG_EPOCH_LAST;
    x->totals.epoch_pages = 0;
    x->sending = true;
    move(x, EXPORT_LAST);
    return 0;
}

int export_paused(struct export *x)
{
    if (x->state != EXPORT_PRECOPY || x->hand.check)
        return 1;
    if (x->sending || x->epoch != x->nr_acked || x->nr_acked == 0) {
        if (!x->sending && x->nr_acked == 0)
            return 1; /* the first epoch names all; there was none */
        x->paused = true;
        return 0;
    }
    return end(x, begin_last(x));
}

/* The end of an epoch, sealed on stream 0. */
static void seal_epoch(struct export *x, struct fh_mig_long *frame)
{
    struct fh_mig_short *s = (struct fh_mig_short *)frame;
    struct frame_kind kind = { FH_MIG_EPOCH, x->epoch };

    totals_epoch(&x->totals, x->epoch, x->hand.session, &x->last_epoch);
    memcpy(s->text, &x->last_epoch, sizeof(x->last_epoch));
    frame_seal(&x->hand.s2d[0], kind, &s->head, sizeof(s->text));
    x->sending = false;
    if (x->state == EXPORT_LAST)
        move(x, EXPORT_WAIT_READY);
    else
        x->epoch++;
}

static void seal_data(struct export *x, uint16_t stream,
                      struct fh_mig_long *frame)
{
    struct frame_kind kind = { FH_MIG_DATA, x->epoch };

    frame_seal(&x->hand.s2d[stream], kind, &frame->head, sizeof(frame->text));
    totals_frame(&x->totals, stream, frame->head.seq,
                 frame_tag(&frame->head, sizeof(frame->text)));
}

/* Behind the last page, the state; on stream 0, and once for all. */
static void fill_state(struct export *x, struct pack *p)
{
    state_out_fill(&x->out, p);
    x->totals.states = x->out.id - 1;
}

/* 1: packed what there is now, if anything; 0: this epoch has no more. */
static int fill_pages(struct export *x, uint16_t stream, struct pack *p)
{
    struct rounds *r = &x->rounds;
    int rc = rounds_fill(r, stream, p, &x->totals, &x->why);

    if (rc < 0 || p->used > 0)
        return rc < 0 ? rc : 1;
    rc = rounds_next(r, &x->why);
    if (rc <= 0)
        return rc;
    rc = rounds_fill(r, stream, p, &x->totals, &x->why);
    return rc < 0 ? rc : 1; /* nothing: it waits for the others */
}

static int next_frame(struct export *x, uint16_t stream,
                      struct fh_mig_long *frame, enum export_frame *kind)
{
    struct pack p;
    int rc;

    pack_open(&p, frame->text);
    rc = fill_pages(x, stream, &p);
    if (rc < 0)
        return rc;
    if (rc == 0 && stream == 0 && x->state == EXPORT_LAST)
        fill_state(x, &p);
    if (pack_close(&p)) {
        seal_data(x, stream, frame);
        *kind = EXPORT_LONG;
    } else if (rc == 0 && stream == 0) {
        seal_epoch(x, frame);
        *kind = EXPORT_SHORT;
    }
    return 0;
}

int export_next(struct export *x, uint16_t stream, struct fh_mig_long *frame,
                enum export_frame *kind)
{
    *kind = EXPORT_NONE;
    if (!under_way(x) || !x->sending || stream >= x->hand.nr_streams)
        return 1;
    return end(x, next_frame(x, stream, frame, kind));
}

/* ---- answers ---- */

static int check_ready(struct export *x, const struct fh_mig_ack *a)
{
    const struct hand_piece piece[] = {
        { x->hand.session, sizeof(x->hand.session) },
        { x->last_epoch.digest, sizeof(x->last_epoch.digest) },
    };
    const struct mig_world *w = x->world;
    uint8_t digest[FH_MIG_HASH_BYTES];
    struct mig_claims c;
    long rc;

    hand_hash(FH_MIG_LABEL_READY, piece, 2, digest);
    rc = w->verify(w->arg, a->evidence, digest, &c);
    if (rc < 0)
        return mig_fail(&x->why, hand_verify_error(rc),
                        "READY: Xen does not accept its evidence: %ld", rc);
    if (c.type != MIG_ATTEST || c.state != MIG_STATE_RECEIVING ||
        memcmp(c.digest, digest, sizeof(digest)) ||
        memcmp(c.instance, x->hand.peer.instance, sizeof(c.instance)))
        return mig_fail(&x->why, FH_MIG_ERR_PEER,
                        "READY: its evidence is not about this transfer");
    return 0;
}

static int check_ack(struct export *x, const struct fh_mig_ack *a)
{
    bool last = x->state == EXPORT_WAIT_READY;

    if (a->epoch != x->last_epoch.epoch || a->zero ||
        a->frames != x->last_epoch.frames ||
        memcmp(a->digest, x->last_epoch.digest, sizeof(a->digest)) ||
        !mig_is_zero(a->zero2, sizeof(a->zero2)) ||
        (!last && !mig_is_zero(a->evidence, sizeof(a->evidence))))
        return mig_fail(&x->why, FH_MIG_ERR_EPOCH,
                        "epoch %u: the other side got something else",
                        x->last_epoch.epoch);
    return last ? check_ready(x, a) : 0;
}

/* From here on only Xen's evidence decides where the guest runs. */
static int fence(struct export *x)
{
    struct mig_fence f = { .suspension = x->suspension };
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES];
    long rc;

    memcpy(f.session, x->hand.session, sizeof(f.session));
    memcpy(f.peer, x->hand.peer.instance, sizeof(f.peer));
    memcpy(f.digest, x->last_epoch.digest, sizeof(f.digest));
    rc = x->world->fence(x->world->arg, &f, evidence);
    if (rc == -EAGAIN)
        return mig_fail(&x->why, FH_MIG_ERR_RESUMED,
                        "guest: dom0 let it run after its memory was sent");
    if (rc < 0)
        return mig_fail(&x->why, FH_MIG_ERR_XEN, "fence: Xen says %ld", rc);
    token_make(&x->start, FH_MIG_START, x->hand.session, evidence);
    hand_wipe(&x->hand);
    move(x, EXPORT_FENCED);
    return 0;
}

static int agree(struct export *x)
{
    move(x, EXPORT_AGREED);
    return x->drained ? fence(x) : 0;
}

int export_short(struct export *x, struct fh_mig_short *frame)
{
    bool last = x->state == EXPORT_WAIT_READY;
    struct frame_kind kind = { last ? FH_MIG_READY : FH_MIG_EPOCH_ACK,
                               x->last_epoch.epoch };
    struct fh_mig_ack a;
    const char *bad;
    int rc;

    if (!under_way(x))
        return 1;
    if (!last &&
        (x->state != EXPORT_PRECOPY || x->sending || x->epoch == x->nr_acked))
        return end(x, mig_fail(&x->why, FH_MIG_ERR_EPOCH,
                               "an answer came to what was not sent"));
    bad = frame_open(&x->hand.d2s, kind, &frame->head, sizeof(frame->text));
    if (bad)
        return end(x,
                   mig_fail(&x->why, FH_MIG_ERR_FRAME, "answer %lu: frame: %s",
                            (unsigned long)x->hand.d2s.seq, bad));
    memcpy(&a, frame->text, sizeof(a));
    rc = check_ack(x, &a);
    if (rc < 0)
        return end(x, rc);
    if (last)
        return end(x, agree(x));
    x->nr_acked++;
    if (x->paused) {
        rc = begin_last(x);
        return end(x, rc > 0 ? 0 : rc);
    }
    return 0;
}

int export_drained(struct export *x)
{
    if (!under_way(x) || (x->state < EXPORT_LAST && !x->paused))
        return 1;
    x->drained = true;
    return x->state == EXPORT_AGREED ? end(x, fence(x)) : 0;
}

/* ---- the end ---- */

int export_token(struct export *x, const struct fh_mig_token *t)
{
    const struct mig_world *w = x->world;
    enum fh_mig_token_type type;
    long rc;

    if (x->state != EXPORT_FENCED)
        return 1;
    type = token_check(t, x->hand.session, &x->why);
    if (type == 0)
        return -(int)x->why.code;
    if (type == FH_MIG_START)
        return 1;
    rc = type == FH_MIG_ABORT ? w->unfence(w->arg, t->evidence)
                              : w->retire(w->arg, t->evidence);
    if (rc < 0)
        return mig_fail(&x->why, FH_MIG_ERR_EVIDENCE,
                        "%s: Xen does not accept it: %ld",
                        type == FH_MIG_ABORT ? "ABORT" : "DONE", rc);
    forget(x);
    x->why = (struct st_err){ 0 }; /* of tokens that were refused */
    if (type == FH_MIG_ABORT)
        mig_fail(&x->why, FH_MIG_ERR_CANCELLED,
                 "transfer: the other side gave it up, and the guest stays");
    move(x, type == FH_MIG_ABORT ? EXPORT_CANCELLED : EXPORT_RETIRED);
    return 0;
}

int export_cancel(struct export *x)
{
    if (!under_way(x))
        return 1;
    return end(x, mig_fail(&x->why, FH_MIG_ERR_CANCELLED,
                           "transfer: dom0 cancelled it"));
}

int export_broken(struct export *x, enum fh_mig_error code, const char *words)
{
    if (!under_way(x))
        return 1;
    return end(x, mig_fail(&x->why, code, "%s", words));
}
