/* SPDX-License-Identifier: MIT */
/*
 * vbd.h - one disk of a guest: its xenstore nodes, and its backend
 *
 * How this works: its states and what the guest sees of them are xbdev.h's, a
 * backend that dies belink.h's; here is what is a disk's alone.  One for which
 * a script provides the target is vbd_script.c's too.
 *
 * Loop thread only.  Nothing here needs a guest of ours: where the directories
 * are is the caller's to say.
 */
#ifndef VBD_H
#define VBD_H

#include <stdbool.h>

#include <uv.h>

#include "backends/blk/blk_journal.h"
#include "toolstack/supervisor/blklink.h"
#include "toolstack/supervisor/vbd_nodes.h"
#include "toolstack/supervisor/vbd_state.h"

struct err;
struct store;
struct vbd;

struct vbd_ops {
    /* As belink_ops.base. */
    void (*base)(void *arg, char out[BE_BASE_BYTES]);
    /* Another process serves it: vbd_process() is to be written down. */
    void (*started)(void *arg);
    /* vbd_state() or vbd_why() is another. */
    void (*moved)(void *arg);
    /* GONE: vbd_close() is what remains to do. */
    void (*gone)(void *arg);
    /* After vbd_hold(): nothing is in flight.  NULL: nobody asks. */
    void (*held)(void *arg);
};

struct vbd_options {
    struct blklink_spec link; /* the disk, its backend, its limits */
    struct vbd_nodes nodes;
    bool foreign; /* somebody else made the backend's directory, and removes it;
                     what is written there is heeded */
    bool later;   /* vbd_start() makes the nodes; vbd_serve() does the rest */
};

/*
 * Look at the disk's target; nothing is written or started.
 *
 *   ...         as disk_source_open()
 */
int vbd_open(uv_loop_t *loop, const struct vbd_options *o,
             const struct vbd_ops *ops, void *arg, struct vbd **out,
             struct err *e);

/* Make the nodes (not foreign ones), and start the backend.  After an error
   nothing of it is there. */
int vbd_start(struct vbd *v, struct store *s, struct err *e);

/* Of one for later, no-op else: start the backend, or go on with it.  What
 * fails is told by the state. */
void vbd_serve(struct vbd *v);

/*
 * Have the backend finish what it took, and let go of the store; held()
 * follows.  The guest stands still meanwhile, and sees nothing of it.
 */
void vbd_hold(struct vbd *v);
void vbd_go_on(struct vbd *v); /* not held: a no-op */

/* Go on with what an earlier supervisor left, by what xenstore says. */
void vbd_adopt(struct vbd *v, struct store *s, const struct beproc_id *id);

/* xenstored ended: NULL; the disk serves on.  Or a connection to the same. */
void vbd_set_store(struct vbd *v, struct store *s);
/* A watch fired whose token is vbd_token(). */
void vbd_fired(struct vbd *v);
const char *vbd_token(const struct vbd *v);

/* As xbdev_detach(). */
void vbd_detach(struct vbd *v, bool force);

/* The guest's domain is over: end the backend; the nodes stay. */
void vbd_end(struct vbd *v);

/* The store may have another size. */
void vbd_resize(struct vbd *v);
void vbd_set_limits(struct vbd *v, const struct blk_limits *limits);

/* Free it; a backend that runs goes on.  NULL: no-op. */
void vbd_close(struct vbd *v);

enum vbd_state vbd_state(const struct vbd *v);
const char *vbd_why(const struct vbd *v);
struct beproc_id vbd_process(const struct vbd *v);

struct vbd_figures {
    uint64_t size_bytes;
    uint32_t nr_queues, ring_pages; /* 0: not connected */
    uint32_t nr_restarts;
    struct blk_stats sum; /* of all queues; the backend's word */
};
void vbd_figures(struct vbd *v, struct vbd_figures *out);

#endif
