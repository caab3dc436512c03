/* SPDX-License-Identifier: MIT */
/*
 * xbkeys.h - numbers that a guest wrote into its directory
 *
 * The guest writes any text at any time, so each key is read once, bounded,
 * and either means one number in its range or is an error that names it.
 */
#ifndef XBKEYS_H
#define XBKEYS_H

#include <stdint.h>

struct err;

/* FIFO event channels: Xen has no port above it. */
#define XBKEYS_PORT_MAX ((1u << 17) - 1)

/* A key of the frontend's directory: its text, to be freed; NULL: none. */
typedef char *xbkeys_read(void *arg, const char *key);

struct xbkeys { /* where they are read */
    xbkeys_read *read;
    void *arg;
    char dir[24]; /* in front of each: "" or "queue-N/" */
    struct err *e;
};

/* Returns 1 and a number in min..max, 0 when there is none, or -EINVAL:
   `KEY: got ..., want ...`. */
int xbkeys_get(const struct xbkeys *k, const char *name, uint32_t min,
               uint32_t max, uint32_t *out);
/* It must be there: 0, or -EINVAL. */
int xbkeys_want(const struct xbkeys *k, const char *name, uint32_t min,
                uint32_t max, uint32_t *out);

#endif
