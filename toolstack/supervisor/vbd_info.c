/* SPDX-License-Identifier: MIT */
/*
 * vbd_info.c - what a disk tells of itself
 */
#include "toolstack/supervisor/blkfigures.h"
#include "toolstack/supervisor/vbd_priv.h"

enum vbd_state vbd_state(const struct vbd *v)
{
    return v->x.state;
}

const char *vbd_why(const struct vbd *v)
{
    return v->x.why;
}

const char *vbd_token(const struct vbd *v)
{
    return v->x.spec.token;
}

struct beproc_id vbd_process(const struct vbd *v)
{
    return v->link ? belink_id(blklink_be(v->link)) : (struct beproc_id){ 0 };
}

void vbd_figures(struct vbd *v, struct vbd_figures *out)
{
    char base[BE_BASE_BYTES];
    struct blkfigures f;

    *out = (struct vbd_figures){
        .size_bytes = v->info.size_bytes,
        .nr_restarts = v->link ? belink_restarts(blklink_be(v->link)) : 0,
    };
    v->ops.base(v->arg, base);
    if (blkfigures_read(base, &f) < 0)
        return;
    out->sum = f.sum;
    if (v->x.state == VBD_CONNECTED) {
        out->nr_queues = f.nr_queues;
        out->ring_pages = f.ring_pages;
    }
}
