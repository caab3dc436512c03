/* SPDX-License-Identifier: MIT */
/*
 * search.h - visit every world that can be reached, and judge each
 *
 * Breadth first, so the first bad world found is one of the nearest, and its
 * trace is short.
 */
#ifndef SEARCH_H
#define SEARCH_H

#include "cuts.h"
#include "rules.h"

enum verdict {
    V_HOLDS,
    V_ONE_COPY,       /* two domains in RUN */
    V_ONE_WAY,        /* a source in RUN whose destination was */
    V_ONE_MEMORY,     /* a destination with other memory than the source's */
    V_ONE_GENERATION, /* two domains that ran have the same generation */
    V_VANISHED,       /* a cut that costs the guest, and is not in the table */
    VERDICTS
};
extern const char *const verdict_name[VERDICTS];

/* What must have been reached, or the search looked at too little. */
enum witness {
    W_RETIRED, /* the source is told, and retires */
    W_HOP,     /* the guest moves on from where it came to */
    W_RETRY,   /* unfenced, it moves to another destination */
    W_HOSTILE, /* the same with a hostile guest */
    W_EVIL,    /* a source is fenced for a domain of an evil image */
    W_STRANGE, /* the stranger is, for a destination ready for the guest */
    WITNESSES
};
extern const char *const witness_name[WITNESSES];

struct search {
    /* in */
    uint32_t broken; /* rules.h */
    uint32_t max_worlds;
    /* out */
    enum verdict verdict;
    uint32_t nr_worlds, nr_unsafe; /* reached; from where no guest comes back */
    uint64_t nr_moves;
    uint32_t cuts; /* bit n: cut n was found */
    uint32_t seen; /* bit n: enum witness */
    /* its own */
    struct node *nodes;
    uint32_t *slots;
    uint32_t nr_slots;
    uint32_t bad; /* node, when the verdict is not V_HOLDS */
    bool full;    /* max_worlds was not enough */
};

/*
 * Search from the first world of each kind: honest or hostile guest, and what
 * the last domain is.  Returns 0, with the verdict; or -ENOMEM.
 */
int search_run(struct search *s);

/* Print how the bad world came to be. */
void search_trace(const struct search *s);

/* Give back the memory; twice: no-op. */
void search_free(struct search *s);

#endif
