/* SPDX-License-Identifier: MIT */
/*
 * search.c - breadth first over all worlds, each kept once
 *
 * Nodes are in the order of discovery, which is the queue too; slots is an open
 * hash table of node numbers.  A node knows where it came from, so a trace is
 * walked back and printed forward.
 */
#include "search.h"

#include "mend.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct node {
    struct key key;
    uint32_t parent;
    struct move move;
    bool safe; /* the guest runs, or can be brought to */
};

#define NO_NODE UINT32_MAX
#define TRACE_MAX 256u

const char *const verdict_name[VERDICTS] = {
    [V_HOLDS] = "holds",
    [V_ONE_COPY] = "one copy",
    [V_ONE_WAY] = "one way",
    [V_ONE_MEMORY] = "one memory",
    [V_ONE_GENERATION] = "one generation",
    [V_VANISHED] = "nothing vanishes",
};

const char *const witness_name[WITNESSES] = {
    [W_RETIRED] = "a source that retires",
    [W_HOP] = "a guest that moves on",
    [W_RETRY] = "a second try after an abort",
    [W_HOSTILE] = "a second try of a hostile guest",
    [W_EVIL] = "a source fenced for an evil image",
    [W_STRANGE] = "a stranger fenced for a destination of the guest",
};

static uint32_t witness(const struct world *w)
{
    const struct domain *last = &w->dom[DOMAINS - 1];
    uint32_t seen = 0;

    for (unsigned i = 0; i < DOMAINS; i++) {
        const struct domain *d = &w->dom[i];

        if (d->xen == X_RETIRED)
            seen |= 1u << W_RETIRED;
        if (d->from != NOBODY && w->dom[d->from].from != NOBODY)
            seen |= 1u << W_HOP;
        if (d->xen == X_FENCED && d->fence_peer != NOBODY &&
            is_evil(w, d->fence_peer))
            seen |= 1u << W_EVIL;
    }
    if (last->strange && last->xen == X_FENCED && last->fence_peer == 1 &&
        w->dom[1].st == ST_READY && w->dom[1].peer == 0)
        seen |= 1u << W_STRANGE;
    if (last->from == 0 && w->dom[1].poisoned && w->dom[1].poison_session == 1)
        seen |= 1u << (w->hostile_guest ? W_HOSTILE : W_RETRY);
    return seen;
}

static bool one_generation(const struct world *w)
{
    for (unsigned i = 1; i < DOMAINS; i++)
        for (unsigned j = 0; j < i; j++)
            if (w->dom[i].from != NOBODY && w->dom[i].gen == w->dom[j].gen &&
                w->dom[i].strange_id == w->dom[j].strange_id &&
                (j == 0 || w->dom[j].from != NOBODY))
                return false;
    return true;
}

/* What no world may be, the worst first. */
static enum verdict judge(const struct world *w)
{
    bool one_way = true, one_memory = true;
    unsigned by_memory[2] = { 0 }, by_id[2] = { 0 };

    for (unsigned i = 0; i < DOMAINS; i++) {
        const struct domain *d = &w->dom[i];

        by_memory[d->strange] += d->xen == X_RUN;
        by_id[d->strange_id] += d->xen == X_RUN;
        one_way &= d->from == NOBODY || w->dom[d->from].xen != X_RUN;
        one_memory &= !d->stale;
    }
    if (by_memory[0] > 1 || by_memory[1] > 1 || by_id[0] > 1 || by_id[1] > 1)
        return V_ONE_COPY;
    if (!one_way)
        return V_ONE_WAY;
    if (!one_memory)
        return V_ONE_MEMORY;
    return one_generation(w) ? V_HOLDS : V_ONE_GENERATION;
}

static uint64_t hash(const struct key *k)
{
    uint64_t h = 0x9e3779b97f4a7c15ull;

    for (unsigned i = 0; i < KEY_WORDS; i++) {
        h ^= k->word[i];
        h *= 0xff51afd7ed558ccdull;
        h ^= h >> 32;
    }
    return h;
}

/* The node of this key: an old one, or *fresh; NO_NODE when all are used. */
static uint32_t node_of(struct search *s, const struct key *k, bool *fresh)
{
    uint32_t slot = (uint32_t)hash(k) & (s->nr_slots - 1);

    *fresh = false;
    for (; s->slots[slot] != NO_NODE; slot = (slot + 1) & (s->nr_slots - 1))
        if (memcmp(&s->nodes[s->slots[slot]].key, k, sizeof(*k)) == 0)
            return s->slots[slot];
    if (s->nr_worlds == s->max_worlds) {
        s->full = true;
        return NO_NODE;
    }
    *fresh = true;
    s->slots[slot] = s->nr_worlds;
    s->nodes[s->nr_worlds] = (struct node){ .key = *k };
    return s->nr_worlds++;
}

/* A world that was reached from node at, by m.  Returns false to stop. */
static bool reach(struct search *s, uint32_t at, const struct move *m,
                  struct world *w)
{
    enum verdict v = judge(w);
    struct key k;
    bool fresh;
    uint32_t n;

    world_pack(w, &k);
    n = node_of(s, &k, &fresh);
    if (n == NO_NODE)
        return false;
    if (fresh) {
        s->nodes[n].parent = at;
        s->nodes[n].move = *m;
        /* A hostile guest may throw itself away. */
        s->nodes[n].safe = w->hostile_guest || mend_possible(w, s->broken);
        s->nr_unsafe += !s->nodes[n].safe;
        s->seen |= witness(w);
    }
    if (v == V_HOLDS && at != NO_NODE && s->nodes[at].safe &&
        !s->nodes[n].safe) {
        struct world before;
        unsigned cut;

        world_unpack(&s->nodes[at].key, &before);
        cut = cut_of(&before, m);
        s->cuts |= 1u << cut;
        if (cut == CUT_UNLISTED)
            v = V_VANISHED;
    }
    if (v == V_HOLDS)
        return true;
    s->verdict = v;
    s->bad = n;
    s->nodes[n].parent = at; /* by this move it became bad */
    s->nodes[n].move = *m;
    return false;
}

static bool expand(struct search *s, uint32_t at)
{
    struct move m = { 0 };
    struct world from, w;

    world_unpack(&s->nodes[at].key, &from);
    w = from;
    do {
        if (!rules_step(&w, &m, s->broken))
            continue;
        s->nr_moves++;
        if (!reach(s, at, &m, &w))
            return false;
        w = from;
    } while (rules_next(&from, &m, s->broken));
    return true;
}

static uint32_t trace_of(const struct search *s, uint32_t n, uint32_t *nodes)
{
    uint32_t nr = 0;

    for (; n != NO_NODE && nr < TRACE_MAX; n = s->nodes[n].parent)
        nodes[nr++] = n;
    return nr;
}

int search_run(struct search *s)
{
    const struct move none = { 0 };

    for (s->nr_slots = 1024; s->nr_slots < s->max_worlds * 2;)
        s->nr_slots *= 2;
    s->nodes = calloc(s->max_worlds, sizeof(*s->nodes));
    s->slots = malloc(s->nr_slots * sizeof(*s->slots));
    if (!s->nodes || !s->slots)
        return -ENOMEM;
    memset(s->slots, 0xff, s->nr_slots * sizeof(*s->slots));

    /* The kinds of world do not meet; the simplest that shows a fault tells. */
    for (unsigned kind = 0; kind < 2 * LASTS; kind++) {
        uint32_t at = s->nr_worlds;
        struct world w;

        world_first(&w, kind & 1, kind / 2);
        if (!reach(s, NO_NODE, &none, &w))
            return 0;
        for (; at < s->nr_worlds; at++)
            if (!expand(s, at))
                return 0;
    }
    return 0;
}

void search_trace(const struct search *s)
{
    uint32_t nodes[TRACE_MAX];
    uint32_t nr = trace_of(s, s->bad, nodes);
    struct world before, w;
    char words[160];

    world_unpack(&s->nodes[nodes[nr - 1]].key, &before);
    printf("  guest %s, last domain %s\n",
           before.hostile_guest ? "hostile" : "honest",
           before.last == LAST_EVIL       ? "with an evil image"
           : before.last == LAST_STRANGER ? "a stranger"
                                          : "like the others");
    for (uint32_t i = nr - 1; i-- > 0;) {
        world_unpack(&s->nodes[nodes[i]].key, &w);
        rules_describe(&before, &s->nodes[nodes[i]].move, words, sizeof(words));
        printf("  %2u. %s\n", nr - 1 - i, words);
        before = w;
    }
    world_print(&before, "      ");
}

void search_free(struct search *s)
{
    free(s->nodes);
    free(s->slots);
    s->nodes = NULL;
    s->slots = NULL;
}
