/* SPDX-License-Identifier: MIT */
/*
 * serve.h - what dom0 asks of the steward of a guest that runs, or is to come
 *
 * abi/steward_abi.h, enum fh_op.  Commands come one at a time; track.c and
 * mover.c carry them out, one of them at a time.
 */
#ifndef STEWARD_SERVE_H
#define STEWARD_SERVE_H

#include "mover.h"
#include "track.h"

struct serve {
    struct control *control;
    uint32_t seq; /* of the command that was done last */
    struct track track;
    struct mover mover;
};

/* All zero before. */
void serve_open(struct serve *s, struct control *c,
                const struct machine_shape *shape, bool receives);

/*
 * The doorbell rang: a step of all that there is to do.  true: look again
 * without waiting for it.
 */
bool serve_look(struct serve *s);

#endif
