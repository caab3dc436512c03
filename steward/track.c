/* SPDX-License-Identifier: MIT */
/*
 * track.c - what a running guest changes of its memory, and its vCPUs' state
 *
 * How this works: TRACK has Xen log what changes from now on, so all that the
 * guest has by then is new to the other side.  PASS takes the log: the pages
 * in it have to be sent again, and are read after they were taken, so that a
 * later change is in the log again.  FINAL is the last of these, in a guest
 * that stands still: everything that may have been written without the log
 * knowing counts, too.  Then come the vCPUs.  Xen numbers suspends, and
 * memory and vCPUs have to be of the same: dom0 can resume the guest between
 * any two instructions here.
 *
 * dom0 says when, and is told how much; what is logged, and whether the guest
 * is suspended, is Xen's word alone.  It can have the steward start over and
 * over, which costs this guest's time.
 */
#include "track.h"

#include "hyper.h"

#define RUNS 64u
#define BITMAP_BYTES 4096u
#define BITMAP_PAGES (8u * BITMAP_BYTES)
#define XEN_ENOBUFS 105
/* No guest has memory beyond: abi/memory_map.h. */
#define GFN_END ((FH_HIGH_RAM_GPA + FH_RAM_MAX) / PAGE_BYTES)
/* Further than Xen can count. */
#define ALL_GFNS (1ull << 40)

static struct xen_steward_run runs[RUNS];
static uint8_t bitmap[BITMAP_BYTES];

static void count_runs(struct track *t, uint32_t nr)
{
    for (uint32_t i = 0; i < nr; i++) {
        if (runs[i].kind != XEN_STEWARD_PAGES_ram)
            continue;
        t->ram_pages += runs[i].nr;
        t->end_gfn = runs[i].gfn + runs[i].nr;
    }
}

/* What the guest has, whatever its memory map says. */
static int look_at_memory(struct track *t, struct st_err *e)
{
    struct xen_steward_query_range q = { .nr = ALL_GFNS };

    t->ram_pages = t->end_gfn = 0;
    while (q.nr > 0) {
        long rc;

        q.runs = (uintptr_t)runs;
        q.nr_runs = RUNS;
        rc = hyper_query_range(&q);
        if (rc < 0)
            return st_fail(e, FH_ERR_XEN,
                           "memory: what is at 0x%lx: Xen says %ld",
                           (unsigned long)q.gfn, rc);
        count_runs(t, q.nr_runs);
    }
    t->end_gfn = (t->end_gfn + XEN_STEWARD_TAKE_STEP - 1) /
                 XEN_STEWARD_TAKE_STEP * XEN_STEWARD_TAKE_STEP;
    if (t->end_gfn > GFN_END)
        return st_fail(e, FH_ERR_MEMORY,
                       "memory: the guest has some up to 0x%lx, want it below "
                       "0x%lx",
                       (unsigned long)(t->end_gfn * PAGE_BYTES),
                       (unsigned long)(GFN_END * PAGE_BYTES));
    return 0;
}

static int take_all(struct track *t, struct st_err *e)
{
    struct xen_steward_take_dirty w = { .bitmap = (uintptr_t)bitmap };

    t->dirty_pages = 0;
    for (; w.gfn < t->end_gfn; w.gfn += w.nr) {
        uint64_t left = t->end_gfn - w.gfn;
        long rc;

        w.nr = (uint32_t)(left < BITMAP_PAGES ? left : BITMAP_PAGES);
        rc = hyper_take_dirty(&w);
        if (rc < 0)
            return st_fail(e, FH_ERR_XEN,
                           "dirty log: taking it at 0x%lx: Xen says %ld",
                           (unsigned long)(w.gfn * PAGE_BYTES), rc);
        t->dirty_pages += w.nr_dirty;
    }
    return 0;
}

static int want_state(const struct track *t, enum fh_transfer want,
                      struct st_err *e)
{
    if (t->state == want)
        return 0;
    return st_fail(e, FH_ERR_STATE, "transfer: it is in state %u, want %u",
                   t->state, want);
}

static int begin(struct track *t, struct st_err *e)
{
    int rc = want_state(t, FH_TRANSFER_IDLE, e);
    long xen;

    if (rc < 0)
        return rc;
    xen = hyper_log_dirty(true);
    if (xen < 0)
        return st_fail(e, FH_ERR_XEN, "dirty log: starting it: Xen says %ld",
                       xen);
    t->state = FH_TRANSFER_TRACKING;
    t->nr_passes = 0;
    t->dirty_pages = 0;
    return look_at_memory(t, e);
}

/* Pages can be plugged in anywhere, so look where they end first. */
static int pass(struct track *t, struct st_err *e)
{
    int rc = want_state(t, FH_TRANSFER_TRACKING, e);

    if (rc == 0)
        rc = look_at_memory(t, e);
    if (rc == 0)
        rc = take_all(t, e);
    if (rc == 0)
        t->nr_passes++;
    return rc;
}

/* The vCPUs' state, in pages of its own. */
static int take_context(struct track *t, struct st_err *e)
{
    struct xen_steward_context x = { .suspension = t->suspension };
    long xen = hyper_get_context(&x); /* how much it is */

    if (xen == -XEN_ENOBUFS) {
        int rc = scratch_take(&t->scratch, SCRATCH_CONTEXT, x.bytes, e);

        if (rc < 0)
            return rc;
        x.buffer = (uintptr_t)scratch_at(SCRATCH_CONTEXT);
        xen = hyper_get_context(&x);
    }
    if (xen < 0)
        return st_fail(e, FH_ERR_XEN,
                       "vCPUs: taking %u bytes of state: Xen says %ld", x.bytes,
                       xen);
    t->context_bytes = x.bytes;
    return 0;
}

static int finish(struct track *t, struct st_err *e)
{
    int rc = want_state(t, FH_TRANSFER_TRACKING, e);
    long xen;

    if (rc < 0)
        return rc;
    t->suspension = hyper_suspended();
    if (t->suspension == 0)
        return st_fail(e, FH_ERR_STATE, "guest: it runs, want it suspended");
    xen = hyper_mark_mapped(t->suspension);
    if (xen < 0)
        return st_fail(e, FH_ERR_XEN,
                       "dirty log: what others have mapped: Xen says %ld", xen);
    rc = pass(t, e);
    if (rc == 0)
        rc = take_context(t, e);
    if (rc == 0)
        t->state = FH_TRANSFER_FINAL;
    return rc;
}

/* Nothing may be left of the vCPUs' state in pages that go back. */
static void forget(struct track *t)
{
    scratch_drop(&t->scratch);
    hyper_log_dirty(false);
    *t = (struct track){ .nr_passes = t->nr_passes };
}

static int carry_out(struct track *t, uint32_t op, struct st_err *e)
{
    switch (op) {
    case FH_OP_TRACK:
        return begin(t, e);
    case FH_OP_PASS:
        return pass(t, e);
    case FH_OP_FINAL:
        return finish(t, e);
    default:
        forget(t);
        return 0;
    }
}

int track_obey(struct track *t, uint32_t op, struct st_err *e)
{
    int rc = carry_out(t, op, e);

    /* A command that came at the wrong time does no harm; a failure does. */
    if (rc < 0 && e->code != FH_ERR_STATE)
        forget(t);
    return rc;
}

int track_watch(struct track *t, struct st_err *e)
{
    if (t->state != FH_TRANSFER_FINAL || hyper_suspended() == t->suspension)
        return 0;
    forget(t);
    return st_fail(e, FH_ERR_STATE, "guest: it runs again");
}
