/* SPDX-License-Identifier: MIT */
/*
 * state_in.h - what a guest is beside its memory, as the destination takes it
 *
 * Each state once, complete and in order, and each like what this side knows
 * already: its own domain, and the source's evidence.  Only the context and
 * the parameters are news, and Xen judges those.
 */
#ifndef STEWARD_STATE_IN_H
#define STEWARD_STATE_IN_H

#include "mig.h"
#include "unpack.h"

struct state_in { /* zero it, then set the first five */
    const struct mig_machine *me;
    const struct mig_claims *source; /* of H3 */
    uint32_t tsc_khz;                /* of H1 */
    uint8_t *context;                /* room for the context */
    uint32_t context_room;

    uint32_t id, part, nr_parts, off; /* of the state that is coming in */
    uint32_t nr_done;                 /* complete ones */
    uint32_t context_bytes;
    struct fh_mig_param param[FH_MIG_PARAMS];
};

/* One record; what it says must fit all before. */
int state_in_add(struct state_in *s, const struct unpacked *r,
                 struct st_err *e);

/* Whether none is missing. */
int state_in_complete(const struct state_in *s, struct st_err *e);

#endif
