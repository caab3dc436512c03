/* SPDX-License-Identifier: MIT */
/*
 * guest_store.c - a guest's connection to xenstore, and life without it
 *
 * How this works: a domain's end is told by xenstored's @releaseDomain.  When
 * that ends itself (storewatch.h), the guest runs on: its domain is looked at
 * every second, and so is whether a xenstored is there again.  A new one knows
 * nothing of the guest, and the guest's kernel has nothing to say to it: such a
 * guest (`stale`) can be watched and destroyed, and no more asked for anything.
 *
 * A suspended domain has shut down already, for xenstored, which tells of no
 * other end: it is looked at every second, too.
 */
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/storewatch.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xenbus.h"

#define RELEASE_TOKEN "release"

static void on_fired(void *arg, const char *token);
static void on_ended(void *arg);
static void on_unheard(uv_timer_t *t);

int guest_store_open(struct guest *g, struct err *e)
{
    int rc = xenbus_check_daemon(e);

    if (rc == 0)
        rc = storewatch_open(g->loop, on_fired, on_ended, g, &g->watch, e);
    if (rc == 0) {
        g->store = storewatch_store(g->watch);
        rc = store_watch(g->store, "@releaseDomain", RELEASE_TOKEN, e);
    }
    if (rc < 0)
        guest_store_close(g);
    return rc;
}

void guest_store_close(struct guest *g)
{
    storewatch_close(g->watch);
    g->watch = NULL;
    g->store = NULL;
    guest_devs_store(g);
}

static void on_fired(void *arg, const char *token)
{
    struct guest *g = arg;

    if (!guest_devs_fired(g, token) && strcmp(token, RELEASE_TOKEN) == 0)
        guest_look(g);
}

static void on_ended(void *arg)
{
    struct guest *g = arg;

    log_err("guest %s: xenstored ended; the guest runs on, and cannot be "
            "asked for anything",
            g->cfg->name);
    guest_store_close(g);
    guest_store_look(g);
}

/* Does xenstore know the domain?  If not, it is for us to look after it. */
void guest_store_check(struct guest *g)
{
    bool was_stale = g->stale;

    g->stale = g->domid != HYP_DOMID_NONE && g->store &&
               !xenbus_knows(g->store, g->domid);
    if (g->stale && !was_stale)
        log_err("guest %s: this xenstored does not know it: it can be stopped "
                "from inside, or destroyed",
                g->cfg->name);
    guest_devs_store(g);
}

void guest_store_look(struct guest *g)
{
    if (!g->store && guest_store_open(g, NULL) == 0) {
        log_warn("guest %s: a xenstored is there again", g->cfg->name);
        guest_store_check(g);
    }
    if ((g->state == GUEST_SUSPENDED ||
         ((!g->store || g->stale) &&
          (g->state == GUEST_RUNNING || g->state == GUEST_KEPT))) &&
        !uv_is_active((uv_handle_t *)&g->timer))
        guest_arm(g, GUEST_LOOK_MS, GUEST_LOOK_MS);
}

int guest_store_want(const struct guest *g, const char *what, struct err *e)
{
    if (!g->store)
        return fail(e, -ENOTCONN,
                    "guest %s: %s: xenstored ended; it is looked for again "
                    "every second",
                    g->cfg->name, what);
    if (!g->stale)
        return 0;
    return fail(e, -ESTALE,
                "guest %s: %s: the xenstored that it knew has ended; do it "
                "from inside, or destroy it",
                g->cfg->name, what);
}

int guest_store_ask(struct guest *g, const char *how, struct err *e)
{
    int rc = guest_store_want(g, how, e);

    if (rc == 0)
        rc = xenbus_ask_shutdown(g->store, g->domid, how, e);
    if (rc == 0)
        uv_timer_start(&g->unheard, on_unheard, GUEST_HEAR_MS, 0);
    return rc;
}

/* A kernel that has heard takes the word away. */
static void on_unheard(uv_timer_t *t)
{
    struct guest *g = t->data;
    struct json_object *o;

    if (g->state != GUEST_RUNNING || !g->store ||
        !xenbus_is_asked(g->store, g->domid))
        return;
    log_warn("guest %s: asked to stop, its kernel has not answered in %u s; "
             "freehold destroy ends it all the same",
             g->cfg->name, GUEST_HEAR_MS / 1000);
    o = json_object_new_object();
    json_object_object_add(o, "unanswered_s",
                           json_object_new_int(GUEST_HEAR_MS / 1000));
    guest_event(g, "unheard", o);
}
