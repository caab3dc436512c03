/* SPDX-License-Identifier: MIT */
/*
 * mirror.h - overwrite the steward's half of the page, and still read it
 *
 * mirror_sweep() moves each word that the steward wrote to a private copy and
 * puts nonsense in its place, by compare-and-swap, so that no word is lost.
 * A steward that believed what it finds in its own half would stumble.
 */
#ifndef MIRROR_H
#define MIRROR_H

#include "abi/steward_abi.h"

struct err;
struct mirror;

int mirror_open(struct fh_steward_half *shared, struct mirror **out,
                struct err *e);
void mirror_close(struct mirror *m); /* NULL: no-op */

/* From one thread, over and over. */
void mirror_sweep(struct mirror *m);

/* What the steward has written, as of a moment after the call; waits. */
void mirror_fetch(struct mirror *m, struct fh_steward_half *out);

#endif
