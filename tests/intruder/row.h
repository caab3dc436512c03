/* SPDX-License-Identifier: MIT */
/*
 * row.h - one way in: how it is tried, and what must come of it
 *
 * A row is data.  The same attack runs on an ordinary guest (the control) and
 * on the protected one; judge.c compares the two with what the row expects.
 */
#ifndef ROW_H
#define ROW_H

#include "canary.h"
#include "hc.h"
#include "outcome.h"

/* When a row can be tried. */
#define STAGE_NEWBORN 1u /* created by the intruder, never unpaused */
#define STAGE_RUNNING 2u /* on the canary guests; leaves them running */
#define STAGE_LAST 4u    /* on the canary guests; may well end them */
#define STAGE_FREED 8u   /* on frames that a canary guest gave back */
#define STAGE_HOST 16u   /* on the host as a whole */
#define STAGE_GONE 32u   /* on a canary guest that the row itself destroys */
#define STAGE_SERIAL 64u /* while somebody types at Xen's serial line */
#define STAGES_END 128u

enum row_rule {
    RULE_DENY,   /* refused with errno want */
    RULE_ALLOW,  /* dom0 keeps this: it must work on both */
    RULE_SILENT, /* works, and must not show the canary */
};

/* How the two outcomes of a row are to be read. */
#define ROW_PAST                                                               \
    1u /* its arguments are nonsense, so that nothing comes of it: a control   \
        * that finds fault with them was allowed to ask */
#define ROW_UNBUILT 2u /* this Xen is to be built without it (K0) */
#define ROW_STOCK 4u   /* its control is a run on stock Xen */
#define ROW_NO_ERRNO                                                           \
    8u /* a refusal may be "0 extents done": the call has no                   \
        * errno for it */

struct attack {
    struct hc *h;
    const struct row *row;
    uint32_t stage; /* the one it is tried in */
    uint16_t domid;
    uint64_t gfn;       /* a page full of the canary */
    uint64_t spare_gfn; /* another one; a row may replace it */
    uint64_t mfn;       /* ATTACK_NO_MFN: look for it in the M2P */
    struct canary_line line;
};
#define ATTACK_NO_MFN (~0ull)

struct row {
    const char *id;
    const char *audit; /* section of the audit */
    const char *way;
    const char *choke; /* the check that is meant to refuse it */
    struct outcome (*attack)(const struct attack *a);
    uint32_t arg;    /* for attacks that serve many rows */
    uint32_t stages; /* STAGE_* */
    enum row_rule rule;
    int want; /* errno, positive; 0: EPERM */
    uint32_t flags;
    const char *note; /* why there may be no control; NULL: nothing to add */
};

struct row_set {
    const struct row *rows;
    unsigned nr;
};

extern const struct row_set rows_map, rows_domctl, rows_dm, rows_param,
    rows_mem, rows_grant, rows_life, rows_freed, rows_host, rows_iomem,
    rows_msix;

/* All of them, in the order they run; ends with rows == NULL. */
extern const struct row_set *const row_sets[];

#endif
