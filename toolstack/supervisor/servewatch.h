/* SPDX-License-Identifier: MIT */
/*
 * servewatch.h - a `freehold serve-blk` for each disk that xl means for us
 *
 *            found                    it ended      0     the device went
 *   (none) ───────▶ DUE ──started──▶ RUNS ──────────▶ DONE ───────▶ (none)
 *                    ▲                │                │
 *                    └── not by 0 ────┘                └── another is there
 *
 * How this works: every change below backend/vbd3 asks for one look at all of
 * it.  A device whose script is block-freehold has a process, which is started
 * again when it dies: at once, then after 200 ms .. 10 s.  The processes are
 * nobody's children in earnest: they outlive us, and the next one of us finds
 * them by the locks that they hold (serve.h).
 *
 * Loop thread only.
 */
#ifndef SERVEWATCH_H
#define SERVEWATCH_H

#include <uv.h>

struct err;
struct servewatch;

struct servewatch_options {
    const char *base;    /* RUNDIR_BASE */
    const char *program; /* run as `PROGRAM serve-blk DOMID DEVID` */
    /* xenstored ended; servewatch_close() is what remains to do. */
    void (*ended)(void *arg, const struct err *failed);
    void *arg;
};

/*
 * The first look is done when this returns.
 *
 *   -ENOENT     no xenstored is there
 */
int servewatch_open(uv_loop_t *loop, const struct servewatch_options *o,
                    struct servewatch **out, struct err *e);

/* Free it; what it started goes on.  NULL: no-op. */
void servewatch_close(struct servewatch *w);

#endif
