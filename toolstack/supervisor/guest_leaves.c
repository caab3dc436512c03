/* SPDX-License-Identifier: MIT */
/*
 * guest_leaves.c - a guest leaves for another host: dom0's side of its source
 *
 *   migrate {"purpose": "migrate"|"check", "fds": [[read, write], ..],
 *            "live", "max_downtime_ms", "timeout_ms", "force",
 *            "bytes_per_s"}                 once it is begun; events follow
 *
 * How this works: freehold-migrate says `suspend` when the rest is little; the
 * guest suspends, and while the rest is sent its disks finish what they took
 * and let go of the store (guest_devs_hold()): `drain` is answered then.  An
 * answer that the guest did not take before it suspended it never takes: its
 * frontend asks again, of the next backend, which nothing may overtake.
 *
 * What came of it, source.h's ends: `moved`: the domain is destroyed, and we
 * end with it.  `stayed`: it goes on.  `fenced`: Xen keeps it from running
 * until the other host's word is here; so it is kept.  A process that ends
 * without a word, or `stuck`: the page says where its steward is; one that
 * has not fenced is told to give up.
 *
 * A kernel that runs writes on that page what it likes.  What Xen fences stands
 * still; one that does not is no more than stuck.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/evt.h"
#include "common/log.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/xenbus.h"

/* ---- begin ---- */

static int may_begin(struct guest *g, struct err *e)
{
    int rc = guest_json_want_running(g, "migrate", e);

    if (rc < 0)
        return rc;
    if (g->move)
        return fail(e, -EBUSY, "guest %s: migrate: it is under way already",
                    g->cfg->name);
    if (g->cfg->no_migrate)
        return fail(e, -EPERM,
                    "guest %s: migrate: its configuration says nomigrate",
                    g->cfg->name);
    if (!g->load.page.va || !g->doorbell)
        return fail(e, -ENOTCONN,
                    "guest %s: migrate: the guest took its control page or "
                    "its doorbell away",
                    g->cfg->name);
    if (g->command_op != FH_OP_NONE || g->transfer != FH_TRANSFER_IDLE)
        return fail(e, -EBUSY,
                    "guest %s: migrate: its steward is busy by `steward`",
                    g->cfg->name);
    if (g->sleep == GUEST_SLEEP_ASKED || xenbus_is_asked(g->store, g->domid))
        return fail(e, -EBUSY,
                    "guest %s: migrate: it was asked to suspend or to stop",
                    g->cfg->name);
    return guest_devs_may_move(g, e);
}

static void copy(struct json_object *to, struct json_object *from,
                 const char *key)
{
    struct json_object *v;

    if (from && json_object_object_get_ex(from, key, &v))
        json_object_object_add(to, key, json_object_get(v));
}

static int make_first(struct guest *g, struct json_object *params,
                      struct json_object **out, struct err *e)
{
    static const char *const keys[] = { "live", "max_downtime_ms", "timeout_ms",
                                        "force", "bytes_per_s" };
    const char *purpose = "migrate";
    struct json_object *plan, *o;
    int rc = guest_json_get_text(params, "purpose", &purpose, e);

    if (rc >= 0 && strcmp(purpose, "migrate") && strcmp(purpose, "check"))
        rc = fail(e, -EINVAL,
                  "migrate: purpose: got %.16s, want migrate or "
                  "check",
                  purpose);
    if (rc >= 0)
        rc = guest_plan(g, &plan, e);
    if (rc < 0)
        return rc;
    o = json_object_new_object();
    guest_json_text(o, "side", "source");
    guest_json_text(o, "purpose", purpose);
    guest_json_number(o, "domid", g->domid);
    json_object_object_add(o, "plan", plan);
    for (uint32_t i = 0; i < ARRAY_SIZE(keys); i++)
        copy(o, params, keys[i]);
    *out = o;
    return 0;
}

static void let_go_of_bell(struct guest *g)
{
    evt_unbind(g->evt, g->doorbell);
    g->doorbell = 0;
}

static int start(struct guest *g, struct json_object *first,
                 const struct moveproc_fds *fds, struct err *e)
{
    struct moveproc *p = NULL;
    int rc = guest_move_new(g, GUEST_LEAVES, e);

    if (rc < 0)
        return rc;
    let_go_of_bell(g);
    rc = guest_domain_leaves(g, true, e);
    if (rc == 0)
        rc = moveproc_start(g->opt.migrate_program, first, fds, &p, e);
    if (rc == 0)
        rc = guest_move_begin(g, p, e);
    if (rc == 0)
        return 0;
    guest_move_drop(g);
    guest_domain_leaves(g, false, NULL);
    if (evt_bind(g->evt, XEN_STEWARD_DOORBELL_PORT, &g->doorbell, NULL) < 0)
        log_err("guest %s: its doorbell cannot be bound again", g->cfg->name);
    return rc;
}

int guest_leaves_begin(struct guest *g, struct json_object *params,
                       struct err *e)
{
    struct moveproc_fds fds = { .listen_fd = -1 };
    struct json_object *first = NULL, *purpose;
    int rc = may_begin(g, e);

    if (rc == 0)
        rc = guest_resolve_fds(g, params, &fds, e);
    if (rc == 0)
        rc = make_first(g, params, &first, e);
    if (rc == 0)
        rc = start(g, first, &fds, e);
    if (rc == 0) {
        json_object_object_get_ex(first, "purpose", &purpose);
        g->move->check = strcmp(json_object_get_string(purpose), "check") == 0;
    }
    guest_resolve_close(&fds);
    json_object_put(first);
    return rc;
}

/* ---- what it wants ---- */

static void suspend(struct guest_move *m)
{
    struct guest *g = m->guest;
    struct err e = { 0 };

    m->paused_us = guest_now_us();
    if (guest_suspend(g, &e) == 0) {
        m->asked = true;
        return;
    }
    log_warn("%s", e.text);
    guest_move_cancel(g);
}

static void drain(struct guest_move *m)
{
    m->draining = true;
    guest_leaves_drained(m->guest);
}

void guest_leaves_drained(struct guest *g)
{
    struct guest_move *m = g->move;

    if (!m || !m->proc || !m->draining || !guest_devs_held(g))
        return;
    m->draining = false;
    moveproc_order(m->proc, "drained");
}

void guest_leaves_event(struct guest_move *m, const char *name)
{
    if (strcmp(name, "suspend") == 0)
        suspend(m);
    else if (strcmp(name, "drain") == 0)
        drain(m);
}

void guest_leaves_slept(struct guest *g)
{
    struct guest_move *m = g->move;

    if (!m || m->role != GUEST_LEAVES || !m->asked)
        return;
    m->asked = false;
    m->has_suspended = true;
    if (!m->proc)
        return;
    moveproc_order(m->proc, "suspended");
    guest_devs_hold(g);
}

void guest_leaves_awake(struct guest *g, const char *why)
{
    struct guest_move *m = g->move;

    if (!m || m->role != GUEST_LEAVES || !m->asked)
        return;
    m->asked = false;
    snprintf(m->why, sizeof(m->why), "%s", why);
    guest_move_cancel(g);
}

/* ---- what came of it ---- */

/* The next supervisor need not know it for the guest to go on. */
static void note(struct guest *g, bool leaves)
{
    struct err e = { 0 };

    if (guest_domain_leaves(g, leaves, &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
}

static void stayed(struct guest_move *m, const char *end)
{
    struct guest *g = m->guest;
    bool had_suspended = m->has_suspended;
    struct err e = { 0 };

    if (m->asked)
        guest_suspend_late(g);
    guest_move_tell_end(m, end);
    guest_move_drop(g);
    note(g, false);
    guest_devs_go_on(g);
    if (had_suspended && g->state == GUEST_SUSPENDED && guest_wake(g, &e) < 0)
        log_err("%s; freehold resume tries again, freehold destroy ends it",
                e.text);
}

static void moved(struct guest_move *m)
{
    struct guest *g = m->guest;

    guest_move_tell_end(m, "moved");
    guest_move_drop(g);
    guest_end(g, "it moved to another host", NULL);
}

/* Xen keeps it; so do we. */
static void fenced(struct guest_move *m)
{
    struct guest *g = m->guest;

    uv_timer_stop(&m->timer);
    guest_move_keep_page(g);
    guest_devs_hold(g); /* if nobody did: resolve may have START said */
    log_warn("guest %s: migration: it is fenced here until the other host "
             "says what became of it: run `freehold resolve %s HOST` when that "
             "can be reached",
             g->cfg->name, g->cfg->name);
    guest_move_state(m, "fenced");
    guest_move_tell_end(m, "fenced");
}

/*
 * Xen fences what is suspended alone, and keeps it so.  A kernel that runs has
 * written the page itself, and would be spared what ends others.
 */
static bool stands_still(struct guest *g)
{
    struct hyp_info info;
    struct err e = { 0 };

    return hyp_info(g->hyp, g->domid, &info, &e) < 0 || info.shutdown;
}

/* True: the page says how it ended, and that is done. */
static bool settle(struct guest_move *m)
{
    uint32_t state = guest_move_page_state(m->guest);

    if ((state == FH_MOVE_FENCED || state == FH_MOVE_RETIRED) &&
        !stands_still(m->guest))
        return false;
    switch (state) {
    case FH_MOVE_FENCED:
        fenced(m);
        return true;
    case FH_MOVE_RETIRED:
        moved(m);
        return true;
    case FH_MOVE_IDLE:
    case FH_MOVE_CANCELLED:
        stayed(m, "stayed");
        return true;
    default:
        return false;
    }
}

/* Nobody speaks for it: it is told to give up, and looked at. */
static void recover(struct guest_move *m)
{
    if (m->why[0] == 0)
        snprintf(m->why, sizeof(m->why),
                 "freehold-migrate ended without a "
                 "word");
    if (settle(m))
        return;
    guest_move_give_up(m);
    guest_move_watch_page(m);
}

void guest_leaves_look(struct guest_move *m)
{
    if (!guest_move_waits_in_vain(m, settle))
        return;
    log_err("guest %s: migration: its steward does not answer",
            m->guest->cfg->name);
    stayed(m, "stuck"); /* one that is fenced all the same Xen does not wake */
}

void guest_leaves_ended(struct guest_move *m)
{
    bool has_left = strcmp(m->end, "moved") == 0;
    bool is_fenced = strcmp(m->end, "fenced") == 0;
    bool is_lie = (has_left || is_fenced) && !stands_still(m->guest);

    if (is_lie)
        log_warn("guest %s: migration: its page says that it is fenced, and it "
                 "runs",
                 m->guest->cfg->name);
    if (has_left && !is_lie)
        moved(m);
    else if (is_fenced && !is_lie)
        fenced(m);
    else if (strcmp(m->end, "stayed") == 0 || strcmp(m->end, "checked") == 0)
        stayed(m, m->end);
    else
        recover(m);
}

bool guest_leaves_may_have_left(const struct guest *g)
{
    const struct guest_move *m = g->move;

    return m && m->role == GUEST_LEAVES && m->has_suspended;
}

/* ---- taken over ---- */

void guest_leaves_adopt(struct guest *g)
{
    struct err e = { 0 };

    if (!g->leaves)
        return;
    if (guest_move_new(g, GUEST_LEAVES, &e) < 0) {
        log_err("%s", e.text);
        return;
    }
    g->move->has_suspended = g->state == GUEST_SUSPENDED;
    snprintf(g->move->why, sizeof(g->move->why),
             "its supervisor ended meanwhile");
    guest_move_watch_page(g->move); /* freehold-migrate gives up, or has */
}
