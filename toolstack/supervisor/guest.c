/* SPDX-License-Identifier: MIT */
/*
 * guest.c - one guest's life, from createdomain to the last trace of it
 *
 * How this works: events come from four places, all on the loop: the guest's
 * event channels (doorbell, console), xenstore's @releaseDomain (a domain
 * shut down or died), the timer, and the API.  Each event in each state has
 * an answer.  Whatever a domain needs is taken and given back by
 * guest_domain.c.
 */
#include "toolstack/supervisor/guest.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/evt.h"
#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/console.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/xenbus.h"

#define LOOK_MS 1000u
#define LAUNCH_SILENCE_US (120ull * 1000000)
#define QUICK_DEATH_US (10ull * 1000000)
#define BACKOFF_MS_MAX 60000u
#define RELEASE_TOKEN "release"

static void on_store(uv_poll_t *p, int status, int events);
static void on_timer(uv_timer_t *t);
static void on_handle_closed(uv_handle_t *h);

static const uint16_t guest_next[] = {
    [GUEST_NEW] = BIT(GUEST_BUILDING) | BIT(GUEST_RUNNING) | BIT(GUEST_GONE),
    [GUEST_BUILDING] =
        BIT(GUEST_PAUSED) | BIT(GUEST_LAUNCHING) | BIT(GUEST_GONE),
    [GUEST_PAUSED] = BIT(GUEST_LAUNCHING) | BIT(GUEST_GONE),
    [GUEST_LAUNCHING] = BIT(GUEST_RUNNING) | BIT(GUEST_GONE),
    [GUEST_RUNNING] = BIT(GUEST_ENDED) | BIT(GUEST_GONE),
    [GUEST_ENDED] = BIT(GUEST_KEPT) | BIT(GUEST_WAITING) | BIT(GUEST_GONE),
    [GUEST_KEPT] = BIT(GUEST_GONE),
    [GUEST_WAITING] = BIT(GUEST_BUILDING) | BIT(GUEST_GONE),
    [GUEST_GONE] = 0,
};
_Static_assert(ARRAY_SIZE(guest_next) == GUEST_STATES, "guest_next");

static const char *const state_name[] = {
    [GUEST_NEW] = "new",         [GUEST_BUILDING] = "building",
    [GUEST_PAUSED] = "paused",   [GUEST_LAUNCHING] = "launching",
    [GUEST_RUNNING] = "running", [GUEST_ENDED] = "ended",
    [GUEST_KEPT] = "kept",       [GUEST_WAITING] = "waiting",
    [GUEST_GONE] = "gone",
};
_Static_assert(ARRAY_SIZE(state_name) == GUEST_STATES, "state_name");

const char *guest_state_name(enum guest_state s)
{
    return state_name[s];
}

uint64_t guest_now_us(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

/* The only writer of g->state.  A move the table forbids is our own bug. */
static void guest_move(struct guest *g, enum guest_state to, const char *why)
{
    struct json_object *event;

    assert(guest_next[g->state] & BIT(to));
    log_info("guest %s: %s -> %s: %s", g->cfg->name, state_name[g->state],
             state_name[to], why);
    g->state = to;
    if (!g->api)
        return;
    event = json_object_new_object();
    json_object_object_add(event, "state",
                           json_object_new_string(state_name[to]));
    json_object_object_add(event, "why", json_object_new_string(why));
    api_event(g->api, "state", event);
}

static void report(struct guest *g, const struct err *failed)
{
    if (g->reported)
        return;
    g->reported = true;
    g->opt.outcome(g->opt.arg, g, failed);
}

/* The end; failed NULL after an ordinary one. */
static void guest_end(struct guest *g, const char *why,
                      const struct err *failed)
{
    if (g->state == GUEST_GONE)
        return;
    guest_domain_remove(g);
    if (failed)
        g->failed = *failed;
    guest_move(g, GUEST_GONE, why);
    report(g, failed ? failed : &(struct err){ -ECANCELED, "destroyed" });
    g->opt.gone(g->opt.arg, failed);
}

static void launch_failed(struct guest *g, const struct err *e)
{
    struct err keep = *e;

    if (g->load.page.va) {
        load_abort(&g->load);
        evt_notify(g->evt, g->doorbell);
    }
    log_err("guest %s: %s", g->cfg->name, keep.text);
    guest_end(g, "it could not be started", &keep);
}

static int launch(struct guest *g, struct err *e)
{
    int rc;

    guest_move(g, GUEST_LAUNCHING, "unpaused");
    g->unpaused_us = g->quiet_since_us = guest_now_us();
    g->nr_rings = 0;
    uv_timer_start(&g->timer, on_timer, LOOK_MS, LOOK_MS);
    rc = hyp_unpause(g->hyp, g->domid, e);
    if (rc == -EEXIST || rc == -EPERM)
        return fail(e, rc, "domain %u: xen refused to launch it: %s", g->domid,
                    strerror(-rc));
    return rc;
}

void guest_start(struct guest *g)
{
    struct err e = { 0 };
    int rc;

    guest_move(g, GUEST_BUILDING, "create");
    rc = guest_domain_build(g, &e);
    if (rc == 0 && g->opt.paused) {
        g->opt.paused = false; /* a restart does not stop there again */
        guest_move(g, GUEST_PAUSED, "as asked for");
        report(g, NULL);
        return;
    }
    if (rc == 0)
        rc = launch(g, &e);
    if (rc < 0)
        launch_failed(g, &e);
}

static void now_runs(struct guest *g)
{
    uint64_t now = guest_now_us();

    uv_timer_stop(&g->timer);
    g->times.load = g->load.start_us - g->load.loading_us;
    g->times.launch += now - g->load.start_us;
    g->times.total = now - g->opt.start_us;
    g->alive_us = now;
    load_identity(&g->load, &g->identity);
    load_release_blobs(&g->load);
    hyp_drop_claim(g->hyp, g->domid);
    guest_move(g, GUEST_RUNNING, "its kernel was started");
    report(g, NULL);
}

/* Look at the control page and do what it asks for. */
static void serve_steward(struct guest *g)
{
    struct err e = { 0 };
    int rc;

    if (g->state != GUEST_LAUNCHING)
        return;
    rc = load_step(&g->load, &e);
    if (rc == 1)
        evt_notify(g->evt, g->doorbell);
    if (rc >= 0 && g->load.state == LOAD_OFFER)
        rc = guest_domain_introduce(g, &e);
    if (rc < 0)
        launch_failed(g, &e);
    else if (g->load.state == LOAD_DONE)
        now_runs(g);
}

void guest_rang(struct guest *g, uint32_t port)
{
    if (port == g->doorbell) {
        g->nr_rings++;
        serve_steward(g);
    } else if (port == g->console_port) {
        console_kick(g->console);
    }
}

static uint32_t backoff_ms(struct guest *g)
{
    uint32_t ms = 0;

    if (guest_now_us() - g->alive_us >= QUICK_DEATH_US)
        g->quick_deaths = 0;
    else if (g->quick_deaths++ > 0)
        ms = 1000u << MIN_OF(g->quick_deaths - 2, 6u);
    return MIN_OF(ms, BACKOFF_MS_MAX);
}

static void end_by(struct guest *g, enum vm_action action, const char *why)
{
    uint32_t wait_ms;

    switch (action) {
    case VM_RESTART:
        wait_ms = backoff_ms(g);
        guest_domain_remove(g);
        guest_move(g, GUEST_WAITING, why);
        g->nr_restarts++;
        g->opt.start_us = guest_now_us();
        uv_timer_start(&g->timer, on_timer, wait_ms, 0);
        return;
    case VM_PRESERVE:
        guest_move(g, GUEST_KEPT, why);
        return;
    default:
        guest_end(g, why, NULL);
        return;
    }
}

static void on_shutdown(struct guest *g, uint32_t reason)
{
    const struct vm_config *c = g->cfg;
    static const char *const why[] = {
        [HYP_POWEROFF] = "it powered off",
        [HYP_REBOOT] = "it reboots",
        [HYP_SUSPEND] = "it suspended without being asked",
        [HYP_CRASH] = "it crashed",
        [HYP_WATCHDOG] = "its watchdog ran out",
        [HYP_SOFT_RESET] = "it ended by a soft reset (kexec, crash kernel)",
    };
    const enum vm_action action[] = {
        [HYP_POWEROFF] = c->on_poweroff, [HYP_REBOOT] = c->on_reboot,
        [HYP_SUSPEND] = c->on_crash,     [HYP_CRASH] = c->on_crash,
        [HYP_WATCHDOG] = c->on_watchdog, [HYP_SOFT_RESET] = c->on_soft_reset,
    };

    _Static_assert(ARRAY_SIZE(why) == HYP_SHUTDOWNS, "why");
    if (reason >= HYP_SHUTDOWNS)
        reason = HYP_CRASH;
    guest_move(g, GUEST_ENDED, why[reason]);
    if (g->wants_gone)
        guest_end(g, why[reason], NULL);
    else
        end_by(g, action[reason], why[reason]);
}

/* Something happened to some domain: was it ours? */
static void look_at_domain(struct guest *g)
{
    struct hyp_info info;
    struct err e = { 0 };
    int rc;

    if (g->domid == HYP_DOMID_NONE || g->state == GUEST_KEPT)
        return;
    rc = hyp_info(g->hyp, g->domid, &info, &e);
    if (rc == -ESRCH || (rc == 0 && info.dying)) {
        fail(&e, -ECANCELED, "domain %u: it was destroyed from outside",
             g->domid);
        guest_end(g, "its domain was destroyed from outside",
                  g->state == GUEST_LAUNCHING ? &e : NULL);
        return;
    }
    if (rc < 0) { /* what happened would be lost: look again */
        log_warn("guest %s: %s", g->cfg->name, e.text);
        uv_timer_start(&g->timer, on_timer, LOOK_MS,
                       g->state == GUEST_LAUNCHING ? LOOK_MS : 0);
        return;
    }
    if (!info.shutdown)
        return;
    if (g->state == GUEST_RUNNING) {
        on_shutdown(g, info.reason);
    } else if (g->state == GUEST_LAUNCHING) {
        /* A tiny guest may be through before we saw its RUNNING. */
        serve_steward(g);
        if (g->state == GUEST_RUNNING) {
            on_shutdown(g, info.reason);
        } else if (g->state == GUEST_LAUNCHING) {
            fail(&e, -EIO,
                 "domain %u: launch: it stopped (reason %u) before its "
                 "kernel ran",
                 g->domid, info.reason);
            launch_failed(g, &e);
        }
    }
}

static void on_store(uv_poll_t *p, int status, int events)
{
    struct guest *g = p->data;
    char token[16];
    bool fired = false;

    (void)status, (void)events;
    while (store_take(g->store, token, sizeof(token)))
        fired |= strcmp(token, RELEASE_TOKEN) == 0;
    if (fired)
        look_at_domain(g);
}

/*
 * While a guest is launched: xenstored tells only of domains it was told of,
 * so one that dies before that is looked for here, and silence has an end.
 */
static void look_after_launch(struct guest *g)
{
    struct err e = { 0 };

    if (g->nr_rings) {
        g->nr_rings = 0;
        g->quiet_since_us = guest_now_us();
    }
    if (guest_now_us() - g->quiet_since_us > LAUNCH_SILENCE_US) {
        fail(&e, -ETIMEDOUT,
             "domain %u: launch: the steward said nothing for %llu s", g->domid,
             LAUNCH_SILENCE_US / 1000000);
        launch_failed(g, &e);
        return;
    }
    if (!g->load.page.va)
        serve_steward(g); /* its page could not be mapped when it rang */
    look_at_domain(g);
}

static void on_timer(uv_timer_t *t)
{
    struct guest *g = t->data;

    if (g->state == GUEST_LAUNCHING)
        look_after_launch(g);
    else if (g->state == GUEST_WAITING)
        guest_start(g);
    else
        look_at_domain(g);
}

int guest_adopt(struct guest *g, uint16_t domid, uint32_t console_port,
                struct err *e)
{
    int rc;

    g->domid = domid;
    g->ports.console = console_port;
    rc = guest_domain_adopt(g, e);
    if (rc == -EPROTO)
        guest_domain_remove(g);
    else if (rc < 0)
        guest_domain_let_go(g);
    if (rc < 0)
        return rc;
    g->alive_us = guest_now_us();
    load_identity(&g->load, &g->identity);
    guest_move(g, GUEST_RUNNING, "taken over from a supervisor that died");
    report(g, NULL);
    look_at_domain(g); /* what happened while nobody looked */
    return 0;
}

int guest_stop(struct guest *g, const char *how, struct err *e)
{
    if (g->state == GUEST_RUNNING)
        return xenbus_ask_shutdown(g->store, g->domid, how, e);
    guest_destroy(g);
    return 0;
}

void guest_destroy(struct guest *g)
{
    g->wants_gone = true;
    guest_end(g, "destroyed", NULL);
}

int guest_pause(struct guest *g, struct err *e)
{
    if (g->state != GUEST_RUNNING)
        return fail(e, -EBUSY, "guest %s: pause: it is %s, want running",
                    g->cfg->name, state_name[g->state]);
    return hyp_pause(g->hyp, g->domid, e);
}

int guest_resume(struct guest *g, struct err *e)
{
    struct err keep = { 0 };
    int rc;

    if (g->state == GUEST_RUNNING)
        return hyp_unpause(g->hyp, g->domid, e);
    if (g->state != GUEST_PAUSED)
        return fail(e, -EBUSY, "guest %s: unpause: it is %s, want paused",
                    g->cfg->name, state_name[g->state]);
    rc = launch(g, &keep);
    if (rc < 0) {
        fail(e, rc, "%s", keep.text);
        launch_failed(g, &keep);
    }
    return rc;
}

uint16_t guest_domid(const struct guest *g)
{
    return g->domid;
}

static int open_store(struct guest *g, struct err *e)
{
    int rc = xenbus_check_daemon(e);

    if (rc == 0)
        rc = store_open(&g->store, e);
    if (rc == 0)
        rc = store_watch(g->store, "@releaseDomain", RELEASE_TOKEN, e);
    if (rc < 0)
        return rc;
    rc = uv_poll_init(g->loop, &g->store_poll, store_fd(g->store));
    if (rc < 0)
        return fail(e, rc, "xenstore: watch its socket: %s", uv_strerror(rc));
    g->nr_handles++;
    g->store_poll.data = g;
    return uv_poll_start(&g->store_poll, UV_READABLE, on_store);
}

static int open_sockets(struct guest *g, struct err *e)
{
    char socket_path[PATH_MAX + 16], log_path[PATH_MAX];
    int rc;

    snprintf(socket_path, sizeof(socket_path), "%s/console", g->dir->path);
    snprintf(log_path, sizeof(log_path), "%s/%s.log", g->opt.log_dir,
             g->cfg->name);
    rc = console_open(g->loop, g->cfg->name, socket_path, log_path, &g->console,
                      e);
    if (rc < 0)
        return rc;
    snprintf(socket_path, sizeof(socket_path), "%s/api", g->dir->path);
    return api_open(g->loop, socket_path, guest_call, g, &g->api, e);
}

int guest_open(uv_loop_t *loop, const struct vm_config *cfg, struct rundir *dir,
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
    g->domid = HYP_DOMID_NONE;
    uv_timer_init(loop, &g->timer);
    g->timer.data = g;
    g->nr_handles = 1;
    rc = hyp_open(&g->hyp, e);
    if (rc == 0)
        rc = gnt_open(&g->gnt, e);
    if (rc == 0)
        rc = open_store(g, e);
    if (rc == 0)
        rc = open_sockets(g, e);
    if (rc < 0) {
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
    console_close(g->console);
    api_close(g->api);
    if (g->store_poll.data)
        uv_close((uv_handle_t *)&g->store_poll, on_handle_closed);
    store_close(g->store);
    gnt_close(g->gnt);
    hyp_close(g->hyp);
    uv_close((uv_handle_t *)&g->timer, on_handle_closed);
}
