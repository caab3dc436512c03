/* SPDX-License-Identifier: MIT */
/*
 * canary.h - recognise a canary guest's secret wherever it turns up
 */
#ifndef CANARY_H
#define CANARY_H

#include <stddef.h>
#include <stdint.h>

#include "../guest/canary/canary_pattern.h"

/* How many whole lines of the secret are in this memory, at any alignment
 * of 8 bytes? */
unsigned canary_lines_in(const struct canary_line *line, const void *mem,
                         size_t len_bytes);

/*
 * Does this blob of registers hold the secret: at least two of the words that
 * the idle canary guest keeps in its registers, at any alignment?
 */
int canary_regs_in(const struct canary_line *line, const void *blob,
                   size_t len_bytes);

/* The same in a text, where registers are printed in hex. */
int canary_regs_in_text(const struct canary_line *line, const char *text);

/* Fill a page with the secret. */
void canary_fill(const struct canary_line *line, void *mem, size_t len_bytes);

#endif
