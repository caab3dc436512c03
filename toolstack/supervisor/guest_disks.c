/* SPDX-License-Identifier: MIT */
/*
 * guest_disks.c - the disks of a guest: what guest_devs.c asks of them
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/diskfile.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmvdev.h"

static const struct vbd_ops disk_ops = {
    .base = guest_dev_base,
    .started = guest_dev_started,
    .moved = guest_dev_moved,
    .gone = guest_dev_gone,
    .held = guest_dev_held,
};

/* Takes *spec, also after an error. */
static int add(struct guest *g, struct vm_disk *spec, struct guest_dev **out,
               struct err *e)
{
    struct guest_dev *d = guest_dev_add(g, DEVFILE_DISK);

    if (!d) {
        vmdisk_free(spec);
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    }
    d->disk = *spec;
    d->devid = spec->devid;
    *spec = (struct vm_disk){ 0 };
    /* The command line's word for it does not reach every initrd's module. */
    if (d->disk.trusted == VM_UNSAID && !g->cfg->trust_backends)
        d->disk.trusted = VM_NO;
    if (out)
        *out = d;
    return 0;
}

struct guest_dev *guest_disk_find(struct guest *g, const char *vdev)
{
    struct guest_dev *d = NULL;
    uint32_t devid;

    if (vmvdev_number(vdev, &devid) < 0)
        return NULL;
    while ((d = guest_dev_next(g, DEVFILE_DISK, d)))
        if (d->devid == devid)
            return d;
    return NULL;
}

int guest_disk_note(struct guest_dev *d, struct err *e)
{
    struct diskfile f = {
        .disk = d->disk,
        .limits = { d->disk.iops_max, d->disk.bps_max },
    };

    if (d->vbd)
        f.process = vbd_process(d->vbd);
    return diskfile_write(d->guest->dir, &f, e);
}

int guest_disk_open(struct guest_dev *d, struct err *e)
{
    struct guest *g = d->guest;
    struct vbd_options o = {
        .link = {
            .disk = &d->disk,
            .program = g->opt.blk_program,
            .domid = g->domid,
            .devid = d->devid,
            .nr_queues = (uint8_t)MIN_OF(g->cfg->nr_vcpus, BLK_QUEUES_MAX),
            .limits = { d->disk.iops_max, d->disk.bps_max },
        },
    };

    /* Of one that may run elsewhere nothing is written here. */
    o.later = g->receives ||
              (g->leaves && g->state == GUEST_NEW && guest_is_asleep(g));
    o.link.patient = g->receives;
    vbd_nodes_of(g->domid, d->devid, &o.nodes);
    snprintf(o.link.name, sizeof(o.link.name), "%s/%.24s", g->cfg->name,
             d->disk.vdev);
    return vbd_open(g->loop, &o, &disk_ops, d, &d->vbd, e);
}

int guest_disks_list(struct guest *g, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; i < g->cfg->nr_disks && rc == 0; i++) {
        struct vm_disk spec;

        rc = vmdisk_copy(&g->cfg->disks[i], &spec, e);
        if (rc == 0)
            rc = add(g, &spec, NULL, e);
        else
            vmdisk_free(&spec);
    }
    return rc;
}

static void adopt(struct guest *g, struct diskfile *f)
{
    struct guest_dev *d;
    struct err e = { 0 };
    int rc;

    f->disk.iops_max = f->limits.iops;
    f->disk.bps_max = f->limits.bps;
    rc = add(g, &f->disk, &d, &e);
    if (rc == 0) {
        d->domid = g->domid;
        rc = guest_disk_open(d, &e);
    }
    if (rc == 0)
        vbd_adopt(d->vbd, guest_dev_store(g), &f->process);
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
        adopt(g, &list[i]);
    free(list);
}

int guest_disk_attach(struct guest *g, const char *text, const char *limits,
                      struct guest_dev **out, struct err *e)
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
    return rc < 0 ? rc : guest_dev_attach(*out, e);
}
