/* SPDX-License-Identifier: MIT */
/*
 * vifdev.c - a vif's device in dom0: a tap, and where it is attached
 */
#include "toolstack/supervisor/vifdev.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "backends/net/net_ctl.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/tapdev.h"
#include "toolstack/supervisor/vifplace.h"
#include "toolstack/supervisor/vifscript.h"

enum phase { OPENING, OPEN, LEAVING, GONE, PHASES };

static const uint8_t phase_next[] = {
    [OPENING] = BIT(OPEN) | BIT(LEAVING),
    [OPEN] = BIT(LEAVING),
    [LEAVING] = BIT(GONE),
    [GONE] = 0,
};
_Static_assert(ARRAY_SIZE(phase_next) == PHASES, "phase_next");

struct vifdev {
    uv_loop_t *loop;
    uv_timer_t turn; /* done() is for the loop to call */
    struct vifdev_spec spec;
    struct vifplace place;
    enum phase phase;
    struct script *script; /* one that runs */
    bool unwanted;         /* removed before it was open */
    bool has_queues;
    int fds[NET_QUEUES_MAX];
    struct err failed; /* why it was not opened */
    vifdev_done *done;
    void *arg;
};

static void on_online(void *arg, const struct err *failed);
static void on_offline(void *arg, const struct err *failed);
static void on_turn(uv_timer_t *t);
static void on_closed(uv_handle_t *h);

/* The only writer of d->phase. */
static void move(struct vifdev *d, enum phase to)
{
    assert(phase_next[d->phase] & BIT(to));
    d->phase = to;
}

static struct vifdev *make(uv_loop_t *loop, const struct vifdev_spec *spec)
{
    struct vifdev *d = calloc(1, sizeof(*d));

    assert(spec->nr_queues >= 1 && spec->nr_queues <= NET_QUEUES_MAX);
    if (!d)
        return NULL;
    d->loop = loop;
    d->spec = *spec;
    for (uint32_t i = 0; i < NET_QUEUES_MAX; i++)
        d->fds[i] = -1;
    uv_timer_init(loop, &d->turn);
    d->turn.data = d;
    return d;
}

static int run(struct vifdev *d, bool online, struct err *e)
{
    return vifscript_start(d->loop, &d->spec, &d->place, online,
                           online ? on_online : on_offline, d, &d->script, e);
}

/* Last of all: the other side may close d. */
static void tell(struct vifdev *d)
{
    vifdev_done *done = d->done;
    const struct err failed = d->failed;

    d->done = NULL;
    if (done)
        done(d->arg, failed.rc ? &failed : NULL);
}

static void tell_later(struct vifdev *d)
{
    uv_timer_start(&d->turn, on_turn, 0, 0);
}

static void on_turn(uv_timer_t *t)
{
    tell(t->data);
}

/* ---- it comes ---- */

int vifdev_open(uv_loop_t *loop, const struct vifdev_spec *spec,
                vifdev_done *done, void *arg, struct vifdev **out,
                struct err *e)
{
    struct vifdev *d = make(loop, spec);
    int rc;

    if (!d)
        return fail(e, -ENOMEM, "vif %s/vif-%u: no memory", spec->guest,
                    spec->devid);
    rc = vifplace_make(&d->spec, d->fds, &d->place, e);
    if (rc == 0) {
        d->has_queues = true;
        rc = run(d, true, e);
        if (rc < 0)
            vifplace_remove(&d->spec, &d->place);
    }
    if (rc < 0) {
        vifdev_close(d);
        return rc;
    }
    d->done = done;
    d->arg = arg;
    if (rc == 0) {
        move(d, OPEN);
        tell_later(d);
    }
    *out = d;
    return 0;
}

static void remove_it(struct vifdev *d)
{
    tapdev_close(d->fds, NET_QUEUES_MAX);
    d->has_queues = false;
    vifplace_remove(&d->spec, &d->place);
    move(d, GONE);
}

/* As vif-bridge: off its bridge, and then the hooks.  1: one runs. */
static int leave(struct vifdev *d)
{
    struct err e = { 0 };
    int rc;

    move(d, LEAVING);
    if (vifplace_look(&d->spec, &d->place, &e) < 0)
        log_warn("%s", e.text);
    else if (!vifplace_is_others(&d->spec))
        vifplace_leave(&d->place);
    rc = run(d, false, &e);
    if (rc < 0)
        log_err("%s", e.text);
    if (rc <= 0)
        remove_it(d);
    return rc > 0;
}

static void on_online(void *arg, const struct err *failed)
{
    struct vifdev *d = arg;
    struct err e = { 0 };

    d->script = NULL;
    if (!failed && vifplace_look(&d->spec, &d->place, &e) < 0)
        failed = &e; /* its script removed it */
    if (!failed && !d->unwanted) {
        move(d, OPEN);
        tell(d);
        return;
    }
    if (failed && d->unwanted)
        log_warn("%s", failed->text);
    else if (failed)
        d->failed = *failed;
    if (!leave(d))
        tell(d);
}

int vifdev_adopt(uv_loop_t *loop, const struct vifdev_spec *spec,
                 struct vifdev **out, struct err *e)
{
    struct vifdev *d = make(loop, spec);
    int rc;

    if (!d)
        return fail(e, -ENOMEM, "vif %s/vif-%u: no memory", spec->guest,
                    spec->devid);
    rc = vifplace_find(&d->spec, &d->place, e);
    if (rc < 0) {
        vifdev_close(d);
        return rc;
    }
    move(d, OPEN);
    *out = d;
    return 0;
}

/* ---- it serves ---- */

int vifdev_queues(struct vifdev *d, const int **fds, struct err *e)
{
    struct nl_link before;
    int rc;

    *fds = d->fds;
    if (d->has_queues)
        return 0;
    rc = vifplace_look(&d->spec, &d->place, e);
    if (rc < 0)
        return rc;
    before = d->place.tap;
    rc = tapdev_attach(before.name, d->spec.nr_queues, d->fds, e);
    if (rc < 0)
        return rc;
    /*
     * That went by its name: was it the same device still?  Those of a killed
     * backend may have been closed meanwhile, so their number may have fallen.
     */
    rc = vifplace_look(&d->spec, &d->place, e);
    if (rc == 0 && (strcmp(d->place.tap.name, before.name) != 0 ||
                    d->place.tap.nr_queues < d->spec.nr_queues))
        rc = fail(e, -ENODEV, "%s: that is another device now", before.name);
    if (rc < 0) {
        tapdev_close(d->fds, NET_QUEUES_MAX);
        return rc;
    }
    d->has_queues = true;
    return 0;
}

/* The kernel takes the link from a tap whose last queue is closed. */
void vifdev_rest(struct vifdev *d)
{
    tapdev_close(d->fds, NET_QUEUES_MAX);
    d->has_queues = false;
}

const char *vifdev_name(const struct vifdev *d)
{
    return d->place.tap.name;
}

const char *vifdev_bridge(const struct vifdev *d)
{
    return d->place.bridge;
}

uint32_t vifdev_mtu(const struct vifdev *d)
{
    return d->place.tap.mtu;
}

/* ---- it goes ---- */

void vifdev_remove(struct vifdev *d, vifdev_done *done, void *arg)
{
    d->done = done;
    d->arg = arg;
    d->failed = (struct err){ 0 };
    uv_timer_stop(&d->turn);
    if (d->phase == OPENING)
        d->unwanted = true; /* its script ends first */
    else if (d->phase == GONE || (d->phase == OPEN && !leave(d)))
        tell_later(d);
}

static void on_offline(void *arg, const struct err *failed)
{
    struct vifdev *d = arg;

    d->script = NULL;
    if (failed)
        log_err("%s", failed->text);
    remove_it(d);
    tell(d);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void vifdev_close(struct vifdev *d)
{
    if (!d)
        return;
    script_close(d->script);
    tapdev_close(d->fds, NET_QUEUES_MAX);
    d->done = NULL;
    uv_close((uv_handle_t *)&d->turn, on_closed);
}
