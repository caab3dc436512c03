/* SPDX-License-Identifier: MIT */
/*
 * guest_store.c - a guest's connection to xenstore, and life without it
 *
 * How this works: a domain's end is told by xenstored's @releaseDomain.  A
 * connection says nothing of its xenstored's end, so the process is watched,
 * too.  When it ends, the guest runs on: its domain is looked at every second,
 * and so is whether a xenstored is there again.  A new one knows nothing of
 * the guest, and the guest's kernel has nothing to say to it: such a guest
 * (`stale`) can be watched and destroyed, and no more asked for anything.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xenbus.h"

#define RELEASE_TOKEN "release"

struct store_link { /* what watches one connection */
    uv_poll_t fired, ended;
    int process_fd;
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    struct guest *guest; /* NULL: closing */
};

static void on_fired(uv_poll_t *p, int status, int events);
static void on_ended(uv_poll_t *p, int status, int events);
static void on_link_closed(uv_handle_t *h);
static void on_unheard(uv_timer_t *t);

static void link_close(struct guest *g)
{
    struct store_link *l = g->link;

    if (!l)
        return;
    l->guest = NULL;
    uv_close((uv_handle_t *)&l->fired, on_link_closed);
    uv_close((uv_handle_t *)&l->ended, on_link_closed);
    g->link = NULL;
}

static void on_link_closed(uv_handle_t *h)
{
    struct store_link *l = h->data;

    if (--l->nr_handles)
        return;
    close(l->process_fd);
    free(l);
}

static int link_open(struct guest *g, int pid, struct err *e)
{
    struct store_link *l = calloc(1, sizeof(*l));

    if (!l)
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    l->process_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (l->process_fd < 0) {
        free(l);
        return fail(e, -errno, "xenstored: watch process %d: %s", pid,
                    strerror(errno));
    }
    uv_poll_init(g->loop, &l->fired, store_fd(g->store));
    uv_poll_init(g->loop, &l->ended, l->process_fd);
    l->nr_handles = 2;
    l->fired.data = l->ended.data = l;
    l->guest = g;
    g->link = l;
    uv_poll_start(&l->fired, UV_READABLE, on_fired);
    uv_poll_start(&l->ended, UV_READABLE, on_ended);
    return 0;
}

int guest_store_open(struct guest *g, struct err *e)
{
    int pid, rc = xenbus_check_daemon(&pid, e);

    if (rc == 0)
        rc = store_open(&g->store, e);
    if (rc == 0)
        rc = store_watch(g->store, "@releaseDomain", RELEASE_TOKEN, e);
    if (rc == 0)
        rc = link_open(g, pid, e);
    if (rc < 0)
        guest_store_close(g);
    return rc;
}

void guest_store_close(struct guest *g)
{
    link_close(g);
    store_close(g->store);
    g->store = NULL;
    guest_devs_store(g);
}

static void on_fired(uv_poll_t *p, int status, int events)
{
    struct store_link *l = p->data;
    char token[16];
    bool released = false;

    (void)status, (void)events;
    while (l->guest && store_take(l->guest->store, token, sizeof(token)))
        if (!guest_devs_fired(l->guest, token))
            released |= strcmp(token, RELEASE_TOKEN) == 0;
    if (released)
        guest_look(l->guest);
}

static void on_ended(uv_poll_t *p, int status, int events)
{
    struct store_link *l = p->data;
    struct guest *g = l->guest;

    (void)status, (void)events;
    if (!g)
        return;
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
    if ((!g->store || g->stale) &&
        (g->state == GUEST_RUNNING || g->state == GUEST_KEPT) &&
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
