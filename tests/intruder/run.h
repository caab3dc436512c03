/* SPDX-License-Identifier: MIT */
/*
 * run.h - make one attempt, in a process of its own
 *
 * A page that vanishes under a mapping, or a call that never returns, ends
 * the attempt and nothing else.
 */
#ifndef RUN_H
#define RUN_H

#include "row.h"

#define RUN_TIMEOUT_S 120u /* memory hunts have HUNT_TIMEOUT_S */
#define HUNT_TIMEOUT_S 600u

/* a->h is opened here.  verbose: let the libraries' messages through. */
struct outcome run_attempt(const struct attack *a, int verbose);

#endif
