/* SPDX-License-Identifier: MIT */
/*
 * track.h - what a running guest changes of its memory, and its vCPUs' state
 *
 * The source's side of a move, up to where something leaves the guest: dom0
 * says by commands when (enum fh_op), Xen says what.
 */
#ifndef STEWARD_TRACK_H
#define STEWARD_TRACK_H

#include "control.h"

struct track { /* all zero: IDLE */
    enum fh_transfer state;
    uint32_t seq;         /* of the command that was done last */
    uint32_t nr_passes;   /* since TRACK */
    uint32_t suspension;  /* FINAL is of this one */
    uint64_t ram_pages;   /* the guest has */
    uint64_t end_gfn;     /* behind all it has, a multiple of TRACK_STEP */
    uint64_t dirty_pages; /* taken last */
    uint64_t context_bytes, context_pages;
};

/*
 * The doorbell rang: do what dom0 wants, if anything, and answer it; and give
 * up what a guest that runs again has made void.
 */
void track_look(struct track *t, struct control *c);

#endif
