/* SPDX-License-Identifier: MIT */
/*
 * import.c - a guest comes: the destination steward's part of a migration
 */
#include "import.h"

#include <string.h>

#include "place_page.h"
#include "token.h"
#include "wipe.h"

#define BIT(n) (1u << (n))

static const uint32_t import_moves[] = {
    [IMPORT_IDLE] = BIT(IMPORT_ANSWERED) | BIT(IMPORT_POISONED),
    [IMPORT_ANSWERED] = BIT(IMPORT_KEYED) | BIT(IMPORT_POISONED),
    [IMPORT_KEYED] = BIT(IMPORT_IMPORT) | BIT(IMPORT_POISONED),
    [IMPORT_IMPORT] = BIT(IMPORT_READY) | BIT(IMPORT_POISONED),
    [IMPORT_READY] = BIT(IMPORT_DONE) | BIT(IMPORT_POISONED),
    [IMPORT_DONE] = 0,
    [IMPORT_POISONED] = 0,
};
_Static_assert(sizeof(import_moves) / sizeof(*import_moves) == IMPORT_STATES,
               "import_moves");

/* The only writer of m->state. */
static void move(struct import *m, enum import_state to)
{
    if (!(import_moves[m->state] & BIT(to)))
        __builtin_trap();
    m->state = to;
}

static bool over(const struct import *m)
{
    return m->state >= IMPORT_DONE;
}

/*
 * The domain never runs.  Before H3 there is no session, so its ABORT has none
 * and unfences nobody.  A Xen that does not poison has not fenced it in any
 * other way either: the token stays zero, and dom0 destroys the domain.
 */
static int poisoned(struct import *m, int rc)
{
    static const uint8_t nobody[FH_MIG_ID_BYTES];
    bool known = m->state >= IMPORT_KEYED;
    const uint8_t *session = known ? m->hand.session : nobody;
    const uint8_t *peer = known ? m->hand.peer.instance : nobody;
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES];

    if (rc >= 0)
        return rc;
    hand_wipe(&m->hand);
    if (m->world->poison(m->world->arg, session, peer, evidence) >= 0)
        token_make(&m->token, FH_MIG_ABORT, session, evidence);
    m->have_answer = false;
    move(m, IMPORT_POISONED);
    return rc;
}

/* ---- handshake ---- */

static int begin(struct import *m)
{
    const struct mig_machine *me = m->me;

    if (!m->soft && !gcm_fast())
        return mig_fail(&m->why, FH_MIG_ERR_XEN,
                        "cpu: AES-NI, PCLMULQDQ or SSSE3 is missing: nothing "
                        "to decrypt with");
    if (!ram_open(&m->ram, me->config.map, me->config.nr_map) ||
        ram_end_block(&m->ram) > m->holed_blocks)
        return mig_fail(&m->why, FH_MIG_ERR_GUEST,
                        "memory map: none that could migrate");
    m->hand.world = m->world;
    m->hand.me = me;
    m->hand.soft = m->soft;
    return 0;
}

int import_h1(struct import *m, const struct fh_mig_side *h1,
              struct fh_mig_h2 *h2)
{
    int rc;

    if (over(m))
        return 1;
    rc = m->state == IMPORT_IDLE ? begin(m) : 0;
    if (rc == 0)
        rc = hand_dst_h1(&m->hand, m->drbg, h1, h2, &m->why);
    if (rc == 0)
        move(m, IMPORT_ANSWERED);
    return poisoned(m, rc);
}

int import_h3(struct import *m, const struct fh_mig_h3 *h3,
              struct fh_mig_finished *h4)
{
    int rc;

    if (over(m))
        return 1;
    rc = hand_dst_h3(&m->hand, h3, h4, &m->why);
    if (rc == 0)
        move(m, IMPORT_KEYED);
    return poisoned(m, rc);
}

int import_h5(struct import *m, const struct fh_mig_finished *h5)
{
    int rc;

    if (over(m))
        return 1;
    rc = hand_dst_h5(&m->hand, h5, &m->why);
    if (rc < 0)
        return poisoned(m, rc);
    totals_open(&m->totals, m->hand.nr_streams);
    m->in = (struct state_in){ .me = m->me,
                               .source = &m->hand.peer,
                               .tsc_khz = m->hand.h1.tsc_khz,
                               .context = m->context,
                               .context_room = m->context_room };
    move(m, IMPORT_IMPORT);
    return 0;
}

/* ---- the end of an epoch ---- */

static void answer(struct import *m, enum fh_mig_frame_type type,
                   const uint8_t *evidence)
{
    struct frame_kind kind = { type, m->said.epoch };
    struct fh_mig_ack a = { .epoch = m->said.epoch,
                            .frames = m->totals.frames };

    memcpy(a.digest, m->said.digest, sizeof(a.digest));
    if (evidence)
        memcpy(a.evidence, evidence, sizeof(a.evidence));
    memcpy(m->answer.text, &a, sizeof(a));
    frame_seal(&m->hand.d2s, kind, &m->answer.head, sizeof(m->answer.text));
    m->have_answer = true;
}

/* All that can still fail, before READY says that nothing can. */
static int finish(struct import *m)
{
    const struct hand_piece piece[] = {
        { m->hand.session, sizeof(m->hand.session) },
        { m->said.digest, sizeof(m->said.digest) },
    };
    const struct mig_world *w = m->world;
    uint8_t digest[FH_MIG_HASH_BYTES], evidence[FH_MIG_EVIDENCE_BYTES];
    int rc = state_in_complete(&m->in, &m->why);
    long r;

    if (rc < 0)
        return rc;
    r = w->set_params(w->arg, m->in.param);
    if (r < 0)
        return mig_fail(&m->why, FH_MIG_ERR_STATE,
                        "parameters: Xen does not take them: %ld", r);
    r = w->set_context(w->arg, m->context, m->in.context_bytes);
    if (r < 0)
        return mig_fail(&m->why, FH_MIG_ERR_STATE,
                        "state of the vcpus: Xen does not take it: %ld", r);
    hand_hash(FH_MIG_LABEL_READY, piece, 2, digest);
    rc = hand_attest(&m->hand, digest, evidence, &m->why);
    if (rc < 0)
        return rc;
    answer(m, FH_MIG_READY, evidence);
    hand_wipe(&m->hand);
    move(m, IMPORT_READY);
    return 0;
}

/* Whether every stream has brought all that EPOCH says it would. */
static bool complete(const struct import *m)
{
    return m->ending && !memcmp(m->said.last_seq, m->totals.last_seq,
                                sizeof(m->said.last_seq));
}

static int end_epoch(struct import *m)
{
    bool last = m->epoch == FH_MIG_EPOCH_LAST;
    struct fh_mig_epoch own;

    totals_epoch(&m->totals, m->epoch, m->hand.session, &own);
    if (memcmp(&own, &m->said, sizeof(own)))
        return mig_fail(&m->why, FH_MIG_ERR_EPOCH,
                        "epoch %u: what came is not what was sent: %lu of %lu "
                        "frames",
                        m->epoch, (unsigned long)own.frames,
                        (unsigned long)m->said.frames);
    if (m->epoch == 0 && m->totals.epoch_pages != m->ram.pages)
        return mig_fail(
            &m->why, FH_MIG_ERR_EPOCH, "epoch 0: %lu pages, want all %lu",
            (unsigned long)m->totals.epoch_pages, (unsigned long)m->ram.pages);
    m->ending = false;
    m->between = true;
    m->totals.epoch_pages = 0;
    memset(m->order, 0, sizeof(m->order));
    if (last)
        return finish(m);
    answer(m, FH_MIG_EPOCH_ACK, NULL);
    return 0;
}

/* ---- frames ---- */

/*
 * Which epoch a frame must be of.  Behind an EPOCH_ACK that is for its head to
 * say, which the tag covers: the next one, or the last.
 */
static uint32_t want_epoch(const struct import *m,
                           const struct fh_mig_head *head)
{
    if (!m->between)
        return m->epoch;
    return head->epoch == FH_MIG_EPOCH_LAST ? head->epoch : m->epoch + 1;
}

static int open_frame(struct import *m, uint16_t stream,
                      enum fh_mig_frame_type type, struct fh_mig_head *head,
                      uint32_t text_bytes)
{
    struct frame_kind kind = { type, want_epoch(m, head) };
    const char *bad;

    if (m->state != IMPORT_IMPORT || m->hand.check)
        return mig_fail(&m->why, FH_MIG_ERR_HANDSHAKE,
                        "frame: it came when none may");
    if (stream >= m->hand.nr_streams)
        return mig_fail(&m->why, FH_MIG_ERR_FRAME, "stream %u: there are %u",
                        stream, m->hand.nr_streams);
    bad = frame_open(&m->hand.s2d[stream], kind, head, text_bytes);
    if (bad)
        return mig_fail(&m->why, FH_MIG_ERR_FRAME, "stream %u, frame %lu: %s",
                        stream, (unsigned long)m->hand.s2d[stream].seq, bad);
    m->epoch = kind.epoch;
    m->between = false;
    return 0;
}

static int place(struct import *m, const struct unpacked *r)
{
    switch (r->type) {
    case FH_MIG_DATA4K:
        m->totals.data_pages++;
        m->totals.epoch_pages++;
        return place_data(m, r->gfn, r->bytes);
    case FH_MIG_ZERO_RUN:
        m->totals.zero_pages += r->nr;
        m->totals.epoch_pages += r->nr;
        return place_zero(m, r->gfn, r->nr);
    case FH_MIG_HOLE_RUN:
        m->totals.hole_pages += r->nr;
        m->totals.epoch_pages += r->nr;
        return place_hole(m, r->gfn, r->nr);
    default:
        return state_in_add(&m->in, r, &m->why);
    }
}

static int take_records(struct import *m, uint16_t stream,
                        const struct fh_mig_long *frame)
{
    struct unpack u = { .ram = &m->ram,
                        .order = &m->order[stream],
                        .text = frame->text,
                        .stream = stream,
                        .nr_streams = m->hand.nr_streams,
                        .last_epoch = m->epoch == FH_MIG_EPOCH_LAST };
    struct unpacked r;
    const char *why;
    int rc;

    while ((rc = unpack_next(&u, &r, &why)) > 0) {
        rc = place(m, &r);
        if (rc < 0)
            return rc;
    }
    if (rc < 0)
        return mig_fail(&m->why, FH_MIG_ERR_RECORD,
                        "stream %u, frame %lu, record %u: %s", stream,
                        (unsigned long)frame->head.seq, u.record, why);
    if (stream == 0)
        m->totals.states = m->in.nr_done;
    return 0;
}

static int take_long(struct import *m, uint16_t stream,
                     struct fh_mig_long *frame)
{
    int rc =
        open_frame(m, stream, FH_MIG_DATA, &frame->head, sizeof(frame->text));

    if (rc < 0)
        return rc;
    totals_frame(&m->totals, stream, frame->head.seq,
                 frame_tag(&frame->head, sizeof(frame->text)));
    if (m->ending && frame->head.seq > m->said.last_seq[stream])
        return mig_fail(&m->why, FH_MIG_ERR_EPOCH,
                        "stream %u, frame %lu: behind its epoch's end", stream,
                        (unsigned long)frame->head.seq);
    rc = take_records(m, stream, frame);
    if (rc == 0 && complete(m))
        rc = end_epoch(m);
    return rc;
}

int import_long(struct import *m, uint16_t stream, struct fh_mig_long *frame)
{
    if (over(m))
        return 1;
    return poisoned(m, take_long(m, stream, frame));
}

static int take_epoch(struct import *m, struct fh_mig_short *frame)
{
    int rc = open_frame(m, 0, FH_MIG_EPOCH, &frame->head, sizeof(frame->text));

    if (rc < 0)
        return rc;
    if (m->ending)
        return mig_fail(&m->why, FH_MIG_ERR_EPOCH, "epoch %u: it ends twice",
                        m->epoch);
    memcpy(&m->said, frame->text, sizeof(m->said));
    m->ending = true;
    for (uint16_t i = 0; i < FH_MIG_STREAMS_MAX; i++)
        if (m->totals.last_seq[i] > m->said.last_seq[i])
            return mig_fail(&m->why, FH_MIG_ERR_EPOCH,
                            "epoch %u: it ends before stream %u's last frame",
                            m->epoch, i);
    return complete(m) ? end_epoch(m) : 0;
}

int import_short(struct import *m, struct fh_mig_short *frame)
{
    if (over(m))
        return 1;
    return poisoned(m, take_epoch(m, frame));
}

/* ---- the end ---- */

/*
 * Another guest may fence itself for us, in this session: then START is
 * genuine, but the guest whose memory we have would run at its source, too.
 * What is compared need not be true here: Xen's commit sees to that.
 */
static bool of_source(const struct import *m, const uint8_t *evidence)
{
    const struct mig_claims *s = &m->hand.peer;
    struct mig_claims c;

    m->world->claims(m->world->arg, evidence, &c);
    return !memcmp(c.instance, s->instance, sizeof(c.instance)) &&
           !memcmp(c.guest_id, s->guest_id, sizeof(c.guest_id)) &&
           c.generation == s->generation &&
           !memcmp(c.measurement, s->measurement, sizeof(c.measurement));
}

/*
 * DONE is made before Xen lets a guest's vCPU run: from then on this memory
 * is no longer ours alone.
 */
static int commit(struct import *m, const struct fh_mig_token *t)
{
    const struct mig_world *w = m->world;
    uint8_t evidence[FH_MIG_EVIDENCE_BYTES];
    long rc;

    if (!of_source(m, t->evidence))
        return mig_fail(&m->why, FH_MIG_ERR_PEER,
                        "START: it fences another domain than the source");
    hand_wipe(&m->hand);
    rc = w->commit(w->arg, t->evidence, m->hand.session, m->hand.peer.instance,
                   m->said.digest, evidence);
    if (rc < 0)
        return mig_fail(&m->why, FH_MIG_ERR_EVIDENCE,
                        "START: Xen does not accept it: %ld", rc);
    token_make(&m->token, FH_MIG_DONE, m->hand.session, evidence);
    m->have_answer = false;
    move(m, IMPORT_DONE);
    return 0;
}

int import_token(struct import *m, const struct fh_mig_token *t)
{
    enum fh_mig_token_type type;

    if (over(m))
        return 0; /* ->token is the answer */
    if (m->state != IMPORT_READY)
        return 1;
    type = token_check(t, m->hand.session, &m->why);
    if (type == 0)
        return -(int)m->why.code;
    return type == FH_MIG_START ? commit(m, t) : 1;
}

int import_cancel(struct import *m)
{
    if (over(m))
        return 1;
    return poisoned(m, mig_fail(&m->why, FH_MIG_ERR_CANCELLED,
                                "transfer: dom0 cancelled it"));
}

int import_broken(struct import *m, enum fh_mig_error code, const char *words)
{
    if (over(m))
        return 1;
    return poisoned(m, mig_fail(&m->why, code, "%s", words));
}

int import_ask(struct import *m, bool give_up)
{
    if (over(m))
        return 0;
    if (m->state == IMPORT_READY && !give_up) {
        m->have_answer = true;
        return 0;
    }
    return import_cancel(m);
}
