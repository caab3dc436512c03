/* SPDX-License-Identifier: MIT */
/*
 * storewatch.h - a connection to xenstore on a loop, and its xenstored's life
 *
 * A connection says nothing of its xenstored's end, so the process is watched,
 * too.  Loop thread only.
 */
#ifndef STOREWATCH_H
#define STOREWATCH_H

#include <uv.h>

struct err;
struct store;
struct storewatch;

/*
 * token: of a watch that fired, one time or several in a row.
 * storewatch_close() may be called from it.
 */
typedef void storewatch_fired(void *arg, const char *token);
typedef void storewatch_ended(void *arg); /* xenstored did; once */

/*
 *   -ENOENT     no xenstored is there
 */
int storewatch_open(uv_loop_t *loop, storewatch_fired *fired,
                    storewatch_ended *ended, void *arg, struct storewatch **out,
                    struct err *e);
void storewatch_close(struct storewatch *w); /* NULL: no-op */

struct store *storewatch_store(struct storewatch *w);

#endif
