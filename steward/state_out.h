/* SPDX-License-Identifier: MIT */
/*
 * state_out.h - what a guest is beside its memory, as the source sends it
 */
#ifndef STEWARD_STATE_OUT_H
#define STEWARD_STATE_OUT_H

#include "mig.h"
#include "pack.h"

struct state_out {
    struct {
        const void *p;
        uint32_t bytes;
    } item[FH_MIG_STATES]; /* by id */
    struct fh_mig_guest guest;
    struct fh_mig_launch launch;
    struct fh_mig_param param[FH_MIG_PARAMS];
    uint32_t id, part; /* the next one */
};

/* me and context must stay until the last state_out_fill(). */
void state_out_open(struct state_out *s, const struct mig_machine *me,
                    const struct fh_mig_param param[FH_MIG_PARAMS],
                    const void *context, uint32_t context_bytes);

/* true: there is more than went into this frame. */
bool state_out_fill(struct state_out *s, struct pack *p);

#endif
