/* SPDX-License-Identifier: MIT */
/*
 * world.h - one moment of a migration, as the model sees it
 *
 * One guest, and domains that carry it or may come to carry it, each on a
 * host of its own: domain 0 runs it at first, the others can be created as
 * destinations, and who was a destination can be a source later.  The last
 * domain can be another guest's, the stranger's, who is hostile.  dom0 and the
 * wire are not in here: they may do anything at any time with whatever exists
 * (migrate/stream.md, section 1), so they have no state.
 *
 * What is left out, and why nothing is lost by it: a session is named by its
 * destination, which has one session in its life; evidence is not copied
 * around, for what Xen made once everybody may present for ever; a frame that
 * was tampered with ends a session like a lost one, so bulk is one number, the
 * version of the memory that has arrived.
 */
#ifndef WORLD_H
#define WORLD_H

#include <stdbool.h>
#include <stdint.h>

#define DOMAINS 3u
#define VERSIONS 3u /* of the guest's memory: it writes twice at most */
#define NOBODY DOMAINS

enum xen_state {
    X_ABSENT, /* not created yet */
    X_RUN,
    X_RECEIVING,
    X_FENCED,
    X_POISONED,
    X_RETIRED,
    X_GONE, /* destroyed, or its host crashed */
};

enum steward_state {
    ST_IDLE,    /* no session; a source may begin one */
    ST_PRECOPY, /* source: keys agreed, memory goes out while the guest runs */
    ST_LAST,    /* source: context read, the last epoch goes out */
    ST_AGREED,  /* source: READY came, and agrees */
    ST_FENCED,  /* source: START is out */
    ST_IMPORT,  /* destination: keys agreed */
    ST_READY,   /* destination: FINAL came, and agrees */
};

struct domain {
    uint8_t xen;     /* enum xen_state */
    uint8_t st;      /* enum steward_state; of an honest steward */
    bool suspended;  /* in RUN: the guest has suspended itself */
    bool resumed;    /* since the source's steward read the context */
    uint8_t peer;    /* of the steward's session; NOBODY */
    uint8_t version; /* of the memory: now, or as it has arrived */
    uint8_t sent;    /* source: version that FINAL's digest stands for */
    uint8_t gen;     /* generation */
    bool strange;    /* the memory is the stranger's */
    bool strange_id; /* and so is the guest id */
    bool stale;      /* ran with memory that was not the source's last */
    /* what Xen has kept, and will say again while the domain is there */
    uint8_t fence_peer, fence_session, fence_version; /* FENCED */
    bool poisoned;                                    /* POISONED exists */
    uint8_t poison_peer, poison_session;
    uint8_t from; /* COMMITTED exists, it names this source; NOBODY */
    bool start_filed, abort_filed; /* dom0 has the token in a file */
};

/* FENCED evidence that exists: a bit for (source, peer, session, version). */
#define FENCED_BITS (DOMAINS * DOMAINS * DOMAINS * VERSIONS)
_Static_assert(FENCED_BITS <= 128, "struct world.fenced");

enum last_domain {
    LAST_GENUINE,  /* like the others */
    LAST_EVIL,     /* its host places another steward */
    LAST_STRANGER, /* it runs the stranger from the start */
    LASTS
};

struct world {
    bool hostile_guest; /* its kernel has its steward say anything */
    uint8_t last;       /* enum last_domain */
    struct domain dom[DOMAINS];
    uint64_t fenced[2];
};

static inline unsigned fenced_bit(unsigned src, unsigned peer, unsigned session,
                                  unsigned version)
{
    return ((src * DOMAINS + peer) * DOMAINS + session) * VERSIONS + version;
}

static inline bool fenced_exists(const struct world *w, unsigned bit)
{
    return w->fenced[bit / 64] >> (bit % 64) & 1;
}

/* Whose steward says what the attacker wants. */
static inline bool is_evil(const struct world *w, unsigned i)
{
    return w->last == LAST_EVIL && i == DOMAINS - 1;
}
static inline bool is_hostile(const struct world *w, unsigned i)
{
    uint8_t x = w->dom[i].xen;
    bool ran = x == X_RUN || x == X_FENCED || x == X_RETIRED;

    return is_evil(w, i) || (ran && (w->hostile_guest || w->dom[i].strange));
}

#define KEY_WORDS 3u
struct key {
    uint64_t word[KEY_WORDS];
};

/* The first world: domain 0 runs the guest, nothing else is there. */
void world_first(struct world *w, bool hostile_guest, enum last_domain last);

/*
 * Pack and unpack.  world_pack also forgets what can have no consequence any
 * more, so that worlds that differ in nothing else are one.
 */
void world_pack(struct world *w, struct key *k);
void world_unpack(const struct key *k, struct world *w);

/* One line a domain, behind indent. */
void world_print(const struct world *w, const char *indent);

#endif
