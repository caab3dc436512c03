/* SPDX-License-Identifier: MIT */
/*
 * migend.h - what a transfer's end comes to, and what is to be done then
 */
#ifndef MIGEND_H
#define MIGEND_H

#include <stdbool.h>
#include <stdio.h>

#include "toolstack/cli/migask.h"

struct migend {
    const struct migopts *opts; /* that it was asked for with */
    bool resolve;               /* by that command */
    bool cancel;                /* by migrate-cancel */
    const char *name;           /* of the guest */
    int ssh_status;             /* 0: it ended well, or there was none */
};

/*
 * What was asked for is told on out, with its figures; all else on err, with
 * what is to be done next.  Returns the exit code:
 *
 *   0  as it was asked for
 *   1  a check found something
 *   3  not so, and the guest is where it was
 *   7  it is not decided: `freehold resolve`
 */
int migend_tell(FILE *out, FILE *err, const struct migend *m,
                const struct migask_result *r);
/* The same code, and nothing is told. */
int migend_code(const struct migend *m, const struct migask_result *r);

#endif
