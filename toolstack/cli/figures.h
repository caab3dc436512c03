/* SPDX-License-Identifier: MIT */
/*
 * figures.h - what is measured of the host and of each guest
 */
#ifndef FIGURES_H
#define FIGURES_H

#include <stdio.h>

#include "toolstack/cli/target.h"

struct json_object;

struct figures_guest {
    const struct target *target;
    struct json_object *info; /* NULL: its supervisor does not answer */
    uint64_t start_s;         /* since 1970; 0: not known */
    uint64_t resident_bytes;  /* of its supervisor; 0: not known */
};

struct figures {
    const struct hyp_host *host;
    const char *version; /* ours */
    const struct figures_guest *guests;
    int nr_guests;
};

/* OpenMetrics text. */
void figures_write(FILE *to, const struct figures *f);
/* The same figures as JSON; the caller's to put. */
struct json_object *figures_object(const struct figures *f);

#endif
