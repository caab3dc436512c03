/* SPDX-License-Identifier: MIT */
/*
 * rules.c - each party's part of migrate/stream.md, one function a move
 *
 * `holds(rule)` is true unless that rule was broken on purpose.  A hostile
 * steward is bound by its Xen alone; an honest one also by its own state.
 */
#include "rules.h"

#include <stdio.h>

struct ctx {
    struct world *w;
    uint32_t broken;
    const struct move *m;
    struct domain *d; /* w->dom[m->i] */
    struct domain *e; /* w->dom[m->j], or the session's peer */
};

static bool holds(const struct ctx *c, enum rule r)
{
    return !(c->broken >> r & 1);
}

static bool honest(const struct ctx *c, unsigned i)
{
    return !is_hostile(c->w, i);
}

/* dom0, the guest, the world */

static bool do_create(struct ctx *c)
{
    if (c->d->xen != X_ABSENT)
        return false;
    c->d->xen = X_RECEIVING;
    return true;
}

/* A hostile guest cheats itself with its memory as it likes: no versions. */
static bool do_write(struct ctx *c)
{
    if (c->d->xen != X_RUN || c->d->suspended || !honest(c, c->m->i) ||
        c->d->version + 1u >= VERSIONS)
        return false;
    c->d->version++;
    return true;
}

static bool do_suspend(struct ctx *c)
{
    if (c->d->xen != X_RUN || c->d->suspended)
        return false;
    c->d->suspended = true;
    return true;
}

static bool do_resume(struct ctx *c)
{
    if (c->d->xen == X_FENCED && !holds(c, R_FENCE_STAYS))
        c->d->xen = X_RUN;
    else if (c->d->xen != X_RUN || !c->d->suspended)
        return false;
    c->d->suspended = false;
    c->d->resumed = true;
    return true;
}

static bool do_gone(struct ctx *c)
{
    if (c->d->xen == X_ABSENT || c->d->xen == X_GONE)
        return false;
    c->d->xen = X_GONE;
    return true;
}

static bool do_file_start(struct ctx *c)
{
    if (c->d->xen != X_FENCED || c->d->start_filed)
        return false;
    c->d->start_filed = true;
    return true;
}

static bool do_file_abort(struct ctx *c)
{
    if (c->d->xen != X_POISONED || c->d->abort_filed)
        return false;
    c->d->abort_filed = true;
    return true;
}

/* The handshake and the stream */

/* The destination's steward agrees once in its life, with a domain in RUN. */
static bool do_handshake(struct ctx *c)
{
    if (c->d->xen != X_RUN || c->e->xen != X_RECEIVING || !honest(c, c->m->j) ||
        c->e->st != ST_IDLE)
        return false;
    if (honest(c, c->m->i)) {
        if (c->d->st != ST_IDLE)
            return false;
        c->d->st = ST_PRECOPY;
        c->d->peer = c->m->j;
    }
    c->e->st = ST_IMPORT;
    c->e->peer = c->m->i;
    c->e->strange = c->d->strange;
    return true;
}

static bool do_feed(struct ctx *c)
{
    if (honest(c, c->m->i) || c->e->st != ST_IMPORT || c->e->peer != c->m->i)
        return false;
    c->e->st = ST_READY;
    return true;
}

/* The peer of i's session, if it still is in it. */
static bool importing(const struct ctx *c)
{
    return c->d->peer != NOBODY && c->e->st == ST_IMPORT &&
           c->e->peer == c->m->i;
}

static bool do_stream(struct ctx *c)
{
    bool last = c->d->st == ST_LAST;

    if ((c->d->st != ST_PRECOPY && !last) || !importing(c))
        return false;
    c->e->version = last ? c->d->sent : c->d->version;
    return true;
}

static bool do_last(struct ctx *c)
{
    if (c->d->st != ST_PRECOPY || c->d->xen != X_RUN || !c->d->suspended)
        return false;
    c->d->st = ST_LAST;
    c->d->sent = c->d->version;
    c->d->resumed = false;
    return true;
}

static bool do_final(struct ctx *c)
{
    if (c->d->st != ST_LAST || !importing(c))
        return false;
    if (c->e->version != c->d->sent && holds(c, R_FINAL_TOTALS))
        return false; /* the error poisons: that is a move of its own */
    c->e->st = ST_READY;
    return true;
}

/*
 * READY that comes late, when its destination is poisoned or gone, is no case
 * of its own: a source that agreed before, and fences afterwards, is the same.
 */
static bool do_ready(struct ctx *c)
{
    if (c->d->st != ST_LAST || c->e->st != ST_READY || c->e->peer != c->m->i)
        return false;
    if (c->e->version != c->d->sent && holds(c, R_READY_DIGEST))
        return false;
    c->d->st = ST_AGREED;
    return true;
}

static bool do_cancel(struct ctx *c)
{
    if (c->d->st != ST_PRECOPY && c->d->st != ST_LAST && c->d->st != ST_AGREED)
        return false;
    c->d->st = ST_IDLE;
    return true;
}

/* Xen: fence, poison, commit, unfence, retire */

static bool xen_fence(struct ctx *c, unsigned peer, unsigned session,
                      unsigned version)
{
    unsigned bit = fenced_bit(c->m->i, peer, session, version);

    if (peer == c->m->i || c->w->dom[peer].xen == X_ABSENT)
        return false;
    if (c->d->xen == X_FENCED) {
        if (holds(c, R_FENCE_ONCE))
            return false;
    } else if (c->d->xen != X_RUN || !c->d->suspended) {
        return false;
    }
    c->d->xen = X_FENCED;
    c->d->fence_peer = (uint8_t)peer;
    c->d->fence_session = (uint8_t)session;
    c->d->fence_version = (uint8_t)version;
    c->w->fenced[bit / 64] |= 1ull << (bit % 64);
    return true;
}

static bool do_fence(struct ctx *c)
{
    if (c->d->st != ST_AGREED || c->d->xen != X_RUN)
        return false;
    if (c->d->resumed && holds(c, R_FENCE_RESUMES))
        return false;
    if (!xen_fence(c, c->d->peer, c->d->peer, c->d->sent))
        return false;
    c->d->st = ST_FENCED;
    return true;
}

static bool do_fence_any(struct ctx *c)
{
    return !honest(c, c->m->i) && xen_fence(c, c->m->j, c->m->n, 0);
}

static bool xen_poison(struct ctx *c, unsigned peer, unsigned session)
{
    if (c->d->xen != X_RECEIVING &&
        !(c->d->xen == X_RUN && !holds(c, R_POISON_RECEIVING)))
        return false;
    if (c->d->xen == X_RECEIVING)
        c->d->xen = X_POISONED;
    c->d->poisoned = true;
    c->d->poison_peer = (uint8_t)peer;
    c->d->poison_session = (uint8_t)session;
    return true;
}

/* dom0 can have it whenever it likes, by CANCEL or by one wrong byte. */
static bool do_poison(struct ctx *c)
{
    unsigned peer = c->d->xen == X_RUN ? c->d->from : c->d->peer;

    return honest(c, c->m->i) && !c->d->poisoned &&
           xen_poison(c, peer, peer == NOBODY ? NOBODY : c->m->i);
}

static bool do_poison_any(struct ctx *c)
{
    return !honest(c, c->m->i) && !c->d->poisoned &&
           xen_poison(c, c->m->j, c->m->n);
}

struct fenced { /* what evidence says */
    unsigned src, peer, session, version;
};

static struct fenced fenced_of(unsigned bit)
{
    return (struct fenced){ .src = bit / (DOMAINS * DOMAINS * VERSIONS),
                            .peer = bit / (DOMAINS * VERSIONS) % DOMAINS,
                            .session = bit / VERSIONS % DOMAINS,
                            .version = bit % VERSIONS };
}

/* An evil steward names whatever session and digest the evidence has. */
static bool xen_commit(const struct ctx *c, const struct fenced *f)
{
    bool evil = is_evil(c->w, c->m->i);

    if (c->d->xen != X_RECEIVING &&
        !(c->d->xen == X_POISONED && !holds(c, R_COMMIT_RECEIVING)))
        return false;
    if (f->peer != c->m->i && holds(c, R_COMMIT_INSTANCE))
        return false;
    if (!evil && f->session != c->m->i && holds(c, R_COMMIT_SESSION))
        return false;
    return evil || f->version == c->d->version || !holds(c, R_COMMIT_DIGEST);
}

static bool do_commit(struct ctx *c)
{
    struct fenced f = fenced_of(c->m->n);
    const struct domain *src = &c->w->dom[f.src];

    if (!fenced_exists(c->w, c->m->n) &&
        (holds(c, R_COMMIT_EVIDENCE) || f.src == f.peer))
        return false;
    if (!is_evil(c->w, c->m->i)) {
        unsigned peer = c->d->peer;

        if (c->d->xen == X_POISONED && c->d->poison_session == c->m->i)
            peer = c->d->poison_peer;
        else if (c->d->st != ST_READY)
            return false;
        if (f.src != peer && holds(c, R_COMMIT_SOURCE))
            return false;
    }
    if (!xen_commit(c, &f))
        return false;
    if (is_evil(c->w, c->m->i))
        c->d->strange = src->strange; /* it has what it was given */
    c->d->strange_id = src->strange_id;
    c->d->stale = !c->w->hostile_guest && !is_evil(c->w, c->m->i) &&
                  !c->d->strange && c->d->version != src->version;
    c->d->xen = X_RUN;
    c->d->st = ST_IDLE;
    c->d->from = (uint8_t)f.src;
    c->d->gen = src->gen + (holds(c, R_COMMIT_GENERATION) ? 1 : 0);
    return true;
}

static bool do_unfence(struct ctx *c)
{
    if (c->d->xen != X_FENCED)
        return false;
    if (holds(c, R_UNFENCE_EVIDENCE)) {
        if (!c->e->poisoned)
            return false;
        if (holds(c, R_UNFENCE_INSTANCE) &&
            (c->m->j != c->d->fence_peer || c->e->poison_peer != c->m->i))
            return false;
        if (holds(c, R_UNFENCE_SESSION) &&
            c->e->poison_session != c->d->fence_session)
            return false;
    }
    c->d->xen = X_RUN;
    c->d->suspended = true;
    c->d->st = ST_IDLE;
    return true;
}

static bool do_retire(struct ctx *c)
{
    if (c->d->xen != X_FENCED)
        return false;
    if (holds(c, R_RETIRE_EVIDENCE) &&
        (c->e->from != c->m->i || c->m->j != c->d->fence_peer))
        return false;
    c->d->xen = X_RETIRED;
    return true;
}

static bool do_override(struct ctx *c)
{
    if (c->d->xen != X_FENCED || holds(c, R_NO_OVERRIDE))
        return false;
    c->d->xen = X_RUN;
    c->d->suspended = true;
    c->d->st = ST_IDLE;
    return true;
}

/* The table of moves */

enum { NO_J = 1, ANY_J, PEER_J }; /* what m->j is */

static const struct {
    bool (*make)(struct ctx *c);
    uint8_t j, nr; /* n runs from 0 to nr - 1 */
    const char *words;
} moves[MOVE_KINDS] = {
    [M_CREATE] = { do_create, NO_J, 1, "dom0 creates destination %u" },
    [M_WRITE] = { do_write, NO_J, 1, "guest of %u writes to its memory" },
    [M_SUSPEND] = { do_suspend, NO_J, 1, "guest of %u suspends itself" },
    [M_RESUME] = { do_resume, NO_J, 1, "dom0 resumes %u" },
    [M_GONE] = { do_gone, NO_J, 1, "host of %u crashes, or dom0 destroys it" },
    [M_FILE_START] = { do_file_start, NO_J, 1, "START of %u is kept by dom0" },
    [M_FILE_ABORT] = { do_file_abort, NO_J, 1, "ABORT of %u is kept by dom0" },
    [M_HANDSHAKE] = { do_handshake, ANY_J, 1, "%u and %u shake hands" },
    [M_FEED] = { do_feed, ANY_J, 1, "hostile %u brings %u to READY" },
    [M_STREAM] = { do_stream, PEER_J, 1, "what %u has sent arrives at %u" },
    [M_LAST] = { do_last, NO_J, 1, "%u reads context and log: last epoch" },
    [M_FINAL] = { do_final, PEER_J, 1, "FINAL of %u reaches %u: READY" },
    [M_READY] = { do_ready, PEER_J, 1, "%u gets READY of %u, and agrees" },
    [M_CANCEL] = { do_cancel, NO_J, 1, "source %u cancels" },
    [M_FENCE] = { do_fence, NO_J, 1, "%u is FENCED for its destination" },
    [M_FENCE_ANY] = { do_fence_any, ANY_J, DOMAINS,
                      "hostile %u has itself fenced for %u, session %u" },
    [M_POISON] = { do_poison, NO_J, 1, "%u is poisoned: ABORT" },
    [M_POISON_ANY] = { do_poison_any, ANY_J, DOMAINS,
                       "hostile %u poisons itself for %u, session %u" },
    [M_COMMIT] = { do_commit, NO_J, FENCED_BITS, NULL },
    [M_UNFENCE] = { do_unfence, ANY_J, 1, "%u takes ABORT of %u: unfenced" },
    [M_RETIRE] = { do_retire, ANY_J, 1, "%u takes DONE of %u: RETIRED" },
    [M_OVERRIDE] = { do_override, NO_J, 1,
                     "operator of %u: the destination is lost" },
};
_Static_assert(sizeof(moves) / sizeof(moves[0]) == MOVE_KINDS, "moves");

bool rules_step(struct world *w, const struct move *m, uint32_t broken)
{
    struct ctx c = { .w = w, .broken = broken, .m = m, .d = &w->dom[m->i] };
    unsigned j = m->j;

    if (moves[m->kind].j == PEER_J)
        j = c.d->peer;
    if (moves[m->kind].j != NO_J && (j == m->i || j == NOBODY))
        return false;
    c.e = &w->dom[j];
    return moves[m->kind].make(&c);
}

/* Which evidence there is to commit to, from n on; FENCED_BITS: none. */
static uint8_t next_evidence(const struct world *w, unsigned i, unsigned n,
                             uint32_t broken)
{
    uint8_t x = w->dom[i].xen;

    if (x != X_RECEIVING && x != X_POISONED)
        return FENCED_BITS;
    while (n < FENCED_BITS && !(broken & BROKEN(R_COMMIT_EVIDENCE)) &&
           !fenced_exists(w, n))
        n++;
    return (uint8_t)n;
}

static bool step_on(struct move *m, unsigned nr)
{
    if (++m->n < nr)
        return true;
    m->n = 0;
    if (++m->j < DOMAINS && moves[m->kind].j == ANY_J)
        return true;
    m->j = 0;
    if (++m->i < DOMAINS)
        return true;
    m->i = 0;
    return ++m->kind < MOVE_KINDS;
}

bool rules_next(const struct world *w, struct move *m, uint32_t broken)
{
    if (!step_on(m, moves[m->kind].nr))
        return false;
    while (m->kind == M_COMMIT) {
        m->n = next_evidence(w, m->i, m->n, broken);
        if (m->n < FENCED_BITS)
            break;
        if (!step_on(m, 0))
            return false;
    }
    return true;
}

void rules_describe(const struct world *before, const struct move *m, char *out,
                    uint32_t out_bytes)
{
    struct fenced f = fenced_of(m->n);
    unsigned j = m->j;

    if (m->kind == M_COMMIT) {
        snprintf(out, out_bytes,
                 "%u takes START of %u (for %u, session %u, memory %u): RUN",
                 m->i, f.src, f.peer, f.session, f.version);
        return;
    }
    if (moves[m->kind].j == PEER_J)
        j = before->dom[m->i].peer;
    snprintf(out, out_bytes, moves[m->kind].words, m->i, j, m->n);
}
