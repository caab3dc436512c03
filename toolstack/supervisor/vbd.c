/* SPDX-License-Identifier: MIT */
/*
 * vbd.c - one disk of a guest: its xenstore nodes, and its backend
 */
#include "toolstack/supervisor/vbd.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "toolstack/supervisor/blkfigures.h"
#include "toolstack/supervisor/diskscript.h"
#include "toolstack/supervisor/vbd_priv.h"
#include "toolstack/supervisor/vbd_wiring.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/xbnodes.h"

static void on_closed(void *arg);

/* ---- toward the guest ---- */

static int on_offer(void *arg, struct err *e)
{
    struct vbd *v = arg;
    const struct vm_disk *d = v->o.link.disk;

    return vbd_nodes_offer(&v->o.nodes, &v->info,
                           d->writable && d->discard != VM_NO, e);
}

static int on_connected(void *arg, struct err *e)
{
    struct vbd *v = arg;
    const struct vm_disk *d = v->o.link.disk;

    return vbd_nodes_connected(&v->o.nodes, &v->info, d->writable, d->cdrom, e);
}

static void tell(struct vbd *v, const struct blk_ctl *m)
{
    if (v->link)
        belink_tell(blklink_be(v->link), m);
}

static char *read_key(void *arg, const char *key)
{
    struct vbd *v = arg;

    return xbnodes_read(v->o.nodes.front, key, v->x.store);
}

static int on_wire(void *arg, struct err *e)
{
    struct vbd *v = arg;
    struct vbd_offer offer = { v->info.nr_queues, BLK_RING_ORDER_MAX };
    struct blk_ctl m = { .type = BLK_CTL_CONNECT };
    int rc = vbd_wiring_parse(read_key, v, &offer, &m.u.wiring, e);

    if (rc == 0)
        tell(v, &m);
    return rc;
}

static void on_unwire(void *arg)
{
    struct blk_ctl m = { .type = BLK_CTL_DISCONNECT };

    tell(arg, &m);
}

static void on_moved(void *arg)
{
    struct vbd *v = arg;

    v->ops.moved(v->arg);
}

static bool on_end(void *arg)
{
    struct vbd *v = arg;

    if (v->link)
        belink_end(blklink_be(v->link));
    return v->link || v->script; /* a script's end is waited for */
}

static void on_ended(void *arg)
{
    vbd_script_end(arg);
}

static void on_gone(void *arg)
{
    struct vbd *v = arg;

    v->ops.gone(v->arg);
}

static const struct xbdev_ops guest_ops = {
    .offer = on_offer,
    .connected = on_connected,
    .wire = on_wire,
    .unwire = on_unwire,
    .moved = on_moved,
    .end = on_end,
    .ended = on_ended,
    .gone = on_gone,
};

/* ---- what the backend does ---- */

static void on_opened(void *arg, const struct blk_store_info *info,
                      enum belink_opened how)
{
    struct vbd *v = arg;
    bool resized = v->x.open && v->info.size_bytes != info->size_bytes;

    v->info = *info;
    xbdev_opened(&v->x, how, resized);
}

static void on_message(void *arg, const struct blk_ctl *m)
{
    struct vbd *v = arg;

    switch (m->type) {
    case BLK_CTL_CONNECTED:
        xbdev_connected(&v->x);
        break;
    case BLK_CTL_DISCONNECTED:
        xbdev_disconnected(&v->x);
        break;
    case BLK_CTL_BROKEN:
        xbdev_broken(&v->x, m->u.text);
        break;
    case BLK_CTL_SIZE:
        v->info.size_bytes = m->u.store.size_bytes;
        xbdev_changed(&v->x); /* the guest looks at sectors again */
        break;
    default: /* blkwords.c lets no other through */
        break;
    }
}

static bool on_resumes(void *arg)
{
    struct vbd *v = arg;
    char base[BE_BASE_BYTES];
    struct blkfigures f;

    v->ops.base(v->arg, base);
    return xbdev_is_served(&v->x) && blkfigures_read(base, &f) == 0 &&
           f.connected;
}

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    struct vbd *v = arg;

    v->ops.base(v->arg, out);
}

static void on_started(void *arg)
{
    struct vbd *v = arg;

    v->ops.started(v->arg);
}

static void on_died(void *arg, const char *why)
{
    struct vbd *v = arg;

    xbdev_died(&v->x, why);
}

static void on_failed(void *arg, const struct err *e)
{
    struct vbd *v = arg;

    xbdev_failed(&v->x, e);
}

static void on_held(void *arg)
{
    struct vbd *v = arg;

    if (v->ops.held)
        v->ops.held(v->arg);
}

/* ---- what the operator does ---- */

void vbd_hold(struct vbd *v)
{
    if (v->link)
        belink_hold(blklink_be(v->link));
    else
        on_held(v);
}

void vbd_go_on(struct vbd *v)
{
    if (v->link)
        belink_go_on(blklink_be(v->link));
}

void vbd_fired(struct vbd *v)
{
    xbdev_fired(&v->x);
}

void vbd_detach(struct vbd *v, bool force)
{
    xbdev_detach(&v->x, force);
}

void vbd_end(struct vbd *v)
{
    xbdev_end(&v->x);
}

void vbd_set_store(struct vbd *v, struct store *s)
{
    xbdev_set_store(&v->x, s);
}

void vbd_resize(struct vbd *v)
{
    struct blk_ctl m = { .type = BLK_CTL_RESIZE };

    tell(v, &m);
}

void vbd_set_limits(struct vbd *v, const struct blk_limits *limits)
{
    v->o.link.limits = *limits;
    if (v->link)
        blklink_set_limits(v->link, limits);
}

/* ---- the object ---- */

int vbd_open_link(struct vbd *v, const struct vm_disk *disk, struct err *e)
{
    static const struct blklink_ops link_ops = {
        .base = on_base,
        .resumes = on_resumes,
        .started = on_started,
        .opened = on_opened,
        .message = on_message,
        .died = on_died,
        .failed = on_failed,
        .ended = on_ended,
        .held = on_held,
    };
    struct blklink_spec spec = v->o.link;

    spec.disk = disk;
    return blklink_open(v->x.loop, &spec, &link_ops, v, &v->link, e);
}

int vbd_open(uv_loop_t *loop, const struct vbd_options *o,
             const struct vbd_ops *ops, void *arg, struct vbd **out,
             struct err *e)
{
    struct xbdev_spec spec = {
        .what = "disk",
        .ready = BIT(XenbusStateInitialised) | BIT(XenbusStateConnected),
        .foreign = o->foreign,
    };
    struct vbd *v = calloc(1, sizeof(*v));
    int rc;

    if (!v)
        return fail(e, -ENOMEM, "disk %s: no memory", o->link.name);
    v->o = *o;
    v->ops = *ops;
    v->arg = arg;
    spec.keeps_back = vbd_has_script(v);
    memcpy(spec.name, o->link.name, sizeof(spec.name));
    memcpy(spec.front, o->nodes.front, sizeof(spec.front));
    memcpy(spec.back, o->nodes.back, sizeof(spec.back));
    snprintf(spec.token, sizeof(spec.token), "vbd-%u", o->nodes.devid);
    xbdev_init(&v->x, loop, &spec, &guest_ops, v);
    rc = vbd_has_script(v) ? 0 : vbd_open_link(v, v->o.link.disk, e);
    if (rc < 0) {
        vbd_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

static int start_serving(struct vbd *v, struct err *e)
{
    return vbd_has_script(v) ? vbd_script_start(v, e)
                             : belink_start(blklink_be(v->link), e);
}

static void adopt_backend(struct vbd *v)
{
    struct err e = { 0 };

    if (vbd_has_script(v) && vbd_script_adopt(v, &e) < 0)
        xbdev_failed(&v->x, &e);
    else
        belink_adopt(blklink_be(v->link), &v->adopted);
}

void vbd_serve(struct vbd *v)
{
    struct err e = { 0 };

    if (!v->o.later)
        return;
    v->o.later = false;
    if (v->adopted.pid)
        adopt_backend(v);
    else if (start_serving(v, &e) < 0)
        xbdev_failed(&v->x, &e);
}

int vbd_start(struct vbd *v, struct store *s, struct err *e)
{
    int rc =
        v->o.foreign ? 0 : vbd_nodes_make(&v->o.nodes, s, v->o.link.disk, e);

    if (rc == 0)
        rc = xbdev_watch(&v->x, s, e);
    if (rc == 0 && !v->o.later)
        rc = start_serving(v, e);
    if (rc == 0)
        xbdev_started(&v->x, v->o.later ? "its store is opened when its guest "
                                          "is here"
                                        : "its store is being opened");
    else if (!v->o.foreign)
        vbd_nodes_remove(&v->o.nodes, s);
    return rc;
}

void vbd_adopt(struct vbd *v, struct store *s, const struct beproc_id *id)
{
    xbdev_adopt(&v->x, s);
    v->adopted = *id;
    if (!v->o.later)
        adopt_backend(v);
}

void vbd_close(struct vbd *v)
{
    if (!v)
        return;
    blklink_close(v->link);
    v->link = NULL;
    script_close(v->script);
    v->script = NULL;
    xbdev_close(&v->x, on_closed);
}

static void on_closed(void *arg)
{
    struct vbd *v = arg;

    free(v->opened.target);
    free(v);
}
