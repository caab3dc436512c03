/* SPDX-License-Identifier: MIT */
/*
 * vbd_script.c - a disk whose target a user's own script provides
 *
 * How this works: `add` runs when the nodes are there and before anything is
 * opened; what it wrote down is the target.  `remove` runs when the backend has
 * ended, and before the nodes go.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/log.h"
#include "toolstack/supervisor/diskscript.h"
#include "toolstack/supervisor/vbd_priv.h"

static void on_added(void *arg, const struct err *failed);
static void on_removed(void *arg, const struct err *failed);

bool vbd_has_script(const struct vbd *v)
{
    const struct vm_disk *d = v->o.link.disk;

    return !v->o.foreign && d->script && d->script[0];
}

static int run(struct vbd *v, const char *action, script_done *done,
               struct err *e)
{
    return diskscript_run(v->x.loop, &v->o.nodes, v->o.link.disk->script,
                          action, done, v, &v->script, e);
}

int vbd_script_start(struct vbd *v, struct err *e)
{
    int rc = run(v, "add", on_added, e);

    v->added = rc == 0;
    return rc;
}

/* The link to what the script said. */
static int open_said(struct vbd *v, struct err *e)
{
    char *target =
        v->x.store ? diskscript_target(&v->o.nodes, v->x.store) : NULL;

    if (!target)
        return fail(e, -ENOENT,
                    "disk %s: script %.100s: it wrote neither "
                    "physical-device-path nor physical-device",
                    v->o.link.name, v->o.link.disk->script);
    v->opened = *v->o.link.disk;
    v->opened.script = NULL;
    v->opened.target = target;
    return vbd_open_link(v, &v->opened, e);
}

static void on_added(void *arg, const struct err *failed)
{
    struct vbd *v = arg;
    struct err e = { 0 };
    int rc;

    v->script = NULL;
    if (v->x.ending) {
        vbd_script_end(v);
        return;
    }
    if (failed) {
        xbdev_failed(&v->x, failed);
        return;
    }
    rc = open_said(v, &e);
    if (rc == 0)
        rc = belink_start(blklink_be(v->link), &e);
    if (rc < 0)
        xbdev_failed(&v->x, &e);
}

int vbd_script_adopt(struct vbd *v, struct err *e)
{
    v->added = true;
    return open_said(v, e);
}

void vbd_script_end(struct vbd *v)
{
    struct err e = { 0 };

    if (!v->added) {
        xbdev_gone(&v->x);
        return;
    }
    v->added = false;
    if (run(v, "remove", on_removed, &e) < 0)
        on_removed(v, &e);
}

static void on_removed(void *arg, const struct err *failed)
{
    struct vbd *v = arg;

    v->script = NULL;
    if (failed)
        log_err("disk %s: %s", v->o.link.name, failed->text);
    xbdev_gone(&v->x);
}
