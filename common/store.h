/* SPDX-License-Identifier: MIT */
/*
 * store.h - xenstore, with errors in words
 *
 * The only caller of libxenstore.  Calls wait for xenstored's answer; watches
 * arrive on store_fd().  A connection does not outlive its xenstored, and says
 * nothing of its end.  Where there is none, a NULL store answers -ENOTCONN.
 */
#ifndef STORE_H
#define STORE_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct store;

int store_open(struct store **out, struct err *e);
void store_close(struct store *s); /* NULL: no-op; drops every watch */

/* Returns the value, to be freed, or NULL when there is none. */
char *store_read(struct store *s, const char *path);
int store_write(struct store *s, const char *path, const char *value,
                struct err *e);
/*
 * The names below a path, *out one allocation, the caller's to free.  Returns
 * their number; 0, and *out is NULL, when there is no such path.
 */
int store_list(struct store *s, const char *path, char ***out, struct err *e);
/* Absent is as good as removed. */
int store_remove(struct store *s, const char *path, struct err *e);

/*
 * A tree, gathered node by node and written by store_tree_commit(): in one
 * transaction, so all of it or nothing is there, and in three round trips,
 * however many nodes it has.  Errors of the middle show at the end.
 */
struct store_tree;
int store_tree_new(struct store_tree **out, struct err *e);
void store_tree_free(struct store_tree *t); /* NULL: no-op */
void store_tree_write(struct store_tree *t, const char *path,
                      const char *value);
/* Dom0 owns the node; the guest may read it, and what grows below it. */
void store_tree_readable(struct store_tree *t, const char *path,
                         uint16_t domid);
/* The guest owns the node: it alone (and dom0) reads and writes. */
void store_tree_owned(struct store_tree *t, const char *path, uint16_t domid);
int store_tree_commit(struct store_tree *t, struct err *e);

/* XS_INTRODUCE; zeroes the guest's ring, so before any vCPU of it runs. */
int store_introduce(struct store *s, uint16_t domid, uint64_t gfn,
                    uint32_t port, struct err *e);

/* XS_RESUME: a suspended domain goes on, and its next end is told again. */
int store_resume(struct store *s, uint16_t domid, struct err *e);

int store_watch(struct store *s, const char *path, const char *token,
                struct err *e);
/* Absent is as good; what had fired may still be taken. */
void store_unwatch(struct store *s, const char *path, const char *token);
int store_fd(struct store *s); /* readable when a watch fired */
/* Take one fired watch.  Returns 1 and its token, 0 when there is none. */
int store_take(struct store *s, char *token, uint32_t token_bytes);

#endif
