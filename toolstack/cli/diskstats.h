/* SPDX-License-Identifier: MIT */
/*
 * diskstats.h - what disks did: since they are there, or between two looks
 */
#ifndef DISKSTATS_H
#define DISKSTATS_H

#include <stdint.h>
#include <stdio.h>

struct err;
struct json_object;

struct diskstats_guest {
    const char *name;
    struct json_object *info; /* NULL: its supervisor does not answer */
};

struct diskstats { /* one look */
    const struct diskstats_guest *guests;
    uint32_t nr;
    uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/*
 * A table of every disk.  before: NULL for totals since the disk is there,
 * else rates since that look; a disk that was not in it, or began anew, has
 * dashes.  -ENOMEM.
 */
int diskstats_print(FILE *to, const struct diskstats *now,
                    const struct diskstats *before, struct err *e);

/* The figures as they are: [{"name", "disks": [...]}]; the caller's to put. */
struct json_object *diskstats_object(const struct diskstats *now);

#endif
