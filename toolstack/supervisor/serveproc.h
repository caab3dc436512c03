/* SPDX-License-Identifier: MIT */
/*
 * serveproc.h - the process that serves one disk, or card, of xl's
 *
 * Started by us, in a session of its own: what ends us does not end it; or
 * found by the lock that it holds (serve.h), whoever started it.  Either is
 * watched until it ends.  Loop thread only.
 */
#ifndef SERVEPROC_H
#define SERVEPROC_H

#include <stdbool.h>
#include <stdint.h>

#include <uv.h>

#include "toolstack/supervisor/serve.h"

struct serveproc;

/* over: it was ours, and says that the device is; *p is gone. */
typedef void serveproc_ended(void *arg, bool over);

struct serveproc_order {
    const char *base; /* RUNDIR_BASE */
    enum serve_what what;
    const char *program; /* run as `PROGRAM serve-blk DOMID DEVID` */
    bool any_mac;        /* with -m */
    uint16_t domid;
    uint32_t devid;
    serveproc_ended *ended; /* from the loop, once, unless it is let go */
    void *arg;
};

/*
 * Returns 1 when there is one, 0 when there is none.
 *
 *   -EAGAIN     one is about to write its number, or to end
 */
int serveproc_find(uv_loop_t *loop, const struct serveproc_order *o,
                   struct serveproc **out);
/* 0, or a negative errno; it may run all the same, and is found later. */
int serveproc_start(uv_loop_t *loop, const struct serveproc_order *o,
                    struct serveproc **out);
void serveproc_let_go(struct serveproc *p); /* it goes on; NULL: no-op */

#endif
