/* SPDX-License-Identifier: MIT */
/*
 * control.c - the control page, from the steward's side
 *
 *   NONE ──▶ READY ──▶ LOADING ──▶ STARTING ──▶ RUNNING
 *              └─────▶ RECEIVING ─────────────────▲
 *   and from each of these to FAILED
 *
 * dom0 may write anything into done[] at any time.  The steward looks only at
 * the window it waits for, and takes what it finds for one of three:
 *
 *   the seq of the batch in this window     filled: 1
 *   the answer accepted in it before (0)    not yet: 0
 *   anything else                           FH_ERR_PROTOCOL, final
 *
 * An answer given before dom0 filled the pages is no danger: the pages are
 * taken back and measured as they are.  One written before the steward asked,
 * and right by luck, is the same case.  One that is late, repeated or written
 * into a window nobody waits for is not looked at, until the window is in use
 * again; then the rules above apply to it.
 */
#include "control.h"

#include "hyper.h"
#include "pages.h"

#define BIT(n) (1u << (n))

static const uint8_t next_states[] = {
    [FH_STATE_NONE] = BIT(FH_STATE_READY) | BIT(FH_STATE_FAILED),
    [FH_STATE_READY] =
        BIT(FH_STATE_LOADING) | BIT(FH_STATE_RECEIVING) | BIT(FH_STATE_FAILED),
    [FH_STATE_LOADING] = BIT(FH_STATE_STARTING) | BIT(FH_STATE_FAILED),
    [FH_STATE_STARTING] = BIT(FH_STATE_RUNNING) | BIT(FH_STATE_FAILED),
    [FH_STATE_RUNNING] = BIT(FH_STATE_FAILED),
    [FH_STATE_FAILED] = 0,
    [FH_STATE_RECEIVING] = BIT(FH_STATE_RUNNING) | BIT(FH_STATE_FAILED),
};
_Static_assert(sizeof(next_states) == FH_STATES, "next_states");

/* Stores and loads on x86 are ordered; this orders the compiler. */
static void barrier(void)
{
    __asm__ volatile("" ::: "memory");
}

void control_open(struct control *c, const uint8_t guest_id[16])
{
    volatile struct fh_steward_half *own;

    c->page = pages_at(gpa((uint64_t)XEN_STEWARD_CONTROL_GFN * PAGE_BYTES));
    own = &c->page->steward;
    own->abi_version = FH_ABI_VERSION;
    for (unsigned i = 0; i < sizeof(own->guest_id); i++)
        own->guest_id[i] = guest_id[i];
    own->magic = FH_CONTROL_MAGIC;
}

void control_move(struct control *c, enum fh_state to)
{
    if (!(next_states[c->state] & BIT(to)))
        __builtin_trap();
    c->state = to;
    barrier();
    c->page->steward.state = to;
    hyper_notify();
}

void control_fail(struct control *c, const struct st_err *e)
{
    volatile struct fh_steward_half *own = &c->page->steward;

    for (unsigned i = 0; i < sizeof(own->text); i++)
        own->text[i] = e->text[i];
    own->error = e->code;
    control_move(c, FH_STATE_FAILED);
}

void control_progress(struct control *c, uint64_t loaded_bytes,
                      uint64_t total_bytes)
{
    c->page->steward.total_bytes = total_bytes;
    c->page->steward.loaded_bytes = loaded_bytes;
}

void control_guest(struct control *c, const uint8_t guest_id[16],
                   const uint8_t measurement[32])
{
    for (unsigned i = 0; i < 16; i++)
        c->page->steward.guest_id[i] = guest_id[i];
    control_measurement(c, measurement);
}

void control_measurement(struct control *c, const uint8_t m[32])
{
    for (unsigned i = 0; i < 32; i++)
        c->page->steward.measurement[i] = m[i];
}

void control_want(struct control *c, unsigned window, const struct fh_batch *b)
{
    volatile struct fh_batch *want = &c->page->steward.want[window];

    want->blob = b->blob;
    want->off_bytes = b->off_bytes;
    want->len_bytes = b->len_bytes;
    want->nr_refs = b->nr_refs;
    want->first_ref = b->first_ref;
    barrier();
    want->seq = b->seq;
    hyper_notify();
}

bool control_introduced(const struct control *c)
{
    return c->page->dom0.offer.introduced != 0;
}

bool control_aborted(const struct control *c)
{
    return c->page->dom0.offer.aborted != 0;
}

bool control_noted(const struct control *c)
{
    return c->page->dom0.noted != 0;
}

void control_fetch_offer(const struct control *c, struct fh_offer *out)
{
    const volatile struct fh_offer *o = &c->page->dom0.offer;

    barrier(); /* introduced was read before; the rest is read now */
    out->flags = o->flags;
    out->pad = o->pad;
    out->ram_bytes = o->ram_bytes;
    for (unsigned i = 0; i < FH_BLOBS; i++)
        out->len_bytes[i] = o->len_bytes[i];
    out->introduced = 1;
    out->aborted = 0;
}

struct fh_command control_fetch_command(const struct control *c)
{
    const volatile struct fh_command *w = &c->page->dom0.command;
    struct fh_command out = { .seq = w->seq };

    barrier(); /* seq was written last */
    out.op = w->op;
    return out;
}

void control_answer(struct control *c, const struct fh_answer *a)
{
    volatile struct fh_answer *own = &c->page->steward.answer;

    own->error = a->error;
    own->transfer = a->transfer;
    own->nr_passes = a->nr_passes;
    own->ram_pages = a->ram_pages;
    own->dirty_pages = a->dirty_pages;
    own->context_bytes = a->context_bytes;
    for (unsigned i = 0; i < sizeof(own->text); i++)
        own->text[i] = a->text[i];
    barrier();
    own->seq = a->seq;
    hyper_notify();
}

int control_done(struct control *c, unsigned window, uint32_t seq,
                 struct st_err *e)
{
    uint32_t done = c->page->dom0.done[window];

    if (done == seq) {
        c->answered[window] = done;
        return 1;
    }
    if (done == c->answered[window])
        return 0;
    return st_fail(e, FH_ERR_PROTOCOL,
                   "window %u: dom0 answers batch %u, want %u or, if that is "
                   "not filled yet, %u",
                   window, done, seq, c->answered[window]);
}
