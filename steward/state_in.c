/* SPDX-License-Identifier: MIT */
/*
 * state_in.c - what a guest is beside its memory, as the destination takes it
 */
#include "state_in.h"

#include <string.h>

static int bad(const struct unpacked *r, struct st_err *e, const char *what)
{
    return mig_fail(e, FH_MIG_ERR_STATE, "state %u: %s", r->state, what);
}

/* Parts and ids come in order; nothing is left out, or comes again. */
static int check_place(struct state_in *s, const struct unpacked *r,
                       struct st_err *e)
{
    if (s->part == 0) {
        if (r->state != s->nr_done + 1 || r->state >= FH_MIG_STATES)
            return bad(r, e, "missing, doubled, unknown or out of order");
        if (r->nr_parts == 0)
            return bad(r, e, "of no parts");
        s->id = r->state;
        s->nr_parts = r->nr_parts;
        s->off = 0;
    }
    if (r->state != s->id || r->part != s->part || r->nr_parts != s->nr_parts)
        return bad(r, e, "its parts are not in order");
    if (r->part + 1 < r->nr_parts && r->len_bytes != FH_MIG_STATE_BYTES)
        return bad(r, e, "a part before the last is short");
    return 0;
}

static int take_context(struct state_in *s, const struct unpacked *r,
                        struct st_err *e)
{
    if (r->len_bytes > s->context_room - s->off)
        return bad(r, e, "larger than any context of this domain");
    memcpy(s->context + s->off, r->bytes, r->len_bytes);
    return 0;
}

/* The next len_bytes of something that this side has, too. */
static int take_same(struct state_in *s, const struct unpacked *r,
                     const void *ours, uint32_t our_bytes, struct st_err *e)
{
    if (r->len_bytes > our_bytes - s->off ||
        memcmp((const uint8_t *)ours + s->off, r->bytes, r->len_bytes))
        return bad(r, e, "not as on this side");
    if (r->part + 1 == r->nr_parts && s->off + r->len_bytes != our_bytes)
        return bad(r, e, "shorter than on this side");
    return 0;
}

static int take_whole(const struct unpacked *r, void *out, uint32_t bytes,
                      struct st_err *e)
{
    if (r->nr_parts != 1 || r->len_bytes != bytes)
        return bad(r, e, "of the wrong size");
    memcpy(out, r->bytes, bytes);
    return 0;
}

static int take_tsc(struct state_in *s, const struct unpacked *r,
                    struct st_err *e)
{
    struct fh_mig_tsc tsc;
    int rc = take_whole(r, &tsc, sizeof(tsc), e);

    if (rc < 0)
        return rc;
    if (tsc.mode != s->me->tsc.mode || tsc.khz != s->tsc_khz || tsc.zero)
        return bad(r, e, "time stamp counter: another mode or frequency");
    return 0;
}

static int take_params(struct state_in *s, const struct unpacked *r,
                       struct st_err *e)
{
    int rc = take_whole(r, s->param, sizeof(s->param), e);

    if (rc < 0)
        return rc;
    for (unsigned i = 0; i < FH_MIG_PARAMS; i++) {
        const struct fh_mig_param *own = &s->me->param[i];

        if (s->param[i].index != own->index || s->param[i].zero)
            return bad(r, e, "parameters: another list");
        if (i > 0 && s->param[i].value != own->value) /* dom0 chose it */
            return bad(r, e, "parameters: not as on this side");
    }
    return 0;
}

static int take_guest(struct state_in *s, const struct unpacked *r,
                      struct st_err *e)
{
    struct fh_mig_guest g;
    int rc = take_whole(r, &g, sizeof(g), e);

    if (rc < 0)
        return rc;
    if (memcmp(g.guest_id, s->source->guest_id, sizeof(g.guest_id)) ||
        g.generation != s->source->generation || g.zero)
        return bad(r, e, "another guest than the evidence's");
    return 0;
}

static int take_launch(struct state_in *s, const struct unpacked *r,
                       struct st_err *e)
{
    struct fh_mig_launch l;
    int rc = take_whole(r, &l, sizeof(l), e);

    if (rc < 0)
        return rc;
    if (memcmp(l.measurement, s->source->measurement, sizeof(l.measurement)))
        return bad(r, e, "another measurement than the evidence's");
    if (memcmp(&l.config, &s->me->config, sizeof(l.config)))
        return bad(r, e, "another configuration than this side's");
    return 0;
}

static int take(struct state_in *s, const struct unpacked *r, struct st_err *e)
{
    const struct mig_machine *me = s->me;

    switch (r->state) {
    case FH_MIG_STATE_CONTEXT:
        return take_context(s, r, e);
    case FH_MIG_STATE_TSC:
        return take_tsc(s, r, e);
    case FH_MIG_STATE_POLICY:
        return take_same(s, r, me->policy, me->policy_bytes, e);
    case FH_MIG_STATE_PARAMS:
        return take_params(s, r, e);
    case FH_MIG_STATE_MAP:
        return take_same(s, r, me->config.map, sizeof(me->config.map), e);
    case FH_MIG_STATE_GUEST:
        return take_guest(s, r, e);
    default:
        return take_launch(s, r, e);
    }
}

int state_in_add(struct state_in *s, const struct unpacked *r, struct st_err *e)
{
    int rc = check_place(s, r, e);

    if (rc == 0)
        rc = take(s, r, e);
    if (rc < 0)
        return rc;
    s->off += r->len_bytes;
    if (s->id == FH_MIG_STATE_CONTEXT)
        s->context_bytes = s->off;
    s->part++;
    if (s->part == s->nr_parts) {
        s->part = 0;
        s->nr_done = s->id;
    }
    return 0;
}

int state_in_complete(const struct state_in *s, struct st_err *e)
{
    if (s->nr_done != FH_MIG_STATES - 1 || s->part != 0)
        return mig_fail(e, FH_MIG_ERR_STATE, "state: %u of %u came", s->nr_done,
                        FH_MIG_STATES - 1u);
    return 0;
}
