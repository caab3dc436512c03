/* SPDX-License-Identifier: MIT */
/*
 * report.h - show attempts and verdicts, as a table that lines up or as JSON
 */
#ifndef REPORT_H
#define REPORT_H

#include "judge.h"

struct report; /* owns what was added until report_end() */

struct report *report_begin(int json);

/* One attempt, without a verdict. */
void report_attempt(struct report *r, const struct row *row, uint32_t stage,
                    const struct outcome *o);
/* One row of the table. */
void report_verdict(struct report *r, const struct row *row, uint32_t stage,
                    const struct outcome *control, const struct outcome *target,
                    enum verdict v, const char *why);

/* Print what is left to print; how many rows had verdict v: nr[v]. */
void report_end(struct report *r, unsigned nr[V_VERDICTS]);

const char *stage_name(uint32_t stage);
uint32_t stage_of_name(const char *name); /* 0: no such stage */

#endif
