/* SPDX-License-Identifier: MIT */
/*
 * serve_card.c - a network card of a guest that xl made
 *
 * We make its tap and offer it; xl's script then puts the tap on its bridge,
 * and the guest is connected when that is done.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <xen/io/xenbus.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/netback.h"
#include "toolstack/supervisor/serve_priv.h"
#include "toolstack/supervisor/vif.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/xbnodes.h"
#include "toolstack/supervisor/xlcard.h"
#include "toolstack/supervisor/xldev.h"

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    serve_base(arg, out);
}

static void on_started(void *arg)
{
    serve_note(arg);
}

static void on_moved(void *arg)
{
    (void)arg; /* the log has it */
}

static void on_gone(void *arg)
{
    serve_gone(arg);
}

/* ---- whose it is ---- */

static const char *obstacle(void)
{
    return netback_is_loaded()
               ? "dom0's kernel has xen-netback loaded, which takes every "
                 "card of xl's guests: " NETBACK_ADVICE
               : NULL;
}

/* Whoever offered it serves it, or will see to its end. */
static bool is_offered(struct store *s, const char *back)
{
    uint32_t state = xbnodes_state(back, s);

    return state != XenbusStateInitialising && state != XenbusStateClosing &&
           state != XenbusStateClosed;
}

static bool is_meant(struct store *s, const char *back)
{
    return xldev_is_online(s, back) &&
           xbnodes_state(back, s) == XenbusStateInitialising;
}

static int check_free(struct serve *s, struct err *e)
{
    if (netback_drives(s->o.domid, s->o.devid))
        return fail(e, -EBUSY, "%s: xen-netback serves it: " NETBACK_ADVICE,
                    s->name);
    if (netback_is_loaded())
        return fail(e, -EBUSY, "%s: xen-netback is about to take it: %s",
                    s->name, NETBACK_ADVICE);
    if (is_offered(s->store, s->back))
        return fail(e, -EBUSY,
                    "%s: %s: state: got %u, want %u: another backend serves it",
                    s->name, s->back, xbnodes_state(s->back, s->store),
                    XenbusStateInitialising);
    return 0;
}

/* ---- its life ---- */

static int card_read(struct serve *s, struct err *e)
{
    int rc = xlcard_read(s->store, s->o.domid, s->o.devid, &s->u.card.spec, e);

    s->u.card.spec.any_mac = s->o.any_mac;
    return rc;
}

/* The tap's alias has the guest's name, so that people know it. */
static void read_guest(struct serve *s, char *out, size_t out_bytes)
{
    char dir[48], *name;

    snprintf(dir, sizeof(dir), "/local/domain/%u", s->o.domid);
    name = xbnodes_read(dir, "name", s->store);
    snprintf(out, out_bytes, "%s", name ? name : "?");
    free(name);
}

static int card_open(struct serve *s, struct err *e)
{
    static const struct vif_ops ops = {
        .base = on_base,
        .started = on_started,
        .moved = on_moved,
        .gone = on_gone,
    };
    struct vif_options o = {
        .spec = &s->u.card.spec,
        .program = s->o.program,
        .domid = s->o.domid,
        .nr_queues = serve_count_queues(s, NET_QUEUES_MAX),
        .any_mac = s->o.any_mac,
        .foreign = true,
    };

    snprintf(o.name, sizeof(o.name), "%u/vif-%u", s->o.domid, s->o.devid);
    read_guest(s, o.guest, sizeof(o.guest));
    xlcard_dirs(s->o.domid, s->o.devid, o.front, o.back);
    return vif_open(s->loop, &o, &ops, s, &s->u.card.vif, e);
}

static int card_start(struct serve *s, struct err *e)
{
    return vif_start(s->u.card.vif, s->store, e);
}

static void card_adopt(struct serve *s, const struct beproc_id *left)
{
    vif_adopt(s->u.card.vif, s->store, left);
}

/* xl writes another one while the guest runs, or none. */
static void look_at_rate(struct serve *s)
{
    struct vm_vif *v = &s->u.card.spec;
    uint64_t bytes = v->rate_bytes;
    uint32_t usecs = v->rate_usecs;
    struct err e = { 0 };
    char *text;
    int rc;

    if (!xldev_is_there(s->store, s->back))
        return;
    text = xldev_get(s->store, s->back, "rate");
    rc = xlcard_rate(text, &bytes, &usecs, &e);
    free(text);
    if (rc < 0 && !s->u.card.bad_rate)
        log_warn("%s: %s; it stays as it was", s->name, e.text);
    s->u.card.bad_rate = rc < 0;
    if (bytes == v->rate_bytes && usecs == v->rate_usecs)
        return;
    v->rate_bytes = bytes;
    v->rate_usecs = usecs;
    vif_set_rate(s->u.card.vif, bytes, usecs);
}

static void card_fired(struct serve *s)
{
    if (!s->u.card.vif)
        return;
    look_at_rate(s);
    vif_fired(s->u.card.vif);
}

static void card_end(struct serve *s)
{
    if (s->u.card.vif)
        vif_end(s->u.card.vif);
}

static void card_lose_store(struct serve *s)
{
    if (s->u.card.vif)
        vif_set_store(s->u.card.vif, NULL);
}

static struct beproc_id card_process(const struct serve *s)
{
    return s->u.card.vif ? vif_process(s->u.card.vif) : (struct beproc_id){ 0 };
}

static void card_close(struct serve *s)
{
    vif_close(s->u.card.vif);
    s->u.card.vif = NULL;
}

static void card_clear(struct serve *s)
{
    vifdev_remove_left_of(s->o.domid, s->o.devid);
}

static void card_free(struct serve *s)
{
    vmvif_free(&s->u.card.spec);
}

const struct serve_kind serve_card_kind = {
    .what = "card",
    .command = "serve-net",
    .place = ".serve-net-",
    .dir = XLCARD_DIR,
    .file = DEVFILE_VIF,
    .obstacle = obstacle,
    .is_meant = is_meant,
    .check_free = check_free,
    .read = card_read,
    .open = card_open,
    .start = card_start,
    .adopt = card_adopt,
    .fired = card_fired,
    .end = card_end,
    .lose_store = card_lose_store,
    .process = card_process,
    .close = card_close,
    .clear = card_clear,
    .free = card_free,
};
