/* SPDX-License-Identifier: MIT */
/*
 * stock.h - outcomes of an earlier run on stock Xen, read from its JSON file
 */
#ifndef STOCK_H
#define STOCK_H

#include "outcome.h"

struct stock; /* NULL: there was no such run */

/* Returns 0, or a negative errno: the file cannot be read or is not ours. */
int stock_open(struct stock **out, const char *path);
void stock_close(struct stock *s); /* NULL: no-op */

/* The outcome of row id in that run; OUT_NA when it has none. */
struct outcome stock_outcome(const struct stock *s, const char *id);

#endif
