/* SPDX-License-Identifier: MIT */
/*
 * await.h - wait for a supervisor to write something into its run directory
 */
#ifndef AWAIT_H
#define AWAIT_H

struct err;

#define AWAIT_TAKE_OVER_MS 60000 /* for the next supervisor of a guest */

/* Begin to watch a guest's run directory; the fd, to be closed. */
int await_open(const char *name, int *fd, struct err *e);

/*
 * Wait until a member of it, `state` or `api`, was replaced since.
 *
 *   -ETIMEDOUT  in timeout_ms
 *   -ENOENT     the directory was removed
 */
int await_member(int fd, const char *name, const char *member, int timeout_ms,
                 struct err *e);

#endif
