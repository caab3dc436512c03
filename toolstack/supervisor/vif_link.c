/* SPDX-License-Identifier: MIT */
/*
 * vif_link.c - a network card and its backend: what each tells the other
 *
 * A backend that is asked to connect, or to let go, has no I/O to wait for; one
 * that does not answer within ANSWER_MS is killed and another one started,
 * so that its guest waits for nobody.
 */
#include <string.h>

#include "common/checked.h"
#include "toolstack/supervisor/netfigures.h"
#include "toolstack/supervisor/networds.h"
#include "toolstack/supervisor/vif_priv.h"

#define ANSWER_MS 10000u

static void on_answer_late(uv_timer_t *t);

/* ---- what it is told ---- */

static void await_answer(struct vif *v)
{
    uv_timer_start(&v->answer, on_answer_late, ANSWER_MS, 0);
}

static void on_answer_late(uv_timer_t *t)
{
    struct vif *v = t->data;

    belink_kill(v->be, "it does not do what it is told");
}

void vif_link_wire(struct vif *v, const struct net_wiring *w)
{
    struct net_ctl m = { .type = NET_CTL_CONNECT, .u.wiring = *w };

    v->headroom = w->headroom;
    belink_tell(v->be, &m);
    await_answer(v);
}

void vif_link_unwire(struct vif *v)
{
    struct net_ctl m = { .type = NET_CTL_DISCONNECT };

    belink_tell(v->be, &m);
    await_answer(v);
}

void vif_link_headroom(struct vif *v, uint16_t headroom)
{
    struct net_ctl m = { .type = NET_CTL_HEADROOM, .u.headroom = headroom };

    if (v->headroom == headroom)
        return;
    v->headroom = headroom;
    belink_tell(v->be, &m);
}

void vif_link_rules(struct vif *v)
{
    struct net_ctl m = { .type = NET_CTL_RULES, .u.rules = v->rules };

    v->rules_changed = true; /* also for one that opens just now */
    belink_tell(v->be, &m);
}

/* ---- what it opens ---- */

static void on_open(void *arg, bool resumes)
{
    struct vif *v = arg;
    struct net_ctl m = { .type = NET_CTL_OPEN };
    struct err e = { 0 };
    const int *fds;

    if (vifdev_queues(v->dev, &fds, &e) < 0) {
        belink_cannot_open(v->be, &e);
        return;
    }
    m.u.open = (struct net_open){
        .resume = resumes,
        .nr_queues = v->o.nr_queues,
        .domid = v->o.domid,
        .devid = v->o.spec->devid,
        .rules = v->rules,
    };
    v->rules_changed = false;
    belink_open(v->be, &m, -1);
    for (uint32_t i = 0; i < v->o.nr_queues; i++) {
        m = (struct net_ctl){ .type = NET_CTL_TAP, .u.tap = i };
        belink_send(v->be, &m, fds[i]);
    }
}

static void on_opened(void *arg, const void *message, enum belink_opened how)
{
    const struct net_ctl *m = message;
    struct vif *v = arg;

    v->stalled = m->type == NET_CTL_HELLO && m->u.hello.stalled;
    v->headroom = UINT32_MAX;
    if (m->type == NET_CTL_HELLO || v->rules_changed)
        vif_link_rules(v); /* others than it was told, perhaps */
    uv_timer_stop(&v->answer);
    if (how == BELINK_RESUMES)
        await_answer(v);
    xbdev_opened(&v->x, how, false);
}

/* ---- what it says ---- */

static const char *on_check(void *arg, const struct be_word *w,
                            const void *message)
{
    (void)arg, (void)w, (void)message;
    return NULL; /* it says no numbers that anybody uses */
}

static void on_stalled(struct vif *v, bool stalled)
{
    bool changed = v->stalled != stalled;

    v->stalled = stalled;
    if (changed && v->x.state == VBD_CONNECTED)
        v->ops.moved(v->arg);
}

static void on_message(void *arg, const void *message)
{
    const struct net_ctl *m = message;
    struct vif *v = arg;

    switch (m->type) {
    case NET_CTL_CONNECTED:
        if (!v->x.leaving)
            uv_timer_stop(&v->answer);
        xbdev_connected(&v->x);
        break;
    case NET_CTL_DISCONNECTED:
        uv_timer_stop(&v->answer);
        v->stalled = false;
        xbdev_disconnected(&v->x);
        break;
    case NET_CTL_BROKEN:
        if (!v->x.leaving) /* it is to let go all the same */
            uv_timer_stop(&v->answer);
        xbdev_broken(&v->x, m->u.text);
        break;
    case NET_CTL_STALLED:
        on_stalled(v, m->u.stalled);
        break;
    default: /* networds.c lets no other through */
        break;
    }
}

/* ---- its process ---- */

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    struct vif *v = arg;

    v->ops.base(v->arg, out);
}

static bool on_resumes(void *arg)
{
    struct vif *v = arg;
    char base[BE_BASE_BYTES];
    struct netfigures f;

    v->ops.base(v->arg, base);
    return xbdev_is_served(&v->x) && netfigures_read(base, &f) == 0 &&
           f.connected;
}

static void on_started(void *arg)
{
    struct vif *v = arg;

    v->ops.started(v->arg);
}

static void on_dropped(void *arg)
{
    struct vif *v = arg;

    v->stalled = false;
    uv_timer_stop(&v->answer);
}

static void on_died(void *arg, const char *why)
{
    struct vif *v = arg;

    xbdev_died(&v->x, why);
}

static void on_failed(void *arg, const struct err *e)
{
    struct vif *v = arg;

    if (v->dev)
        vifdev_rest(v->dev);
    xbdev_failed(&v->x, e);
}

static void on_ended(void *arg)
{
    vif_ended(arg);
}

int vif_link_open(struct vif *v, struct err *e)
{
    static const struct belink_ops ops = {
        .base = on_base,
        .resumes = on_resumes,
        .started = on_started,
        .open = on_open,
        .check = on_check,
        .opened = on_opened,
        .message = on_message,
        .dropped = on_dropped,
        .died = on_died,
        .failed = on_failed,
        .ended = on_ended,
    };
    struct belink_spec spec = {
        .kind = &networds_kind,
        .program = v->o.program,
    };

    memcpy(spec.name, v->o.name, sizeof(spec.name));
    return belink_new(v->x.loop, &spec, &ops, v, &v->be, e);
}
