/* SPDX-License-Identifier: MIT */
/*
 * devlook.h - what a guest wrote of one of its devices
 *
 * Its kernel writes that into xenstore, so it may be anything.
 */
#ifndef DEVLOOK_H
#define DEVLOOK_H

#include <stdint.h>

struct store;

/*
 * Of the first of these nodes in dir that is a number of 0..INT_MAX; -1: none
 * is.
 */
int devlook_first(struct store *s, const char *dir, const char *const *node,
                  uint32_t nr);

#endif
