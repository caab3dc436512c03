/* SPDX-License-Identifier: MIT */
/*
 * diskstats.h - what disks did: since they are there, or between two looks
 */
#ifndef DISKSTATS_H
#define DISKSTATS_H

#include <stdio.h>

struct err;
struct stats_look;

/*
 * A table of every disk.  before: NULL for totals since the disk is there,
 * else rates since that look; a disk that was not in it, or began anew, has
 * dashes.  -ENOMEM.
 */
int diskstats_print(FILE *to, const struct stats_look *now,
                    const struct stats_look *before, struct err *e);

#endif
