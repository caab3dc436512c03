/* SPDX-License-Identifier: MIT */
/*
 * fake_guest.c - a guest's steward, as far as dom0 can see it
 *
 * It asks for one batch of at most BATCH_PAGES per window, both in flight,
 * and keeps what it got, so that a test can compare it with the files.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

#define PAGE 4096u
#define BATCH_PAGES 4u
#define FIRST_REF 8u

struct fh_control *fake_control(struct fake_domain *d)
{
    return (struct fh_control *)d->page[XEN_STEWARD_CONTROL_REF];
}

void fake_steward_launch(struct fake_domain *d)
{
    d->launched = true;
    if (fake.act == FAKE_STEWARD_SILENT)
        return;
    if (fake.act == FAKE_STEWARD_CRASHES) {
        d->shutdown = true;
        d->reason = 3;
        return; /* not introduced: xenstored tells nobody */
    }
    for (uint32_t i = 0; i < FAKE_PAGES; i++) {
        d->page[i] = aligned_alloc(PAGE, PAGE);
        memset(d->page[i], 0, PAGE);
        d->granted[i] = true;
    }
    fake_control(d)->steward.magic = FH_CONTROL_MAGIC;
    fake_control(d)->steward.abi_version = FH_ABI_VERSION;
    fake_control(d)->steward.state = FH_STATE_READY;
    fake_ring(d->domid, XEN_STEWARD_DOORBELL_PORT);
}

/* Buffers are whole pages, so that a fill of the last one stays inside. */
static void take_offer(struct fake_domain *d)
{
    d->offer = fake_control(d)->dom0.offer;
    for (uint32_t i = 0; i < FH_BLOBS; i++) {
        d->loaded_bytes[i] = d->offer.len_bytes[i];
        d->loaded[i] = fake_calloc(d->offer.len_bytes[i] / PAGE + 2, PAGE);
    }
    fake_control(d)->steward.state = FH_STATE_LOADING;
}

void *fake_load_page(struct fake_domain *d, uint32_t ref)
{
    for (uint32_t w = 0; w < FH_WINDOWS; w++) {
        uint32_t first = d->batch[w].first_ref;

        if (d->batch[w].seq && ref >= first &&
            ref < first + d->batch[w].nr_refs)
            return d->loaded[d->batch[w].blob] + d->batch[w].off_bytes +
                   (uint64_t)(ref - first) * PAGE;
    }
    return NULL;
}

static void next_batch(struct fake_domain *d, uint32_t w)
{
    uint64_t left;

    while (d->blob < FH_BLOBS && d->asked_bytes >= d->loaded_bytes[d->blob]) {
        d->blob++;
        d->asked_bytes = 0;
    }
    d->batch[w].seq = 0;
    if (d->blob == FH_BLOBS)
        return;
    left = d->loaded_bytes[d->blob] - d->asked_bytes;
    if (left > BATCH_PAGES * PAGE)
        left = BATCH_PAGES * PAGE;
    d->batch[w].seq = ++d->seq;
    d->batch[w].blob = d->blob;
    d->batch[w].off_bytes = d->asked_bytes;
    d->batch[w].len_bytes = (uint32_t)left;
    d->batch[w].nr_refs = (d->batch[w].len_bytes + PAGE - 1) / PAGE;
    d->batch[w].first_ref = FIRST_REF + w * BATCH_PAGES;
    d->asked_bytes += left;
}

static void ask(struct fake_domain *d, uint32_t w)
{
    struct fh_batch *want = &fake_control(d)->steward.want[w];

    next_batch(d, w);
    if (d->batch[w].seq == 0)
        return;
    *want = (struct fh_batch){
        .seq = d->batch[w].seq,
        .blob = d->batch[w].blob,
        .off_bytes = d->batch[w].off_bytes,
        .len_bytes = d->batch[w].len_bytes,
        .nr_refs = d->batch[w].nr_refs,
        .first_ref = d->batch[w].first_ref,
    };
    if (fake.act == FAKE_STEWARD_LIES) {
        *want = fake.bad_want;
        want->seq = d->batch[w].seq;
    }
}

static void serve(struct fake_domain *d)
{
    bool busy = false;

    for (uint32_t w = 0; w < FH_WINDOWS; w++) {
        if (d->batch[w].seq == 0 ||
            fake_control(d)->dom0.done[w] == d->batch[w].seq)
            ask(d, w);
        busy |= d->batch[w].seq != 0;
    }
    if (busy)
        return;
    memset(fake_control(d)->steward.measurement, 0x5a, 32);
    fake_control(d)->steward.state = FH_STATE_STARTING;
}

/* The kernel runs, and says of itself what it likes. */
static void start(struct fake_domain *d)
{
    memset(fake_control(d)->steward.measurement, 0xbd, 32);
    fake_control(d)->steward.state = FH_STATE_RUNNING;
}

/* A migration's end that dom0 may ask for. */
static void give_up(struct fh_control *c, uint32_t op)
{
    struct fh_move_steward *m = &c->steward.move;

    if (op != FH_OP_CANCEL)
        return;
    if (m->state >= FH_MOVE_HELLO && m->state <= FH_MOVE_AGREED)
        m->state = FH_MOVE_CANCELLED;
    else if (c->steward.state == FH_STATE_RECEIVING && m->state != FH_MOVE_DONE)
        m->state = FH_MOVE_POISONED;
}

/* As steward/track.c, with figures of its own. */
static bool command(struct fake_domain *d)
{
    struct fh_command w = fake_control(d)->dom0.command;
    struct fh_answer a = { .seq = w.seq, .ram_pages = 16384 };

    if (w.seq == d->command_seq)
        return false;
    d->command_seq = w.seq;
    give_up(fake_control(d), w.op);
    a.transfer = w.op == FH_OP_CANCEL  ? FH_TRANSFER_IDLE
                 : w.op == FH_OP_FINAL ? FH_TRANSFER_FINAL
                                       : FH_TRANSFER_TRACKING;
    a.dirty_pages = 100 + w.op;
    if (w.op == FH_OP_FINAL && !d->shutdown) {
        a.error = FH_ERR_STATE;
        a.transfer = FH_TRANSFER_TRACKING;
        strcpy(a.text, "guest: it runs\n\xff");
    }
    fake_control(d)->steward.answer = a;
    return true;
}

void fake_steward_ring(struct fake_domain *d)
{
    struct fh_control *c = fake_control(d);

    if (!c || c->dom0.offer.aborted || !c->dom0.offer.introduced)
        return;
    if (fake.act == FAKE_STEWARD_REFUSES) {
        strcpy(c->steward.text, "neither a bzImage nor ELF");
        c->steward.error = FH_ERR_KERNEL;
        c->steward.state = FH_STATE_FAILED;
    } else if (c->steward.state == FH_STATE_READY &&
               (c->dom0.offer.flags & FH_OFFER_RECEIVE)) {
        d->offer = c->dom0.offer;
        c->steward.state = FH_STATE_RECEIVING;
    } else if (c->steward.state == FH_STATE_READY) {
        take_offer(d);
        serve(d);
    } else if (c->steward.state == FH_STATE_LOADING) {
        serve(d);
    } else if (c->steward.state == FH_STATE_STARTING && c->dom0.noted) {
        start(d);
    } else if ((c->steward.state != FH_STATE_RUNNING &&
                c->steward.state != FH_STATE_RECEIVING) ||
               fake.act == FAKE_STEWARD_SILENT || !command(d)) {
        return;
    }
    fake_ring(d->domid, XEN_STEWARD_DOORBELL_PORT);
}
