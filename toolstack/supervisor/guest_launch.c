/* SPDX-License-Identifier: MIT */
/*
 * guest_launch.c - a guest's launch: from createdomain, or from the supervisor
 * that died, to a kernel that runs
 *
 * How this works: the steward rings, its page is looked at, and it gets what
 * it asks for (load.c).  A timer looks as well: xenstored does not know the
 * domain yet, and a silent steward rings nobody.
 */
#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "abi/xen_steward.h"
#include "common/evt.h"
#include "common/log.h"
#include "common/shm.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"

#define LAUNCH_SILENCE_US (120ull * 1000000)

void guest_launch_failed(struct guest *g, const struct err *e)
{
    struct err keep = *e;

    if (g->load.page.va) {
        load_abort(&g->load);
        evt_notify(g->evt, g->doorbell);
    }
    log_err("guest %s: %s", g->cfg->name, keep.text);
    guest_comes_refuse(g, &keep);
    guest_end(g, "it could not be started", &keep);
}

int guest_launch(struct guest *g, struct err *e)
{
    int rc;

    guest_move(g, GUEST_LAUNCHING, "unpaused");
    g->unpaused_us = g->quiet_since_us = guest_now_us();
    g->nr_rings = 0;
    guest_arm(g, GUEST_LOOK_MS, GUEST_LOOK_MS);
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

    g->receives = g->opt.receive != NULL;
    guest_move(g, GUEST_BUILDING, g->receives ? "receive" : "create");
    rc = guest_domain_build(g, &e);
    if (rc == 0 && g->opt.paused) {
        g->opt.paused = false; /* a restart does not stop there again */
        guest_move(g, GUEST_PAUSED, "as asked for");
        guest_arm(g, GUEST_LOOK_MS, GUEST_LOOK_MS);
        guest_report(g, NULL);
        return;
    }
    if (rc == 0)
        rc = guest_launch(g, &e);
    if (rc < 0)
        guest_launch_failed(g, &e);
}

static void now_runs(struct guest *g)
{
    uint64_t now = guest_now_us();

    uv_timer_stop(&g->timer);
    g->times.load = g->load.start_us - g->load.loading_us;
    g->times.launch += now - g->load.start_us;
    g->times.total = now - g->opt.start_us;
    g->alive_us = now;
    load_release_blobs(&g->load);
    hyp_drop_claim(g->hyp, g->domid);
    guest_move(g, GUEST_RUNNING, "its kernel was started");
    guest_report(g, NULL);
}

void guest_launch_over(struct guest *g)
{
    load_adopt(&g->load);
    now_runs(g);
}

void guest_serve_steward(struct guest *g)
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
    if (rc >= 0 && g->load.state == LOAD_MEASURED)
        rc = guest_domain_measured(g, &e);
    if (rc < 0)
        guest_launch_failed(g, &e);
    else if (g->load.state == LOAD_DONE)
        now_runs(g);
    else if (g->load.state == LOAD_RECEIVED)
        guest_comes_begin(g);
}

/* While a guest is launched: silence has an end, and so may its domain. */
void guest_look_after_launch(struct guest *g)
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
        guest_launch_failed(g, &e);
        return;
    }
    if (!g->load.page.va || g->load.state == LOAD_OFFER)
        /* Its page could not be mapped when it rang; or a disk is not open. */
        guest_serve_steward(g);
    guest_look(g);
}

bool guest_is_asleep(struct guest *g)
{
    struct hyp_info info;

    return hyp_info(g->hyp, g->domid, &info, NULL) == 0 && info.shutdown &&
           info.reason == HYP_SUSPEND;
}

/* Its steward is as far as to tell by its page what it is at. */
static bool is_received(struct guest *g)
{
    struct gnt_map page = { 0 };
    uint32_t state;

    if (gnt_map(g->gnt, g->domid, XEN_STEWARD_CONTROL_REF, &page, NULL) < 0)
        return false;
    state = shm_u32(&((struct fh_control *)page.va)->steward.state);
    gnt_unmap(g->gnt, &page);
    return state == FH_STATE_RECEIVING || state == FH_STATE_RUNNING;
}

/* What has become of it guest_comes_look() finds. */
static void adopt_received(struct guest *g)
{
    guest_domain_adopt(g);
    guest_move(g, GUEST_RECEIVING, "taken over");
    guest_report(g, NULL);
    guest_comes_adopt(g);
    guest_store_look(g);
    guest_look(g);
}

int guest_adopt(struct guest *g, uint16_t domid, const struct run_state *left,
                struct err *e)
{
    static const uint8_t none[32];

    g->domid = domid;
    g->ports.console = left->console_port;
    g->identity = left->identity;
    /* What only we write: no kernel runs before its measurement is there. */
    g->receives = left->receives;
    g->leaves = left->leaves; /* written again before it is acted upon */
    if (g->receives && is_received(g)) {
        adopt_received(g);
        return 0;
    }
    if (memcmp(left->identity.measurement, none, sizeof(none)) == 0) {
        guest_domain_remove(g);
        return fail(e, -EPROTO,
                    "domain %u: take it over: its launch was not over", domid);
    }
    guest_domain_adopt(g);
    g->alive_us = guest_now_us();
    guest_move(g, guest_is_asleep(g) ? GUEST_SUSPENDED : GUEST_RUNNING,
               "taken over");
    guest_report(g, NULL);
    guest_leaves_adopt(g);
    guest_store_look(g);
    guest_look(g); /* what happened while nobody looked */
    return 0;
}
