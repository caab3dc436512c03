/* SPDX-License-Identifier: MIT */
/*
 * serve_disk.c - a disk of a guest that xl made
 */
#include <stdio.h>

#include "toolstack/supervisor/serve_priv.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/xldisk.h"

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    serve_base(arg, out);
}

static void on_started(void *arg)
{
    serve_note(arg);
}

static void on_moved(void *arg)
{
    (void)arg; /* the log has it */
}

static void on_gone(void *arg)
{
    serve_gone(arg);
}

static bool is_meant(struct store *s, const char *back)
{
    return xldisk_is_ours(s, back);
}

static int disk_read(struct serve *s, struct err *e)
{
    xldisk_nodes(s->o.domid, s->o.devid, &s->u.disk.nodes);
    return xldisk_read(s->store, &s->u.disk.nodes, s->o.params, &s->u.disk.spec,
                       e);
}

static int disk_open(struct serve *s, struct err *e)
{
    static const struct vbd_ops ops = {
        .base = on_base,
        .started = on_started,
        .moved = on_moved,
        .gone = on_gone,
    };
    struct vbd_options o = {
        .link = {
            .disk = &s->u.disk.spec,
            .program = s->o.program,
            .domid = s->o.domid,
            .devid = s->o.devid,
            .nr_queues = serve_count_queues(s, BLK_QUEUES_MAX),
        },
        .nodes = s->u.disk.nodes,
        .foreign = true,
    };

    snprintf(o.link.name, sizeof(o.link.name), "%u/%.24s", s->o.domid,
             s->u.disk.spec.vdev);
    return vbd_open(s->loop, &o, &ops, s, &s->u.disk.vbd, e);
}

static int disk_start(struct serve *s, struct err *e)
{
    return vbd_start(s->u.disk.vbd, s->store, e);
}

static void disk_adopt(struct serve *s, const struct beproc_id *left)
{
    vbd_adopt(s->u.disk.vbd, s->store, left);
}

static void disk_fired(struct serve *s)
{
    if (s->u.disk.vbd)
        vbd_fired(s->u.disk.vbd);
}

static void disk_end(struct serve *s)
{
    if (s->u.disk.vbd)
        vbd_end(s->u.disk.vbd);
}

static void disk_lose_store(struct serve *s)
{
    if (s->u.disk.vbd)
        vbd_set_store(s->u.disk.vbd, NULL);
}

static struct beproc_id disk_process(const struct serve *s)
{
    return s->u.disk.vbd ? vbd_process(s->u.disk.vbd) : (struct beproc_id){ 0 };
}

static void disk_close(struct serve *s)
{
    vbd_close(s->u.disk.vbd);
    s->u.disk.vbd = NULL;
}

static void disk_free(struct serve *s)
{
    vmdisk_free(&s->u.disk.spec);
}

const struct serve_kind serve_disk_kind = {
    .what = "disk",
    .command = "serve-blk",
    .place = ".serve-",
    .dir = XLDISK_DIR,
    .file = DEVFILE_DISK,
    .is_meant = is_meant,
    .read = disk_read,
    .open = disk_open,
    .start = disk_start,
    .adopt = disk_adopt,
    .fired = disk_fired,
    .end = disk_end,
    .lose_store = disk_lose_store,
    .process = disk_process,
    .close = disk_close,
    .free = disk_free,
};
