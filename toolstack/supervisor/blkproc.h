/* SPDX-License-Identifier: MIT */
/*
 * blkproc.h - one freehold-blk, and the connection to it
 *
 * How this works: the process is started with exactly the descriptors that
 * backends/blk/blk_ctl.h names, and connected to by its socket's name, as the
 * next supervisor will.  It is known by its pidfd; a process that we did not
 * start ourselves, by number and start time, as they were written down.
 *
 * A guest may have taken its backend over, so a message that is not one, or
 * too many of them, ends the process.
 *
 * Loop thread only.
 */
#ifndef BLKPROC_H
#define BLKPROC_H

#include <uv.h>

#include "backends/blk/blk_ctl.h"

struct blkproc;
struct err;

/* "/run/freehold/NAME/vbd-DEVID": what all of a disk's files begin with. */
#define BLK_BASE_BYTES 96u

struct blkproc_id { /* all zero: not known */
    int32_t pid;
    uint64_t start_ticks; /* since boot: numbers are used again */
};

struct blkproc_events {
    /* Whole, of a type that backends send, its texts NUL-terminated. */
    void (*message)(void *arg, const struct blk_ctl *m);
    /* Once: the process is gone; blkproc_close() is what remains to do. */
    void (*ended)(void *arg, const char *why);
    void *arg;
};

/*
 * Start program (NULL: the one that is installed) as `freehold-blk NAME` with
 * base.journal, and connect to base.sock.
 *
 *   -ENOENT ..  as posix_spawn(3), of the program
 */
int blkproc_start(uv_loop_t *loop, const char *program, const char *name,
                  const char *base, const struct blkproc_events *events,
                  struct blkproc **out, struct err *e);

/*
 * Connect to one that an earlier supervisor started.  If id is not known, it
 * can be asked to quit and not be killed; ended() then comes by its hanging
 * up.
 *
 *   -ESRCH      it is gone, or ends: it was killed if it was there
 */
int blkproc_adopt(uv_loop_t *loop, const char *base,
                  const struct blkproc_id *id,
                  const struct blkproc_events *events, struct blkproc **out,
                  struct err *e);

/* fd (-1: none) stays the caller's.  One that does not read is killed. */
void blkproc_send(struct blkproc *p, const struct blk_ctl *m, int fd);

/* SIGKILL; ended() comes from the loop.  why is a constant. */
void blkproc_kill(struct blkproc *p, const char *why);

/* Hang up; a process that runs goes on.  NULL: no-op. */
void blkproc_close(struct blkproc *p);

struct blkproc_id blkproc_id(const struct blkproc *p);

/* End one that nobody will adopt; a no-op if it is gone. */
void blkproc_kill_left(const struct blkproc_id *id);

#endif
