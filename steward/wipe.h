/* SPDX-License-Identifier: MIT */
/*
 * wipe.h - forget a secret, whatever the compiler thinks of a dead store
 */
#ifndef STEWARD_WIPE_H
#define STEWARD_WIPE_H

#include <stddef.h>
#include <string.h>

/* Zero bytes that held a key; no optimisation takes this away. */
static inline void wipe(void *p, size_t bytes)
{
    memset(p, 0, bytes);
    __asm__ volatile("" ::"r"(p) : "memory");
}

#endif
