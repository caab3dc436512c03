/* SPDX-License-Identifier: MIT */
/*
 * serve.c - one disk of a guest that xl made
 */
#include "toolstack/supervisor/serve.h"

#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/diskfile.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/storewatch.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/xbnodes.h"
#include "toolstack/supervisor/xenbus.h"
#include "toolstack/supervisor/xldisk.h"

#define RELEASE_TOKEN "release"

struct serve {
    uv_loop_t *loop;
    struct serve_options o;
    struct storewatch *watch;
    struct store *store; /* the watch's */
    struct hyp *hyp;
    struct rundir dir;
    struct vbd_nodes nodes;
    struct vm_disk disk;
    struct vbd *vbd;
};

static void on_base(void *arg, char out[BE_BASE_BYTES]);
static void on_started(void *arg);
static void on_moved(void *arg);
static void on_gone(void *arg);
static void on_fired(void *arg, const char *token);
static void on_store_ended(void *arg);

void serve_name(uint16_t domid, uint32_t devid, char out[SERVE_NAME_BYTES])
{
    snprintf(out, SERVE_NAME_BYTES, ".serve-%u-%u", domid, devid);
}

int serve_name_parse(const char *name, uint16_t *domid, uint32_t *devid)
{
    char again[SERVE_NAME_BYTES];

    if (sscanf(name, ".serve-%hu-%u", domid, devid) != 2)
        return -EINVAL;
    serve_name(*domid, *devid, again);
    return strcmp(name, again) == 0 ? 0 : -EINVAL;
}

/* ---- what is known of it ---- */

/* What the next one needs, if we are killed. */
static int note(struct serve *s, struct err *e)
{
    struct diskfile f = { .disk = s->disk };

    if (s->vbd)
        f.process = vbd_process(s->vbd);
    return diskfile_write(&s->dir, &f, e);
}

/* Returns 1 and the process that an earlier one started, or 0. */
static int find_left(struct serve *s, struct beproc_id *out)
{
    struct diskfile *list = NULL;
    int nr = diskfile_list(&s->dir, &list, NULL), found = 0;

    for (int i = 0; i < nr; i++) {
        if (list[i].disk.devid == s->o.devid && list[i].process.pid > 0) {
            *out = list[i].process;
            found = 1;
        }
        vmdisk_free(&list[i].disk);
    }
    free(list);
    return found;
}

static bool domain_is_over(struct serve *s)
{
    struct hyp_info info;
    int rc = hyp_info(s->hyp, s->o.domid, &info, NULL);

    return rc == -ESRCH || (rc == 0 && info.dying);
}

/* Each vCPU may have its queue. */
static uint8_t count_queues(struct serve *s)
{
    char path[48], **list = NULL;
    int nr;

    snprintf(path, sizeof(path), "/local/domain/%u/cpu", s->o.domid);
    nr = store_list(s->store, path, &list, NULL);
    free(list);
    return (uint8_t)MIN_OF(MAX_OF(nr, 1), (int)BLK_QUEUES_MAX);
}

/* ---- its end ---- */

/* Nobody serves it, and nobody will. */
static void clear(struct serve *s)
{
    devfile_clear(&s->dir);
    xldisk_closed(s->store, &s->nodes);
    rundir_remove(&s->dir);
}

static void on_gone(void *arg)
{
    struct serve *s = arg;

    vbd_close(s->vbd);
    s->vbd = NULL;
    devfile_remove(&s->dir, DEVFILE_DISK,
                   s->o.devid); /* nothing runs: nobody is killed */
    clear(s);
    log_info("disk %u/%u: it is over", s->o.domid, s->o.devid);
    s->o.gone(s->o.arg, NULL);
}

/* Without xenstore nothing is known; a new xenstored knows nothing of it. */
static void on_store_ended(void *arg)
{
    struct serve *s = arg;
    struct err e = { 0 };

    if (s->vbd)
        vbd_set_store(s->vbd, NULL);
    s->store = NULL;
    fail(&e, -ENOTCONN,
         "disk %u/%u: xenstored ended; its backend serves on by itself",
         s->o.domid, s->o.devid);
    s->o.gone(s->o.arg, &e);
}

static void on_fired(void *arg, const char *token)
{
    struct serve *s = arg;

    if (!s->vbd)
        return;
    if (strcmp(token, RELEASE_TOKEN))
        vbd_fired(s->vbd);
    else if (domain_is_over(s))
        vbd_end(s->vbd);
}

/* ---- while it is served ---- */

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    struct serve *s = arg;

    devfile_base(&s->dir, DEVFILE_DISK, s->o.devid, out);
}

static void on_started(void *arg)
{
    struct serve *s = arg;
    struct err e = { 0 };

    if (note(s, &e) < 0)
        log_err("%s", e.text);
}

static void on_moved(void *arg)
{
    (void)arg; /* the log has it */
}

/* ---- its begin ---- */

static int start_vbd(struct serve *s, struct err *e)
{
    static const struct vbd_ops ops = {
        .base = on_base,
        .started = on_started,
        .moved = on_moved,
        .gone = on_gone,
    };
    struct vbd_options o = {
        .link = {
            .disk = &s->disk,
            .program = s->o.blk_program,
            .domid = s->o.domid,
            .devid = s->o.devid,
            .nr_queues = count_queues(s),
        },
        .nodes = s->nodes,
        .foreign = true,
    };
    struct beproc_id left = { 0 };
    int rc;

    snprintf(o.link.name, sizeof(o.link.name), "%u/%.24s", s->o.domid,
             s->disk.vdev);
    rc = vbd_open(s->loop, &o, &ops, s, &s->vbd, e);
    if (rc < 0)
        return rc;
    if (find_left(s, &left)) {
        vbd_adopt(s->vbd, s->store, &left);
        return 0;
    }
    rc = note(s, e); /* before anything runs */
    return rc < 0 ? rc : vbd_start(s->vbd, s->store, e);
}

/* So that whoever looks into xenstore for the reason finds it. */
static int tell_device(struct serve *s, int rc, struct err *e)
{
    if (xbnodes_set(s->nodes.back, XenbusStateClosing, e->text, false, NULL) <
        0)
        log_debug("disk %u/%u: xenstore does not take the error", s->o.domid,
                  s->o.devid);
    return rc;
}

/*
 * Returns 1 when it is over.  A xenstored that does not know a guest that
 * lives is another than it was, and has no say.
 */
static int look_at_device(struct serve *s, struct err *e)
{
    struct beproc_id left;
    bool over = domain_is_over(s);
    int rc = xldisk_read(s->store, &s->nodes, s->o.params, &s->disk, e);

    if (rc == -ENOENT && !over && !xenbus_knows(s->store, s->o.domid) &&
        find_left(s, &left))
        return fail(e, -ESTALE,
                    "disk %u/%u: this xenstored does not know its guest; its "
                    "backend serves on by itself",
                    s->o.domid, s->o.devid);
    if (rc == -ENOENT) {
        clear(s);
        return rc;
    }
    if (over ||
        (!xldisk_is_online(s->store, &s->nodes) && !find_left(s, &left))) {
        clear(s);
        return 1;
    }
    return rc < 0 ? tell_device(s, rc, e) : 0;
}

static int begin(struct serve *s, struct err *e)
{
    int rc = look_at_device(s, e);

    if (rc)
        return rc;
    rc = store_watch(s->store, "@releaseDomain", RELEASE_TOKEN, e);
    if (rc == 0)
        rc = start_vbd(s, e);
    return rc < 0 ? tell_device(s, rc, e) : 0;
}

static int take_place(struct serve *s, struct err *e)
{
    struct run_state state = { .pid = getpid(), .domid = s->o.domid };
    char name[SERVE_NAME_BYTES];
    int rc;

    serve_name(s->o.domid, s->o.devid, name);
    rc = rundir_take(s->o.base, name, &s->dir, e);
    if (rc == -EEXIST)
        return fail(e, rc, "disk %u/%u: another freehold serve-blk serves it",
                    s->o.domid, s->o.devid);
    return rc < 0 ? rc : rundir_write(&s->dir, &state, e);
}

/* What is left of an earlier one stays for the next. */
static void give_up(struct serve *s)
{
    struct beproc_id left;

    if (s->dir.lock_fd >= 0 && !find_left(s, &left))
        rundir_remove(&s->dir);
    serve_close(s);
}

int serve_open(uv_loop_t *loop, const struct serve_options *o,
               struct serve **out, struct err *e)
{
    struct serve *s = calloc(1, sizeof(*s));
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "disk %u/%u: no memory", o->domid, o->devid);
    s->loop = loop;
    s->o = *o;
    s->dir.lock_fd = -1;
    xldisk_nodes(o->domid, o->devid, &s->nodes);
    rc = storewatch_open(loop, on_fired, on_store_ended, s, &s->watch, e);
    if (rc == 0) {
        s->store = storewatch_store(s->watch);
        rc = hyp_open(&s->hyp, e);
    }
    if (rc == 0)
        rc = take_place(s, e);
    if (rc == 0)
        rc = begin(s, e);
    if (rc == 0)
        *out = s;
    else
        give_up(s);
    return rc;
}

void serve_close(struct serve *s)
{
    if (!s)
        return;
    vbd_close(s->vbd);
    storewatch_close(s->watch);
    hyp_close(s->hyp);
    if (s->dir.lock_fd >= 0)
        close(s->dir.lock_fd); /* what it holds is for the next one */
    vmdisk_free(&s->disk);
    free(s);
}
