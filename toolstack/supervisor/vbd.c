/* SPDX-License-Identifier: MIT */
/*
 * vbd.c - one disk of a guest: its xenstore nodes, and its backend
 */
#include "toolstack/supervisor/vbd.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/blkfigures.h"
#include "toolstack/supervisor/diskscript.h"
#include "toolstack/supervisor/vbd_priv.h"
#include "toolstack/supervisor/vbd_wiring.h"
#include "toolstack/supervisor/vmdisk.h"

#define LOOK_MS 10u
#define DETACH_MS 10000u
#define REWRITE_MS 1000u

static void on_look(uv_timer_t *t);
static void on_deadline(uv_timer_t *t);
static void on_handle_closed(uv_handle_t *h);

static const uint16_t vbd_next[] = {
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
_Static_assert(ARRAY_SIZE(vbd_next) == VBD_STATES, "vbd_next");

/* The only writer of v->state; the caller is told last. */
static void vbd_move(struct vbd *v, enum vbd_state to, const char *why)
{
    assert(vbd_next[v->state] & BIT(to));
    log_info("disk %s: %s -> %s: %s", v->o.link.name, vbd_state_name(v->state),
             vbd_state_name(to), why);
    v->state = to;
    v->unwritten = false;
    snprintf(v->why, sizeof(v->why), "%s", why);
}

/* The same state, for another reason. */
static void vbd_say(struct vbd *v, const char *why)
{
    snprintf(v->why, sizeof(v->why), "%s", why);
    v->ops.moved(v->arg);
}

static bool has_left(uint32_t front)
{
    return front != XenbusStateInitialised && front != XenbusStateConnected;
}

static bool never_came(uint32_t front)
{
    return front == XenbusStateInitialising || front == XenbusStateInitWait;
}

/* ---- toward the guest ---- */

static void look_soon(struct vbd *v)
{
    uint64_t now_ms = uv_now(v->loop), since_ms = now_ms - v->looked_ms;

    if (v->ending || uv_is_active((uv_handle_t *)&v->look))
        return;
    uv_timer_start(&v->look, on_look,
                   since_ms >= LOOK_MS ? 0 : LOOK_MS - since_ms, 0);
}

static int try_to_put(struct vbd *v, struct err *e)
{
    const struct vm_disk *d = v->o.link.disk;
    const char *error = v->broken ? v->why : NULL;

    switch (v->state) {
    case VBD_WAITING:
        return vbd_nodes_offer(&v->o.nodes, &v->info,
                               d->writable && d->discard != VM_NO, e);
    case VBD_CONNECTED:
        return vbd_nodes_connected(&v->o.nodes, &v->info, d->writable, d->cdrom,
                                   e);
    case VBD_CLOSING:
        if (v->detaching)
            return vbd_nodes_offline(&v->o.nodes, e);
        return vbd_nodes_close(&v->o.nodes, XenbusStateClosing, error, e);
    case VBD_CLOSED:
        return vbd_nodes_close(&v->o.nodes, XenbusStateClosed, NULL, e);
    case VBD_FAILED:
        return vbd_nodes_close(
            &v->o.nodes, v->broken ? XenbusStateClosing : XenbusStateClosed,
            error, e);
    default:
        return 0;
    }
}

/*
 * Show the guest our state; if that fails, again in a while.  Without a
 * xenstore that knows it there is nobody to tell: it is served on as it is.
 */
static void put_state(struct vbd *v)
{
    struct err e = { 0 };

    v->unwritten = v->store && try_to_put(v, &e) < 0;
    if (!v->unwritten)
        return;
    log_err("disk %s: %s", v->o.link.name, e.text);
    uv_timer_start(&v->look, on_look, REWRITE_MS, 0);
}

/* Offer it, anew perhaps; it may have written its keys already. */
static void wait_for_guest(struct vbd *v, const char *why)
{
    char path[80];

    v->front_out = v->broken = false;
    vbd_move(v, VBD_WAITING, why);
    snprintf(path, sizeof(path), "%s/error", v->o.nodes.back);
    store_remove(v->store, path, NULL);
    put_state(v);
    look_soon(v);
    v->ops.moved(v->arg);
}

static void tell(struct vbd *v, const struct blk_ctl *m)
{
    if (v->link)
        blklink_tell(v->link, m);
}

/* Tell the backend to let go of the rings, once, if it has them. */
static void unwire(struct vbd *v)
{
    struct blk_ctl m = { .type = BLK_CTL_DISCONNECT };

    if (!v->wired || v->leaving)
        return;
    v->leaving = true;
    tell(v, &m);
}

/* error: for the guest's administrator; NULL: it closes by its own wish. */
static void start_closing(struct vbd *v, const char *why, bool is_error)
{
    vbd_move(v, VBD_CLOSING, why);
    v->broken = is_error;
    if (is_error) {
        log_warn("disk %s: %s", v->o.link.name, why);
        unwire(v);
    }
    put_state(v);
    look_soon(v);
    v->ops.moved(v->arg);
}

static char *read_key(void *arg, const char *key)
{
    struct vbd *v = arg;
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", v->o.nodes.front, key);
    return store_read(v->store, path);
}

/* Hand its keys to the backend; false: they are bad, and it was told. */
static bool wire(struct vbd *v)
{
    struct vbd_offer offer = { v->info.nr_queues, BLK_RING_ORDER_MAX };
    struct blk_ctl m = { .type = BLK_CTL_CONNECT };
    struct err e = { 0 };

    if (vbd_wiring_parse(read_key, v, &offer, &m.u.wiring, &e) < 0) {
        start_closing(v, e.text, true);
        return false;
    }
    v->wired = true;
    v->leaving = v->front_out = false;
    tell(v, &m);
    return true;
}

static void connect_guest(struct vbd *v)
{
    if (!v->open || !wire(v))
        return;
    vbd_move(v, VBD_CONNECTING, "its keys are there");
}

/* What is left: the backend's end, its script's, and the nodes. */
static void finish(struct vbd *v, bool nodes)
{
    v->ending = true;
    uv_timer_stop(&v->look);
    uv_timer_stop(&v->deadline);
    if (nodes && !v->o.foreign && !vbd_has_script(v))
        vbd_nodes_remove(&v->o.nodes, v->store);
    if (v->link)
        blklink_end(v->link);
    else if (!v->script) /* else its end is waited for */
        uv_timer_start(&v->look, on_look, 0, 0);
}

/* ---- what the guest does ---- */

/* Both sides have let go. */
static void closed(struct vbd *v)
{
    if (v->detaching) {
        finish(v, true);
        return;
    }
    vbd_move(v, VBD_CLOSED, "the guest closed it");
    put_state(v);
    v->ops.moved(v->arg);
}

static void look_closing(struct vbd *v, uint32_t front)
{
    v->front_out |= has_left(front);
    if (v->front_out)
        unwire(v);
    if (v->wired)
        return; /* it is not drained yet */
    if (front == XenbusStateClosed || front == XenbusStateUnknown ||
        (v->detaching && never_came(front)))
        closed(v);
    else if (v->open && !v->detaching && v->front_out &&
             (front == XenbusStateInitialising ||
              front == XenbusStateInitialised))
        wait_for_guest(v, "the guest came again");
}

static void look_failed(struct vbd *v, uint32_t front)
{
    if (front != XenbusStateClosed || !v->broken)
        return;
    v->broken = false;
    put_state(v);
}

/* A guest that starts anew without having closed is not shown Closing. */
static void look_connected(struct vbd *v, uint32_t front)
{
    if (front == XenbusStateInitialising) {
        vbd_move(v, VBD_CLOSING, "the guest starts anew");
        look_closing(v, front);
        v->ops.moved(v->arg);
    } else if (front == XenbusStateClosing || front == XenbusStateClosed) {
        start_closing(v, "the guest closes it", false);
    } else if (front == XenbusStateUnknown) {
        start_closing(v, "the guest's directory is gone", false);
    }
}

static void look_waiting(struct vbd *v, uint32_t front)
{
    if (front == XenbusStateInitialised || front == XenbusStateConnected)
        connect_guest(v);
    else if (front == XenbusStateClosing || front == XenbusStateClosed)
        start_closing(v, "the guest closes it", false);
}

/* Whoever made the directory detaches by what is written there. */
static bool look_foreign(struct vbd *v)
{
    char path[80], *online;
    bool off;

    if (!v->o.foreign)
        return false;
    snprintf(path, sizeof(path), "%s/online", v->o.nodes.back);
    online = store_read(v->store, path);
    off = online && strcmp(online, "0") == 0;
    if (!online) { /* it went; what we have written since is no sign of it */
        vbd_end(v);
        return true;
    }
    free(online);
    if (!off || v->detaching)
        return false;
    vbd_detach(v, false);
    return true;
}

static void look(struct vbd *v)
{
    uint32_t front;

    v->looked_ms = uv_now(v->loop);
    if (!v->store || v->ending || look_foreign(v))
        return;
    if (v->unwritten)
        put_state(v);
    front = vbd_nodes_state(v->o.nodes.front, v->store);
    switch (v->state) {
    case VBD_WAITING:
        look_waiting(v, front);
        break;
    case VBD_CONNECTING:
    case VBD_CONNECTED:
        look_connected(v, front);
        break;
    case VBD_CLOSING:
        look_closing(v, front);
        break;
    case VBD_CLOSED:
        if (v->open && (front == XenbusStateInitialising ||
                        front == XenbusStateInitialised))
            wait_for_guest(v, "the guest came again");
        break;
    case VBD_FAILED:
        look_failed(v, front);
        break;
    default: /* its backend is not there yet, or no more */
        break;
    }
}

static void on_look(uv_timer_t *t)
{
    struct vbd *v = t->data;

    if (v->ending)
        vbd_script_end(v);
    else
        look(v);
}

void vbd_fired(struct vbd *v)
{
    look_soon(v);
}

/* ---- what the backend does ---- */

static void now_connected(struct vbd *v)
{
    if (v->state != VBD_CONNECTING)
        return;
    vbd_move(v, VBD_CONNECTED, "it serves the guest");
    put_state(v);
    look_soon(v);
    v->ops.moved(v->arg);
}

static void on_opened(void *arg, const struct blk_store_info *info,
                      enum blklink_opened how)
{
    struct vbd *v = arg;
    bool resized = v->open && v->info.size_bytes != info->size_bytes;

    v->info = *info;
    v->open = true;
    if (how == BLKLINK_UNWIRED)
        v->wired = v->leaving = false;
    else
        v->wired = true;
    switch (v->state) {
    case VBD_STARTING:
        wait_for_guest(v, "its store is open");
        return;
    case VBD_WAITING: /* an earlier supervisor's order was on its way */
        if (v->wired)
            vbd_move(v, VBD_CONNECTING, "its backend serves already");
        break;
    case VBD_CONNECTING:
    case VBD_CONNECTED:
        if (!v->wired && v->store)
            wire(v);
        else if (resized && v->state == VBD_CONNECTED)
            put_state(v);
        break;
    default:
        v->leaving = false; /* this one was not told */
        break;
    }
    if (how == BLKLINK_WIRED)
        now_connected(v);
    if (v->state == VBD_CONNECTED)
        vbd_say(v, "it serves the guest");
    if (v->state == VBD_CLOSED || v->broken)
        unwire(v);
    look_soon(v);
}

static void on_message(void *arg, const struct blk_ctl *m)
{
    struct vbd *v = arg;

    switch (m->type) {
    case BLK_CTL_CONNECTED:
        now_connected(v);
        break;
    case BLK_CTL_DISCONNECTED:
        v->wired = v->leaving = false;
        if (v->state == VBD_CONNECTING || v->state == VBD_CONNECTED)
            start_closing(v, "its backend has let go of the guest", true);
        look_soon(v);
        break;
    case BLK_CTL_BROKEN:
        if (v->state == VBD_CONNECTING || v->state == VBD_CONNECTED)
            start_closing(v, m->u.text, true);
        else
            unwire(v);
        break;
    default: /* SIZE */
        v->info.size_bytes = m->u.store.size_bytes;
        if (v->state == VBD_CONNECTED)
            put_state(v); /* the guest looks at sectors again */
        v->ops.moved(v->arg);
        break;
    }
}

static bool on_resumes(void *arg)
{
    struct vbd *v = arg;
    bool served = v->state == VBD_CONNECTED ||
                  (v->state == VBD_CLOSING && v->wired && !v->leaving);
    char base[BLK_BASE_BYTES];
    struct blkfigures f;

    v->ops.base(v->arg, base);
    return served && blkfigures_read(base, &f) == 0 && f.connected;
}

static void on_base(void *arg, char out[BLK_BASE_BYTES])
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
    char text[BLK_TEXT];

    v->open = false;
    snprintf(text, sizeof(text), "its backend is started again: %s", why);
    if (!v->ending)
        vbd_say(v, text);
}

void vbd_failed(struct vbd *v, const struct err *e)
{
    v->open = v->wired = v->leaving = false;
    v->broken = true;
    if (v->ending || v->state == VBD_FAILED)
        return;
    vbd_move(v, VBD_FAILED, e->text);
    put_state(v);
    if (v->detaching)
        finish(v, true);
    else
        look_soon(v);
    v->ops.moved(v->arg);
}

static void on_failed(void *arg, const struct err *e)
{
    vbd_failed(arg, e);
}

void vbd_gone(struct vbd *v)
{
    if (!v->o.foreign && v->store)
        vbd_nodes_remove(&v->o.nodes, v->store);
    vbd_move(v, VBD_GONE, "its backend ended");
    v->ops.moved(v->arg);
    v->ops.gone(v->arg);
}

static void on_ended(void *arg)
{
    vbd_script_end(arg);
}

/* ---- what the operator does ---- */

void vbd_detach(struct vbd *v, bool force)
{
    bool served = v->state == VBD_CONNECTING || v->state == VBD_CONNECTED ||
                  v->state == VBD_CLOSING;

    if (v->ending)
        return;
    v->detaching = true;
    if (force || !served) {
        finish(v, true);
        return;
    }
    uv_timer_start(&v->deadline, on_deadline, DETACH_MS, 0);
    if (v->state != VBD_CLOSING)
        vbd_move(v, VBD_CLOSING, "the guest was asked to let go of it");
    put_state(v);
    look_soon(v);
    v->ops.moved(v->arg);
}

static void on_deadline(uv_timer_t *t)
{
    struct vbd *v = t->data;

    log_warn("disk %s: the guest has not let go of it in %u s", v->o.link.name,
             DETACH_MS / 1000);
    vbd_say(v, "the guest has not let go of it in 10 s; it may still; with "
               "force it is taken");
}

void vbd_end(struct vbd *v)
{
    if (!v->ending)
        finish(v, false);
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
    };
    struct blklink_spec spec = v->o.link;

    spec.disk = disk;
    return blklink_open(v->loop, &spec, &link_ops, v, &v->link, e);
}

int vbd_open(uv_loop_t *loop, const struct vbd_options *o,
             const struct vbd_ops *ops, void *arg, struct vbd **out,
             struct err *e)
{
    struct vbd *v = calloc(1, sizeof(*v));
    int rc;

    if (!v)
        return fail(e, -ENOMEM, "disk %s: no memory", o->link.name);
    v->loop = loop;
    v->o = *o;
    v->ops = *ops;
    v->arg = arg;
    snprintf(v->token, sizeof(v->token), "vbd-%u", o->nodes.devid);
    uv_timer_init(loop, &v->look);
    uv_timer_init(loop, &v->deadline);
    v->look.data = v->deadline.data = v;
    v->nr_handles = 2;
    rc = vbd_has_script(v) ? 0 : vbd_open_link(v, v->o.link.disk, e);
    if (rc < 0) {
        vbd_close(v);
        return rc;
    }
    *out = v;
    return 0;
}

/* Also fires at once, so nothing that was there before is missed. */
static int watch(struct vbd *v, struct err *e)
{
    char path[80];
    int rc;

    snprintf(path, sizeof(path), "%s/state", v->o.nodes.front);
    rc = store_watch(v->store, path, v->token, e);
    if (rc < 0 || !v->o.foreign)
        return rc;
    return store_watch(v->store, v->o.nodes.back, v->token, e);
}

static void unwatch(struct vbd *v)
{
    char path[80];

    if (!v->store)
        return;
    snprintf(path, sizeof(path), "%s/state", v->o.nodes.front);
    store_unwatch(v->store, path, v->token);
    if (v->o.foreign)
        store_unwatch(v->store, v->o.nodes.back, v->token);
}

int vbd_start(struct vbd *v, struct store *s, struct err *e)
{
    int rc =
        v->o.foreign ? 0 : vbd_nodes_make(&v->o.nodes, s, v->o.link.disk, e);

    if (rc == 0) {
        v->store = s;
        rc = watch(v, e);
    }
    if (rc == 0)
        rc = vbd_has_script(v) ? vbd_script_start(v, e)
                               : blklink_start(v->link, e);
    if (rc == 0) {
        vbd_move(v, VBD_STARTING, "its store is being opened");
        v->ops.moved(v->arg);
    } else if (!v->o.foreign) {
        vbd_nodes_remove(&v->o.nodes, s);
    }
    return rc;
}

void vbd_adopt(struct vbd *v, struct store *s, const struct blkproc_id *id)
{
    static const uint8_t state_of[] = {
        [XenbusStateUnknown] = VBD_CONNECTED, /* no xenstore says otherwise */
        [XenbusStateInitialising] = VBD_STARTING,
        [XenbusStateInitWait] = VBD_WAITING,
        [XenbusStateInitialised] = VBD_WAITING,
        [XenbusStateConnected] = VBD_CONNECTED,
        [XenbusStateClosing] = VBD_CLOSING,
        [XenbusStateClosed] = VBD_CLOSED,
    };
    uint32_t back = 0;
    char path[80], *online = NULL;
    struct err e = { 0 };

    vbd_set_store(v, s);
    if (s)
        back = vbd_nodes_state(v->o.nodes.back, s);
    vbd_move(v, state_of[back < ARRAY_SIZE(state_of) ? back : 0], "taken over");
    if (s) {
        snprintf(path, sizeof(path), "%s/online", v->o.nodes.back);
        online = store_read(s, path);
        v->detaching = online && strcmp(online, "0") == 0;
        free(online);
    }
    v->wired = v->state == VBD_CONNECTED || v->state == VBD_CLOSING;
    v->broken = v->state == VBD_CLOSING && !v->detaching;
    if (vbd_has_script(v) && vbd_script_adopt(v, &e) < 0)
        vbd_failed(v, &e);
    else
        blklink_adopt(v->link, id);
}

void vbd_set_store(struct vbd *v, struct store *s)
{
    struct err e = { 0 };

    if (s == v->store)
        return;
    v->store = s;
    if (s && watch(v, &e) < 0)
        log_err("disk %s: %s", v->o.link.name, e.text);
    if (s)
        look_soon(v);
}

void vbd_close(struct vbd *v)
{
    if (!v)
        return;
    unwatch(v);
    blklink_close(v->link);
    v->link = NULL;
    script_close(v->script);
    v->script = NULL;
    uv_close((uv_handle_t *)&v->look, on_handle_closed);
    uv_close((uv_handle_t *)&v->deadline, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct vbd *v = h->data;

    if (--v->nr_handles)
        return;
    free(v->opened.target);
    free(v);
}
