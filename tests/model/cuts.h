/* SPDX-License-Identifier: MIT */
/*
 * cuts.h - the cuts that no protocol can mend
 *
 * A move after which no honest operator brings the guest back to RUN is told
 * by what was lost, and where the two sides stood.  The same words are in the
 * table of migrate/stream.md, section 9.
 */
#ifndef CUTS_H
#define CUTS_H

#include "rules.h"

#define CUT_UNLISTED 31u /* none of ours */

/* Which cut is m, made in before?  The guest could be saved before, not after.
 */
unsigned cut_of(const struct world *before, const struct move *m);

/*
 * Compare the cuts found (a bit each) with the table between the markers of the
 * file at path, both ways, and print a line for each that one of them lacks.
 * Returns the number of those lines; negative errno when it cannot be read.
 */
int cuts_compare(const char *path, uint32_t found);

/* Print the cuts found, as the table has them. */
void cuts_print(uint32_t found);

#endif
