/* SPDX-License-Identifier: MIT */
/*
 * vbd_priv.h - a disk's insides, for vbd*.c alone
 */
#ifndef VBD_PRIV_H
#define VBD_PRIV_H

#include "common/err.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/xbdev.h"

struct script;

struct vbd {
    struct xbdev x;
    struct vbd_options o;
    struct vbd_ops ops;
    void *arg;
    struct blklink *link;  /* NULL: a script says first what it opens */
    struct script *script; /* one that runs */
    struct vm_disk opened; /* as it said; own: target */
    bool added;            /* it is to be told of the end */
    struct blk_store_info info;
    struct beproc_id adopted; /* whose backend it is to go on with */
};

/* vbd.c: its link; disk is what it opens. */
int vbd_open_link(struct vbd *v, const struct vm_disk *disk, struct err *e);

/*
 * vbd_script.c: what becomes of a disk that has a script (a no-op otherwise:
 * false).  The link is there when it was run.
 */
bool vbd_has_script(const struct vbd *v);
int vbd_script_start(struct vbd *v, struct err *e);
/* What an earlier supervisor's script said; -ENOENT: it said nothing yet. */
int vbd_script_adopt(struct vbd *v, struct err *e);
/* Before GONE: run it again to clean up; xbdev_gone() follows. */
void vbd_script_end(struct vbd *v);

#endif
