/* SPDX-License-Identifier: MIT */
/*
 * load.c - feed a guest's steward: the far side of steward/load.c
 *
 * How this works: load_step() is the only reader of the steward's half.  It
 * never waits, so a steward that does nothing costs nothing; the caller's
 * timer ends it.  One call fills at most one batch per window, however fast
 * the steward asks again: that is its budget.
 */
#include "toolstack/supervisor/load.h"

#include <assert.h>
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/shm.h"

_Static_assert(FH_BATCH_PAGES <= GNT_COPY_PAGES_MAX, "a batch is one copy");

static const uint8_t load_next[] = {
    [LOAD_WAIT] =
        BIT(LOAD_OFFER) | BIT(LOAD_RECEIVED) | BIT(LOAD_DONE) | BIT(LOAD_DEAD),
    [LOAD_OFFER] = BIT(LOAD_LOADING) | BIT(LOAD_DEAD),
    [LOAD_LOADING] = BIT(LOAD_MEASURED) | BIT(LOAD_RECEIVED) | BIT(LOAD_DEAD),
    [LOAD_MEASURED] = BIT(LOAD_STARTING) | BIT(LOAD_DEAD),
    [LOAD_STARTING] = BIT(LOAD_DONE) | BIT(LOAD_DEAD),
    [LOAD_RECEIVED] = BIT(LOAD_DONE) | BIT(LOAD_DEAD),
    [LOAD_DONE] = 0,
    [LOAD_DEAD] = 0,
};
_Static_assert(ARRAY_SIZE(load_next) == LOAD_STATES, "load_next");

static const char *const load_name[] = {
    [LOAD_WAIT] = "wait",         [LOAD_OFFER] = "offer",
    [LOAD_LOADING] = "loading",   [LOAD_MEASURED] = "measured",
    [LOAD_STARTING] = "starting", [LOAD_RECEIVED] = "received",
    [LOAD_DONE] = "done",         [LOAD_DEAD] = "dead",
};
_Static_assert(ARRAY_SIZE(load_name) == LOAD_STATES, "load_name");

/* The only writer of l->state. */
static void load_move(struct load *l, enum load_state to, const char *why)
{
    assert(load_next[l->state] & BIT(to));
    log_debug("domain %u: load: %s -> %s: %s", l->domid, load_name[l->state],
              load_name[to], why);
    l->state = to;
}

static uint64_t now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static struct fh_control *control(const struct load *l)
{
    return l->page.va;
}

/* What the operator can do about it, as far as we know. */
static const char *remedy(uint32_t error)
{
    switch (error) {
    case FH_ERR_KERNEL:
        return "; kernel= wants a Linux bzImage or a PVH ELF file";
    case FH_ERR_MEMORY:
        return "; raise memory= or use a smaller ramdisk";
    case FH_ERR_POPULATE:
        return "; stop another guest or shrink dom0";
    default:
        return "";
    }
}

/* The steward's last words, once; hostile bytes are fail()'s business. */
static int steward_failed(struct load *l, struct err *e)
{
    static const char *const kind[] = {
        [FH_ERR_NONE] = "no reason",    [FH_ERR_OFFER] = "offer",
        [FH_ERR_CMDLINE] = "cmdline",   [FH_ERR_KERNEL] = "kernel",
        [FH_ERR_MEMORY] = "memory",     [FH_ERR_POPULATE] = "host memory",
        [FH_ERR_PROTOCOL] = "protocol", [FH_ERR_GRANT] = "grant",
        [FH_ERR_XEN] = "hypercall",     [FH_ERR_FAULT] = "fault",
        [FH_ERR_STATE] = "state",
    };
    char text[sizeof(control(l)->steward.text)];
    uint32_t error = shm_u32(&control(l)->steward.error);

    _Static_assert(ARRAY_SIZE(kind) == FH_ERRORS, "kind");
    shm_fetch(text, control(l)->steward.text, sizeof(text));
    text[sizeof(text) - 1] = 0;
    for (char *c = text; *c; c++)
        if ((unsigned char)*c > 0x7e) /* a steward speaks ASCII */
            *c = '?';
    if (!text[0])
        return fail(e, -ECANCELED, "steward: it gave up, without a word: %s",
                    error < FH_ERRORS ? kind[error] : "unknown error");
    return fail(e, -ECANCELED, "steward: %s%s", text, remedy(error));
}

/* The page is there once the steward has rung; READY means that it is good. */
static int greet(struct load *l, uint32_t state, struct err *e)
{
    uint32_t magic = shm_u32(&control(l)->steward.magic);
    uint32_t version = shm_u32(&control(l)->steward.abi_version);

    if (state != FH_STATE_READY)
        return fail(e, -EPROTO, "steward: state: got %u before READY", state);
    if (magic != FH_CONTROL_MAGIC)
        return fail(e, -EPROTO, "steward: magic: got %#x, want %#x", magic,
                    FH_CONTROL_MAGIC);
    if (version != FH_ABI_VERSION)
        return fail(e, -EPROTO, "steward: ABI version: got %u, want %u",
                    version, FH_ABI_VERSION);
    load_move(l, LOAD_OFFER, "the steward is ready");
    return 0;
}

struct batch { /* checked */
    uint32_t seq, first_ref;
    const void *from;
    uint32_t len_bytes;
};

static int check_batch(const struct load *l, const struct fh_batch *w,
                       struct batch *out, struct err *e)
{
    const struct blob *b;

    if (w->blob >= FH_BLOBS)
        return fail(e, -EPROTO, "steward: batch: got blob %u, want 0..%u",
                    w->blob, FH_BLOBS - 1);
    b = &l->blob[w->blob];
    if (w->nr_refs == 0 || w->nr_refs > FH_BATCH_PAGES)
        return fail(e, -EPROTO, "steward: batch: got %u pages, want 1..%u",
                    w->nr_refs, FH_BATCH_PAGES);
    if (pages_of(w->len_bytes) != w->nr_refs)
        return fail(e, -EPROTO, "steward: batch: got %u bytes in %u pages",
                    w->len_bytes, w->nr_refs);
    if (w->off_bytes % PAGE_BYTES ||
        !range_inside(w->off_bytes, w->len_bytes, b->len_bytes))
        return fail(e, -EPROTO,
                    "steward: batch: got bytes %llu + %u, want whole pages "
                    "within %llu",
                    (unsigned long long)w->off_bytes, w->len_bytes,
                    (unsigned long long)b->len_bytes);
    if (w->first_ref <= XEN_STEWARD_CONTROL_REF ||
        w->first_ref > UINT32_MAX - w->nr_refs)
        return fail(e, -EPROTO, "steward: batch: got grants from %u on",
                    w->first_ref);
    *out = (struct batch){
        .seq = w->seq,
        .first_ref = w->first_ref,
        .from = (const char *)b->va + w->off_bytes,
        .len_bytes = w->len_bytes,
    };
    return 0;
}

/* Returns 1 after a batch was filled, 0 when nothing new is wanted. */
static int fill_window(struct load *l, uint32_t window, struct err *e)
{
    struct fh_control *c = control(l);
    uint32_t seq = shm_u32(&c->steward.want[window].seq);
    struct fh_batch wire;
    struct batch batch = { 0 };
    int rc;

    if (seq == l->done[window] || seq == 0)
        return 0;
    shm_rmb(); /* seq is written last, so it is read first */
    shm_fetch(&wire, &c->steward.want[window], sizeof(wire));
    wire.seq = seq;
    rc = check_batch(l, &wire, &batch, e);
    if (rc < 0)
        return rc;
    rc = gnt_fill(l->gnt, l->domid, batch.first_ref, batch.from,
                  batch.len_bytes, e);
    if (rc < 0)
        return rc;
    l->done[window] = batch.seq;
    l->loaded_bytes += batch.len_bytes;
    shm_wmb(); /* the bytes, then the word that they are there */
    shm_set_u32(&c->dom0.done[window], batch.seq);
    return 1;
}

static int fill_windows(struct load *l, struct err *e)
{
    int filled = 0;

    for (uint32_t w = 0; w < FH_WINDOWS; w++) {
        int rc = fill_window(l, w, e);

        if (rc < 0)
            return rc;
        filled |= rc;
    }
    return filled;
}

static void take_identity(struct load *l)
{
    shm_fetch(l->identity.measurement, control(l)->steward.measurement,
              sizeof(l->identity.measurement));
    shm_fetch(l->identity.guest_id, control(l)->steward.guest_id,
              sizeof(l->identity.guest_id));
}

static int serve(struct load *l, uint32_t state, struct err *e)
{
    bool receives = l->flags & FH_OFFER_RECEIVE;

    if (receives && state == FH_STATE_RECEIVING) {
        load_move(l, LOAD_RECEIVED, "its memory is there");
        return 0;
    }
    if (receives && state == FH_STATE_LOADING)
        return 0; /* there is nothing to load */
    switch (state) {
    case FH_STATE_READY: /* has not seen the offer yet */
        return 0;
    case FH_STATE_LOADING:
        return fill_windows(l, e);
    case FH_STATE_STARTING:
        if (receives)
            break;
        l->start_us = now_us();
        take_identity(l);
        load_move(l, LOAD_MEASURED, "the steward measured it");
        return 0;
    default:
        break;
    }
    return fail(e, -EPROTO, "steward: state: got %u while loading", state);
}

static int watch_start(struct load *l, uint32_t state, struct err *e)
{
    if (state == FH_STATE_STARTING)
        return 0;
    if (state != FH_STATE_RUNNING)
        return fail(e, -EPROTO, "steward: state: got %u while starting", state);
    load_move(l, LOAD_DONE, "the guest runs");
    return 0;
}

static int step(struct load *l, struct err *e)
{
    uint32_t state;
    int rc;

    if (!l->page.va) {
        rc = gnt_map(l->gnt, l->domid, XEN_STEWARD_CONTROL_REF, &l->page, e);
        if (rc == -ENOENT && l->state == LOAD_WAIT)
            return 0; /* binding the doorbell rings it once */
        if (rc < 0)
            return rc;
    }
    state = shm_u32(&control(l)->steward.state);
    shm_rmb(); /* state is written after what it announces */
    l->steward_state = state;
    if (state == FH_STATE_FAILED)
        return steward_failed(l, e);
    if (l->state == LOAD_WAIT)
        return state == FH_STATE_NONE ? 0 : greet(l, state, e);
    if (l->state == LOAD_LOADING)
        return serve(l, state, e);
    return l->state == LOAD_STARTING ? watch_start(l, state, e) : 0;
}

int load_step(struct load *l, struct err *e)
{
    int rc;

    if (l->state == LOAD_DONE || l->state == LOAD_DEAD)
        return 0; /* whatever the page says now */
    rc = step(l, e);
    if (rc < 0)
        load_move(l, LOAD_DEAD, e ? e->text : "failed");
    return rc;
}

void load_offer(struct load *l)
{
    struct fh_offer offer = { .flags = l->flags, .ram_bytes = l->ram_bytes };
    struct fh_offer *out = &control(l)->dom0.offer;

    for (uint32_t i = 0; i < FH_BLOBS; i++)
        offer.len_bytes[i] = l->blob[i].len_bytes;
    shm_put(out, &offer, sizeof(offer));
    shm_wmb();
    shm_set_u32(&out->introduced, 1);
    l->loading_us = now_us();
    load_move(l, LOAD_LOADING, "offered");
}

void load_noted(struct load *l)
{
    shm_set_u32(&control(l)->dom0.noted, 1);
    load_move(l, LOAD_STARTING, "its measurement is taken down");
}

void load_abort(struct load *l)
{
    if (l->page.va)
        shm_set_u32(&control(l)->dom0.offer.aborted, 1);
    if (l->state < LOAD_DONE)
        load_move(l, LOAD_DEAD, "aborted");
}

void load_adopt(struct load *l)
{
    l->steward_state = FH_STATE_RUNNING;
    load_move(l, LOAD_DONE, "it runs already");
}

void load_adopt_receiving(struct load *l)
{
    l->steward_state = FH_STATE_RECEIVING;
    load_move(l, LOAD_RECEIVED, "it was offered already");
}

void load_identify(struct load *l)
{
    if (l->state == LOAD_RECEIVED && l->page.va) {
        take_identity(l);
        l->identified = true;
    }
}

void load_came(struct load *l)
{
    l->start_us = now_us();
    l->steward_state = FH_STATE_RUNNING;
    if (!l->identified) /* it is the guest's to write by now: its own loss */
        take_identity(l);
    load_move(l, LOAD_DONE, "it came");
}

void load_release_blobs(struct load *l)
{
    for (uint32_t i = 0; i < FH_BLOBS; i++)
        blob_close(&l->blob[i]);
}

void load_close(struct load *l)
{
    load_release_blobs(l);
    if (l->gnt)
        gnt_unmap(l->gnt, &l->page);
    *l = (struct load){ 0 };
}
