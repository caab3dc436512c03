/* SPDX-License-Identifier: MIT */
/*
 * guest_fate.c - a guest's domain shut down or died: what becomes of the guest
 */
#include <errno.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

#define QUICK_DEATH_US (10ull * 1000000)
#define BACKOFF_MS_MAX 60000u

static uint32_t backoff_ms(struct guest *g)
{
    uint32_t ms = 0;

    if (guest_now_us() - g->alive_us >= QUICK_DEATH_US)
        g->quick_deaths = 0;
    else if (g->quick_deaths++ > 0)
        ms = 1000u << MIN_OF(g->quick_deaths - 2, 6u);
    return MIN_OF(ms, BACKOFF_MS_MAX);
}

static void restart(struct guest *g, const char *why)
{
    struct json_object *o = json_object_new_object();
    uint32_t wait_ms = backoff_ms(g);

    guest_domain_remove(g);
    guest_move(g, GUEST_WAITING, why);
    log_info("guest %s: restart in %u ms", g->cfg->name, wait_ms);
    g->nr_restarts++;
    g->opt.start_us = guest_now_us();
    guest_arm(g, wait_ms, 0);
    json_object_object_add(o, "restarts",
                           json_object_new_int64(g->nr_restarts));
    json_object_object_add(o, "wait_ms", json_object_new_int64(wait_ms));
    guest_event(g, "restart", o);
}

static void end_by(struct guest *g, enum vm_action action, const char *why)
{
    switch (action) {
    case VM_RESTART:
        restart(g, why);
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
    if (g->wants_gone || (action[reason] == VM_RESTART &&
                          guest_leaves_may_have_left(g))) /* never two */
        guest_end(g, why[reason], NULL);
    else
        end_by(g, action[reason], why[reason]);
}

/* Xenstored does not know its domain yet, and tells nobody of its end. */
static bool is_unintroduced(const struct guest *g)
{
    return g->state == GUEST_PAUSED || g->state == GUEST_LAUNCHING;
}

/*
 * Something happened to some domain: was it ours?  One that was destroyed by
 * somebody else stays half alive for as long as we map its pages, so it is
 * let go at once, whatever state the guest is in.
 */
void guest_look(struct guest *g)
{
    struct hyp_info info;
    struct err e = { 0 };
    int rc;

    if (g->domid == HYP_DOMID_NONE)
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
        guest_arm(g, GUEST_LOOK_MS, is_unintroduced(g) ? GUEST_LOOK_MS : 0);
        return;
    }
    if (!info.shutdown)
        return;
    if (info.reason == HYP_SUSPEND && guest_slept(g))
        return;
    if (g->state == GUEST_RECEIVING) {
        fail(&e, -EIO,
             "domain %u: it stopped (reason %u) while it was received",
             g->domid, info.reason);
        guest_end(g, "it stopped while it was received", &e);
    } else if (g->state == GUEST_RUNNING || g->state == GUEST_SUSPENDED) {
        on_shutdown(g, info.reason);
    } else if (g->state == GUEST_LAUNCHING) {
        /* A tiny guest may be through before we saw its RUNNING. */
        guest_serve_steward(g);
        /* Or before its steward could say so: only a kernel powers off. */
        if (g->state == GUEST_LAUNCHING && g->load.state == LOAD_STARTING &&
            (info.reason == HYP_POWEROFF || info.reason == HYP_REBOOT))
            guest_launch_over(g);
        if (g->state == GUEST_RUNNING) {
            on_shutdown(g, info.reason);
        } else if (g->state == GUEST_LAUNCHING) {
            fail(&e, -EIO,
                 "domain %u: launch: it stopped (reason %u) before its "
                 "kernel ran",
                 g->domid, info.reason);
            guest_launch_failed(g, &e);
        }
    }
}
