/* SPDX-License-Identifier: MIT */
/*
 * outcome.h - what one attempt on one guest came to
 *
 * A plain value, so that the process that made the attempt can write it into
 * a pipe.
 */
#ifndef OUTCOME_H
#define OUTCOME_H

#include <stddef.h>

enum outcome_kind {
    OUT_ERROR,     /* the attempt could not be made: the intruder's fault */
    OUT_NA,        /* cannot be tried here; text says why */
    OUT_REFUSED,   /* Xen said no; err is its errno */
    OUT_SILENT,    /* the call worked and the canary was not in its answer */
    OUT_SUCCEEDED, /* the call did what it is refused for */
    OUT_CANARY,    /* the guest's secret was read */
    OUT_KINDS
};

struct outcome {
    enum outcome_kind kind;
    int err; /* errno, positive; 0 unless OUT_REFUSED */
    char text[96];
};

/* rc of a hypercall: negative errno, or what it says on success. */
struct outcome out_of_rc(long rc);
/* of a call that answers how many extents it did: 0 is a refusal, err 0 */
struct outcome out_of_extents(long rc);
struct outcome out_canary(void);
struct outcome out_silent(const char *text);
struct outcome out_na(const char *text);
struct outcome out_error(const char *text, int err);

/* "read-canary", "refused:EPERM", "not-applicable:REASON" ... */
void out_format(const struct outcome *o, char *text, size_t len_bytes);

/* Did the way in stand open? */
int out_is_open(const struct outcome *o);

#endif
