/* SPDX-License-Identifier: MIT */
/*
 * rules.h - what can happen next, as migrate/stream.md has it
 *
 * A move is one indivisible step of somebody: the guest, dom0, a steward, a
 * Xen, a host's power supply.  Each rule can be broken on purpose, so that the
 * search is seen to find what the rule is for.
 */
#ifndef RULES_H
#define RULES_H

#include "world.h"

enum move_kind {
    M_CREATE,     /* dom0 creates destination i */
    M_WRITE,      /* i's guest changes its memory */
    M_SUSPEND,    /* i's guest suspends itself */
    M_RESUME,     /* i's dom0 resumes it */
    M_GONE,       /* i's host crashes, or its dom0 destroys it */
    M_FILE_START, /* START of i reaches a file, or the other dom0 */
    M_FILE_ABORT, /* the same for ABORT of i */
    M_HANDSHAKE,  /* source i and destination j, H1..H5 */
    M_FEED,       /* a hostile source i makes destination j say READY */
    M_STREAM,     /* what i has sent so far arrives at its destination */
    M_LAST,       /* i's steward reads log and context: the last epoch */
    M_FINAL,      /* FINAL of i arrives */
    M_READY,      /* READY for i arrives */
    M_CANCEL,     /* source i gives up */
    M_FENCE,      /* i's steward fences, for its session */
    M_FENCE_ANY,  /* a hostile one: for j, in session n */
    M_POISON,     /* i's steward poisons */
    M_POISON_ANY, /* a hostile one: for j, in session n */
    M_COMMIT,     /* START made of evidence n reaches i's steward */
    M_UNFENCE,    /* ABORT of j reaches i's steward */
    M_RETIRE,     /* DONE of j reaches i's steward */
    M_OVERRIDE,   /* the operator of i says that its destination is lost */
    MOVE_KINDS
};

struct move {
    uint8_t kind; /* enum move_kind */
    uint8_t i, j; /* domains */
    uint8_t n;    /* M_COMMIT: evidence; *_ANY: session */
};

/* A bit each in `broken`. */
enum rule {
    R_POISON_RECEIVING,  /* poison only before commit */
    R_COMMIT_RECEIVING,  /* commit only before poison */
    R_FENCE_STAYS,       /* resumedomain does not undo a fence */
    R_FENCE_ONCE,        /* fence in FENCED makes nothing new */
    R_FENCE_RESUMES,     /* fence compares the count of resumes */
    R_COMMIT_EVIDENCE,   /* commit wants evidence, not a steward's word */
    R_COMMIT_INSTANCE,   /* commit: evidence names this domain */
    R_COMMIT_SOURCE,     /* commit: evidence is of the memory's domain */
    R_COMMIT_SESSION,    /* commit: evidence names this session */
    R_COMMIT_DIGEST,     /* commit: evidence names what arrived */
    R_COMMIT_GENERATION, /* commit raises the generation */
    R_UNFENCE_EVIDENCE,  /* unfence wants evidence */
    R_UNFENCE_INSTANCE,  /* unfence: of and for these two domains */
    R_UNFENCE_SESSION,   /* unfence: of the session */
    R_RETIRE_EVIDENCE,   /* retire wants evidence */
    R_FINAL_TOTALS,      /* the destination compares totals and digest */
    R_READY_DIGEST,      /* the source compares them too */
    R_ABORT_AGAIN,       /* the destination can give ABORT again */
    R_NO_OVERRIDE,       /* nobody's word alone unfences */
    RULES
};
#define BROKEN(rule) (1u << (rule))

/*
 * Make move m in w, under the rules that are not in broken.  Returns false, w
 * unchanged, where it cannot happen or is refused.
 */
bool rules_step(struct world *w, const struct move *m, uint32_t broken);

/*
 * The next move to try in w behind *m, in a fixed order; start with all zero
 * and end when it returns false.  Most are impossible in any one world.
 */
bool rules_next(const struct world *w, struct move *m, uint32_t broken);

/* In words, for a trace. */
void rules_describe(const struct world *before, const struct move *m, char *out,
                    uint32_t out_bytes);

#endif
