/* SPDX-License-Identifier: MIT */
/*
 * guest_suspend.c - have a guest suspend itself, and let it go on
 *
 * How this works: as with xl, the kernel is asked by control/shutdown, takes
 * the word away when it has heard, and some time later suspends its domain:
 * every vCPU but the steward's stands still, devices and event channels stay
 * as they are.  A guest that was not moved elsewhere then is resumed: Xen tells
 * its kernel that the suspend was cancelled, xenstored that the domain lives.
 *
 *   NONE ──guest_suspend()──▶ ASKED ──it suspends──▶ NONE, guest SUSPENDED
 *                               └──60 s──▶ LATE ──it suspends──▶ resumed, NONE
 *
 * A kernel that comes too late, or that an earlier supervisor may have asked,
 * did nothing wrong: its one suspend is cancelled.  One that was never asked
 * for is the guest's own end (guest_fate.c).
 */
#include <errno.h>

#include <json-c/json.h>

#include "common/log.h"
#include "common/store.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xenbus.h"

#define SUSPEND_MS 60000u /* as libxl */

static void on_suspending(uv_timer_t *t);

int guest_suspend(struct guest *g, struct err *e)
{
    int rc;

    if (g->state != GUEST_RUNNING)
        return fail(e, -EBUSY, "guest %s: suspend: it is %s, want running",
                    g->cfg->name, guest_state_name(g->state));
    if (g->sleep == GUEST_SLEEP_ASKED)
        return fail(e, -EBUSY, "guest %s: suspend: it was asked to already",
                    g->cfg->name);
    rc = guest_store_want(g, "suspend", e);
    if (rc < 0)
        return rc;
    if (xenbus_is_asked(g->store, g->domid))
        return fail(e, -EBUSY,
                    "guest %s: suspend: it was asked to stop, and has not "
                    "answered yet",
                    g->cfg->name);
    rc = xenbus_ask_shutdown(g->store, g->domid, "suspend", e);
    if (rc < 0)
        return rc;
    g->sleep = GUEST_SLEEP_ASKED;
    uv_timer_start(&g->suspending, on_suspending, SUSPEND_MS, 0);
    guest_event(g, "suspend", NULL);
    return 0;
}

/*
 * The word is taken back; a kernel that reads it in this very moment suspends
 * all the same.
 */
static void on_suspending(uv_timer_t *t)
{
    struct guest *g = t->data;
    const char *why = "its kernel heard, and has not suspended";
    struct json_object *o;
    struct err e = { 0 };

    if (g->state != GUEST_RUNNING)
        return;
    if (xenbus_is_asked(g->store, g->domid)) {
        why = "its kernel has not heard: one without Xen's drivers, or stuck";
        if (xenbus_ask_shutdown(g->store, g->domid, "", &e) < 0)
            log_err("guest %s: %s", g->cfg->name, e.text);
    }
    g->sleep = GUEST_SLEEP_LATE;
    log_warn("guest %s: asked to suspend: not within %u s: %s", g->cfg->name,
             SUSPEND_MS / 1000, why);
    o = json_object_new_object();
    json_object_object_add(o, "why", json_object_new_string(why));
    guest_event(g, "unsuspended", o);
    guest_leaves_awake(g, why);
}

void guest_suspend_forget(struct guest *g)
{
    uv_timer_stop(&g->suspending);
    g->sleep = GUEST_SLEEP_NONE;
}

void guest_suspend_late(struct guest *g)
{
    struct err e = { 0 };

    if (g->sleep != GUEST_SLEEP_ASKED)
        return;
    uv_timer_stop(&g->suspending);
    if (g->store && xenbus_is_asked(g->store, g->domid) &&
        xenbus_ask_shutdown(g->store, g->domid, "", &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
    g->sleep = GUEST_SLEEP_LATE;
}

void guest_suspend_adopt(struct guest *g)
{
    g->sleep = GUEST_SLEEP_LATE;
}

/*
 * XS_RESUME has xenstored look at the domain again.  What it did before that,
 * xenstored does not tell: so look, too.
 */
static int resume(struct guest *g, struct err *e)
{
    struct err lost = { 0 };
    int rc = hyp_resume(g->domid, e);

    if (rc < 0)
        return rc;
    if (store_resume(g->store, g->domid, &lost) < 0)
        log_err("guest %s: %s", g->cfg->name, lost.text);
    return 0;
}

bool guest_slept(struct guest *g)
{
    enum guest_sleep was = g->sleep;
    struct err e = { 0 };

    if (g->state == GUEST_SUSPENDED)
        return true;
    if (g->state != GUEST_RUNNING || was == GUEST_SLEEP_NONE)
        return false;
    guest_suspend_forget(g);
    if (was == GUEST_SLEEP_ASKED) {
        guest_move(g, GUEST_SUSPENDED, "it suspended, as it was asked to");
        guest_store_look(g);
        guest_leaves_slept(g);
        return true;
    }
    log_warn("guest %s: it suspended, and nobody waits for it any more: it "
             "goes on",
             g->cfg->name);
    if (resume(g, &e) == 0)
        return true;
    log_err("guest %s: %s", g->cfg->name, e.text);
    return false;
}

int guest_wake(struct guest *g, struct err *e)
{
    int rc;

    if (g->state != GUEST_SUSPENDED)
        return fail(e, -EBUSY, "guest %s: resume: it is %s, want suspended",
                    g->cfg->name, guest_state_name(g->state));
    rc = resume(g, e);
    if (rc < 0)
        return rc;
    guest_event(g, "resume", NULL);
    guest_move(g, GUEST_RUNNING, "its suspend was cancelled");
    uv_timer_stop(&g->timer);
    guest_store_look(g);
    guest_look(g);
    return 0;
}
