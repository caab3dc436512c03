/* SPDX-License-Identifier: MIT */
/*
 * fake_alloc.h - memory for the fakes themselves
 *
 * A test may let the production code's allocations fail (test_nomem.c, by
 * --wrap); those of the world behind it must not.
 */
#ifndef FAKE_ALLOC_H
#define FAKE_ALLOC_H

#include <stddef.h>

void *fake_calloc(size_t nr, size_t size);
char *fake_strdup(const char *text);
char *fake_strndup(const char *text, size_t nr);

#endif
