/* SPDX-License-Identifier: MIT */
/*
 * guest_comes.c - a guest comes from another host: dom0's side of its
 * destination
 *
 * How this works: the domain is made as by create, but its steward loads no
 * kernel: it gives the guest its RAM and is RECEIVING (guest_launch.c).  Then
 * freehold-migrate, which has said what is to come and waits for our answer,
 * gets the doorbell.  NBD servers are asked whether they answer here before
 * that says yes.  Disks have their nodes, which the guest reads as soon as it
 * runs here, and are opened when it does: until then they are the source's.
 *
 *   RECEIVING ──state runs──▶ RUNNING
 *       └──poisoned, refused──▶ gone
 *
 * One that is READY is kept, whatever became of the connection, until START,
 * or an order to give up, comes by `resolve`.
 */
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/evt.h"
#include "common/log.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

/* ---- the answer ---- */

/* missing: takes it; NULL: nothing is. */
static struct json_object *answer(struct json_object *missing)
{
    struct json_object *o = json_object_new_object();
    struct json_object *a = json_object_new_object();

    guest_json_text(o, "order", "answer");
    guest_json_bool(o, "ok", !missing);
    guest_json_bool(a, "ok", !missing);
    if (missing)
        json_object_object_add(a, "missing", missing);
    json_object_object_add(o, "answer", a);
    return o;
}

void guest_refuse_mover(struct moveproc *p, const struct err *why)
{
    struct json_object *missing = json_object_new_array();

    json_object_array_add(missing, json_object_new_string(why->text));
    moveproc_say(p, answer(missing));
    moveproc_close(p); /* it says so, and ends */
}

void guest_comes_refuse(struct guest *g, const struct err *why)
{
    struct moveproc *p = g->opt.receive;

    g->opt.receive = NULL;
    if (p)
        guest_refuse_mover(p, why);
}

/* The process says the answer, and if that is no ends as refused. */
static void on_reached(struct guest *g, struct json_object *missing)
{
    bool ok = json_object_array_length(missing) == 0;
    struct json_object *o = answer(ok ? NULL : json_object_get(missing));

    if (ok)
        guest_json_number(o, "domid", g->domid);
    if (g->move->proc)
        moveproc_say(g->move->proc, o);
    else
        json_object_put(o);
}

void guest_comes_begin(struct guest *g)
{
    struct moveproc *p = g->opt.receive;
    struct err e = { 0 };
    int rc;

    uv_timer_stop(&g->timer);
    guest_move(g, GUEST_RECEIVING, "it comes from another host");
    rc = guest_move_new(g, GUEST_COMES, &e);
    if (rc < 0) {
        guest_comes_refuse(g, &e);
        guest_end(g, "it could not be received", &e);
        return;
    }
    g->opt.receive = NULL;
    g->move->check = g->opt.receive_check;
    evt_unbind(g->evt, g->doorbell);
    g->doorbell = 0;
    rc = guest_move_begin(g, p, &e);
    if (rc == 0)
        rc = guest_reach(g, on_reached, &g->move->reach, &e);
    if (rc < 0) {
        guest_end(g, "it could not be received", &e);
        return;
    }
    guest_store_look(g);
}

/* ---- what came of it ---- */

/* The guest runs here; the source need not have heard of it. */
static void came(struct guest_move *m)
{
    struct guest *g = m->guest;
    struct err e = { 0 };

    if (g->state != GUEST_RECEIVING)
        return;
    m->done_us = guest_now_us();
    if (guest_domain_came(g, &e) < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
    g->receives = false;
    g->alive_us = guest_now_us();
    g->times.total = guest_now_us() - g->opt.start_us;
    hyp_drop_claim(g->hyp, g->domid);
    guest_move(g, GUEST_RUNNING, "it came from another host");
    guest_devs_serve(g);
    guest_store_look(g);
    guest_report(g, NULL);
}

void guest_comes_event(struct guest_move *m, const char *name,
                       struct json_object *o)
{
    (void)o;
    if (strcmp(name, "ready") == 0)
        load_identify(&m->guest->load); /* while the steward alone writes it */
    else if (strcmp(name, "runs") == 0)
        came(m);
}

static void over(struct guest_move *m, const char *end)
{
    struct guest *g = m->guest;
    bool checked = m->check && strcmp(end, "poisoned") == 0;
    struct err e = { 0 };

    fail(&e, -ECANCELED, "guest %s: it was not received: %s", g->cfg->name,
         m->why[0] ? m->why : "it was given up");
    guest_move_tell_end(m, checked ? "checked" : end);
    if (checked)
        guest_report(g, NULL);
    guest_end(g, "it was not received", checked || m->wants_gone ? NULL : &e);
}

static void ready(struct guest_move *m)
{
    struct guest *g = m->guest;
    struct err e = { 0 };

    fail(&e, -EAGAIN,
         "guest %s: all of it is here, and it was not started: %s; freehold "
         "resolve, there or here, says where it is to run",
         g->cfg->name, m->why[0] ? m->why : "the connection broke");
    log_warn("%s", e.text);
    guest_move_state(m, "ready");
    guest_move_tell_end(m, "ready");
    guest_report(g, &e);
}

static bool settle(struct guest_move *m)
{
    switch (guest_move_page_state(m->guest)) {
    case FH_MOVE_DONE:
        guest_move_keep_page(m->guest);
        came(m);
        guest_move_tell_end(m, "runs");
        guest_move_drop(m->guest);
        return true;
    case FH_MOVE_POISONED:
        guest_move_keep_page(m->guest);
        over(m, "poisoned");
        return true;
    case FH_MOVE_READY:
        if (m->wants_gone)
            return false; /* not yet */
        uv_timer_stop(&m->timer);
        load_identify(&m->guest->load);
        ready(m);
        return true;
    default:
        return false;
    }
}

static void give_up(struct guest_move *m)
{
    guest_move_give_up(m);
    guest_move_watch_page(m);
}

void guest_comes_look(struct guest_move *m)
{
    if (!guest_move_waits_in_vain(m, settle))
        return;
    snprintf(m->why, sizeof(m->why), "its steward does not answer");
    over(m, "stuck");
}

void guest_comes_ended(struct guest_move *m)
{
    struct guest *g = m->guest;

    if (strcmp(m->end, "runs") == 0 || g->state == GUEST_RUNNING) {
        came(m);
        guest_move_tell_end(m, "runs");
        guest_move_drop(g);
    } else if (strcmp(m->end, "poisoned") == 0 ||
               strcmp(m->end, "refused") == 0) {
        over(m, m->end);
    } else if (!settle(m)) {
        give_up(m);
    }
}

bool guest_comes_leave(struct guest *g)
{
    struct guest_move *m = g->move;

    if (g->state != GUEST_RECEIVING || !m || m->wants_gone)
        return false;
    m->wants_gone = true;
    if (m->proc)
        guest_move_cancel(g);
    else
        give_up(m);
    return true;
}

void guest_comes_adopt(struct guest *g)
{
    struct err e = { 0 };

    if (guest_move_new(g, GUEST_COMES, &e) < 0) {
        log_err("%s", e.text);
        return;
    }
    snprintf(g->move->why, sizeof(g->move->why),
             "its supervisor ended meanwhile");
    guest_move_watch_page(g->move); /* freehold-migrate gives up, or has */
}
