/* SPDX-License-Identifier: MIT */
/*
 * xenworld.h - what a migration asks of Xen and of memory, by hypercalls
 */
#ifndef STEWARD_XENWORLD_H
#define STEWARD_XENWORLD_H

#include "mig.h"
#include "ram.h"
#include "scratch.h"

struct xenworld { /* never moved: world's functions get it */
    struct mig_world world;
    const struct mig_machine *me;
    struct scratch *scratch; /* where the context goes, once there is one */
};

/* me may be filled in later. */
void xenworld_open(struct xenworld *x, const struct mig_machine *me,
                   struct scratch *scratch);

#endif
