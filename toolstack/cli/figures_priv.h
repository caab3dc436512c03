/* SPDX-License-Identifier: MIT */
/*
 * figures_priv.h - the insides of figures*.c
 */
#ifndef FIGURES_PRIV_H
#define FIGURES_PRIV_H

#include <stdio.h>

#include "toolstack/cli/figures.h"
#include "toolstack/cli/openmetrics.h"

/* Receives a family's samples. */
struct sink {
    FILE *text;                /* or */
    struct json_object *array; /* "samples" */
};

/* Opens a family: its head, or its object with the samples to come. */
void figures_begin(struct sink *s, struct json_object *all,
                   const struct om_family *f);
void figures_sample(const struct sink *s, const struct om_family *f,
                    const struct om_label *labels, uint32_t nr, double value);

/* figures_disk.c: the families of disks, of all guests. */
void figures_disks(struct sink *s, struct json_object *all,
                   const struct figures *f);

/* figures_vif.c: those of cards. */
void figures_vifs(struct sink *s, struct json_object *all,
                  const struct figures *f);

#endif
