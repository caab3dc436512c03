/* SPDX-License-Identifier: MIT */
/*
 * serve.c - one disk or card of a guest that xl made
 */
#include "toolstack/supervisor/serve.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/serve_priv.h"
#include "toolstack/supervisor/storewatch.h"
#include "toolstack/supervisor/xbnodes.h"
#include "toolstack/supervisor/xenbus.h"
#include "toolstack/supervisor/xldev.h"

#define RELEASE_TOKEN "release"

static void on_fired(void *arg, const char *token);
static void on_store_ended(void *arg);

const struct serve_kind *serve_kind_of(enum serve_what what)
{
    return what == SERVE_CARD ? &serve_card_kind : &serve_disk_kind;
}

void serve_name(enum serve_what what, uint16_t domid, uint32_t devid,
                char out[SERVE_NAME_BYTES])
{
    snprintf(out, SERVE_NAME_BYTES, "%s%u-%u", serve_kind_of(what)->place,
             domid, devid);
}

int serve_name_parse(enum serve_what what, const char *name, uint16_t *domid,
                     uint32_t *devid)
{
    const char *place = serve_kind_of(what)->place;
    char again[SERVE_NAME_BYTES];

    if (strncmp(name, place, strlen(place)) ||
        sscanf(name + strlen(place), "%hu-%u", domid, devid) != 2)
        return -EINVAL;
    serve_name(what, *domid, *devid, again);
    return strcmp(name, again) == 0 ? 0 : -EINVAL;
}

/* ---- what is known of it ---- */

/* What the next one needs, if we are killed. */
static int note(struct serve *s, struct err *e)
{
    struct beproc_id process = s->kind->process(s);

    return devfile_write(&s->dir, s->kind->file, s->o.devid, &process, "", 0,
                         e);
}

/* What it is, xl's directory says. */
static int skip_line(void *arg, const char *line, struct err *e)
{
    (void)arg, (void)line, (void)e;
    return 0;
}

/* Did an earlier one begin with it?  *out: the process that it started. */
static bool was_begun(struct serve *s, struct beproc_id *out)
{
    return devfile_read(&s->dir, s->kind->file, s->o.devid, out, skip_line,
                        NULL, NULL) == 0;
}

static bool find_left(struct serve *s, struct beproc_id *out)
{
    return was_begun(s, out) && out->pid > 0;
}

static bool domain_is_over(struct serve *s)
{
    struct hyp_info info;
    int rc = hyp_info(s->hyp, s->o.domid, &info, NULL);

    return rc == -ESRCH || (rc == 0 && info.dying);
}

uint8_t serve_count_queues(struct serve *s, uint8_t max)
{
    char path[48], **list = NULL;
    int nr;

    snprintf(path, sizeof(path), "/local/domain/%u/cpu", s->o.domid);
    nr = store_list(s->store, path, &list, NULL);
    free(list);
    return (uint8_t)MIN_OF(MAX_OF(nr, 1), (int)max);
}

/* ---- its end ---- */

/* Nobody serves it, and nobody will. */
static void clear(struct serve *s)
{
    devfile_clear(&s->dir);
    if (s->kind->clear)
        s->kind->clear(s);
    xldev_closed(s->store, s->back, s->name);
    rundir_remove(&s->dir);
}

void serve_gone(struct serve *s)
{
    s->kind->close(s);
    /* Nothing runs: nobody is killed. */
    devfile_remove(&s->dir, s->kind->file, s->o.devid);
    clear(s);
    log_info("%s: it is over", s->name);
    s->o.gone(s->o.arg, NULL);
}

/* Without xenstore nothing is known; a new xenstored knows nothing of it. */
static void on_store_ended(void *arg)
{
    struct serve *s = arg;
    struct err e = { 0 };

    s->kind->lose_store(s);
    s->store = NULL;
    fail(&e, -ENOTCONN, "%s: xenstored ended; its backend serves on by itself",
         s->name);
    s->o.gone(s->o.arg, &e);
}

static void on_fired(void *arg, const char *token)
{
    struct serve *s = arg;

    if (strcmp(token, RELEASE_TOKEN))
        s->kind->fired(s);
    else if (domain_is_over(s))
        s->kind->end(s);
}

/* ---- while it is served ---- */

void serve_base(struct serve *s, char out[BE_BASE_BYTES])
{
    devfile_base(&s->dir, s->kind->file, s->o.devid, out);
}

void serve_note(struct serve *s)
{
    struct err e = { 0 };

    if (note(s, &e) < 0)
        log_err("%s", e.text);
}

/* ---- its begin ---- */

static int start(struct serve *s, struct err *e)
{
    struct beproc_id left = { 0 };
    int rc = s->kind->open(s, e);

    if (rc < 0)
        return rc;
    if (find_left(s, &left)) {
        s->kind->adopt(s, &left);
        return 0;
    }
    rc = note(s, e); /* before anything runs */
    return rc < 0 ? rc : s->kind->start(s, e);
}

/* So that whoever looks into xenstore for the reason finds it. */
static int tell_device(struct serve *s, int rc, struct err *e)
{
    if (xbnodes_set(s->back, XenbusStateClosing, e->text, false, NULL) < 0)
        log_debug("%s: xenstore does not take the error", s->name);
    return rc;
}

/* One that we have nothing to do with is not even told so. */
static int check_free(struct serve *s, struct err *e)
{
    struct beproc_id left;

    if (!s->kind->check_free || was_begun(s, &left) ||
        !xldev_is_there(s->store, s->back))
        return 0;
    return s->kind->check_free(s, e);
}

/*
 * Returns 1 when it is over.  A xenstored that does not know a guest that
 * lives is another than it was, and has no say.
 */
static int look_at_device(struct serve *s, struct err *e)
{
    struct beproc_id left;
    bool over = domain_is_over(s);
    int rc = s->kind->read(s, e);

    if (rc == -ENOENT && !over && !xenbus_knows(s->store, s->o.domid) &&
        find_left(s, &left))
        return fail(e, -ESTALE,
                    "%s: this xenstored does not know its guest; its backend "
                    "serves on by itself",
                    s->name);
    if (rc == -ENOENT) {
        clear(s);
        return rc;
    }
    if (over || (!xldev_is_online(s->store, s->back) && !find_left(s, &left))) {
        clear(s);
        return 1;
    }
    return rc < 0 ? tell_device(s, rc, e) : 0;
}

static int begin(struct serve *s, struct err *e)
{
    int rc = check_free(s, e);

    if (rc == 0)
        rc = look_at_device(s, e);
    if (rc)
        return rc;
    rc = store_watch(s->store, "@releaseDomain", RELEASE_TOKEN, e);
    if (rc == 0)
        rc = start(s, e);
    return rc < 0 ? tell_device(s, rc, e) : 0;
}

static int take_place(struct serve *s, struct err *e)
{
    struct run_state state = { .pid = getpid(), .domid = s->o.domid };
    char name[SERVE_NAME_BYTES];
    int rc;

    serve_name(s->o.what, s->o.domid, s->o.devid, name);
    rc = rundir_take(s->o.base, name, &s->dir, e);
    if (rc == -EEXIST)
        return fail(e, rc, "%s: another freehold %s serves it", s->name,
                    s->kind->command);
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

static struct serve *make(uv_loop_t *loop, const struct serve_options *o)
{
    struct serve *s = calloc(1, sizeof(*s));

    if (!s)
        return NULL;
    s->loop = loop;
    s->o = *o;
    s->kind = serve_kind_of(o->what);
    s->dir.lock_fd = -1;
    snprintf(s->name, sizeof(s->name), "%s %u/%u", s->kind->what, o->domid,
             o->devid);
    snprintf(s->back, sizeof(s->back), "%s/%u/%u", s->kind->dir, o->domid,
             o->devid);
    return s;
}

int serve_open(uv_loop_t *loop, const struct serve_options *o,
               struct serve **out, struct err *e)
{
    struct serve *s = make(loop, o);
    int rc;

    if (!s)
        return fail(e, -ENOMEM, "%s %u/%u: no memory",
                    serve_kind_of(o->what)->what, o->domid, o->devid);
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
    s->kind->close(s);
    storewatch_close(s->watch);
    hyp_close(s->hyp);
    if (s->dir.lock_fd >= 0)
        close(s->dir.lock_fd); /* what it holds is for the next one */
    s->kind->free(s);
    free(s);
}
