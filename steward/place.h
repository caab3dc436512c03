/* SPDX-License-Identifier: MIT */
/*
 * place.h - bring a loaded kernel to where it runs
 */
#ifndef STEWARD_PLACE_H
#define STEWARD_PLACE_H

#include "err.h"
#include "layout.h"
#include "offer.h"
#include "plan.h"

/*
 * The whole file lies at p->file and is nobody's but ours.  Move the code to
 * its place, clear the rest of the file, and say where to start.
 * Returns 0 or FH_ERR_KERNEL: an ELF file without a PVH entry.
 */
int place_kernel(const struct plan *p, const struct offer *o, struct gpa *entry,
                 struct st_err *e);

#endif
