/* SPDX-License-Identifier: MIT */
/*
 * fake_steward.c - a Xen, a guest's memory and a dom0 for the steward
 */
#include "tests/fakes/fake_steward.h"

#include <assert.h>
#include <setjmp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "steward/fault.h"
#include "steward/hyper.h"
#include "steward/pages.h"

void steward_main(void);

struct fake_steward fake;

static struct {
    jmp_buf end;
    uint8_t *shared; /* console, xenstore, control */
    uint8_t *context;
    uint32_t done[FH_WINDOWS];
} world;

static void *map_zeroes(uint64_t bytes)
{
    void *p = mmap(NULL, bytes, PROT_READ | PROT_WRITE,
                   MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);

    if (p == MAP_FAILED)
        abort();
    return p;
}

void fake_reset(void)
{
    const uint32_t nr_shared = 3;

    if (!world.shared) {
        fake.ram = map_zeroes(FAKE_RAM_BYTES);
        world.shared = map_zeroes(nr_shared * PAGE_BYTES);
        world.context = map_zeroes(LAYOUT_CONTEXT_BYTES_MAX);
        fake.grants = map_zeroes(FAKE_GRANT_FRAMES * PAGE_BYTES);
    }
    fake = (struct fake_steward){ .ram = fake.ram, .grants = fake.grants };
    madvise(fake.ram, FAKE_RAM_BYTES, MADV_DONTNEED);
    memset(world.shared, 0, nr_shared * PAGE_BYTES);
    memset(fake.grants, 0, FAKE_GRANT_FRAMES * PAGE_BYTES);
    memset(world.done, 0, sizeof(world.done));
    fake.control = (void *)(world.shared + 2 * PAGE_BYTES);
    fake.info = (struct xen_steward_info){
        .abi = XEN_STEWARD_ABI,
        .nr_vcpus = 3,
        .state = XEN_STEWARD_STATE_launching,
        .visible_grant_frames = FAKE_GRANT_FRAMES,
        .max_grant_frames = FAKE_GRANT_FRAMES + 1,
        .region_pages = 32,
        .max_pages = FAKE_RAM_BYTES / PAGE_BYTES + 64,
    };
    fake.offer.ram_bytes = FAKE_RAM_BYTES;
}

void fake_blob(enum fh_blob blob, const void *bytes, uint64_t len_bytes)
{
    fake.blob[blob] = bytes;
    fake.offer.len_bytes[blob] = len_bytes;
}

enum fake_end fake_launch(void)
{
    int end = setjmp(world.end);

    if (end == 0)
        steward_main();
    return (enum fake_end)(end - 1);
}

static void end(enum fake_end how) __attribute__((noreturn));
static void end(enum fake_end how)
{
    longjmp(world.end, (int)how + 1);
}

unsigned fake_live_grants(void)
{
    unsigned nr = 0;

    for (uint32_t i = 0;
         i < FAKE_GRANT_FRAMES * PAGE_BYTES / sizeof(*fake.grants); i++)
        nr += fake.grants[i].flags != 0;
    return nr;
}

/* As GNTTABOP_copy would: by the grants, which must be there. */
static void fill(const struct fh_batch *b)
{
    const uint8_t *from = fake.blob[b->blob] + b->off_bytes;
    uint32_t left = b->len_bytes;

    assert(b->blob < FH_BLOBS && b->nr_refs > 0 &&
           b->nr_refs <= FH_BATCH_PAGES);
    assert(b->off_bytes % PAGE_BYTES == 0 &&
           b->off_bytes + left <= fake.offer.len_bytes[b->blob]);
    for (uint32_t i = 0; i < b->nr_refs; i++) {
        const struct grant_entry_v1 *g = &fake.grants[b->first_ref + i];
        uint32_t bytes = left < PAGE_BYTES ? left : PAGE_BYTES;
        uint8_t *to = pages_at(gpa((uint64_t)g->frame * PAGE_BYTES));

        assert(g->flags == GTF_permit_access && g->domid == 0 && bytes > 0);
        memset(to, 0xee, PAGE_BYTES); /* a last page's rest is dom0's */
        memcpy(to, from, bytes);
        from += bytes;
        left -= bytes;
    }
    assert(left == 0);
}

static bool serve_windows(void)
{
    bool served = false;

    for (unsigned w = 0; w < FH_WINDOWS; w++) {
        struct fh_batch b = fake.control->steward.want[w];

        if (b.seq == world.done[w])
            continue;
        fill(&b);
        world.done[w] = b.seq;
        fake.control->dom0.done[w] = b.seq;
        fake.nr_batches++;
        served = true;
        if (fake.tamper)
            fake.tamper(&fake, &b, w);
    }
    return served;
}

static bool act(void)
{
    struct fh_dom0_half *own = &fake.control->dom0;

    switch (fake.control->steward.state) {
    case FH_STATE_READY:
        if (own->offer.introduced || own->offer.aborted)
            return false;
        own->offer = fake.offer;
        own->offer.introduced = 1;
        if (fake.tamper)
            fake.tamper(&fake, NULL, 0);
        return true;
    case FH_STATE_LOADING:
        return !fake.mute && serve_windows();
    case FH_STATE_STARTING:
        if (fake.never_notes || own->noted)
            return false;
        assert(!fake.started);
        own->noted = 1;
        return true;
    default:
        return false;
    }
}

void hyper_wait(void)
{
    if (fake.control->steward.state == FH_STATE_FAILED)
        end(FAKE_FAILED);
    if (fake.control->steward.state == FH_STATE_RUNNING ||
        fake.control->steward.state == FH_STATE_RECEIVING) {
        if (fake.while_running && fake.while_running(&fake))
            return;
        end(FAKE_RUNNING);
    }
    if (!act())
        end(FAKE_STUCK);
}

bool hyper_init(void)
{
    return true;
}

long hyper_info(struct xen_steward_info *out)
{
    *out = fake.info;
    return 0;
}

long hyper_set_role(uint32_t role, const uint8_t measurement[32])
{
    fake.nr_roles++;
    fake.role = role;
    memcpy(fake.measurement, measurement, sizeof(fake.measurement));
    return 0;
}

void hyper_notify(void)
{
    fake.nr_notify++;
}

long hyper_map_grant_frame(uint32_t frame, uint64_t gfn)
{
    assert(frame < fake.info.visible_grant_frames);
    assert(gfn == LAYOUT_GRANT_GPA / PAGE_BYTES + frame);
    fake.live_frames++;
    return 0;
}

long hyper_remove(uint64_t gfn)
{
    assert(gfn >= LAYOUT_GRANT_GPA / PAGE_BYTES && fake.live_frames > 0);
    fake.live_frames--;
    return 0;
}

long hyper_vcpu_start(uint32_t vcpu, struct vcpu_hvm_context *ctx)
{
    assert(vcpu == 0 && fake.nr_roles == 1);
    fake.context = *ctx;
    fake.started = true;
    return 0;
}

void hyper_crash(void)
{
    end(FAKE_CRASHED);
}

void fault_init(struct control *c)
{
    (void)c;
}

void pages_protect(void)
{
}

void *pages_at(struct gpa at)
{
    if (at.v >= LAYOUT_GRANT_GPA &&
        at.v < LAYOUT_GRANT_GPA + FAKE_GRANT_FRAMES * PAGE_BYTES)
        return (uint8_t *)fake.grants + (at.v - LAYOUT_GRANT_GPA);
    if (at.v >= LAYOUT_CONTEXT_GPA &&
        at.v < LAYOUT_CONTEXT_GPA + LAYOUT_CONTEXT_BYTES_MAX) {
        assert(at.v < LAYOUT_CONTEXT_GPA + fake.nr_private * PAGE_BYTES);
        return world.context + (at.v - LAYOUT_CONTEXT_GPA);
    }
    if (at.v >= XEN_STEWARD_SHARED_GPA)
        return world.shared + (at.v - XEN_STEWARD_SHARED_GPA);
    assert(at.v < FAKE_RAM_BYTES);
    return fake.ram + at.v;
}

void pages_clear(struct gpa at, uint64_t bytes)
{
    memset(pages_at(at), 0, bytes);
}

int pages_populate_shared(struct st_err *e)
{
    (void)e;
    return 0;
}

int pages_populate(uint64_t gfn, uint64_t nr, struct st_err *e)
{
    assert(gfn == LAYOUT_CONTEXT_GPA / PAGE_BYTES && fake.nr_private == 0);
    if (fake.no_memory)
        return st_fail(e, FH_ERR_POPULATE, "memory: none");
    fake.nr_private = (unsigned)nr;
    return 0;
}

/* What was in them has to be gone by now. */
long pages_depopulate(uint64_t gfn, uint64_t nr)
{
    assert(gfn == LAYOUT_CONTEXT_GPA / PAGE_BYTES && nr == fake.nr_private);
    fake.context_clear = true;
    for (uint64_t i = 0; i < nr * PAGE_BYTES; i++)
        fake.context_clear &= world.context[i] == 0;
    fake.nr_private = 0;
    return 0;
}

static bool refused(void)
{
    return fake.refuse_at && --fake.refuse_at == 0;
}

uint32_t hyper_suspended(void)
{
    return fake.suspension;
}

long hyper_log_dirty(bool enable)
{
    if (enable && refused())
        return -16;
    fake.logs = enable;
    fake.nr_wrote = 0;
    return 0;
}

long hyper_mark_mapped(uint32_t suspension)
{
    if (refused() || suspension == 0 || suspension != fake.suspension)
        return -11;
    for (uint32_t i = 0; i < fake.nr_mapped; i++)
        fake.wrote[fake.nr_wrote++] = fake.mapped[i];
    return 0;
}

/* As Xen: the log of these pages is empty afterwards, and each counts once. */
long hyper_take_dirty(struct xen_steward_take_dirty *t)
{
    uint8_t *bits = (uint8_t *)(uintptr_t)t->bitmap;
    uint32_t kept = 0;

    if (refused() || !fake.logs)
        return -22;
    assert(t->gfn % XEN_STEWARD_TAKE_STEP == 0 && t->nr > 0);
    assert(t->nr % XEN_STEWARD_TAKE_STEP == 0 && t->pad == 0);
    if (fake.step && t->nr > fake.step)
        t->nr = fake.step;
    memset(bits, 0, t->nr / 8);
    t->nr_dirty = 0;
    for (uint32_t i = 0; i < fake.nr_wrote; i++) {
        uint64_t bit = fake.wrote[i] - t->gfn;

        if (fake.wrote[i] < t->gfn || bit >= t->nr) {
            fake.wrote[kept++] = fake.wrote[i];
            continue;
        }
        t->nr_dirty += !(bits[bit / 8] & 1u << bit % 8);
        bits[bit / 8] |= (uint8_t)(1u << bit % 8);
    }
    fake.nr_wrote = kept;
    return 0;
}

long hyper_query_range(struct xen_steward_query_range *q)
{
    struct xen_steward_run *out = (void *)(uintptr_t)q->runs;
    uint64_t end = q->gfn + q->nr;

    if (refused())
        return -22;
    assert(q->nr > 0 && q->nr_runs > 0);
    for (uint32_t i = 0; i < fake.nr_has; i++) {
        if (fake.has[i].gfn < q->gfn)
            continue;
        *out = fake.has[i]; /* one at a time */
        q->gfn = out->gfn + out->nr;
        q->nr = end - q->gfn;
        q->nr_runs = 1;
        return 0;
    }
    *out = (struct xen_steward_run){ .gfn = q->gfn, .nr = q->nr };
    q->gfn = end;
    q->nr = 0;
    q->nr_runs = 1;
    return 0;
}

long hyper_get_context(struct xen_steward_context *c)
{
    if (refused() || c->suspension == 0 || c->suspension != fake.suspension)
        return -11;
    if (c->bytes < fake.context_bytes) {
        c->bytes = fake.context_bytes;
        return -105;
    }
    c->bytes = fake.context_bytes;
    memset((void *)(uintptr_t)c->buffer, 0xcc, c->bytes);
    return 0;
}

/* This Xen has no evidence and copies nothing: no guest leaves it. */
long hyper_set_context(struct xen_steward_context *c)
{
    (void)c;
    return -38;
}

long hyper_get_platform(struct xen_steward_platform *p)
{
    p->nr_leaves = p->nr_msrs = 0;
    return 0;
}

long hyper_slow(uint32_t percent)
{
    (void)percent;
    return -38;
}

long hyper_attest(struct xen_steward_attest *a)
{
    (void)a;
    return -2;
}

long hyper_verify(struct xen_steward_verify *v)
{
    (void)v;
    return -2;
}

long hyper_step(uint32_t step, struct xen_steward_step *s)
{
    (void)step, (void)s;
    return -2;
}

long hyper_get_param(uint32_t index, uint64_t *value)
{
    (void)index, (void)value;
    return -38;
}

long hyper_set_param(uint32_t index, uint64_t value)
{
    (void)index, (void)value;
    return -38;
}

long hyper_grant_copy(struct gnttab_copy *copy, uint32_t nr)
{
    (void)copy, (void)nr;
    return -38;
}

uint8_t *pages_block(uint64_t block)
{
    return pages_at(gpa(block * 512 * PAGE_BYTES));
}

int pages_populate_ram(const struct offer *o, struct st_err *e)
{
    if (fake.no_memory)
        return st_fail(e, FH_ERR_POPULATE, "memory: none");
    assert(o->ram_bytes <= FAKE_RAM_BYTES);
    fake.populated = true;
    return 0;
}
