/* SPDX-License-Identifier: MIT */
/*
 * xenworld.c - what a migration asks of Xen and of memory, by hypercalls
 */
#include "xenworld.h"

#include <errno.h>
#include <string.h>

#include "hyper.h"
#include "machine.h"
#include "pages.h"

_Static_assert(FH_MOVE_SLOW_MAX == XEN_STEWARD_SLOW_MAX, "slow");

#define RUNS 64u
/* Further than Xen can count. */
#define ALL_GFNS (1ull << 40)

static struct xen_steward_run runs[RUNS];

/* ---- evidence ---- */

static long world_attest(void *arg, const uint8_t digest[FH_MIG_HASH_BYTES],
                         uint8_t *evidence)
{
    struct xen_steward_attest a = { .evidence = (uintptr_t)evidence,
                                    .evidence_bytes = FH_MIG_EVIDENCE_BYTES };

    (void)arg;
    memcpy(a.report_data, digest, sizeof(a.report_data));
    return hyper_attest(&a);
}

static long world_verify(void *arg, const uint8_t *evidence,
                         const uint8_t digest[FH_MIG_HASH_BYTES],
                         struct mig_claims *out)
{
    struct xen_steward_verify v = { .evidence = (uintptr_t)evidence,
                                    .evidence_bytes = FH_MIG_EVIDENCE_BYTES };
    long rc;

    (void)arg;
    memcpy(v.report_data, digest, sizeof(v.report_data));
    rc = hyper_verify(&v);
    machine_claims(&v.claims, out);
    return rc;
}

static void world_claims(void *arg, const uint8_t *evidence,
                         struct mig_claims *out)
{
    struct xen_steward_claims c;

    (void)arg;
    memcpy(&c, evidence, sizeof(c));
    machine_claims(&c, out);
}

static long step(uint32_t which, struct xen_steward_step *s,
                 const uint8_t *given, uint8_t *made)
{
    s->given = (uintptr_t)given;
    s->given_bytes = given ? FH_MIG_EVIDENCE_BYTES : 0;
    s->made = (uintptr_t)made;
    s->made_bytes = made ? FH_MIG_EVIDENCE_BYTES : 0;
    return hyper_step(which, s);
}

static long world_fence(void *arg, const struct mig_fence *f, uint8_t *evidence)
{
    struct xen_steward_step s = { .suspension = f->suspension };

    (void)arg;
    memcpy(s.session, f->session, sizeof(s.session));
    memcpy(s.peer, f->peer, sizeof(s.peer));
    memcpy(s.digest, f->digest, sizeof(s.digest));
    return step(XEN_STEWARD_fence, &s, NULL, evidence);
}

static long world_poison(void *arg, const uint8_t *session, const uint8_t *peer,
                         uint8_t *evidence)
{
    struct xen_steward_step s = { 0 };

    (void)arg;
    memcpy(s.session, session, sizeof(s.session));
    memcpy(s.peer, peer, sizeof(s.peer));
    return step(XEN_STEWARD_poison, &s, NULL, evidence);
}

static long world_commit(void *arg, const uint8_t *fenced,
                         const uint8_t *session, const uint8_t *peer,
                         const uint8_t *digest, uint8_t *evidence)
{
    struct xen_steward_step s = { 0 };

    (void)arg;
    memcpy(s.session, session, sizeof(s.session));
    memcpy(s.peer, peer, sizeof(s.peer));
    memcpy(s.digest, digest, sizeof(s.digest));
    return step(XEN_STEWARD_commit, &s, fenced, evidence);
}

static long world_unfence(void *arg, const uint8_t *poisoned)
{
    struct xen_steward_step s = { 0 };

    (void)arg;
    return step(XEN_STEWARD_unfence, &s, poisoned, NULL);
}

static long world_retire(void *arg, const uint8_t *committed)
{
    struct xen_steward_step s = { 0 };

    (void)arg;
    return step(XEN_STEWARD_retire, &s, committed, NULL);
}

/* ---- memory ---- */

static uint8_t *world_block(void *arg, uint64_t block)
{
    (void)arg;
    return pages_block(block);
}

/* The next runs; *q goes on behind them. */
static long next_runs(struct xen_steward_query_range *q)
{
    q->runs = (uintptr_t)runs;
    q->nr_runs = RUNS;
    return hyper_query_range(q);
}

static long world_present(void *arg, uint64_t block, uint64_t present[8])
{
    uint64_t first = block * RAM_BLOCK_PAGES;
    struct xen_steward_query_range q = { .gfn = first, .nr = RAM_BLOCK_PAGES };

    (void)arg;
    memset(present, 0, RAM_BLOCK_WORDS * sizeof(*present));
    while (q.nr > 0) {
        long rc = next_runs(&q);

        if (rc < 0)
            return rc;
        for (uint32_t i = 0; i < q.nr_runs; i++) {
            uint64_t at = runs[i].gfn - first, end = at + runs[i].nr;

            if (runs[i].kind != XEN_STEWARD_PAGES_ram)
                continue;
            for (; at < end; at++)
                present[at / 64] |= 1ull << (at % 64);
        }
    }
    return 0;
}

/* Of a run, what the memory map does not have. */
static uint64_t outside(const struct ram *r, const struct xen_steward_run *run)
{
    uint64_t nr = run->nr;

    for (uint32_t i = 0; i < r->nr; i++) {
        const struct ram_range *g = &r->range[i];
        uint64_t from = g->first > run->gfn ? g->first : run->gfn;
        uint64_t to = g->end;

        if (to > run->gfn + run->nr)
            to = run->gfn + run->nr;
        if (from < to)
            nr -= to - from;
    }
    return nr;
}

static long world_stray(void *arg)
{
    const struct mig_machine *me = ((struct xenworld *)arg)->me;
    struct xen_steward_query_range q = { .nr = ALL_GFNS };
    struct ram ram;
    uint64_t nr = 0;

    if (!ram_open(&ram, me->config.map, me->config.nr_map))
        return -EINVAL;
    while (q.nr > 0) {
        long rc = next_runs(&q);

        if (rc < 0)
            return rc;
        for (uint32_t i = 0; i < q.nr_runs; i++)
            if (runs[i].kind == XEN_STEWARD_PAGES_ram)
                nr += outside(&ram, &runs[i]);
    }
    return (long)nr;
}

static long world_populate(void *arg, uint64_t gfn, uint32_t nr)
{
    struct st_err e;

    (void)arg;
    return pages_populate(gfn, nr, &e) < 0 ? -ENOMEM : 0;
}

static long world_give_back(void *arg, uint64_t gfn, uint32_t nr)
{
    (void)arg;
    return pages_depopulate(gfn, nr);
}

/* ---- what changes ---- */

static long world_log(void *arg, bool on)
{
    (void)arg;
    return hyper_log_dirty(on);
}

static long world_take_dirty(void *arg, uint64_t block, uint64_t nr_blocks,
                             uint64_t *bitmap)
{
    uint64_t gfn = block * RAM_BLOCK_PAGES;
    uint64_t end = gfn + nr_blocks * RAM_BLOCK_PAGES;

    (void)arg;
    while (gfn < end) {
        uint64_t left = end - gfn;
        struct xen_steward_take_dirty t = {
            .gfn = gfn,
            .bitmap = (uintptr_t)bitmap,
            .nr = left > 1u << 30 ? 1u << 30 : (uint32_t)left,
        };
        long rc = hyper_take_dirty(&t);

        if (rc < 0)
            return rc;
        gfn += t.nr;
        bitmap += t.nr / 64;
    }
    return 0;
}

static uint32_t world_suspended(void *arg)
{
    (void)arg;
    return hyper_suspended();
}

static long world_mark_mapped(void *arg, uint32_t suspension)
{
    (void)arg;
    return hyper_mark_mapped(suspension);
}

static long world_slow(void *arg, uint32_t percent)
{
    (void)arg;
    return hyper_slow(percent);
}

/* ---- vCPUs ---- */

/* Only now it is known how much it is. */
static long world_get_context(void *arg, uint32_t suspension, void *out,
                              uint32_t *bytes)
{
    struct xenworld *x = arg;
    struct xen_steward_context c = { .suspension = suspension };
    long rc = hyper_get_context(&c);
    struct st_err e;

    if (rc != -ENOBUFS)
        return rc < 0 ? rc : -EINVAL;
    if (c.bytes > *bytes)
        return -ENOBUFS;
    if (scratch_take(x->scratch, SCRATCH_CONTEXT, c.bytes, &e) < 0)
        return -ENOMEM;
    c.buffer = (uintptr_t)out;
    rc = hyper_get_context(&c);
    *bytes = c.bytes;
    return rc;
}

static long world_set_context(void *arg, const void *p, uint32_t bytes)
{
    struct xen_steward_context c = { .buffer = (uintptr_t)p, .bytes = bytes };

    (void)arg;
    return hyper_set_context(&c);
}

static long world_get_params(void *arg, struct fh_mig_param *out)
{
    const struct mig_machine *me = ((struct xenworld *)arg)->me;

    memcpy(out, me->param, sizeof(me->param));
    return hyper_get_param(out[0].index, &out[0].value);
}

static long world_set_params(void *arg, const struct fh_mig_param *p)
{
    (void)arg;
    return hyper_set_param(p[0].index, p[0].value);
}

void xenworld_open(struct xenworld *x, const struct mig_machine *me,
                   struct scratch *scratch)
{
    *x = (struct xenworld){
        .world = { .arg = x,
                   .attest = world_attest,
                   .verify = world_verify,
                   .claims = world_claims,
                   .fence = world_fence,
                   .poison = world_poison,
                   .commit = world_commit,
                   .unfence = world_unfence,
                   .retire = world_retire,
                   .block = world_block,
                   .present = world_present,
                   .stray = world_stray,
                   .log = world_log,
                   .take_dirty = world_take_dirty,
                   .suspended = world_suspended,
                   .mark_mapped = world_mark_mapped,
                   .slow = world_slow,
                   .get_context = world_get_context,
                   .get_params = world_get_params,
                   .populate = world_populate,
                   .give_back = world_give_back,
                   .set_params = world_set_params,
                   .set_context = world_set_context },
        .me = me,
        .scratch = scratch,
    };
}
