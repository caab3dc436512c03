/* SPDX-License-Identifier: MIT */
/*
 * fake_hosts.c - two hosts' Xens, for two whole stewards in one process
 */
#include "tests/fakes/fake_hosts.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/hvm/params.h>

#include "steward/hyper.h"
#include "steward/pages.h"

#define PRIVATE_GFN (XEN_STEWARD_PRIVATE_GPA / PAGE_BYTES)
#define FIRST_REF 1000u
#define STRAY_GFN 0x300000u
#define NR_LEAVES 30u
#define NR_MSRS 3u

static struct fake_host *now;

static void *map(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        abort();
    return p;
}

void fake_host_open(struct fake_host *h, enum fake_mig_state state,
                    uint32_t low_blocks, uint32_t high_blocks, uint32_t seed)
{
    memset(h, 0, sizeof(*h));
    fake_mig_open(&h->mig, state, low_blocks, high_blocks, seed);
    h->mig.me.param[0].index = HVM_PARAM_CALLBACK_IRQ;
    h->page = map(PAGE_BYTES);
    h->slots = map(FAKE_HOST_SLOTS * FH_SLOT_PAGES * PAGE_BYTES);
    h->private = map(FAKE_HOST_PRIVATE_PAGES * PAGE_BYTES);
    for (uint32_t i = 0; i < FH_MOVE_SLOTS; i++)
        for (uint32_t k = 0; k < FH_SLOT_PAGES; k++)
            h->ref[i][k] = FIRST_REF + i * FH_SLOT_PAGES + k;
}

void fake_host_close(struct fake_host *h)
{
    fake_mig_close(&h->mig);
    munmap(h->page, PAGE_BYTES);
    munmap(h->slots, FAKE_HOST_SLOTS * FH_SLOT_PAGES * PAGE_BYTES);
    munmap(h->private, FAKE_HOST_PRIVATE_PAGES * PAGE_BYTES);
}

void fake_host_enter(struct fake_host *h)
{
    now = h;
}

static bool refused(void)
{
    return now->calls_left && --now->calls_left == 0 && ++now->calls_left;
}

/* ---- pages ---- */

static bool is_private(uint64_t gfn)
{
    return gfn >= PRIVATE_GFN && gfn < PRIVATE_GFN + FAKE_HOST_PRIVATE_PAGES;
}

void *pages_at(struct gpa at)
{
    if (at.v == (uint64_t)XEN_STEWARD_CONTROL_GFN * PAGE_BYTES)
        return now->page;
    assert(is_private(at.v / PAGE_BYTES));
    return now->private + (at.v - XEN_STEWARD_PRIVATE_GPA);
}

void pages_clear(struct gpa at, uint64_t bytes)
{
    memset(pages_at(at), 0, bytes);
}

uint8_t *pages_block(uint64_t block)
{
    return now->mig.world.block(&now->mig, block);
}

int pages_populate(uint64_t gfn, uint64_t nr, struct st_err *e)
{
    if (now->no_memory || refused())
        return st_fail(e, FH_ERR_POPULATE, "memory: none");
    if (!is_private(gfn))
        return now->mig.world.populate(&now->mig, gfn, (uint32_t)nr) < 0
                   ? st_fail(e, FH_ERR_POPULATE, "memory: none")
                   : 0;
    for (uint64_t i = gfn - PRIVATE_GFN; nr > 0; i++, nr--) {
        assert(!now->has[i]);
        now->has[i] = 1;
        now->nr_private++;
    }
    return 0;
}

long pages_depopulate(uint64_t gfn, uint64_t nr)
{
    if (!is_private(gfn))
        return now->mig.world.give_back(&now->mig, gfn, (uint32_t)nr);
    for (uint64_t i = gfn - PRIVATE_GFN; nr > 0; i++, nr--) {
        assert(now->has[i]);
        now->dirty_pages |=
            !mig_is_zero(now->private + i * PAGE_BYTES, PAGE_BYTES);
        now->has[i] = 0;
        now->nr_private--;
    }
    return 0;
}

/* ---- what the guest has ---- */

/* Where the kind of what is at gfn may change next. */
static uint64_t region_end(uint64_t gfn)
{
    const struct fake_mig *f = &now->mig;
    const uint64_t edge[] = { f->nr_blocks * RAM_BLOCK_PAGES,
                              f->high_block * RAM_BLOCK_PAGES,
                              (f->high_block + f->nr_high) * RAM_BLOCK_PAGES,
                              STRAY_GFN, STRAY_GFN + (uint64_t)f->stray };

    for (unsigned i = 0; i < sizeof(edge) / sizeof(*edge); i++)
        if (gfn < edge[i])
            return edge[i];
    return UINT64_MAX;
}

/* The map's; the rest is all alike up to region_end(). */
static bool is_mapped(uint64_t gfn)
{
    const struct fake_mig *f = &now->mig;
    uint64_t block = gfn / RAM_BLOCK_PAGES;

    return block < f->nr_blocks ||
           (block >= f->high_block && block < f->high_block + f->nr_high);
}

static uint32_t kind_at(uint64_t gfn)
{
    bool is_ram =
        is_mapped(gfn)
            ? fake_mig_page(&now->mig, gfn) != NULL
            : gfn >= STRAY_GFN && gfn < STRAY_GFN + (uint64_t)now->mig.stray;

    return is_ram ? XEN_STEWARD_PAGES_ram : XEN_STEWARD_PAGES_hole;
}

static struct xen_steward_run run_at(uint64_t gfn, uint64_t end)
{
    struct xen_steward_run r = { .gfn = gfn, .kind = kind_at(gfn) };
    uint64_t to = region_end(gfn);

    if (to > end)
        to = end;
    for (gfn = is_mapped(gfn) ? gfn : to; gfn < to; gfn++)
        if (kind_at(gfn) != r.kind)
            break;
    r.nr = gfn - r.gfn;
    return r;
}

long hyper_query_range(struct xen_steward_query_range *q)
{
    struct xen_steward_run *out = (void *)(uintptr_t)q->runs;
    uint64_t end = q->gfn + q->nr;
    uint32_t n = 0;

    if (refused())
        return -EINVAL;
    assert(q->nr > 0 && q->nr_runs > 0 && q->pad == 0);
    for (; n < q->nr_runs && q->gfn < end; n++) {
        out[n] = run_at(q->gfn, end);
        q->gfn += out[n].nr;
    }
    q->nr = end - q->gfn;
    q->nr_runs = n;
    return 0;
}

uint32_t hyper_suspended(void)
{
    return now->mig.suspension;
}

long hyper_log_dirty(bool enable)
{
    return enable && refused() ? -EBUSY : now->mig.world.log(&now->mig, enable);
}

long hyper_take_dirty(struct xen_steward_take_dirty *t)
{
    if (refused())
        return -EINVAL;
    assert(t->gfn % RAM_BLOCK_PAGES == 0 && t->nr % RAM_BLOCK_PAGES == 0);
    assert(t->nr > 0 && t->pad == 0);
    if (t->nr > 2 * RAM_BLOCK_PAGES)
        t->nr = 2 * RAM_BLOCK_PAGES; /* less than it was asked for */
    return now->mig.world.take_dirty(&now->mig, t->gfn / RAM_BLOCK_PAGES,
                                     t->nr / RAM_BLOCK_PAGES,
                                     (uint64_t *)(uintptr_t)t->bitmap);
}

long hyper_mark_mapped(uint32_t suspension)
{
    return refused() ? -EINVAL
                     : now->mig.world.mark_mapped(&now->mig, suspension);
}

long hyper_slow(uint32_t percent)
{
    return refused() ? -EINVAL : now->mig.world.slow(&now->mig, percent);
}

/* ---- vCPUs and what dom0 chose ---- */

long hyper_get_context(struct xen_steward_context *c)
{
    if (refused())
        return -EINVAL;
    if (c->bytes < now->mig.context_bytes) {
        c->bytes = now->mig.context_bytes;
        return -ENOBUFS;
    }
    return now->mig.world.get_context(&now->mig, c->suspension,
                                      (void *)(uintptr_t)c->buffer, &c->bytes);
}

long hyper_set_context(struct xen_steward_context *c)
{
    assert(c->suspension == 0);
    return refused() ? -EINVAL
                     : now->mig.world.set_context(
                           &now->mig, (void *)(uintptr_t)c->buffer, c->bytes);
}

long hyper_get_platform(struct xen_steward_platform *p)
{
    if (refused())
        return -EINVAL;
    assert(p->nr_leaves >= NR_LEAVES && p->nr_msrs >= NR_MSRS);
    p->nr_leaves = NR_LEAVES;
    p->nr_msrs = NR_MSRS;
    memcpy((void *)(uintptr_t)p->leaves, now->mig.policy, NR_LEAVES * 24);
    memcpy((void *)(uintptr_t)p->msrs, now->mig.policy + 10000, NR_MSRS * 16);
    p->tsc_mode = now->mig.me.tsc.mode;
    p->tsc_khz = now->mig.me.tsc.khz;
    p->timer_mode = 1;
    p->triple_fault_reason = 3;
    p->x87_fip_width = 8;
    return 0;
}

long hyper_get_param(uint32_t index, uint64_t *value)
{
    assert(index == HVM_PARAM_CALLBACK_IRQ);
    *value = now->mig.callback;
    return refused() ? -EINVAL : 0;
}

long hyper_set_param(uint32_t index, uint64_t value)
{
    assert(index == HVM_PARAM_CALLBACK_IRQ);
    if (refused())
        return -EINVAL;
    now->mig.callback = value;
    return 0;
}

/* ---- evidence ---- */

long hyper_attest(struct xen_steward_attest *a)
{
    if (a->pad || a->evidence_bytes < FH_MIG_EVIDENCE_BYTES)
        return -EINVAL;
    a->evidence_bytes = FH_MIG_EVIDENCE_BYTES;
    return refused() ? -ENOENT
                     : now->mig.world.attest(&now->mig, a->report_data,
                                             (void *)(uintptr_t)a->evidence);
}

long hyper_verify(struct xen_steward_verify *v)
{
    const struct xen_steward_evidence *e = (void *)(uintptr_t)v->evidence;
    struct mig_claims c;
    long rc;

    if (v->pad || v->evidence_bytes != FH_MIG_EVIDENCE_BYTES)
        return -EINVAL;
    rc = now->mig.world.verify(&now->mig, (const uint8_t *)e, v->report_data,
                               &c);
    if (rc == 0)
        v->claims = e->claims;
    return rc;
}

static bool is_zero(const struct xen_steward_step *s)
{
    return mig_is_zero(s->session,
                       sizeof(*s) - offsetof(struct xen_steward_step, session));
}

long hyper_step(uint32_t step, struct xen_steward_step *s)
{
    const struct mig_world *w = &now->mig.world;
    uint8_t *given = (void *)(uintptr_t)s->given;
    uint8_t *made = (void *)(uintptr_t)s->made;
    struct mig_fence f = { .suspension = s->suspension };

    if (s->pad || (step != XEN_STEWARD_fence && s->suspension))
        return -EINVAL;
    switch (step) {
    case XEN_STEWARD_fence:
        memcpy(f.session, s->session, sizeof(f.session));
        memcpy(f.peer, s->peer, sizeof(f.peer));
        memcpy(f.digest, s->digest, sizeof(f.digest));
        return given ? -EINVAL : w->fence(&now->mig, &f, made);
    case XEN_STEWARD_commit:
        return w->commit(&now->mig, given, s->session, s->peer, s->digest,
                         made);
    case XEN_STEWARD_poison:
        return given ? -EINVAL
                     : w->poison(&now->mig, s->session, s->peer, made);
    case XEN_STEWARD_unfence:
        return made || !is_zero(s) ? -EINVAL : w->unfence(&now->mig, given);
    case XEN_STEWARD_retire:
        return made || !is_zero(s) ? -EINVAL : w->retire(&now->mig, given);
    default:
        return -ENOSYS;
    }
}

/* ---- the doorbell and dom0's buffers ---- */

void hyper_notify(void)
{
    const struct fh_steward_half *s = &now->page->steward;

    now->nr_rings++;
    if (s->move.state == FH_MOVE_READY)
        now->rang_nameless |=
            mig_is_zero(s->guest_id, sizeof(s->guest_id)) ||
            mig_is_zero(s->measurement, sizeof(s->measurement));
}

/* A page of a slot; NULL: no such grant. */
static uint8_t *granted(uint32_t ref)
{
    uint32_t i = ref - FIRST_REF;

    if (now->revoked || i >= FAKE_HOST_SLOTS * FH_SLOT_PAGES)
        return NULL;
    return now->slots + (size_t)i * PAGE_BYTES;
}

static uint8_t *own(uint64_t gmfn)
{
    if (!is_private(gmfn) || !now->has[gmfn - PRIVATE_GFN])
        return NULL;
    return now->private + (gmfn - PRIVATE_GFN) * PAGE_BYTES;
}

static int16_t copy_one(const struct gnttab_copy *c)
{
    bool out = c->flags == GNTCOPY_dest_gref;
    const struct gnttab_copy_ptr *mine = out ? &c->source : &c->dest;
    const struct gnttab_copy_ptr *dom0 = out ? &c->dest : &c->source;
    uint8_t *page = own(mine->u.gmfn), *slot = granted(dom0->u.ref);

    now->odd_copy |= !page || mine->domid != DOMID_SELF || dom0->domid != 0 ||
                     c->source.offset || c->dest.offset || c->len == 0 ||
                     c->len > PAGE_BYTES ||
                     (!out && c->flags != GNTCOPY_source_gref);
    if (!slot || now->odd_copy)
        return GNTST_bad_gntref;
    memcpy(out ? slot : page, out ? page : slot, c->len);
    return GNTST_okay;
}

long hyper_grant_copy(struct gnttab_copy *copy, uint32_t nr)
{
    long rc = 0;

    for (uint32_t i = 0; i < nr; i++) {
        copy[i].status = copy_one(&copy[i]);
        if (rc == 0)
            rc = copy[i].status;
    }
    return rc;
}
