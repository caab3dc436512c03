/* SPDX-License-Identifier: MIT */
/*
 * xbnodes.h - what the two xenstore directories of any device have in common
 *
 * Every function writes in one transaction: nobody sees a state whose keys are
 * not there.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_device.c,
 * libxl__device_generic_add().
 */
#ifndef XBNODES_H
#define XBNODES_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct store;
struct store_tree;

/* Gather DIR/LEAF; an error shows when the tree is committed. */
void xbnodes_put(struct store_tree *t, const char *dir, const char *leaf,
                 const char *fmt, ...) __attribute__((format(printf, 4, 5)));
/* Ends t, which may be NULL if rc is an error. */
int xbnodes_commit(struct store_tree *t, int rc, struct err *e);

/* XenbusState of a directory; 0: it is not there, or no number. */
uint32_t xbnodes_state(const char *dir, struct store *s);

/* That state; error (NULL: none) says why; with offline it is not to come
   back. */
int xbnodes_set(const char *dir, uint32_t state, const char *error,
                bool offline, struct err *e);

/* DIR/LEAF, to be freed; NULL: there is none. */
char *xbnodes_read(const char *dir, const char *leaf, struct store *s);

#endif
