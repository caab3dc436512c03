/* SPDX-License-Identifier: MIT */
/*
 * blklink.h - a disk's backend, and what it opens
 *
 * The process and its restarts are belink.h's; the store (disksource.h), its
 * NBD connections and what the backend is told of them are this file's; what
 * the guest and xenstore have to do with it is vbd.c's.
 */
#ifndef BLKLINK_H
#define BLKLINK_H

#include <stdbool.h>

#include <uv.h>

#include "backends/blk/blk_ctl.h"
#include "toolstack/supervisor/belink.h"

struct blklink;
struct err;
struct vm_disk;

struct blklink_ops { /* as belink_ops, unless told otherwise */
    void (*base)(void *arg, char out[BE_BASE_BYTES]);
    bool (*resumes)(void *arg);
    void (*started)(void *arg);
    /* The store is open; again after each restart. */
    void (*opened)(void *arg, const struct blk_store_info *info,
                   enum belink_opened how);
    /* CONNECTED, DISCONNECTED, SIZE, BROKEN; checked. */
    void (*message)(void *arg, const struct blk_ctl *m);
    void (*died)(void *arg, const char *why);
    void (*failed)(void *arg, const struct err *e);
    void (*ended)(void *arg);
    void (*held)(void *arg);
};

struct blklink_spec {           /* copied, but for what it points to */
    const struct vm_disk *disk; /* outlives the link */
    const char *program;        /* NULL: the one that is installed */
    char name[96];              /* GUEST/VDEV */
    uint16_t domid;
    uint32_t devid;
    uint8_t nr_queues; /* to offer at most */
    struct blk_limits limits;
    bool patient; /* a target that another guest has is waited for: it is the
                     same one, which came from there */
};

/*
 * Look at the disk's target; nothing is started.
 *
 *   ...         as disk_source_open()
 */
int blklink_open(uv_loop_t *loop, const struct blklink_spec *spec,
                 const struct blklink_ops *ops, void *arg, struct blklink **out,
                 struct err *e);

/* To start, adopt, tell and end it, and to ask what it is. */
struct belink *blklink_be(struct blklink *l);

/* Also for all that follow. */
void blklink_set_limits(struct blklink *l, const struct blk_limits *limits);

/* Free it; a process that runs goes on.  NULL: no-op. */
void blklink_close(struct blklink *l);

#endif
