/* SPDX-License-Identifier: MIT */
/*
 * guest_disks.c - the disks of a guest
 */
#include "toolstack/supervisor/guest_disks.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/diskfile.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmvdev.h"

static void on_base(void *arg, char out[BE_BASE_BYTES]);
static void on_started(void *arg);
static void on_moved(void *arg);
static void on_gone(void *arg);

static const struct vbd_ops disk_ops = {
    .base = on_base,
    .started = on_started,
    .moved = on_moved,
    .gone = on_gone,
};

/* ---- the list ---- */

/* Takes *spec, also after an error. */
static int add(struct guest *g, struct vm_disk *spec, struct guest_disk **out,
               struct err *e)
{
    struct guest_disk *d = calloc(1, sizeof(*d)), **at = &g->disks;

    if (!d) {
        vmdisk_free(spec);
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    }
    d->guest = g;
    d->spec = *spec;
    *spec = (struct vm_disk){ 0 };
    /* The command line's word for it does not reach every initrd's module. */
    if (d->spec.trusted == VM_UNSAID && !g->cfg->trust_backends)
        d->spec.trusted = VM_NO;
    while (*at)
        at = &(*at)->next;
    *at = d;
    if (out)
        *out = d;
    return 0;
}

static void drop(struct guest_disk *d)
{
    struct guest_disk **at = &d->guest->disks;

    while (*at != d)
        at = &(*at)->next;
    *at = d->next;
    vbd_close(d->vbd);
    vmdisk_free(&d->spec);
    free(d);
}

void guest_disks_free(struct guest *g)
{
    while (g->disks)
        drop(g->disks);
}

struct guest_disk *guest_disk_find(struct guest *g, const char *vdev)
{
    uint32_t devid;

    if (vmvdev_number(vdev, &devid) < 0)
        return NULL;
    for (struct guest_disk *d = g->disks; d; d = d->next)
        if (d->spec.devid == devid)
            return d;
    return NULL;
}

bool guest_disks_busy(const struct guest *g)
{
    for (const struct guest_disk *d = g->disks; d; d = d->next)
        if (d->vbd)
            return true;
    return false;
}

int guest_disk_note(struct guest_disk *d, struct err *e)
{
    struct diskfile f = {
        .disk = d->spec,
        .limits = { d->spec.iops_max, d->spec.bps_max },
    };

    if (d->vbd)
        f.process = vbd_process(d->vbd);
    return diskfile_write(d->guest->dir, &f, e);
}

/* ---- one ---- */

static struct store *store_of(const struct guest *g)
{
    return g->stale ? NULL : g->store;
}

static int open_disk(struct guest_disk *d, struct err *e)
{
    struct guest *g = d->guest;
    struct vbd_options o = {
        .link = {
            .disk = &d->spec,
            .program = g->opt.blk_program,
            .domid = g->domid,
            .devid = d->spec.devid,
            .nr_queues = (uint8_t)MIN_OF(g->cfg->nr_vcpus, BLK_QUEUES_MAX),
            .limits = { d->spec.iops_max, d->spec.bps_max },
        },
    };

    d->domid = g->domid;
    vbd_nodes_of(g->domid, d->spec.devid, &o.nodes);
    snprintf(o.link.name, sizeof(o.link.name), "%s/%.24s", g->cfg->name,
             d->spec.vdev);
    return vbd_open(g->loop, &o, &disk_ops, d, &d->vbd, e);
}

/* After an error it has no vbd. */
static int start_disk(struct guest_disk *d, struct err *e)
{
    int rc = open_disk(d, e);

    if (rc == 0)
        rc = guest_disk_note(d, e); /* before anything runs */
    if (rc == 0)
        rc = vbd_start(d->vbd, store_of(d->guest), e);
    if (rc < 0) {
        vbd_close(d->vbd);
        d->vbd = NULL;
    }
    return rc;
}

static void on_base(void *arg, char out[BE_BASE_BYTES])
{
    struct guest_disk *d = arg;

    diskfile_base(d->guest->dir, d->spec.devid, out);
}

static void on_started(void *arg)
{
    struct guest_disk *d = arg;
    struct err e = { 0 };

    if (guest_disk_note(d, &e) < 0)
        log_err("guest %s: %s", d->guest->cfg->name, e.text);
}

static void on_moved(void *arg)
{
    struct guest_disk *d = arg;
    struct guest *g = d->guest;
    enum vbd_state s = vbd_state(d->vbd);

    guest_block_event(d);
    /* Its steward may have waited for this one, or in vain. */
    if (g->state == GUEST_LAUNCHING && (s == VBD_WAITING || s == VBD_FAILED))
        guest_serve_steward(g);
}

static void on_gone(void *arg)
{
    struct guest_disk *d = arg;
    struct guest *g = d->guest;

    uint16_t domid = d->domid;

    vbd_close(d->vbd);
    d->vbd = NULL;
    if (d->detached) {
        diskfile_remove(g->dir, d->spec.devid);
        drop(d);
    }
    if (!guest_disks_busy(g))
        vbd_nodes_remove_all(domid, g->store, NULL);
    guest_disks_ended(g);
}

/* ---- all of them ---- */

static int list_configured(struct guest *g, struct err *e)
{
    int rc = 0;

    diskfile_clear(g->dir); /* of a domain that is no more */
    for (uint32_t i = 0; i < g->cfg->nr_disks && rc == 0; i++) {
        struct vm_disk spec;

        rc = vmdisk_copy(&g->cfg->disks[i], &spec, e);
        if (rc == 0)
            rc = add(g, &spec, NULL, e);
        else
            vmdisk_free(&spec);
    }
    g->disks_listed = rc == 0;
    return rc;
}

int guest_disks_build(struct guest *g, struct err *e)
{
    int rc = g->disks_listed ? 0 : list_configured(g, e);

    for (struct guest_disk *d = g->disks; d && rc == 0; d = d->next)
        rc = start_disk(d, e);
    return rc;
}

int guest_disks_ready(struct guest *g, struct err *e)
{
    uint64_t waited_us = guest_now_us() - g->unpaused_us;

    for (struct guest_disk *d = g->disks; d; d = d->next) {
        uint64_t limit_us =
            GUEST_DISKS_OPEN_US + (d->spec.script ? GUEST_DISKS_SCRIPT_US : 0);
        enum vbd_state s = d->vbd ? vbd_state(d->vbd) : VBD_GONE;

        if (s == VBD_FAILED)
            return fail(e, -EIO, "guest %s: disk %s: %s", g->cfg->name,
                        d->spec.vdev, vbd_why(d->vbd));
        if (s == VBD_STARTING && waited_us > limit_us)
            return fail(e, -ETIMEDOUT,
                        "guest %s: disk %s: it was not open within %llu s",
                        g->cfg->name, d->spec.vdev,
                        (unsigned long long)limit_us / 1000000);
        if (s == VBD_STARTING)
            return 0;
    }
    return 1;
}

void guest_disks_end(struct guest *g)
{
    for (struct guest_disk *d = g->disks; d; d = d->next)
        if (d->vbd)
            vbd_end(d->vbd);
}

void guest_disks_leave(struct guest *g)
{
    guest_disks_free(g);
    g->disks_listed = false;
}

static void adopt_disk(struct guest *g, struct diskfile *f)
{
    struct guest_disk *d;
    struct err e = { 0 };
    int rc;

    f->disk.iops_max = f->limits.iops;
    f->disk.bps_max = f->limits.bps;
    rc = add(g, &f->disk, &d, &e);
    if (rc == 0)
        rc = open_disk(d, &e);
    if (rc == 0)
        vbd_adopt(d->vbd, store_of(g), &f->process);
    else
        log_err("guest %s: a disk is not taken over, and served on as it is: "
                "%s",
                g->cfg->name, e.text);
}

void guest_disks_adopt(struct guest *g)
{
    struct diskfile *list = NULL;
    struct err e = { 0 };
    int nr = diskfile_list(g->dir, &list, &e);

    if (nr < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
    for (int i = 0; i < nr; i++)
        adopt_disk(g, &list[i]);
    free(list);
    g->disks_listed = true;
}

void guest_disks_store(struct guest *g)
{
    for (struct guest_disk *d = g->disks; d; d = d->next)
        if (d->vbd)
            vbd_set_store(d->vbd, store_of(g));
}

bool guest_disks_fired(struct guest *g, const char *token)
{
    for (struct guest_disk *d = g->disks; d; d = d->next)
        if (d->vbd && strcmp(vbd_token(d->vbd), token) == 0) {
            vbd_fired(d->vbd);
            return true;
        }
    return false;
}

int guest_disk_attach(struct guest *g, const char *text, const char *limits,
                      struct guest_disk **out, struct err *e)
{
    struct err own = { 0 };
    struct vm_disk spec;
    int rc = vmdisk_parse(text, &spec, &own);

    if (rc == 0)
        rc = vmdisk_check(&spec, &own);
    if (rc == 0 && limits)
        rc = vmdisk_limits(limits, &spec.iops_max, &spec.bps_max, &own);
    if (rc < 0) {
        vmdisk_free(&spec);
        return fail(e, rc, "disk: %s", own.text);
    }
    if (guest_disk_find(g, spec.vdev)) {
        rc = fail(e, -EEXIST, "guest %s: disk %s: it has one of that name",
                  g->cfg->name, spec.vdev);
        vmdisk_free(&spec);
        return rc;
    }
    rc = add(g, &spec, out, e);
    if (rc < 0)
        return rc;
    rc = start_disk(*out, e);
    if (rc < 0) {
        diskfile_remove(g->dir, (*out)->spec.devid);
        drop(*out);
        *out = NULL;
    }
    return rc;
}
