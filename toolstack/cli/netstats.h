/* SPDX-License-Identifier: MIT */
/*
 * netstats.h - what cards did: since they are there, or between two looks
 */
#ifndef NETSTATS_H
#define NETSTATS_H

#include <stdio.h>

struct err;
struct stats_look;

/*
 * A table of every card, behind an empty line; nothing if there is none.
 * before: as diskstats_print() has it.  -ENOMEM.
 */
int netstats_print(FILE *to, const struct stats_look *now,
                   const struct stats_look *before, struct err *e);

#endif
