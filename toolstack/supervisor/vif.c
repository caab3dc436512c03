/* SPDX-License-Identifier: MIT */
/*
 * vif.c - one network card of a guest: its xenstore nodes, its tap, its backend
 */
#include "toolstack/supervisor/vif.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/netfigures.h"
#include "toolstack/supervisor/vif_nodes.h"
#include "toolstack/supervisor/vif_priv.h"
#include "toolstack/supervisor/vif_rules.h"
#include "toolstack/supervisor/vif_wiring.h"
#include "toolstack/supervisor/xbnodes.h"

static void on_attached(void *arg, const struct err *failed);
static void on_removed(void *arg, const struct err *failed);
static void on_answer_closed(uv_handle_t *h);
static void on_part_closed(void *arg);

/* ---- toward the guest ---- */

/*
 * A guest that runs is shown a card that stands, not one that may fail yet:
 * Linux's frontend waits without end, and all its other devices with it, for a
 * backend whose directory went while it looked at its own.
 */
static int on_offer(void *arg, struct err *e)
{
    struct vif *v = arg;
    bool show = !v->o.foreign && !v->shown;
    int rc = vif_nodes_offer(&v->o, vifdev_mtu(v->dev), show, v->x.store, e);

    v->shown |= rc == 0;
    return rc;
}

static int on_connected(void *arg, struct err *e)
{
    struct vif *v = arg;

    return vif_nodes_connected(&v->o, e);
}

/* xl's script is to have put it on its bridge before the guest uses it. */
static bool on_may_connect(void *arg)
{
    struct vif *v = arg;
    char *status;
    bool yes;

    if (!v->o.foreign)
        return true;
    status = xbnodes_read(v->o.back, "hotplug-status", v->x.store);
    yes = status && strcmp(status, "connected") == 0;
    free(status);
    return yes;
}

static char *read_key(void *arg, const char *key)
{
    struct vif *v = arg;

    return xbnodes_read(v->o.front, key, v->x.store);
}

static int on_wire(void *arg, struct err *e)
{
    struct vif *v = arg;
    struct net_wiring w;
    int rc = vif_wiring_parse(read_key, v, v->o.nr_queues, &w, e);

    if (rc == 0)
        vif_link_wire(v, &w);
    return rc;
}

static void on_unwire(void *arg)
{
    vif_link_unwire(arg);
}

/* An XDP program came or went. */
static void on_reconfigure(void *arg)
{
    struct vif *v = arg;
    struct err e = { 0 };
    uint16_t headroom;

    if (vif_wiring_headroom(read_key, v, &headroom, &e) < 0)
        log_warn("vif %s: %s", v->o.name, e.text);
    else
        vif_link_headroom(v, headroom);
}

static void on_moved(void *arg)
{
    struct vif *v = arg;

    v->ops.moved(v->arg);
}

static bool on_end(void *arg)
{
    struct vif *v = arg;

    if (!v->attaching) /* else it ends when it is attached, or is not */
        belink_end(v->be);
    return true;
}

static void on_gone(void *arg)
{
    struct vif *v = arg;

    v->ops.gone(v->arg);
}

static const struct xbdev_ops guest_ops = {
    .offer = on_offer,
    .connected = on_connected,
    .may_connect = on_may_connect,
    .wire = on_wire,
    .unwire = on_unwire,
    .reconfigure = on_reconfigure,
    .moved = on_moved,
    .end = on_end,
    .gone = on_gone,
};

/* ---- its device ---- */

static void fill_spec(const struct vif *v, struct vifdev_spec *out)
{
    *out = (struct vifdev_spec){
        .vif = v->o.spec,
        .domid = v->o.domid,
        .devid = v->o.spec->devid,
        .nr_queues = v->o.nr_queues,
        .any_mac = v->o.any_mac,
        .bare = v->o.foreign,
    };
    memcpy(out->guest, v->o.guest, sizeof(out->guest));
    memcpy(out->back, v->o.back, sizeof(out->back));
}

static int attach(struct vif *v, struct err *e)
{
    struct vifdev_spec spec;
    int rc;

    fill_spec(v, &spec);
    rc = vifdev_open(v->x.loop, &spec, on_attached, v, &v->dev, e);
    v->attaching = rc == 0;
    return rc;
}

static void on_attached(void *arg, const struct err *failed)
{
    struct vif *v = arg;
    struct err e = { 0 };

    v->attaching = false;
    if (failed) {
        e = *failed;
        vifdev_close(v->dev);
        v->dev = NULL;
    }
    if (v->x.ending)
        belink_end(v->be);
    else if (failed || belink_start(v->be, &e) < 0)
        xbdev_failed(&v->x, &e);
}

void vif_ended(struct vif *v)
{
    if (v->dev)
        vifdev_remove(v->dev, on_removed, v);
    else
        xbdev_gone(&v->x);
}

static void on_removed(void *arg, const struct err *failed)
{
    struct vif *v = arg;

    if (failed)
        log_err("vif %s: %s", v->o.name, failed->text);
    vifdev_close(v->dev);
    v->dev = NULL;
    xbdev_gone(&v->x);
}

/* ---- the object ---- */

static int check_options(const struct vif_options *o, struct net_rules *rules,
                         struct err *e)
{
    if (!o->spec->has_mac)
        return fail(e, -EINVAL, "vif %s: it has no MAC address", o->name);
    if (o->nr_queues < 1 || o->nr_queues > NET_QUEUES_MAX)
        return fail(e, -EINVAL, "vif %s: %u queues, want 1..%u", o->name,
                    o->nr_queues, NET_QUEUES_MAX);
    return vif_rules_of(o->spec, o->any_mac, o->name, rules, e);
}

int vif_open(uv_loop_t *loop, const struct vif_options *o,
             const struct vif_ops *ops, void *arg, struct vif **out,
             struct err *e)
{
    struct xbdev_spec spec = {
        .what = "vif",
        .ready = BIT(XenbusStateConnected),
        .foreign = o->foreign,
        .keeps_back = true, /* for scripts */
    };
    struct net_rules rules;
    struct vif *v;
    int rc = check_options(o, &rules, e);

    if (rc < 0)
        return rc;
    v = calloc(1, sizeof(*v));
    if (!v)
        return fail(e, -ENOMEM, "vif %s: no memory", o->name);
    v->o = *o;
    v->ops = *ops;
    v->arg = arg;
    v->rules = rules;
    v->headroom = UINT32_MAX;
    memcpy(spec.name, o->name, sizeof(spec.name));
    memcpy(spec.front, o->front, sizeof(spec.front));
    memcpy(spec.back, o->back, sizeof(spec.back));
    snprintf(spec.token, sizeof(spec.token), "vif-%u", o->spec->devid);
    xbdev_init(&v->x, loop, &spec, &guest_ops, v);
    uv_timer_init(loop, &v->answer);
    v->answer.data = v;
    v->nr_parts = 2;
    rc = vif_link_open(v, e);
    if (rc == 0)
        *out = v;
    else
        vif_close(v);
    return rc;
}

int vif_start(struct vif *v, struct store *s, struct err *e)
{
    bool show = !v->o.foreign && !v->o.hot; /* before it runs: in order */
    int rc = v->o.foreign ? 0 : vif_nodes_make(&v->o, show, s, e);

    if (rc == 0)
        rc = xbdev_watch(&v->x, s, e);
    if (rc == 0)
        rc = attach(v, e);
    v->shown = show;
    if (rc == 0)
        xbdev_started(&v->x, "its tap is being attached");
    else if (!v->o.foreign)
        vif_nodes_remove(&v->o, s);
    return rc;
}

/*
 * A tap that is gone, or was never attached, is made anew; whoever served it
 * serves nothing any more.
 */
void vif_adopt(struct vif *v, struct store *s, const struct beproc_id *id)
{
    struct vifdev_spec spec;
    struct err e = { 0 };
    bool unready;

    xbdev_adopt(&v->x, s);
    v->shown = v->x.state != VBD_STARTING || xbnodes_state(v->o.front, s) != 0;
    fill_spec(v, &spec);
    unready = v->x.state == VBD_STARTING && id->pid == 0;
    if (!unready && vifdev_adopt(v->x.loop, &spec, &v->dev, &e) == 0) {
        belink_adopt(v->be, id);
        return;
    }
    if (!unready)
        log_warn("vif %s: %s; it is made anew", v->o.name, e.text);
    beproc_kill_left(id);
    if (attach(v, &e) < 0)
        xbdev_failed(&v->x, &e);
}

void vif_close(struct vif *v)
{
    if (!v)
        return;
    belink_close(v->be);
    v->be = NULL;
    vifdev_close(v->dev);
    v->dev = NULL;
    uv_close((uv_handle_t *)&v->answer, on_answer_closed);
    xbdev_close(&v->x, on_part_closed);
}

static void on_answer_closed(uv_handle_t *h)
{
    on_part_closed(h->data);
}

static void on_part_closed(void *arg)
{
    struct vif *v = arg;

    if (--v->nr_parts == 0)
        free(v);
}

/* ---- what the operator does, and sees ---- */

void vif_set_rate(struct vif *v, uint64_t bytes, uint32_t usecs)
{
    v->rules.rate_bytes = bytes;
    v->rules.rate_usecs = usecs;
    vif_link_rules(v);
    if (v->x.store && !v->o.foreign && !v->x.ending)
        vif_nodes_rate(&v->o, bytes, usecs, v->x.store);
}

void vif_fired(struct vif *v)
{
    xbdev_fired(&v->x);
}

void vif_set_store(struct vif *v, struct store *s)
{
    xbdev_set_store(&v->x, s);
}

void vif_detach(struct vif *v, bool force)
{
    xbdev_detach(&v->x, force);
}

void vif_end(struct vif *v)
{
    xbdev_end(&v->x);
}

const char *vif_token(const struct vif *v)
{
    return v->x.spec.token;
}

enum vbd_state vif_state(const struct vif *v)
{
    return v->x.state;
}

const char *vif_why(const struct vif *v)
{
    return v->x.why;
}

bool vif_stalled(const struct vif *v)
{
    return v->stalled && v->x.state == VBD_CONNECTED;
}

const char *vif_tap(const struct vif *v)
{
    return v->dev ? vifdev_name(v->dev) : "";
}

const char *vif_bridge(const struct vif *v)
{
    const char *asked = v->o.spec->bridge ? v->o.spec->bridge : "";

    return v->dev ? vifdev_bridge(v->dev) : asked;
}

uint32_t vif_mtu(const struct vif *v)
{
    return v->dev ? vifdev_mtu(v->dev) : v->o.spec->mtu;
}

struct beproc_id vif_process(const struct vif *v)
{
    return belink_id(v->be);
}

void vif_figures(struct vif *v, struct vif_figures *out)
{
    char base[BE_BASE_BYTES];
    struct netfigures f;

    *out = (struct vif_figures){ .nr_restarts = belink_restarts(v->be) };
    v->ops.base(v->arg, base);
    if (netfigures_read(base, &f) < 0)
        return;
    out->sum = f.sum;
    if (v->x.state != VBD_CONNECTED)
        return;
    out->nr_queues = f.wiring.nr_queues;
    out->wiring = f.wiring;
}
