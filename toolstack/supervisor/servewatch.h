/* SPDX-License-Identifier: MIT */
/*
 * servewatch.h - a process for each disk, or card, that xl means for us
 *
 *            found                    it ended      0     the device went
 *   (none) ───────▶ DUE ──started──▶ RUNS ──────────▶ DONE ───────▶ (none)
 *                    ▲                │                │
 *                    └── not by 0 ────┘                └── another is there
 *
 * How this works: every change below backend/vbd3 (backend/vif) asks for one
 * look at all of it.  A disk whose script is block-freehold, and any card that
 * nobody has offered yet, has a process, `freehold serve-blk DOMID DEVID` (or
 * serve-net), which is started again when it dies: at once, then after 200 ms
 * .. 10 s.  The processes are nobody's children in earnest: they outlive us,
 * and the next one of us finds them by the locks that they hold (serve.h).
 *
 * While dom0's kernel takes cards itself (netback.h), which is said once, none
 * is begun with; those that were are looked after.
 *
 * Loop thread only.
 */
#ifndef SERVEWATCH_H
#define SERVEWATCH_H

#include <stdbool.h>

#include <uv.h>

#include "toolstack/supervisor/serve.h"

struct err;
struct servewatch;

struct servewatch_options {
    const char *base; /* RUNDIR_BASE */
    enum serve_what what;
    const char *program; /* run as `PROGRAM serve-blk DOMID DEVID` */
    bool any_mac;        /* with -m, which is serve_options' any_mac */
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
