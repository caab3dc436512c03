/* SPDX-License-Identifier: MIT */
/*
 * xbdev_life.c - a device between its guest and its backend: what the backend
 * and the operator do
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/xbdev_priv.h"
#include "toolstack/supervisor/xbnodes.h"

#define DETACH_MS 10000u

static void on_deadline(uv_timer_t *t);
static void on_handle_closed(uv_handle_t *h);

/* ---- what the backend does ---- */

void xbdev_connected(struct xbdev *x)
{
    if (x->state != VBD_CONNECTING)
        return;
    xbdev_move(x, VBD_CONNECTED, "it serves the guest");
    xbdev_put(x);
    xbdev_look_soon(x);
    x->ops->moved(x->arg);
}

void xbdev_opened(struct xbdev *x, enum belink_opened how, bool anew)
{
    x->open = true;
    if (how == BELINK_UNWIRED)
        x->wired = x->leaving = false;
    else
        x->wired = true;
    switch (x->state) {
    case VBD_STARTING:
        xbdev_wait(x, "its backend is ready");
        return;
    case VBD_WAITING: /* an earlier supervisor's order was on its way */
        if (x->wired)
            xbdev_move(x, VBD_CONNECTING, "its backend serves already");
        break;
    case VBD_CONNECTING:
    case VBD_CONNECTED:
        if (!x->wired && x->store)
            xbdev_wire(x);
        else if (anew && x->state == VBD_CONNECTED)
            xbdev_put(x);
        break;
    default:
        x->leaving = false; /* this one was not told */
        break;
    }
    if (how == BELINK_WIRED)
        xbdev_connected(x);
    if (x->state == VBD_CONNECTED)
        xbdev_say(x, "it serves the guest");
    if (x->state == VBD_CLOSED || x->broken)
        xbdev_unwire(x);
    xbdev_look_soon(x);
}

static bool is_at_work(const struct xbdev *x)
{
    return x->state == VBD_CONNECTING || x->state == VBD_CONNECTED;
}

void xbdev_disconnected(struct xbdev *x)
{
    x->wired = x->leaving = false;
    if (is_at_work(x))
        xbdev_start_closing(x, "its backend has let go of the guest", true);
    xbdev_look_soon(x);
}

void xbdev_broken(struct xbdev *x, const char *why)
{
    if (is_at_work(x))
        xbdev_start_closing(x, why, true);
    else
        xbdev_unwire(x);
}

void xbdev_changed(struct xbdev *x)
{
    if (x->state == VBD_CONNECTED)
        xbdev_put(x);
    x->ops->moved(x->arg);
}

bool xbdev_is_served(const struct xbdev *x)
{
    return x->state == VBD_CONNECTED ||
           (x->state == VBD_CLOSING && x->wired && !x->leaving);
}

void xbdev_died(struct xbdev *x, const char *why)
{
    char text[XBDEV_WHY_BYTES];

    x->open = false;
    snprintf(text, sizeof(text), "its backend is started again: %s", why);
    if (!x->ending)
        xbdev_say(x, text);
}

void xbdev_failed(struct xbdev *x, const struct err *e)
{
    x->open = x->wired = x->leaving = false;
    x->broken = true;
    if (x->ending || x->state == VBD_FAILED)
        return;
    xbdev_move(x, VBD_FAILED, e->text);
    xbdev_put(x);
    if (x->detaching)
        xbdev_finish(x, true);
    else
        xbdev_look_soon(x);
    x->ops->moved(x->arg);
}

void xbdev_gone(struct xbdev *x)
{
    if (!x->spec.foreign && x->store) {
        store_remove(x->store, x->spec.front, NULL);
        store_remove(x->store, x->spec.back, NULL);
    }
    xbdev_move(x, VBD_GONE, "its backend ended");
    x->ops->moved(x->arg);
    x->ops->gone(x->arg);
}

/* ---- what the operator does ---- */

void xbdev_detach(struct xbdev *x, bool force)
{
    bool served = is_at_work(x) || x->state == VBD_CLOSING;

    if (x->ending)
        return;
    x->detaching = true;
    if (force || !served) {
        xbdev_finish(x, true);
        return;
    }
    uv_timer_start(&x->deadline, on_deadline, DETACH_MS, 0);
    if (x->state != VBD_CLOSING)
        xbdev_move(x, VBD_CLOSING, "the guest was asked to let go of it");
    xbdev_put(x);
    xbdev_look_soon(x);
    x->ops->moved(x->arg);
}

static void on_deadline(uv_timer_t *t)
{
    struct xbdev *x = t->data;

    log_warn("%s %s: the guest has not let go of it in %u s", x->spec.what,
             x->spec.name, DETACH_MS / 1000);
    xbdev_say(x, "the guest has not let go of it in 10 s; it may still; with "
                 "force it is taken");
}

void xbdev_end(struct xbdev *x)
{
    if (!x->ending)
        xbdev_finish(x, false);
}

/* ---- the object ---- */

void xbdev_init(struct xbdev *x, uv_loop_t *loop, const struct xbdev_spec *spec,
                const struct xbdev_ops *ops, void *arg)
{
    *x = (struct xbdev){
        .loop = loop,
        .spec = *spec,
        .ops = ops,
        .arg = arg,
        .nr_handles = 2,
    };
    uv_timer_init(loop, &x->look);
    uv_timer_init(loop, &x->deadline);
    x->look.data = x->deadline.data = x;
}

/* Also fires at once, so nothing that was there before is missed. */
static int watch(struct xbdev *x, struct err *e)
{
    char path[80];
    int rc;

    snprintf(path, sizeof(path), "%s/state", x->spec.front);
    rc = store_watch(x->store, path, x->spec.token, e);
    if (rc < 0 || !x->spec.foreign)
        return rc;
    return store_watch(x->store, x->spec.back, x->spec.token, e);
}

static void unwatch(struct xbdev *x)
{
    char path[80];

    if (!x->store)
        return;
    snprintf(path, sizeof(path), "%s/state", x->spec.front);
    store_unwatch(x->store, path, x->spec.token);
    if (x->spec.foreign)
        store_unwatch(x->store, x->spec.back, x->spec.token);
}

int xbdev_watch(struct xbdev *x, struct store *s, struct err *e)
{
    x->store = s;
    return watch(x, e);
}

void xbdev_started(struct xbdev *x, const char *why)
{
    xbdev_move(x, VBD_STARTING, why);
    x->ops->moved(x->arg);
}

void xbdev_adopt(struct xbdev *x, struct store *s)
{
    static const uint8_t state_of[] = {
        [XenbusStateUnknown] = VBD_CONNECTED, /* no xenstore says otherwise */
        [XenbusStateInitialising] = VBD_STARTING,
        [XenbusStateInitWait] = VBD_WAITING,
        [XenbusStateInitialised] = VBD_WAITING,
        [XenbusStateConnected] = VBD_CONNECTED,
        [XenbusStateClosing] = VBD_CLOSING,
        [XenbusStateClosed] = VBD_CLOSED,
        [XenbusStateReconfiguring] = VBD_CONNECTED,
        [XenbusStateReconfigured] = VBD_CONNECTED,
    };
    uint32_t back = 0;
    char *online;

    xbdev_set_store(x, s);
    if (s)
        back = xbnodes_state(x->spec.back, s);
    xbdev_move(x, state_of[back < ARRAY_SIZE(state_of) ? back : 0],
               "taken over");
    if (s) {
        online = xbnodes_read(x->spec.back, "online", s);
        x->detaching = online && strcmp(online, "0") == 0;
        free(online);
    }
    if (back == XenbusStateReconfigured)
        x->reconf = RECONF_ANSWERED;
    x->wired = x->state == VBD_CONNECTED || x->state == VBD_CLOSING;
    x->broken = x->state == VBD_CLOSING && !x->detaching;
}

void xbdev_set_store(struct xbdev *x, struct store *s)
{
    struct err e = { 0 };

    if (s == x->store)
        return;
    x->store = s;
    if (s && watch(x, &e) < 0)
        log_err("%s %s: %s", x->spec.what, x->spec.name, e.text);
    if (s)
        xbdev_look_soon(x);
}

void xbdev_close(struct xbdev *x, void (*closed)(void *arg))
{
    unwatch(x);
    x->closed = closed;
    uv_close((uv_handle_t *)&x->look, on_handle_closed);
    uv_close((uv_handle_t *)&x->deadline, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct xbdev *x = h->data;

    if (--x->nr_handles == 0)
        x->closed(x->arg);
}
