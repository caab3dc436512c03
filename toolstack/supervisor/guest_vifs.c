/* SPDX-License-Identifier: MIT */
/*
 * guest_vifs.c - the cards of a guest: what guest_devs.c asks of them
 *
 * A card whose address nobody said gets one when its guest is made, which it
 * keeps: in the configuration over restarts, and in its file over supervisors.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/log.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/viffile.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmviftext.h"

static const struct vif_ops card_ops = {
    .base = guest_dev_base,
    .started = guest_dev_started,
    .moved = guest_dev_moved,
    .gone = guest_dev_gone,
};

/* Takes *spec, also after an error. */
static int add(struct guest *g, struct vm_vif *spec, struct guest_dev **out,
               struct err *e)
{
    struct guest_dev *d = guest_dev_add(g, DEVFILE_VIF);

    if (!d) {
        vmvif_free(spec);
        return fail(e, -ENOMEM, "guest %s: no memory", g->cfg->name);
    }
    d->card = *spec;
    d->devid = spec->devid;
    *spec = (struct vm_vif){ 0 };
    /* As for disks: the command line's word is not heard everywhere. */
    if (d->card.trusted == VM_UNSAID && !g->cfg->trust_backends)
        d->card.trusted = VM_NO;
    if (out)
        *out = d;
    return 0;
}

static struct guest_dev *find_devid(const struct guest *g, uint64_t devid)
{
    struct guest_dev *d = NULL;

    while ((d = guest_dev_next(g, DEVFILE_VIF, d)) && d->devid != devid)
        ;
    return d;
}

static struct guest_dev *find_mac(const struct guest *g, const uint8_t mac[6])
{
    struct guest_dev *d = NULL;

    while ((d = guest_dev_next(g, DEVFILE_VIF, d)) &&
           memcmp(d->card.mac, mac, 6))
        ;
    return d;
}

struct guest_dev *guest_vif_find(struct guest *g, const char *word)
{
    unsigned long long devid;
    uint8_t mac[6];
    char *end;

    if (vmvif_mac_parse(word, mac) == 0)
        return find_mac(g, mac);
    devid = strtoull(word, &end, 10);
    return isdigit((unsigned char)word[0]) && !*end ? find_devid(g, devid)
                                                    : NULL;
}

int guest_vif_note(struct guest_dev *d, struct err *e)
{
    struct beproc_id process = { 0 };

    if (d->vif)
        process = vif_process(d->vif);
    return viffile_write(d->guest->dir, &d->card, &process, e);
}

int guest_vif_open(struct guest_dev *d, struct err *e)
{
    struct guest *g = d->guest;
    struct vif_options o = {
        .spec = &d->card,
        .program = g->opt.net_program,
        .domid = g->domid,
        .nr_queues = (uint8_t)MIN_OF(g->cfg->nr_vcpus, NET_QUEUES_MAX),
        .any_mac = d->card.any_mac,
        .trusted = d->card.trusted != VM_NO,
        .hot = g->state != GUEST_BUILDING,
    };

    vif_dirs_of(g->domid, d->devid, o.front, o.back);
    snprintf(o.name, sizeof(o.name), "%s/vif-%u", g->cfg->name, d->devid);
    snprintf(o.guest, sizeof(o.guest), "%s", g->cfg->name);
    return vif_open(g->loop, &o, &card_ops, d, &d->vif, e);
}

/* One that no card of the configuration has. */
static int draw_mac(const struct vm_config *c, struct vm_vif *out,
                    struct err *e)
{
    int rc = 0;

    while (rc == 0 && !out->has_mac) {
        rc = vmvif_draw_mac(out->mac, e);
        out->has_mac = rc == 0;
        for (uint32_t i = 0; i < c->nr_vifs; i++)
            if (&c->vifs[i] != out && c->vifs[i].has_mac &&
                memcmp(c->vifs[i].mac, out->mac, 6) == 0)
                out->has_mac = false;
    }
    return rc;
}

int guest_vifs_list(struct guest *g, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; i < g->cfg->nr_vifs && rc == 0; i++) {
        struct vm_vif spec = { 0 };

        rc = draw_mac(g->cfg, &g->cfg->vifs[i], e);
        if (rc == 0)
            rc = vmvif_copy(&g->cfg->vifs[i], &spec, e);
        if (rc == 0)
            rc = add(g, &spec, NULL, e);
        else
            vmvif_free(&spec);
    }
    return rc;
}

/* What was drawn for it is the configuration's address from now on. */
static void tell_config(struct vm_config *c, const struct vm_vif *v)
{
    for (uint32_t i = 0; i < c->nr_vifs; i++)
        if (c->vifs[i].devid == v->devid && !c->vifs[i].has_mac) {
            memcpy(c->vifs[i].mac, v->mac, 6);
            c->vifs[i].has_mac = true;
        }
}

static void adopt(struct guest *g, struct viffile *f)
{
    struct guest_dev *d;
    struct err e = { 0 };
    int rc;

    tell_config(g->cfg, &f->vif);
    rc = add(g, &f->vif, &d, &e);
    if (rc == 0) {
        d->domid = g->domid;
        rc = guest_vif_open(d, &e);
    }
    if (rc == 0)
        vif_adopt(d->vif, guest_dev_store(g), &f->process);
    else
        log_err("guest %s: a card is not taken over, and served on as it is: "
                "%s",
                g->cfg->name, e.text);
}

void guest_vifs_adopt(struct guest *g)
{
    struct viffile *list = NULL;
    struct err e = { 0 };
    int nr = viffile_list(g->dir, &list, &e);

    if (nr < 0)
        log_err("guest %s: %s", g->cfg->name, e.text);
    for (int i = 0; i < nr; i++)
        adopt(g, &list[i]);
    free(list);
}

/* ---- one more ---- */

/* Its number, unless it was said, and its address, which nobody else has. */
static int complete(struct guest *g, struct vm_vif *spec, struct err *e)
{
    char mac[VMVIF_MAC_TEXT];
    uint32_t devid = 0;
    int rc = 0;

    while (find_devid(g, devid))
        devid++;
    if (spec->devid == VMVIF_DEVID_UNSAID)
        spec->devid = devid;
    if (spec->devid > UINT16_MAX || find_devid(g, spec->devid))
        return fail(e, -EEXIST, "guest %s: vif %u: it has one of that number",
                    g->cfg->name, spec->devid);
    if (spec->has_mac && find_mac(g, spec->mac)) {
        vmvif_mac_text(spec->mac, mac);
        return fail(e, -EEXIST, "guest %s: vif %u: its vif %u is %s already",
                    g->cfg->name, spec->devid, find_mac(g, spec->mac)->devid,
                    mac);
    }
    while (rc == 0 && !spec->has_mac) {
        rc = draw_mac(g->cfg, spec, e);
        spec->has_mac = rc == 0 && !find_mac(g, spec->mac);
    }
    return rc;
}

/* Words that another part would stumble over, or nobody heeds. */
static int check(const struct vm_vif *spec, struct err *e)
{
    if (spec->model)
        return fail(e, -EINVAL,
                    "model: got \"%.40s\", want none: a PVH guest has no "
                    "emulated card",
                    spec->model);
    return vmdisk_check_backend(spec->backend_domain, e);
}

int guest_vif_attach(struct guest *g, const char *text, bool any_mac,
                     struct guest_dev **out, struct err *e)
{
    struct err own = { 0 };
    struct vm_vif spec;
    int rc = vmvif_read(text, &spec, e);

    if (rc == 0 && (rc = check(&spec, &own)) < 0)
        fail(e, rc, "vif: %s", own.text);
    if (rc == 0)
        rc = complete(g, &spec, e);
    if (rc < 0) {
        vmvif_free(&spec);
        return rc;
    }
    spec.any_mac = any_mac;
    rc = add(g, &spec, out, e);
    return rc < 0 ? rc : guest_dev_attach(*out, e);
}
