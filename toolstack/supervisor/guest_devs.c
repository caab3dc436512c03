/* SPDX-License-Identifier: MIT */
/*
 * guest_devs.c - the devices of a guest, disks and cards
 */
#include "toolstack/supervisor/guest_devs.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vifdev.h"
#include "toolstack/supervisor/vmcfg.h"

/* ---- the list ---- */

struct guest_dev *guest_dev_add(struct guest *g, enum devfile_kind kind)
{
    struct guest_dev *d = calloc(1, sizeof(*d)), **at = &g->devs;

    if (!d)
        return NULL;
    d->guest = g;
    d->kind = kind;
    g->devs_seen |= BIT(kind);
    while (*at)
        at = &(*at)->next;
    *at = d;
    return d;
}

static void close_back(struct guest_dev *d)
{
    vbd_close(d->vbd);
    vif_close(d->vif);
    d->vbd = NULL;
    d->vif = NULL;
}

void guest_dev_drop(struct guest_dev *d)
{
    struct guest_dev **at = &d->guest->devs;

    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    close_back(d);
    if (d->kind == DEVFILE_DISK)
        vmdisk_free(&d->disk);
    else
        vmvif_free(&d->card);
    free(d);
}

void guest_devs_free(struct guest *g)
{
    while (g->devs)
        guest_dev_drop(g->devs);
}

struct guest_dev *guest_dev_next(const struct guest *g, enum devfile_kind kind,
                                 const struct guest_dev *after)
{
    struct guest_dev *d = after ? after->next : g->devs;

    while (d && d->kind != kind)
        d = d->next;
    return d;
}

/* ---- one, of either kind ---- */

static bool is_live(const struct guest_dev *d)
{
    return d->vbd || d->vif;
}

static enum vbd_state state_of(const struct guest_dev *d)
{
    return d->vbd ? vbd_state(d->vbd) : vif_state(d->vif);
}

const char *guest_dev_state_name(const struct guest_dev *d)
{
    return vbd_state_name(is_live(d) ? state_of(d) : VBD_CLOSED);
}

const char *guest_dev_why(const struct guest_dev *d)
{
    if (!is_live(d))
        return "no domain has it";
    return d->vbd ? vbd_why(d->vbd) : vif_why(d->vif);
}

/* What people call it. */
static const char *name_of(const struct guest_dev *d, char out[48])
{
    if (d->kind == DEVFILE_DISK)
        snprintf(out, 48, "disk %.32s", d->disk.vdev);
    else
        snprintf(out, 48, "vif %u", d->devid);
    return out;
}

static bool has_script(const struct guest_dev *d)
{
    return d->kind == DEVFILE_DISK ? d->disk.script : d->card.script;
}

struct store *guest_dev_store(const struct guest *g)
{
    return g->stale ? NULL : g->store;
}

static int open_back(struct guest_dev *d, struct err *e)
{
    d->domid = d->guest->domid;
    return d->kind == DEVFILE_DISK ? guest_disk_open(d, e)
                                   : guest_vif_open(d, e);
}

int guest_dev_note(struct guest_dev *d, struct err *e)
{
    return d->kind == DEVFILE_DISK ? guest_disk_note(d, e)
                                   : guest_vif_note(d, e);
}

static int start_back(struct guest_dev *d, struct err *e)
{
    struct store *s = guest_dev_store(d->guest);

    return d->vbd ? vbd_start(d->vbd, s, e) : vif_start(d->vif, s, e);
}

/* After an error no domain has it. */
static int start(struct guest_dev *d, struct err *e)
{
    int rc = open_back(d, e);

    if (rc == 0)
        rc = guest_dev_note(d, e); /* before anything runs */
    if (rc == 0)
        rc = start_back(d, e);
    if (rc < 0)
        close_back(d);
    return rc;
}

int guest_dev_attach(struct guest_dev *d, struct err *e)
{
    int rc = start(d, e);

    if (rc < 0) {
        devfile_remove(d->guest->dir, d->kind, d->devid);
        guest_dev_drop(d);
    }
    return rc;
}

/* ---- what they tell ---- */

void guest_dev_base(void *arg, char out[BE_BASE_BYTES])
{
    struct guest_dev *d = arg;

    devfile_base(d->guest->dir, d->kind, d->devid, out);
}

void guest_dev_started(void *arg)
{
    struct guest_dev *d = arg;
    struct err e = { 0 };

    if (guest_dev_note(d, &e) < 0)
        log_err("guest %s: %s", d->guest->cfg->name, e.text);
}

void guest_dev_moved(void *arg)
{
    struct guest_dev *d = arg;
    struct guest *g = d->guest;
    enum vbd_state s = state_of(d);

    if (d->kind == DEVFILE_DISK)
        guest_block_event(d);
    else
        guest_net_event(d);
    /* Its steward may have waited for this one, or in vain. */
    if (g->state == GUEST_LAUNCHING && (s == VBD_WAITING || s == VBD_FAILED))
        guest_serve_steward(g);
}

/* No device of the domain is left, and nothing else of them may be. */
static void remove_left(struct guest *g, uint16_t domid)
{
    if (g->devs_seen & BIT(DEVFILE_DISK))
        vbd_nodes_remove_all(domid, g->store, NULL);
    if (g->devs_seen & BIT(DEVFILE_VIF)) {
        vif_remove_all(domid, g->store, NULL);
        vifdev_remove_left(domid); /* of one that could not be taken over */
    }
}

void guest_dev_gone(void *arg)
{
    struct guest_dev *d = arg;
    struct guest *g = d->guest;
    uint16_t domid = d->domid;

    close_back(d);
    if (d->detached) {
        devfile_remove(g->dir, d->kind, d->devid);
        guest_dev_drop(d);
    }
    /* What the guest has at other times, and we did not take over, is its. */
    if (!guest_devs_busy(g) && g->domid != domid)
        remove_left(g, domid);
    guest_devs_ended(g);
}

/* ---- a guest that moves ---- */

int guest_devs_may_move(struct guest *g, struct err *e)
{
    char name[48];

    for (struct guest_dev *d = g->devs; d; d = d->next) {
        enum vbd_state s = is_live(d) ? state_of(d) : VBD_GONE;

        if (d->detached || s == VBD_STARTING || s == VBD_CLOSING ||
            s == VBD_CONNECTING)
            return fail(e, -EBUSY,
                        "guest %s: migrate: its %s comes or goes just now",
                        g->cfg->name, name_of(d, name));
    }
    return 0;
}

bool guest_devs_held(const struct guest *g)
{
    for (const struct guest_dev *d = g->devs; d; d = d->next)
        if (d->vbd && !d->held)
            return false;
    return true;
}

void guest_dev_held(void *arg)
{
    struct guest_dev *d = arg;

    d->held = true;
    if (guest_devs_held(d->guest))
        guest_leaves_drained(d->guest);
}

void guest_devs_hold(struct guest *g)
{
    for (struct guest_dev *d = g->devs; d; d = d->next)
        if (d->vbd && !d->held)
            vbd_hold(d->vbd);
}

void guest_devs_go_on(struct guest *g)
{
    for (struct guest_dev *d = g->devs; d; d = d->next) {
        d->held = false;
        if (d->vbd) {
            vbd_go_on(d->vbd);
            vbd_serve(d->vbd);
        }
    }
}

void guest_devs_serve(struct guest *g)
{
    for (struct guest_dev *d = g->devs; d; d = d->next)
        if (d->vbd)
            vbd_serve(d->vbd);
}

/* ---- all of them ---- */

static int list_configured(struct guest *g, struct err *e)
{
    int rc;

    devfile_clear(g->dir); /* of a domain that is no more */
    rc = guest_disks_list(g, e);
    if (rc == 0)
        rc = guest_vifs_list(g, e);
    g->devs_listed = rc == 0;
    return rc;
}

int guest_devs_build(struct guest *g, struct err *e)
{
    int rc = g->devs_listed ? 0 : list_configured(g, e);

    for (struct guest_dev *d = g->devs; d && rc == 0; d = d->next)
        rc = start(d, e);
    return rc;
}

int guest_devs_ready(struct guest *g, struct err *e)
{
    uint64_t waited_us = guest_now_us() - g->unpaused_us;
    char name[48];

    for (struct guest_dev *d = g->devs; d; d = d->next) {
        uint64_t limit_us =
            GUEST_DEVS_OPEN_US + (has_script(d) ? GUEST_DEVS_SCRIPT_US : 0);
        enum vbd_state s = is_live(d) ? state_of(d) : VBD_GONE;

        if (d->vbd && g->receives && s == VBD_STARTING)
            continue; /* it is opened when the guest is here */
        if (s == VBD_FAILED)
            return fail(e, -EIO, "guest %s: %s: %s", g->cfg->name,
                        name_of(d, name), guest_dev_why(d));
        if (s == VBD_STARTING && waited_us > limit_us)
            return fail(e, -ETIMEDOUT,
                        "guest %s: %s: it was not open within %llu s",
                        g->cfg->name, name_of(d, name),
                        (unsigned long long)limit_us / 1000000);
        if (s == VBD_STARTING)
            return 0;
    }
    return 1;
}

bool guest_devs_busy(const struct guest *g)
{
    for (const struct guest_dev *d = g->devs; d; d = d->next)
        if (is_live(d))
            return true;
    return false;
}

void guest_devs_end(struct guest *g, uint16_t domid)
{
    for (struct guest_dev *d = g->devs, *next; d; d = next) {
        next = d->next; /* one that was detached is dropped when it ends */
        if (d->vbd)
            vbd_end(d->vbd);
        else if (d->vif)
            vif_end(d->vif);
    }
    if (!guest_devs_busy(g))
        remove_left(g, domid);
}

void guest_devs_leave(struct guest *g)
{
    guest_devs_free(g);
    g->devs_listed = false;
}

void guest_devs_adopt(struct guest *g)
{
    guest_disks_adopt(g);
    guest_vifs_adopt(g);
    g->devs_listed = true;
}

void guest_devs_store(struct guest *g)
{
    for (struct guest_dev *d = g->devs; d; d = d->next)
        if (d->vbd)
            vbd_set_store(d->vbd, guest_dev_store(g));
        else if (d->vif)
            vif_set_store(d->vif, guest_dev_store(g));
}

bool guest_devs_fired(struct guest *g, const char *token)
{
    for (struct guest_dev *d = g->devs; d; d = d->next) {
        if (d->vbd && strcmp(vbd_token(d->vbd), token) == 0) {
            vbd_fired(d->vbd);
            return true;
        }
        if (d->vif && strcmp(vif_token(d->vif), token) == 0) {
            vif_fired(d->vif);
            return true;
        }
    }
    return false;
}
