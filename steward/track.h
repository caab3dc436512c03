/* SPDX-License-Identifier: MIT */
/*
 * track.h - what a running guest changes of its memory, and its vCPUs' state
 *
 * The source's side of a move, up to where something leaves the guest: dom0
 * says by commands when (enum fh_op), Xen says what.
 */
#ifndef STEWARD_TRACK_H
#define STEWARD_TRACK_H

#include "scratch.h"

struct track { /* all zero: IDLE */
    enum fh_transfer state;
    uint32_t nr_passes;   /* since TRACK */
    uint32_t suspension;  /* FINAL is of this one */
    uint64_t ram_pages;   /* the guest has */
    uint64_t end_gfn;     /* behind all it has, a multiple of TRACK_STEP */
    uint64_t dirty_pages; /* taken last */
    uint64_t context_bytes;
    struct scratch scratch;
};

/* TRACK to CANCEL.  0, or -code; what is fatal has made it IDLE. */
int track_obey(struct track *t, uint32_t op, struct st_err *e);

/*
 * The doorbell rang: whether the guest that was taken runs again, which makes
 * it IDLE.  -FH_ERR_STATE then, else 0.
 */
int track_watch(struct track *t, struct st_err *e);

#endif
