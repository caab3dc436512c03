/* SPDX-License-Identifier: MIT */
/*
 * blklink.h - a disk's backend, kept alive
 *
 *   NONE ──start──▶ HELLO ──▶ OPENING ──▶ OPENED
 *     ▲  ──adopt──▶  │ ▲         │           │
 *     │              ▼ │◀──it died, at once──┘
 *     │            PAUSE (died before)
 *     └── ended ◀── QUITTING ◀── end, from any; or FAILED, and it stays so
 *
 * The process, what it opens (disksource.h) and what it is told of that are
 * this file's; what the guest and xenstore have to do with it is vbd.c's.  A
 * backend that dies is started again: at once, then after 100 ms, 200 ms ..
 * 10 s; after more than BLKLINK_DEATHS_MAX in a minute it is given up.
 */
#ifndef BLKLINK_H
#define BLKLINK_H

#include <stdbool.h>

#include <uv.h>

#include "backends/blk/blk_ctl.h"
#include "toolstack/supervisor/blkproc.h"

struct blklink;
struct err;
struct vm_disk;

#define BLKLINK_DEATHS_MAX 10u

enum blklink_opened {                  /* what is known of the guest's rings */
                      BLKLINK_UNWIRED, /* not connected */
                      BLKLINK_RESUMES, /* CONNECTED or BROKEN follows */
                      BLKLINK_WIRED,   /* connected: it was never away */
};

struct blklink_ops {
    /* base: where the disk's files are, now; a rename moves them. */
    void (*base)(void *arg, char out[BLK_BASE_BYTES]);
    /* A process is about to be started: does it go on by the journal? */
    bool (*resumes)(void *arg);
    void (*started)(void *arg); /* blklink_id() is another */
    /* The store is open; again after each restart. */
    void (*opened)(void *arg, const struct blk_store_info *info,
                   enum blklink_opened how);
    /* CONNECTED, DISCONNECTED, SIZE, BROKEN; checked. */
    void (*message)(void *arg, const struct blk_ctl *m);
    void (*died)(void *arg, const char *why); /* another one comes */
    /* It never opened, or died too often; nothing comes any more. */
    void (*failed)(void *arg, const struct err *e);
    void (*ended)(void *arg); /* after blklink_end(), once */
};

struct blklink_spec {           /* copied, but for what it points to */
    const struct vm_disk *disk; /* outlives the link */
    const char *program;        /* NULL: the one that is installed */
    char name[96];              /* GUEST/VDEV */
    uint16_t domid;
    uint32_t devid;
    uint8_t nr_queues; /* to offer at most */
    struct blk_limits limits;
};

/*
 * Look at the disk's target; nothing is started.
 *
 *   ...         as disk_source_open()
 */
int blklink_open(uv_loop_t *loop, const struct blklink_spec *spec,
                 const struct blklink_ops *ops, void *arg, struct blklink **out,
                 struct err *e);

/* Start the first one.  After an error nothing runs. */
int blklink_start(struct blklink *l, struct err *e);

/*
 * Go on with the one that an earlier supervisor started; if it is gone, or of
 * another build, with another in its place.  What fails is told by failed().
 */
void blklink_adopt(struct blklink *l, const struct blkproc_id *id);

/* To a backend that is OPENED; a no-op at any other time. */
void blklink_tell(struct blklink *l, const struct blk_ctl *m);

/* Also for all that follow. */
void blklink_set_limits(struct blklink *l, const struct blk_limits *limits);

/*
 * Have it quit; after 2 s it is killed.  ended() comes from the loop, also
 * when there is none.
 */
void blklink_end(struct blklink *l);

/* Free it; a process that runs goes on.  NULL: no-op. */
void blklink_close(struct blklink *l);

struct blkproc_id blklink_id(const struct blklink *l); /* all zero: none */
uint32_t blklink_restarts(const struct blklink *l);

#endif
