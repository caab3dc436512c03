/* SPDX-License-Identifier: MIT */
/*
 * store.h - a xenstore client: one request at a time, and watches
 *
 * Paths may be relative: to the guest's own directory.
 */
#ifndef ROGUE_STORE_H
#define ROGUE_STORE_H

#include <stdint.h>

void store_init(void);

/* The value, NUL-terminated and cut to size - 1.  Returns its length, or -1. */
int store_read(const char *path, char *value, uint32_t size);
/* dir/leaf */
int store_read_in(const char *dir, const char *leaf, char *value,
                  uint32_t size);

/* Returns 0, or -1: xenstore said no. */
int store_write(const char *path, const void *value, uint32_t len);
int store_write_in(const char *dir, const char *leaf, const char *value);
int store_number_in(const char *dir, const char *leaf, uint32_t value);
int store_remove(const char *path);
int store_remove_in(const char *dir, const char *leaf);
int store_watch(const char *path);

/*
 * Sleep until a watch fired since the last call, or until_ns is over.  Returns
 * 1 or 0.
 */
int store_wait(uint64_t until_ns);

#endif
