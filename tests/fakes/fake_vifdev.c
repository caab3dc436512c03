/* SPDX-License-Identifier: MIT */
/*
 * fake_vifdev.c - a vif's device in dom0 that the test holds
 */
#include "tests/fakes/fake_vifdev.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "backends/net/net_ctl.h"
#include "common/err.h"
#include "toolstack/supervisor/vifdev.h"

int __wrap_vifdev_open(uv_loop_t *loop, const struct vifdev_spec *spec,
                       vifdev_done *done, void *arg, struct vifdev **out,
                       struct err *e);
int __wrap_vifdev_adopt(uv_loop_t *loop, const struct vifdev_spec *spec,
                        struct vifdev **out, struct err *e);
int __wrap_vifdev_queues(struct vifdev *d, const int **fds, struct err *e);
void __wrap_vifdev_rest(struct vifdev *d);
const char *__wrap_vifdev_name(const struct vifdev *d);
uint32_t __wrap_vifdev_mtu(const struct vifdev *d);
const char *__wrap_vifdev_bridge(const struct vifdev *d);
void __wrap_vifdev_remove(struct vifdev *d, vifdev_done *done, void *arg);
void __wrap_vifdev_close(struct vifdev *d);

struct vifdev {
    uv_timer_t soon;
    uint32_t nr_queues;
    int fds[NET_QUEUES_MAX], other[NET_QUEUES_MAX];
    vifdev_done *done;
    void *arg;
    bool removing;
};

struct fake_vifdev fake_vifdev;

static struct vifdev *waits;

void fake_vifdev_reset(void)
{
    fake_vifdev = (struct fake_vifdev){ 0 };
    waits = NULL;
}

static void finish(struct vifdev *d)
{
    vifdev_done *done = d->done;
    struct err e = { 0 };

    d->done = NULL;
    if (!done)
        return;
    if (!d->removing && fake_vifdev.fails) {
        fail(&e, -EIO, "%s", fake_vifdev.fails);
        done(d->arg, &e);
        return;
    }
    fake_vifdev.there = !d->removing;
    done(d->arg, NULL);
}

static void on_soon(uv_timer_t *t)
{
    finish(t->data);
}

void fake_vifdev_done(void)
{
    struct vifdev *d = waits;

    waits = NULL;
    assert(d);
    finish(d);
}

static struct vifdev *make(uv_loop_t *loop, const struct vifdev_spec *spec)
{
    struct vifdev *d = calloc(1, sizeof(*d));

    uv_timer_init(loop, &d->soon);
    d->soon.data = d;
    d->nr_queues = spec->nr_queues;
    fake_vifdev.bare = spec->bare;
    snprintf(fake_vifdev.guest, sizeof(fake_vifdev.guest), "%s", spec->guest);
    for (uint32_t i = 0; i < d->nr_queues; i++) {
        int both[2];

        assert(pipe(both) == 0);
        d->fds[i] = both[0];
        d->other[i] = both[1];
    }
    fake_vifdev.live++;
    return d;
}

int __wrap_vifdev_open(uv_loop_t *loop, const struct vifdev_spec *spec,
                       vifdev_done *done, void *arg, struct vifdev **out,
                       struct err *e)
{
    struct vifdev *d;

    fake_vifdev.nr_opened++;
    if (fake_vifdev.fails_at_once)
        return fail(e, fake_vifdev.fails_at_once, "vif %u: no such bridge",
                    spec->devid);
    d = make(loop, spec);
    d->done = done;
    d->arg = arg;
    if (fake_vifdev.late)
        waits = d;
    else
        uv_timer_start(&d->soon, on_soon, 0, 0);
    *out = d;
    return 0;
}

int __wrap_vifdev_adopt(uv_loop_t *loop, const struct vifdev_spec *spec,
                        struct vifdev **out, struct err *e)
{
    fake_vifdev.nr_adopted++;
    if (!fake_vifdev.there)
        return fail(e, -ENODEV, "vif %u: its tap is gone", spec->devid);
    *out = make(loop, spec);
    return 0;
}

int __wrap_vifdev_queues(struct vifdev *d, const int **fds, struct err *e)
{
    if (fake_vifdev.queues_fail)
        return fail(e, fake_vifdev.queues_fail, "its queues are another's");
    *fds = d->fds;
    return 0;
}

void __wrap_vifdev_rest(struct vifdev *d)
{
    (void)d;
    fake_vifdev.nr_rested++;
}

const char *__wrap_vifdev_name(const struct vifdev *d)
{
    (void)d;
    return "vif7.0";
}

const char *__wrap_vifdev_bridge(const struct vifdev *d)
{
    (void)d;
    return "xenbr0";
}

uint32_t __wrap_vifdev_mtu(const struct vifdev *d)
{
    (void)d;
    return 9000;
}

void __wrap_vifdev_remove(struct vifdev *d, vifdev_done *done, void *arg)
{
    fake_vifdev.nr_removed++;
    d->removing = true;
    d->done = done;
    d->arg = arg;
    uv_timer_start(&d->soon, on_soon, 0, 0);
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void __wrap_vifdev_close(struct vifdev *d)
{
    if (!d)
        return;
    for (uint32_t i = 0; i < d->nr_queues; i++) {
        close(d->fds[i]);
        close(d->other[i]);
    }
    if (waits == d)
        waits = NULL;
    fake_vifdev.live--;
    uv_close((uv_handle_t *)&d->soon, on_closed);
}
