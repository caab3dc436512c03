/* SPDX-License-Identifier: MIT */
/*
 * xbdev.c - a device between its guest and its backend: what the guest does
 */
#include "toolstack/supervisor/xbdev.h"

#include <assert.h>
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

#define LOOK_MS 10u
#define REWRITE_MS 1000u
/* Who moves us more often than that is looked at as seldom as this. */
#define PACE_MS 10000u
#define PACE_MAX 32u
#define PACED_MS 1000u

static void on_look(uv_timer_t *t);

static const uint16_t xbdev_next[] = {
    [VBD_NEW] = BIT(VBD_STARTING) | BIT(VBD_WAITING) | BIT(VBD_CONNECTED) |
                BIT(VBD_CLOSING) | BIT(VBD_CLOSED) | BIT(VBD_GONE),
    [VBD_STARTING] = BIT(VBD_WAITING) | BIT(VBD_FAILED) | BIT(VBD_GONE),
    [VBD_WAITING] = BIT(VBD_CONNECTING) | BIT(VBD_CLOSING) | BIT(VBD_FAILED) |
                    BIT(VBD_GONE),
    [VBD_CONNECTING] =
        BIT(VBD_CONNECTED) | BIT(VBD_CLOSING) | BIT(VBD_FAILED) | BIT(VBD_GONE),
    [VBD_CONNECTED] = BIT(VBD_CLOSING) | BIT(VBD_FAILED) | BIT(VBD_GONE),
    [VBD_CLOSING] =
        BIT(VBD_CLOSED) | BIT(VBD_WAITING) | BIT(VBD_FAILED) | BIT(VBD_GONE),
    [VBD_CLOSED] = BIT(VBD_WAITING) | BIT(VBD_FAILED) | BIT(VBD_GONE),
    [VBD_FAILED] = BIT(VBD_GONE),
    [VBD_GONE] = 0,
};
_Static_assert(ARRAY_SIZE(xbdev_next) == VBD_STATES, "xbdev_next");

/* The guest has cost us work, and lines of the log perhaps. */
static void count_work(struct xbdev *x)
{
    uint64_t now_ms = uv_now(x->loop);

    if (now_ms - x->paced_ms >= PACE_MS) {
        x->paced_ms = now_ms;
        x->nr_paced = 0;
    }
    x->nr_paced++;
}

static uint64_t pause_ms(const struct xbdev *x)
{
    bool often =
        x->nr_paced > PACE_MAX && uv_now(x->loop) - x->paced_ms < PACE_MS;

    return often ? PACED_MS : LOOK_MS;
}

void xbdev_move(struct xbdev *x, enum vbd_state to, const char *why)
{
    assert(xbdev_next[x->state] & BIT(to));
    log_info("%s %s: %s -> %s: %s", x->spec.what, x->spec.name,
             vbd_state_name(x->state), vbd_state_name(to), why);
    count_work(x);
    x->state = to;
    x->unwritten = false;
    snprintf(x->why, sizeof(x->why), "%s", why);
}

void xbdev_say(struct xbdev *x, const char *why)
{
    snprintf(x->why, sizeof(x->why), "%s", why);
    x->ops->moved(x->arg);
}

static bool has_left(const struct xbdev *x, uint32_t front)
{
    if (x->ops->reconfigure &&
        (front == XenbusStateReconfiguring || front == XenbusStateReconfigured))
        return false;
    return front != XenbusStateInitialised && front != XenbusStateConnected;
}

static bool never_came(uint32_t front)
{
    return front == XenbusStateInitialising || front == XenbusStateInitWait;
}

static bool is_ready(const struct xbdev *x, uint32_t front)
{
    return x->spec.ready & BIT(front);
}

/* ---- toward the guest ---- */

void xbdev_look_soon(struct xbdev *x)
{
    uint64_t now_ms = uv_now(x->loop), since_ms = now_ms - x->looked_ms;
    uint64_t wait_ms = pause_ms(x);

    if (x->ending || uv_is_active((uv_handle_t *)&x->look))
        return;
    uv_timer_start(&x->look, on_look,
                   since_ms >= wait_ms ? 0 : wait_ms - since_ms, 0);
}

static int try_to_put(struct xbdev *x, struct err *e)
{
    const char *error = x->broken ? x->why : NULL;
    const char *back = x->spec.back;

    switch (x->state) {
    case VBD_WAITING:
        return x->ops->offer(x->arg, e);
    case VBD_CONNECTED:
        return x->ops->connected(x->arg, e);
    case VBD_CLOSING:
        return xbnodes_set(back, XenbusStateClosing,
                           x->detaching ? NULL : error, x->detaching, e);
    case VBD_CLOSED:
        return xbnodes_set(back, XenbusStateClosed, NULL, false, e);
    case VBD_FAILED:
        return xbnodes_set(back,
                           x->broken ? XenbusStateClosing : XenbusStateClosed,
                           error, false, e);
    default:
        return 0;
    }
}

/* Without a xenstore that knows the guest there is nobody to tell: it is
   served on as it is. */
void xbdev_put(struct xbdev *x)
{
    struct err e = { 0 };

    x->unwritten = x->store && try_to_put(x, &e) < 0;
    if (!x->unwritten)
        return;
    log_err("%s %s: %s", x->spec.what, x->spec.name, e.text);
    uv_timer_start(&x->look, on_look, REWRITE_MS, 0);
}

void xbdev_wait(struct xbdev *x, const char *why)
{
    char path[80];

    x->front_out = x->broken = false;
    xbdev_move(x, VBD_WAITING, why);
    snprintf(path, sizeof(path), "%s/error", x->spec.back);
    store_remove(x->store, path, NULL);
    xbdev_put(x);
    xbdev_look_soon(x);
    x->ops->moved(x->arg);
}

void xbdev_unwire(struct xbdev *x)
{
    if (!x->wired || x->leaving)
        return;
    x->leaving = true;
    x->ops->unwire(x->arg);
}

void xbdev_start_closing(struct xbdev *x, const char *why, bool is_error)
{
    xbdev_move(x, VBD_CLOSING, why);
    x->broken = is_error;
    if (is_error) {
        log_warn("%s %s: %s", x->spec.what, x->spec.name, why);
        xbdev_unwire(x);
    }
    xbdev_put(x);
    xbdev_look_soon(x);
    x->ops->moved(x->arg);
}

bool xbdev_wire(struct xbdev *x)
{
    struct err e = { 0 };

    if (x->ops->wire(x->arg, &e) < 0) {
        xbdev_start_closing(x, e.text, true);
        return false;
    }
    x->wired = true;
    x->leaving = x->front_out = false;
    return true;
}

static void connect_guest(struct xbdev *x)
{
    if (!x->open || (x->ops->may_connect && !x->ops->may_connect(x->arg)) ||
        !xbdev_wire(x))
        return;
    xbdev_move(x, VBD_CONNECTING, "its keys are there");
}

/* The guest's own goes at once, the backend's when nobody reads it. */
static void remove_nodes(struct xbdev *x)
{
    store_remove(x->store, x->spec.front, NULL);
    if (x->spec.keeps_back)
        xbnodes_set(x->spec.back, XenbusStateClosed, NULL, true, NULL);
    else
        store_remove(x->store, x->spec.back, NULL);
}

void xbdev_finish(struct xbdev *x, bool nodes)
{
    x->ending = true;
    uv_timer_stop(&x->look);
    uv_timer_stop(&x->deadline);
    if (nodes && !x->spec.foreign && x->store)
        remove_nodes(x);
    if (!x->ops->end(x->arg))
        uv_timer_start(&x->look, on_look, 0, 0);
}

/* ---- what the guest does ---- */

/* Both sides have let go. */
static void closed(struct xbdev *x)
{
    if (x->detaching) {
        xbdev_finish(x, true);
        return;
    }
    xbdev_move(x, VBD_CLOSED, "the guest closed it");
    xbdev_put(x);
    x->ops->moved(x->arg);
}

static void look_closing(struct xbdev *x, uint32_t front)
{
    x->front_out |= has_left(x, front);
    if (x->front_out)
        xbdev_unwire(x);
    if (x->wired)
        return; /* it is not drained yet */
    if (front == XenbusStateClosed || front == XenbusStateUnknown ||
        (x->detaching && never_came(front)))
        closed(x);
    else if (x->open && !x->detaching && x->front_out &&
             (front == XenbusStateInitialising ||
              front == XenbusStateInitialised))
        xbdev_wait(x, "the guest came again");
}

/* A frontend that comes again would wait for Closed to become another. */
static void look_failed(struct xbdev *x, uint32_t front)
{
    bool shut = front == XenbusStateClosed;

    if ((!shut && front != XenbusStateInitialising) || x->broken != shut)
        return;
    x->broken = !shut;
    count_work(x);
    xbdev_put(x);
}

/* A guest that starts anew without having closed is not shown Closing. */
static void look_connected(struct xbdev *x, uint32_t front)
{
    if (front == XenbusStateInitialising) {
        xbdev_move(x, VBD_CLOSING, "the guest starts anew");
        look_closing(x, front);
        x->ops->moved(x->arg);
    } else if (front == XenbusStateClosing || front == XenbusStateClosed) {
        xbdev_start_closing(x, "the guest closes it", false);
    } else if (front == XenbusStateUnknown) {
        xbdev_start_closing(x, "the guest's directory is gone", false);
    }
}

static void look_waiting(struct xbdev *x, uint32_t front)
{
    if (is_ready(x, front))
        connect_guest(x);
    else if (front == XenbusStateClosing || front == XenbusStateClosed)
        xbdev_start_closing(x, "the guest closes it", false);
}

/* Whoever made the directory detaches by what is written there. */
static bool look_foreign(struct xbdev *x)
{
    char *online;
    bool off;

    if (!x->spec.foreign)
        return false;
    online = xbnodes_read(x->spec.back, "online", x->store);
    off = online && strcmp(online, "0") == 0;
    if (!online) { /* it went; what we have written since is no sign of it */
        xbdev_end(x);
        return true;
    }
    free(online);
    if (!off || x->detaching)
        return false;
    xbdev_detach(x, false);
    return true;
}

/*
 * Linux's network frontend waits for Reconfigured without end, so that is the
 * answer in any state.  It writes its key after its state: it has the time of
 * a look for that, and the key is read once more when it goes on.
 */
static void look_reconfiguring(struct xbdev *x, uint32_t front)
{
    uint8_t was = x->reconf;

    if (!x->ops->reconfigure)
        return;
    if (front != XenbusStateReconfiguring) {
        x->reconf = RECONF_NONE;
        if (was == RECONF_NONE)
            return;
        if (x->wired && is_ready(x, front))
            x->ops->reconfigure(x->arg);
        xbdev_put(x);
    } else if (was == RECONF_NONE) {
        x->reconf = RECONF_SEEN;
        count_work(x);
        xbdev_look_soon(x);
    } else if (was == RECONF_SEEN) {
        if (x->wired)
            x->ops->reconfigure(x->arg);
        if (xbnodes_set(x->spec.back, XenbusStateReconfigured, NULL, false,
                        NULL) == 0)
            x->reconf = RECONF_ANSWERED;
        else
            uv_timer_start(&x->look, on_look, REWRITE_MS, 0);
    }
}

static void look(struct xbdev *x)
{
    uint32_t front;

    x->looked_ms = uv_now(x->loop);
    if (!x->store || x->ending || look_foreign(x))
        return;
    if (x->unwritten)
        xbdev_put(x);
    front = xbnodes_state(x->spec.front, x->store);
    look_reconfiguring(x, front);
    switch (x->state) {
    case VBD_WAITING:
        look_waiting(x, front);
        break;
    case VBD_CONNECTING:
    case VBD_CONNECTED:
        look_connected(x, front);
        break;
    case VBD_CLOSING:
        look_closing(x, front);
        break;
    case VBD_CLOSED:
        if (x->open && (front == XenbusStateInitialising ||
                        front == XenbusStateInitialised))
            xbdev_wait(x, "the guest came again");
        break;
    case VBD_FAILED:
        look_failed(x, front);
        break;
    default: /* its backend is not there yet, or no more */
        break;
    }
}

static void on_look(uv_timer_t *t)
{
    struct xbdev *x = t->data;

    if (x->ending)
        x->ops->ended(x->arg);
    else
        look(x);
}

void xbdev_fired(struct xbdev *x)
{
    xbdev_look_soon(x);
}
