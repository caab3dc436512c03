/* SPDX-License-Identifier: MIT */
/*
 * checklist.h - rows of what was looked at: as a table, or as JSON
 */
#ifndef CHECKLIST_H
#define CHECKLIST_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

struct json_object;

enum verdict { CHECK_OK, CHECK_NOTE, CHECK_FAIL };

struct checklist; /* all of it is in memory until it is printed */

struct checklist *checklist_new(void);    /* or NULL */
void checklist_free(struct checklist *l); /* NULL: no-op */

/*
 * The next row.
 *
 * what    a word or two, which scripts may look for
 * state   how it is
 * why     what goes wrong where it is not so
 * remedy  what to do; "" where nothing is to be done
 */
void checklist_add(struct checklist *l, enum verdict v, const char *what,
                   const char *state, const char *why, const char *remedy);

uint32_t checklist_nr_failed(const struct checklist *l);

/* A table whose columns line up; a remedy stands where there is one. */
void checklist_print(FILE *to, const struct checklist *l);

/*
 * An array of {"check", "result", "state", "why", "remedy"}, all strings;
 * "result" is "ok", "note" or "FAIL".  The caller's to put.
 */
struct json_object *checklist_json(const struct checklist *l);

#endif
