/* SPDX-License-Identifier: MIT */
/*
 * table.h - rows of text whose columns line up, however long a word is
 */
#ifndef TABLE_H
#define TABLE_H

#include <stdint.h>
#include <stdio.h>

#define TABLE_COLUMNS_MAX 16u

struct table; /* all of it is in memory until it is printed */

/* The first nr_left columns begin at the left; numbers end at the right. */
struct table *table_new(uint32_t nr_columns, uint32_t nr_left); /* or NULL */
void table_free(struct table *t); /* NULL: no-op */

/* The next cell, row by row; one that has no memory is empty. */
void table_add(struct table *t, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

void table_print(FILE *to, const struct table *t);

#endif
