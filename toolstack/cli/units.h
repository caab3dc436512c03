/* SPDX-License-Identifier: MIT */
/*
 * units.h - amounts as command lines write them
 */
#ifndef UNITS_H
#define UNITS_H

#include <stdint.h>

struct err;

/*
 * Memory: a number and b, k, m (the default), g or t, of either case.
 * -EINVAL.  Source: Xen 4.20, tools/xl/xl_parse.c, parse_mem_size_kb().
 */
int units_kib(const char *text, uint64_t *out, struct err *e);

/* A number of min..max, decimal, digits alone.  -EINVAL, with what it is of. */
int units_range(const char *what, const char *text, uint32_t min, uint32_t max,
                uint32_t *out, struct err *e);
/* The same from 0 on. */
int units_number(const char *what, const char *text, uint32_t max,
                 uint32_t *out, struct err *e);

/*
 * Bytes: a number and nothing, k, m or g of 1024s, of either case; at most
 * UNITS_BYTES_MAX.  -EINVAL, with what it is of.
 */
#define UNITS_BYTES_MAX (1ull << 40)
int units_bytes(const char *what, const char *text, uint64_t *out,
                struct err *e);

#endif
