/* SPDX-License-Identifier: MIT */
/*
 * vbd_info.c - what a disk tells of itself
 */
#include "common/checked.h"
#include "toolstack/supervisor/blkfigures.h"
#include "toolstack/supervisor/vbd_priv.h"

static const char *const state_name[] = {
    [VBD_NEW] = "new",
    [VBD_STARTING] = "starting",
    [VBD_WAITING] = "waiting",
    [VBD_CONNECTING] = "waiting",
    [VBD_CONNECTED] = "connected",
    [VBD_CLOSING] = "closing",
    [VBD_CLOSED] = "closed",
    [VBD_FAILED] = "failed",
    [VBD_GONE] = "gone",
};
_Static_assert(ARRAY_SIZE(state_name) == VBD_STATES, "state_name");

const char *vbd_state_name(enum vbd_state s)
{
    return state_name[s];
}

enum vbd_state vbd_state(const struct vbd *v)
{
    return v->state;
}

const char *vbd_why(const struct vbd *v)
{
    return v->why;
}

const char *vbd_token(const struct vbd *v)
{
    return v->token;
}

struct blkproc_id vbd_process(const struct vbd *v)
{
    return v->link ? blklink_id(v->link) : (struct blkproc_id){ 0 };
}

void vbd_figures(struct vbd *v, struct vbd_figures *out)
{
    char base[BLK_BASE_BYTES];
    struct blkfigures f;

    *out = (struct vbd_figures){
        .size_bytes = v->info.size_bytes,
        .nr_restarts = v->link ? blklink_restarts(v->link) : 0,
    };
    v->ops.base(v->arg, base);
    if (blkfigures_read(base, &f) < 0)
        return;
    out->sum = f.sum;
    if (v->state == VBD_CONNECTED) {
        out->nr_queues = f.nr_queues;
        out->ring_pages = f.ring_pages;
    }
}
