/* SPDX-License-Identifier: MIT */
/*
 * openmetrics.h - write figures as OpenMetrics 1.0 text
 *
 * Order is the caller's: a family's head, all of its samples, the next one;
 * the end comes last.
 *
 * Source: the OpenMetrics specification, version 1.0.0, "Text format".
 */
#ifndef OPENMETRICS_H
#define OPENMETRICS_H

#include <stdint.h>
#include <stdio.h>

struct om_family {
    const char *name; /* ends with its unit, if it has one */
    const char *type; /* "gauge" or "counter" */
    const char *unit; /* "seconds", "bytes"; NULL: none */
    const char *help;
};

struct om_label {
    const char *key, *value;
};

void om_head(FILE *to, const struct om_family *f);
/* A counter's sample gets its _total; whole numbers have no point. */
void om_sample(FILE *to, const struct om_family *f,
               const struct om_label *labels, uint32_t nr_labels, double value);
void om_end(FILE *to);

#endif
