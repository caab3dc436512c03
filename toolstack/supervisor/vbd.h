/* SPDX-License-Identifier: MIT */
/*
 * vbd.h - one disk of a guest: its xenstore nodes, and its backend
 *
 *             store open         its keys           serves
 *   STARTING ───────────▶ WAITING ─────▶ CONNECTING ─────▶ CONNECTED
 *                          ▲  ▲  └───────────┴───────────────┤ it closed, or
 *           it comes again │  └─── it came again ──┐         │ broke a rule
 *                          └───── CLOSED ◀──── CLOSING ◀─────┘
 *                                      drained, and it closed
 *
 *   any of these ── its backend is given up ──▶ FAILED
 *   any, FAILED too ── detached, or the guest ended ──▶ GONE
 *
 * How this works: the guest's state is looked at, at most every 10 ms however
 * often it writes it, and every state of ours has an answer to each of its.
 * What a backend does meanwhile (blklink.h) moves nothing that the guest sees
 * unless it has to: one that is started again goes on with the same rings.
 * The one rule for data: nothing is Closed while the backend may have requests
 * of the guest.
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

struct err;
struct store;
struct vbd;

enum vbd_state {
    VBD_NEW,
    VBD_STARTING, /* the store is being opened */
    VBD_WAITING,  /* for the guest: InitWait */
    VBD_CONNECTING,
    VBD_CONNECTED,
    VBD_CLOSING,
    VBD_CLOSED, /* and may come again */
    VBD_FAILED,
    VBD_GONE,
    VBD_STATES
};

struct vbd_ops {
    /* As blklink_ops.base. */
    void (*base)(void *arg, char out[BLK_BASE_BYTES]);
    /* Another process serves it: vbd_process() is to be written down. */
    void (*started)(void *arg);
    /* vbd_state() or vbd_why() is another. */
    void (*moved)(void *arg);
    /* GONE: vbd_close() is what remains to do. */
    void (*gone)(void *arg);
};

struct vbd_options {
    struct blklink_spec link; /* the disk, its backend, its limits */
    struct vbd_nodes nodes;
    bool foreign; /* somebody else made the backend's directory, and removes it;
                     what is written there is heeded */
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

/* Go on with what an earlier supervisor left, by what xenstore says. */
void vbd_adopt(struct vbd *v, struct store *s, const struct blkproc_id *id);

/* xenstored ended: NULL; the disk serves on.  Or a connection to the same. */
void vbd_set_store(struct vbd *v, struct store *s);
/* A watch fired whose token is vbd_token(). */
void vbd_fired(struct vbd *v);
const char *vbd_token(const struct vbd *v);

/*
 * Take it from the guest: it is asked to let go, and when it does, GONE
 * follows.  force: GONE, whatever the guest does.  A guest that has not in
 * 10 s is told of by moved(); it may still.
 */
void vbd_detach(struct vbd *v, bool force);

/* The guest's domain is over: end the backend; the nodes stay. */
void vbd_end(struct vbd *v);

/* The store may have another size. */
void vbd_resize(struct vbd *v);
void vbd_set_limits(struct vbd *v, const struct blk_limits *limits);

/* Free it; a backend that runs goes on.  NULL: no-op. */
void vbd_close(struct vbd *v);

enum vbd_state vbd_state(const struct vbd *v);
const char *vbd_state_name(enum vbd_state s); /* as the API has it */
const char *vbd_why(const struct vbd *v);
struct blkproc_id vbd_process(const struct vbd *v);

struct vbd_figures {
    uint64_t size_bytes;
    uint32_t nr_queues, ring_pages; /* 0: not connected */
    uint32_t nr_restarts;
    struct blk_stats sum; /* of all queues; the backend's word */
};
void vbd_figures(struct vbd *v, struct vbd_figures *out);

#endif
