/* SPDX-License-Identifier: MIT */
/*
 * world.c - pack, unpack and print one moment of a migration
 */
#include "world.h"

#include <assert.h>
#include <stdio.h>
#include <string.h>

static const char *const xen_name[] = {
    [X_ABSENT] = "absent",       [X_RUN] = "RUN",
    [X_RECEIVING] = "RECEIVING", [X_FENCED] = "FENCED",
    [X_POISONED] = "POISONED",   [X_RETIRED] = "RETIRED",
    [X_GONE] = "gone",
};
static const char *const st_name[] = {
    [ST_IDLE] = "idle",     [ST_PRECOPY] = "precopy", [ST_LAST] = "last epoch",
    [ST_AGREED] = "agreed", [ST_FENCED] = "fenced",   [ST_IMPORT] = "import",
    [ST_READY] = "ready",
};

static void no_evidence(struct domain *d)
{
    d->fence_peer = d->fence_session = NOBODY;
    d->fence_version = 0;
}

void world_first(struct world *w, bool hostile_guest, enum last_domain last)
{
    *w = (struct world){ .hostile_guest = hostile_guest, .last = last };
    for (unsigned i = 0; i < DOMAINS; i++) {
        struct domain *d = &w->dom[i];

        d->peer = d->from = NOBODY;
        d->poison_peer = d->poison_session = NOBODY;
        no_evidence(d);
    }
    w->dom[0].xen = X_RUN;
    if (last == LAST_STRANGER) {
        struct domain *d = &w->dom[DOMAINS - 1];

        d->xen = X_RUN;
        d->strange = d->strange_id = true;
    }
}

/* What a domain in this state can never use again. */
static void forget(struct domain *d)
{
    if (d->xen != X_RUN)
        d->suspended = false;
    if (d->xen == X_GONE || d->xen == X_POISONED || d->xen == X_RETIRED)
        d->st = ST_IDLE;
    if (d->xen == X_POISONED || d->xen == X_RETIRED)
        d->version = 0; /* one that is gone: START may still be somewhere */
    if (d->st == ST_IDLE)
        d->peer = NOBODY;
    if (d->st != ST_LAST && d->st != ST_AGREED)
        d->resumed = false;
    if (d->st != ST_LAST && d->st != ST_AGREED)
        d->sent = 0;
    if (d->xen != X_FENCED && !(d->xen == X_GONE && d->start_filed)) {
        no_evidence(d);
        d->start_filed = false;
    }
    if (!d->poisoned)
        d->abort_filed = false;
}

struct packer {
    struct key *k;
    unsigned bit;
};

static void put(struct packer *p, uint64_t v, unsigned bits)
{
    unsigned word = p->bit / 64, at = p->bit % 64;

    assert(v >> bits == 0 && p->bit + bits <= KEY_WORDS * 64);
    p->k->word[word] |= v << at;
    if (at + bits > 64)
        p->k->word[word + 1] |= v >> (64 - at);
    p->bit += bits;
}

static uint64_t get_long(const struct key *k, unsigned *bit, unsigned bits)
{
    unsigned word = *bit / 64, at = *bit % 64;
    uint64_t v = k->word[word] >> at;

    if (at + bits > 64)
        v |= k->word[word + 1] << (64 - at);
    *bit += bits;
    return v & ((1ull << bits) - 1);
}

static uint8_t get(const struct key *k, unsigned *bit, unsigned bits)
{
    return (uint8_t)get_long(k, bit, bits);
}

void world_pack(struct world *w, struct key *k)
{
    struct packer p = { .k = k };

    memset(k, 0, sizeof(*k));
    put(&p, w->hostile_guest, 1);
    put(&p, w->last, 2);
    for (unsigned i = 0; i < DOMAINS; i++) {
        struct domain *d = &w->dom[i];

        forget(d);
        put(&p, d->xen, 3);
        put(&p, d->st, 3);
        put(&p, d->suspended, 1);
        put(&p, d->resumed, 1);
        put(&p, d->peer, 2);
        put(&p, d->version, 2);
        put(&p, d->sent, 2);
        put(&p, d->gen, 2);
        put(&p, d->strange, 1);
        put(&p, d->strange_id, 1);
        put(&p, d->stale, 1);
        put(&p, d->fence_peer, 2);
        put(&p, d->fence_session, 2);
        put(&p, d->fence_version, 2);
        put(&p, d->poisoned, 1);
        put(&p, d->poison_peer, 2);
        put(&p, d->poison_session, 2);
        put(&p, d->from, 2);
        put(&p, d->start_filed, 1);
        put(&p, d->abort_filed, 1);
    }
    put(&p, w->fenced[0] & UINT32_MAX, 32);
    put(&p, w->fenced[0] >> 32, 32);
    put(&p, w->fenced[1], FENCED_BITS - 64);
}

void world_unpack(const struct key *k, struct world *w)
{
    unsigned bit = 0;

    memset(w, 0, sizeof(*w));
    w->hostile_guest = get(k, &bit, 1);
    w->last = get(k, &bit, 2);
    for (unsigned i = 0; i < DOMAINS; i++) {
        struct domain *d = &w->dom[i];

        d->xen = get(k, &bit, 3);
        d->st = get(k, &bit, 3);
        d->suspended = get(k, &bit, 1);
        d->resumed = get(k, &bit, 1);
        d->peer = get(k, &bit, 2);
        d->version = get(k, &bit, 2);
        d->sent = get(k, &bit, 2);
        d->gen = get(k, &bit, 2);
        d->strange = get(k, &bit, 1);
        d->strange_id = get(k, &bit, 1);
        d->stale = get(k, &bit, 1);
        d->fence_peer = get(k, &bit, 2);
        d->fence_session = get(k, &bit, 2);
        d->fence_version = get(k, &bit, 2);
        d->poisoned = get(k, &bit, 1);
        d->poison_peer = get(k, &bit, 2);
        d->poison_session = get(k, &bit, 2);
        d->from = get(k, &bit, 2);
        d->start_filed = get(k, &bit, 1);
        d->abort_filed = get(k, &bit, 1);
    }
    w->fenced[0] = get_long(k, &bit, 32);
    w->fenced[0] |= get_long(k, &bit, 32) << 32;
    w->fenced[1] = get_long(k, &bit, FENCED_BITS - 64);
}

void world_print(const struct world *w, const char *indent)
{
    for (unsigned i = 0; i < DOMAINS; i++) {
        const struct domain *d = &w->dom[i];

        if (d->xen == X_ABSENT)
            continue;
        printf("%sdomain %u: %s%s, steward %s", indent, i, xen_name[d->xen],
               d->suspended ? " (suspended)" : "",
               is_hostile(w, i) ? "hostile" : st_name[d->st]);
        printf(", memory %u, generation %u", d->version, d->gen);
        if (d->fence_peer != NOBODY)
            printf(", fenced for %u in session %u", d->fence_peer,
                   d->fence_session);
        if (d->poisoned)
            printf(", ABORT exists");
        if (d->from != NOBODY)
            printf(", committed from %u", d->from);
        if (d->strange || d->strange_id)
            printf(", memory of %s, known as %s",
                   d->strange ? "the stranger" : "the guest",
                   d->strange_id ? "the stranger" : "the guest");
        if (d->stale)
            printf(", OLD MEMORY");
        printf("\n");
    }
}
