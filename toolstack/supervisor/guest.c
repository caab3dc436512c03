/* SPDX-License-Identifier: MIT */
/*
 * guest.c - one guest's states, and the events that move it
 *
 * How this works: events come from four places, all on the loop: the guest's
 * event channels (doorbell, console), xenstore (guest_store.c: a domain shut
 * down or died), the timer, and the API.  Each event in each state has
 * an answer: until the kernel runs it is guest_launch.c's, about a domain that
 * shut down or died guest_fate.c's, and the operator's wishes are met here.
 * Whatever a domain needs is taken and given back by guest_domain.c.
 */
#include "toolstack/supervisor/guest.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/console.h"
#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/notify.h"
#include "toolstack/supervisor/rundir.h"

static void on_timer(uv_timer_t *t);
static void on_handle_closed(uv_handle_t *h);

#define ENDS (BIT(GUEST_ENDING) | BIT(GUEST_GONE))

static const uint16_t guest_next[] = {
    [GUEST_NEW] = BIT(GUEST_BUILDING) | BIT(GUEST_RECEIVING) |
                  BIT(GUEST_RUNNING) | BIT(GUEST_SUSPENDED) | ENDS,
    [GUEST_BUILDING] = BIT(GUEST_PAUSED) | BIT(GUEST_LAUNCHING) | ENDS,
    [GUEST_PAUSED] = BIT(GUEST_LAUNCHING) | ENDS,
    [GUEST_LAUNCHING] = BIT(GUEST_RECEIVING) | BIT(GUEST_RUNNING) | ENDS,
    [GUEST_RECEIVING] = BIT(GUEST_RUNNING) | ENDS,
    [GUEST_RUNNING] = BIT(GUEST_SUSPENDED) | BIT(GUEST_ENDED) | ENDS,
    [GUEST_SUSPENDED] = BIT(GUEST_RUNNING) | BIT(GUEST_ENDED) | ENDS,
    [GUEST_ENDED] = BIT(GUEST_KEPT) | BIT(GUEST_WAITING) | ENDS,
    [GUEST_KEPT] = ENDS,
    [GUEST_WAITING] = BIT(GUEST_BUILDING) | ENDS,
    [GUEST_ENDING] = BIT(GUEST_GONE),
    [GUEST_GONE] = 0,
};
_Static_assert(ARRAY_SIZE(guest_next) == GUEST_STATES, "guest_next");

static const char *const state_name[] = {
    [GUEST_NEW] = "new",
    [GUEST_BUILDING] = "building",
    [GUEST_PAUSED] = "paused",
    [GUEST_LAUNCHING] = "launching",
    [GUEST_RECEIVING] = "receiving",
    [GUEST_RUNNING] = "running",
    [GUEST_SUSPENDED] = "suspended",
    [GUEST_ENDED] = "ended",
    [GUEST_KEPT] = "kept",
    [GUEST_WAITING] = "waiting",
    [GUEST_ENDING] = "ending",
    [GUEST_GONE] = "gone",
};
_Static_assert(ARRAY_SIZE(state_name) == GUEST_STATES, "state_name");

const char *guest_state_name(enum guest_state s)
{
    return state_name[s];
}

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

uint64_t guest_now_us(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t guest_clock_us(void)
{
    return read_clock(CLOCK_REALTIME);
}

void guest_move(struct guest *g, enum guest_state to, const char *why)
{
    struct json_object *o = json_object_new_object();

    assert(guest_next[g->state] & BIT(to));
    log_info("guest %s: %s -> %s: %s", g->cfg->name, state_name[g->state],
             state_name[to], why);
    g->state = to;
    notify_status(why);
    g->why = why;
    g->moved_us = guest_clock_us();
    json_object_object_add(o, "state", json_object_new_string(state_name[to]));
    json_object_object_add(o, "why", json_object_new_string(why));
    guest_event(g, "state", o);
}

void guest_report(struct guest *g, const struct err *failed)
{
    if (g->reported)
        return;
    g->reported = true;
    g->opt.outcome(g->opt.arg, g, failed);
}

static void gone(struct guest *g)
{
    const struct err *failed = g->failed.rc ? &g->failed : NULL;

    devfile_clear(g->dir); /* a backend that could not be taken over */
    guest_move(g, GUEST_GONE, g->end_why);
    guest_report(g, failed ? failed : &(struct err){ -ECANCELED, "destroyed" });
    g->opt.gone(g->opt.arg, failed);
}

/* Nothing of it may be left when it is GONE: whoever takes its disks next. */
void guest_end(struct guest *g, const char *why, const struct err *failed)
{
    if (g->state == GUEST_ENDING || g->state == GUEST_GONE)
        return;
    rundir_mark_ended(g->dir);
    if (failed)
        g->failed = *failed;
    g->end_why = why;
    guest_domain_remove(g);
    if (guest_devs_busy(g))
        guest_move(g, GUEST_ENDING, why);
    else
        gone(g);
}

void guest_devs_ended(struct guest *g)
{
    if (guest_devs_busy(g))
        return;
    if (g->state == GUEST_ENDING)
        gone(g);
    else if (g->state == GUEST_WAITING &&
             !uv_is_active((uv_handle_t *)&g->timer))
        guest_arm(g, 0, 0);
}

void guest_rang(struct guest *g, uint32_t port)
{
    if (port == g->doorbell) {
        g->nr_rings++;
        guest_serve_steward(g);
        guest_steward_rang(g);
        guest_move_rang(g);
    } else if (port == g->console_port) {
        console_kick(g->console);
    }
}

static void on_timer(uv_timer_t *t)
{
    struct guest *g = t->data;

    guest_store_look(g);
    if (g->state == GUEST_LAUNCHING)
        guest_look_after_launch(g);
    else if (g->state == GUEST_WAITING && guest_devs_busy(g))
        return; /* guest_devs_ended() */
    else if (g->state == GUEST_WAITING && g->store)
        guest_start(g);
    else if (g->state == GUEST_WAITING)
        guest_arm(g, GUEST_LOOK_MS, 0);
    else
        guest_look(g);
}

void guest_arm(struct guest *g, uint32_t after_ms, uint32_t repeat_ms)
{
    uv_timer_start(&g->timer, on_timer, after_ms, repeat_ms);
}

int guest_stop(struct guest *g, const char *how, struct err *e)
{
    struct json_object *o;
    int rc;

    if (g->state == GUEST_SUSPENDED)
        return fail(e, -EBUSY,
                    "guest %s: %s: it is suspended and hears nothing; freehold "
                    "resume lets it go on, freehold destroy ends it",
                    g->cfg->name, how);
    if (g->state != GUEST_RUNNING) {
        guest_destroy(g);
        return 0;
    }
    guest_suspend_forget(g);
    rc = guest_store_ask(g, how, e);
    if (rc < 0)
        return rc;
    o = json_object_new_object();
    json_object_object_add(o, "how", json_object_new_string(how));
    guest_event(g, "shutdown", o);
    return 0;
}

int guest_stop_for_good(struct guest *g, struct err *e)
{
    g->wants_gone = true; /* however it ends now */
    if (g->state == GUEST_RUNNING)
        guest_move_cancel(g);
    return guest_stop(g, "poweroff", e);
}

void guest_destroy(struct guest *g)
{
    g->wants_gone = true;
    if (guest_comes_leave(g))
        return; /* its source is told */
    guest_end(g, "destroyed", NULL);
}

void guest_stop_now(struct guest *g)
{
    struct err e = { 0 };

    guest_move_cancel(g);
    if (guest_move_bars(g, "destroy", NULL, &e) == 0)
        guest_destroy(g);
    else
        log_err("%s", e.text);
}

int guest_may_leave(const struct guest *g, struct err *e)
{
    if (g->move)
        return fail(e, -EBUSY,
                    "guest %s: reload: it is on its way to another "
                    "host, or from one",
                    g->cfg->name);
    if (g->state == GUEST_RUNNING || g->state == GUEST_SUSPENDED ||
        g->state == GUEST_KEPT)
        return 0;
    return fail(e, -EBUSY, "guest %s: reload: it is %s, want running",
                g->cfg->name, state_name[g->state]);
}

int guest_reload(struct guest *g, struct err *e)
{
    int rc = guest_may_leave(g, e);

    return rc < 0 ? rc : g->opt.reload(g->opt.arg, e);
}

void guest_leave(struct guest *g)
{
    log_info("guest %s: left to the next supervisor", g->cfg->name);
    g->left_domid = g->domid;
    g->left_console_port = g->ports.console;
    guest_devs_leave(g);
    guest_domain_let_go(g);
}

void guest_return(struct guest *g)
{
    g->domid = g->left_domid;
    g->ports.console = g->left_console_port;
    guest_domain_adopt(g);
    guest_store_look(g);
    guest_look(g); /* what happened while nobody looked */
}

int guest_pause(struct guest *g, struct err *e)
{
    int rc;

    if (g->state != GUEST_RUNNING)
        return fail(e, -EBUSY, "guest %s: pause: it is %s, want running",
                    g->cfg->name, state_name[g->state]);
    rc = hyp_pause(g->hyp, g->domid, e);
    if (rc == 0)
        guest_event(g, "pause", NULL);
    return rc;
}

int guest_resume(struct guest *g, struct err *e)
{
    struct err keep = { 0 };
    int rc;

    if (g->state == GUEST_RUNNING) {
        rc = hyp_unpause(g->hyp, g->domid, e);
        if (rc == 0)
            guest_event(g, "unpause", NULL);
        return rc;
    }
    if (g->state != GUEST_PAUSED)
        return fail(e, -EBUSY, "guest %s: unpause: it is %s, want paused",
                    g->cfg->name, state_name[g->state]);
    rc = guest_launch(g, &keep);
    if (rc < 0) {
        fail(e, rc, "%s", keep.text);
        guest_launch_failed(g, &keep);
    }
    return rc;
}

uint16_t guest_domid(const struct guest *g)
{
    return g->domid;
}

static int open_sockets(struct guest *g, struct err *e)
{
    char socket_path[PATH_MAX + 16], log_path[PATH_MAX];
    int rc;

    snprintf(socket_path, sizeof(socket_path), "%s/console", g->dir->path);
    snprintf(log_path, sizeof(log_path), "%s/%s.log", g->opt.log_dir,
             g->cfg->name);
    rc = console_open(g->loop, g->cfg->name, socket_path, log_path,
                      g->opt.adopting, &g->console, e);
    if (rc < 0)
        return rc;
    snprintf(socket_path, sizeof(socket_path), "%s/api", g->dir->path);
    return api_open(g->loop, socket_path, guest_call, g, &g->api, e);
}

/* A guest that runs is taken over whether there is a xenstored or not. */
static int open_store(struct guest *g, struct err *e)
{
    int rc = guest_store_open(g, e);

    if (rc == 0 || !g->opt.adopting)
        return rc;
    log_err("guest %s: %s", g->cfg->name, e->text);
    return 0;
}

int guest_open(uv_loop_t *loop, struct vm_config *cfg, struct rundir *dir,
               const struct guest_options *o, struct guest **out, struct err *e)
{
    struct guest *g = calloc(1, sizeof(*g));
    int rc;

    if (!g)
        return fail(e, -ENOMEM, "guest %s: no memory", cfg->name);
    g->loop = loop;
    g->cfg = cfg;
    g->dir = dir;
    g->opt = *o;
    g->why = "";
    g->domid = HYP_DOMID_NONE;
    uv_timer_init(loop, &g->timer);
    uv_timer_init(loop, &g->unheard);
    uv_timer_init(loop, &g->suspending);
    g->timer.data = g->unheard.data = g->suspending.data = g;
    g->nr_handles = 3;
    rc = hyp_open(&g->hyp, e);
    if (rc == 0)
        rc = gnt_open(&g->gnt, e);
    if (rc == 0)
        rc = open_store(g, e);
    if (rc == 0)
        rc = open_sockets(g, e);
    if (rc < 0) {
        g->opt.receive = NULL; /* the caller's still */
        guest_close(g);
        return rc;
    }
    *out = g;
    return 0;
}

static void on_handle_closed(uv_handle_t *h)
{
    struct guest *g = h->data;

    if (--g->nr_handles == 0)
        free(g);
}

void guest_close(struct guest *g)
{
    if (!g)
        return;
    guest_domain_remove(g);
    guest_comes_refuse(g, &(struct err){ -ECANCELED, "it was given up" });
    guest_devs_free(g);
    console_close(g->console);
    api_close(g->api);
    guest_store_close(g);
    gnt_close(g->gnt);
    hyp_close(g->hyp);
    uv_close((uv_handle_t *)&g->timer, on_handle_closed);
    uv_close((uv_handle_t *)&g->unheard, on_handle_closed);
    uv_close((uv_handle_t *)&g->suspending, on_handle_closed);
}
