/* SPDX-License-Identifier: MIT */
/*
 * migshow.h - a transfer as people and programs see it
 *
 * On a terminal one line that is drawn anew with each event; else a line for
 * each state and epoch; with --json each event, an object a line, on stdout.
 */
#ifndef MIGSHOW_H
#define MIGSHOW_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "toolstack/cli/migask.h"

struct json_object;

struct migshow { /* zero it, then set the first group */
    const char *name;
    FILE *to; /* progress, as text */
    bool json, terminal, times;

    char state[24];
    uint64_t epoch;
    bool any, drawn;   /* something was told; a line stands there */
    uint64_t began_ms; /* the epoch, and pages sent until then */
    uint64_t began_pages;
};

/* As migask.told has them; now_ms: CLOCK_MONOTONIC. */
void migshow_event(struct migshow *s, const char *method, struct json_object *o,
                   uint64_t now_ms);
/* Wipe the line; the next one stands behind it. */
void migshow_clear(struct migshow *s);
/* What stands behind `NAME: `, of a "migration". */
#define MIGSHOW_TEXT 256u
void migshow_text(const struct migshow *s, struct json_object *o,
                  uint64_t now_ms, char out[MIGSHOW_TEXT]);

/* The figures of one that went well. */
void migshow_table(FILE *to, const struct migask_result *r);

#endif
