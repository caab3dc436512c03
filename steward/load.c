/* SPDX-License-Identifier: MIT */
/*
 * load.c - have dom0 fill guest memory, batch by batch, and measure it
 *
 * How this works: batch n uses window n % FH_WINDOWS.  Both windows are asked
 * for at once; whenever the oldest batch is filled, its grants are taken
 * back, its window is asked for again, and only then is it hashed, while dom0
 * fills the others.  Order is what makes the measurement true: no byte is
 * hashed while dom0 could still change it, and none is used unhashed.
 *
 *   batch:   not asked ──want──▶ asked ──done──▶ taken back ──▶ measured
 *   cursor:              asked ▲         taken ▲
 */
#include "load.h"

#include <string.h>

#include "hyper.h"
#include "pages.h"

struct batch { /* one in flight, kept here: nothing is read back */
    struct gpa to;
    uint32_t len_bytes;
    uint32_t nr_refs, first_ref, seq;
};

struct run {
    const struct load_range *range;
    uint64_t asked_bytes, taken_bytes; /* from the range's start */
    unsigned next_ask, next_take;      /* batches so far */
    struct batch batch[FH_WINDOWS];
};

static void ask(struct load *l, struct run *r)
{
    unsigned window = r->next_ask++ % FH_WINDOWS;
    struct batch *b = &r->batch[window];
    uint64_t room = (uint64_t)grant_window_refs(l->grant) * PAGE_BYTES;
    uint64_t left = r->range->len_bytes - r->asked_bytes;

    *b = (struct batch){
        .to = gpa(r->range->to.v + r->asked_bytes),
        .len_bytes = (uint32_t)(left < room ? left : room),
        .first_ref = grant_window_ref(l->grant, window),
    };
    b->nr_refs = (uint32_t)(page_round_up(b->len_bytes) / PAGE_BYTES);
    if (++l->seq == 0) /* 0 says "none yet" */
        l->seq = 1;
    b->seq = l->seq;
    for (uint32_t i = 0; i < b->nr_refs; i++)
        grant_give(l->grant, b->first_ref + i, b->to.v / PAGE_BYTES + i);
    control_want(l->control, window,
                 &(struct fh_batch){
                     .seq = b->seq,
                     .blob = r->range->blob,
                     .off_bytes = r->range->off_bytes + r->asked_bytes,
                     .len_bytes = b->len_bytes,
                     .nr_refs = b->nr_refs,
                     .first_ref = b->first_ref,
                 });
    r->asked_bytes += b->len_bytes;
}

static int wait_filled(struct load *l, unsigned window, uint32_t seq,
                       struct st_err *e)
{
    for (;;) {
        int rc;

        if (control_aborted(l->control))
            return st_fail(
                e, FH_ERR_PROTOCOL, "dom0 gave up after %lu of %lu bytes",
                (unsigned long)l->loaded_bytes, (unsigned long)l->total_bytes);
        rc = control_done(l->control, window, seq, e);
        if (rc != 0)
            return rc < 0 ? rc : 0;
        hyper_wait();
    }
}

static int take_back(struct load *l, const struct batch *b, struct st_err *e)
{
    for (uint32_t i = 0; i < b->nr_refs; i++) {
        int rc = grant_take(l->grant, b->first_ref + i, e);

        if (rc < 0)
            return rc;
    }
    return 0;
}

/* Hash a batch that is ours again, and clear what dom0 put behind its end. */
static void measure_batch(struct load *l, const struct batch *b)
{
    uint8_t *bytes = pages_at(b->to);

    memset(bytes + b->len_bytes, 0,
           (size_t)b->nr_refs * PAGE_BYTES - b->len_bytes);
    measure_bytes(l->measure, bytes, b->len_bytes);
    l->loaded_bytes += b->len_bytes;
    control_progress(l->control, l->loaded_bytes, l->total_bytes);
}

int load_range(struct load *l, const struct load_range *range, struct st_err *e)
{
    struct run r = { .range = range };

    while (r.taken_bytes < range->len_bytes) {
        unsigned window = r.next_take % FH_WINDOWS;
        struct batch b;
        int rc;

        while (r.next_ask - r.next_take < FH_WINDOWS &&
               r.asked_bytes < range->len_bytes)
            ask(l, &r);
        b = r.batch[window];
        rc = wait_filled(l, window, b.seq, e);
        if (rc == 0)
            rc = take_back(l, &b, e);
        if (rc < 0)
            return rc;
        r.next_take++;
        r.taken_bytes += b.len_bytes;
        if (r.asked_bytes < range->len_bytes)
            ask(l, &r);
        measure_batch(l, &b);
    }
    return 0;
}
