/* SPDX-License-Identifier: MIT */
/*
 * statslook.h - one look at what guests' devices did
 */
#ifndef STATSLOOK_H
#define STATSLOOK_H

#include <stdint.h>

struct json_object;

struct stats_guest {
    const char *name;
    struct json_object *info; /* NULL: its supervisor does not answer */
};

struct stats_look {
    const struct stats_guest *guests;
    uint32_t nr;
    uint64_t at_ns; /* CLOCK_MONOTONIC */
};

/*
 * The figures as they are: [{"name", "up", "disks": [...], "vifs": [...]}]; the
 * caller's to put.
 */
struct json_object *statslook_object(const struct stats_look *now);

#endif
