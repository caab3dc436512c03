/* SPDX-License-Identifier: MIT */
/*
 * gather.h - ask many supervisors at once, and wait for none too long
 */
#ifndef GATHER_H
#define GATHER_H

#include <stdint.h>

#include "toolstack/cli/target.h"

struct json_object;

/*
 * The info of each of nr targets, from the supervisors below base, in out[],
 * to be put; NULL for one that has none, or did not answer in timeout_ms.
 * Returns 0 or -ENOMEM.
 */
int gather_info(const char *base, const struct target *list, int nr,
                int timeout_ms, struct json_object **out, struct err *e);

#endif
