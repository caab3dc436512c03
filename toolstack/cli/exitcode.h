/* SPDX-License-Identifier: MIT */
/*
 * exitcode.h - what a command's exit code says
 *
 * The numbers are libxl's error numbers, made positive, as `xl create` gives
 * them; 0, 1 and 2 are success, plain failure and wrong usage.
 */
#ifndef EXITCODE_H
#define EXITCODE_H

#include <stdint.h>

#define EXIT_USAGE 2

struct exit_code {
    int code;
    const char *name;
    const char *says;
};

/* The one table of them, in freehold(1) too.  NULL: no more. */
const struct exit_code *exit_code_at(uint32_t i);

/* For a negative errno of ours; 0 is success. */
const struct exit_code *exit_code_for(int rc);

#endif
