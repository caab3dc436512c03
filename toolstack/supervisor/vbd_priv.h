/* SPDX-License-Identifier: MIT */
/*
 * vbd_priv.h - a disk's insides, for vbd*.c alone
 */
#ifndef VBD_PRIV_H
#define VBD_PRIV_H

#include "common/err.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vmdisk.h"

struct script;

struct vbd {
    uv_loop_t *loop;
    struct vbd_options o;
    struct vbd_ops ops;
    void *arg;
    enum vbd_state state;
    char why[BLK_TEXT];
    struct store *store;       /* NULL: none that knows the guest */
    struct blklink *link;      /* NULL: a script says first what it opens */
    struct script *script; /* one that runs */
    struct vm_disk opened;     /* as it said; own: target */
    bool added;                /* it is to be told of the end */
    uv_timer_t look;           /* runs from a watch to the look it asks for */
    uv_timer_t deadline;       /* of a guest that is to let go */
    uint32_t nr_handles;
    uint64_t looked_ms;
    char token[24];
    bool open;      /* info is current */
    bool wired;     /* the backend has the guest's rings, or may */
    bool leaving;   /* it was told to let go of them */
    bool front_out; /* the guest has closed since it was wired */
    bool broken;    /* we closed, not the guest */
    bool unwritten; /* the guest has not been told of our state */
    bool detaching;
    bool ending; /* what remains is the backend's end */
    struct blk_store_info info;
};

/* vbd.c: its link; disk is what it opens. */
int vbd_open_link(struct vbd *v, const struct vm_disk *disk, struct err *e);
/* It cannot be served: FAILED. */
void vbd_failed(struct vbd *v, const struct err *e);
/* Its link has ended, and its script: GONE. */
void vbd_gone(struct vbd *v);

/*
 * vbd_script.c: what becomes of a disk that has a script (a no-op otherwise:
 * false).  The link is there when it was run.
 */
bool vbd_has_script(const struct vbd *v);
int vbd_script_start(struct vbd *v, struct err *e);
/* What an earlier supervisor's script said; -ENOENT: it said nothing yet. */
int vbd_script_adopt(struct vbd *v, struct err *e);
/* Before GONE: run it again to clean up; vbd_gone() follows. */
void vbd_script_end(struct vbd *v);

#endif
