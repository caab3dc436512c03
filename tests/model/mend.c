/* SPDX-License-Identifier: MIT */
/*
 * mend.c - what `freehold resolve` and an honest dom0 can still do
 */
#include "mend.h"

/*
 * One honest step, and what follows.  No more than poison, ABORT and START can
 * be needed, so the depth is small.
 */
static bool mend(const struct world *w, uint32_t broken, unsigned depth);

static bool try(const struct world *w, struct move m, uint32_t broken,
                unsigned depth)
{
    struct world next = *w;

    return rules_step(&next, &m, broken) && mend(&next, broken, depth - 1);
}

static bool start_there(const struct world *w, unsigned i)
{
    const struct domain *d = &w->dom[i];

    return d->fence_peer != NOBODY && (d->xen == X_FENCED || d->start_filed);
}

static bool abort_there(const struct world *w, unsigned j, uint32_t broken)
{
    const struct domain *e = &w->dom[j];
    bool alive = e->xen == X_POISONED && !(broken & BROKEN(R_ABORT_AGAIN));

    return e->poisoned && (alive || e->abort_filed);
}

static bool mend(const struct world *w, uint32_t broken, unsigned depth)
{
    for (unsigned i = 0; i < DOMAINS; i++)
        if (w->dom[i].xen == X_RUN && !w->dom[i].strange)
            return true;
    if (depth == 0)
        return false;
    for (unsigned i = 0; i < DOMAINS; i++) {
        const struct domain *d = &w->dom[i];
        unsigned j = d->fence_peer;
        unsigned bit;

        if (j == NOBODY)
            continue;
        bit = fenced_bit(i, j, d->fence_session, d->fence_version);
        if (start_there(w, i) &&
            try(w, (struct move){ M_COMMIT, (uint8_t)j, 0, (uint8_t)bit },
                broken, depth))
            return true;
        if (abort_there(w, j, broken) &&
            try(w, (struct move){ M_UNFENCE, (uint8_t)i, (uint8_t)j, 0 },
                broken, depth))
            return true;
        if (w->dom[j].xen == X_RECEIVING &&
            try(w, (struct move){ M_POISON, (uint8_t)j, 0, 0 }, broken, depth))
            return true;
    }
    return false;
}

bool mend_possible(const struct world *w, uint32_t broken)
{
    return mend(w, broken, 3);
}
