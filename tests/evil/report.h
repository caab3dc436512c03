/* SPDX-License-Identifier: MIT */
/*
 * report.h - say what a case did, to people or to programs
 */
#ifndef EVIL_REPORT_H
#define EVIL_REPORT_H

#include "tests/evil/evil.h"
#include "tests/evil/judge.h"

/* The cases, one a line: name, expected outcome, lie; tabs between. */
void report_list(void);

void report_text(const struct evil *v, const struct verdict *j);
void report_json(const struct evil *v, const struct verdict *j);

#endif
