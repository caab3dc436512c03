/* SPDX-License-Identifier: MIT */
/*
 * judge.h - was the outcome exactly the expected one?
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "tests/evil/evil.h"

struct verdict {
    bool ok;
    char why[512]; /* got and want, when it is not */
    uint8_t predicted[EVIL_MEASUREMENT_BYTES]; /* from the files */
    uint8_t granted[EVIL_MEASUREMENT_BYTES];   /* from the ledger */
};

/*
 * Judge a launch that is over, while the domain is still there.  Returns 0
 * and fills *out, or a negative errno when it could not be judged.
 */
int judge(struct evil *v, struct verdict *out, struct err *e);

extern const char *const judge_end_name[EVIL_ENDS];
const char *judge_error_name(uint32_t error);

#endif
