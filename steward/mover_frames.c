/* SPDX-License-Identifier: MIT */
/*
 * mover_frames.c - sealed frames between the steward's page and dom0's slots
 */
#include "mover_priv.h"

static bool put_frame(struct mover *v, uint16_t stream, uint32_t bytes)
{
    uint32_t n = v->moved[stream];
    uint32_t slot = slots_of(&v->slots, stream, n);
    long rc = slots_put(&v->slots, slot, scratch_gfn(SCRATCH_FRAME), bytes);

    if (rc != 0) {
        export_broken(&v->x, FH_MIG_ERR_XEN,
                      "buffers: Xen does not copy into what dom0 granted");
        return false;
    }
    movepage_set_len(v->control, slot, bytes);
    movepage_set_moved(v->control, stream, ++v->moved[stream]);
    /* dom0 had taken all before: it may sleep. */
    if (movepage_moved(v->control, stream) == n)
        v->news = true;
    return true;
}

/* Whether a frame went. */
static bool send_frame(struct mover *v, uint16_t stream)
{
    uint32_t out = v->moved[stream] - movepage_moved(v->control, stream);
    enum export_frame kind;

    if (out > v->slots.nr_a_stream) {
        export_broken(&v->x, FH_MIG_ERR_FRAME,
                      "buffers: dom0 took frames that were not there");
        return false;
    }
    if (out == v->slots.nr_a_stream)
        return false;
    if (export_next(&v->x, stream, scratch_at(SCRATCH_FRAME), &kind) != 0 ||
        kind == EXPORT_NONE)
        return false;
    return put_frame(v, stream,
                     kind == EXPORT_LONG ? FH_FRAME_LONG_BYTES
                                         : FH_FRAME_SHORT_BYTES);
}

/* Whether all of it is here; the slot is dom0's again then. */
static bool get_frame(struct mover *v, uint16_t stream, uint32_t *bytes)
{
    uint32_t n = v->moved[stream];
    uint32_t slot = slots_of(&v->slots, stream, n);
    long rc;

    *bytes = movepage_len(v->control, slot);
    if (*bytes != FH_FRAME_LONG_BYTES &&
        !(*bytes == FH_FRAME_SHORT_BYTES && stream == 0)) {
        import_broken(&v->m, FH_MIG_ERR_FRAME,
                      "buffers: a frame of a length that none has");
        return false;
    }
    rc = slots_get(&v->slots, slot, scratch_gfn(SCRATCH_FRAME), *bytes);
    if (rc != 0) {
        import_broken(&v->m, FH_MIG_ERR_XEN,
                      "buffers: Xen does not copy from what dom0 granted");
        return false;
    }
    movepage_set_moved(v->control, stream, ++v->moved[stream]);
    /* All slots were full: dom0 may sleep. */
    if (movepage_moved(v->control, stream) - n >= v->slots.nr_a_stream)
        v->news = true;
    return true;
}

/* Whether one came. */
static bool take_frame(struct mover *v, uint16_t stream)
{
    uint32_t in = movepage_moved(v->control, stream) - v->moved[stream];
    uint32_t bytes;

    if (in > v->slots.nr_a_stream) {
        import_broken(&v->m, FH_MIG_ERR_FRAME,
                      "buffers: dom0 filled more than there are");
        return false;
    }
    if (in == 0 || !get_frame(v, stream, &bytes))
        return false;
    if (bytes == FH_FRAME_LONG_BYTES)
        import_long(&v->m, stream, scratch_at(SCRATCH_FRAME));
    else
        import_short(&v->m, scratch_at(SCRATCH_FRAME));
    return true;
}

/* One of each stream.  Frames that come before H5 wait for it in their slots.
 */
bool mover_frames(struct mover *v)
{
    bool any = false;

    for (uint16_t i = 0; i < v->slots.nr_streams; i++) {
        if (v->receives && v->m.state == IMPORT_IMPORT && !v->m.hand.check)
            any |= take_frame(v, i);
        else if (!v->receives && v->x.sending)
            any |= send_frame(v, i);
    }
    return any;
}
