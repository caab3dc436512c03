/* SPDX-License-Identifier: MIT */
/*
 * vmdevs.c - the lists of a configuration: devices, CPUs, CPU policy
 */
#include "toolstack/supervisor/vmdevs.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmcpuid.h"
#include "toolstack/supervisor/vmcpus.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmp9.h"
#include "toolstack/supervisor/vmvdev.h"
#include "toolstack/supervisor/vmvif.h"

/* Says e, which a part's own parser filled, with key and place. */
static int bad(const struct vmget *g, const struct cfg_place *at,
               const char *key, int rc, const struct err *e)
{
    return vmget_bad(g, at, rc, "%s: %s", key, e->text);
}

static int check_backend(const struct vmget *g, const struct cfg_place *at,
                         const char *key, const char *domain)
{
    struct err own = { 0 };
    int rc = vmdisk_check_backend(domain, &own);

    return rc < 0 ? bad(g, at, key, rc, &own) : 0;
}

/*
 * A list of words: room for one item_bytes each.  Returns their number, 0
 * without the key, or a negative errno.
 */
static int make_items(const struct vmget *g, const char *key, size_t item_bytes,
                      const struct cfg_value **first, void **items)
{
    const struct cfg_value *v;
    uint32_t nr = 0;
    int rc = vmget_list(g, key, first);

    if (rc <= 0)
        return rc;
    for (v = *first; v; v = v->next, nr++) {
        if (v->type == CFG_LIST)
            return vmget_bad(g, &v->at, -EINVAL,
                             "%s: got a list, want a quoted string", key);
        if (nr == VM_DEVICES_MAX)
            return vmget_bad(g, &v->at, -EINVAL,
                             "%s: got more than %u, want no more", key,
                             VM_DEVICES_MAX);
    }
    *items = calloc(nr + 1, item_bytes);
    return *items ? (int)nr : fail(g->e, -ENOMEM, "%s: no memory", key);
}

static int check_disk(const struct vmget *g, const struct cfg_value *v,
                      const struct vm_config *c, struct vm_disk *d)
{
    struct err own = { 0 };
    int rc = vmdisk_check(d, &own);

    if (rc < 0)
        return bad(g, &v->at, "disk", rc, &own);
    for (const struct vm_disk *other = c->disks; other < d; other++)
        if (other->devid == d->devid)
            return vmget_bad(g, &v->at, -EINVAL,
                             "disk: vdev: got \"%.40s\" twice, want it once",
                             d->vdev);
    return 0;
}

static int load_disks(const struct vmget *g, struct vm_config *c)
{
    const struct cfg_value *v = NULL;
    struct err own = { 0 };
    void *items = NULL;
    int rc = make_items(g, "disk", sizeof(*c->disks), &v, &items);

    c->disks = items;
    for (; rc > 0 && v; v = v->next) {
        struct vm_disk *d = &c->disks[c->nr_disks++];

        rc = vmdisk_parse(v->text, d, &own);
        if (rc < 0)
            return bad(g, &v->at, "disk", rc, &own);
        rc = check_disk(g, v, c, d);
        if (rc < 0)
            return rc;
        rc = 1;
    }
    return rc < 0 ? rc : 0;
}

static struct vm_disk *find_disk(const struct vm_config *c, const char *vdev)
{
    uint32_t devid;

    if (vmvdev_number(vdev, &devid) < 0)
        return NULL;
    for (uint32_t i = 0; i < c->nr_disks; i++)
        if (c->disks[i].devid == devid)
            return &c->disks[i];
    return NULL;
}

/* "VDEV [iops=N] [bps=N]" */
static int load_limit(const struct vmget *g, const struct cfg_value *v,
                      struct vm_config *c)
{
    const char *words = v->text + strspn(v->text, " \t");
    size_t nr = strcspn(words, " \t");
    struct err own = { 0 };
    struct vm_disk *d;
    char vdev[32];
    int rc;

    snprintf(vdev, sizeof(vdev), "%.*s", (int)MIN_OF(nr, 31u), words);
    d = find_disk(c, vdev);
    if (!d)
        return vmget_bad(g, &v->at, -EINVAL,
                         "freehold_disk_limits: got \"%.40s\", want the vdev "
                         "of one of disk= first",
                         vdev);
    rc = vmdisk_limits(words + nr, &d->iops_max, &d->bps_max, &own);
    return rc < 0 ? bad(g, &v->at, "freehold_disk_limits", rc, &own) : 0;
}

static int load_limits(const struct vmget *g, struct vm_config *c)
{
    const struct cfg_value *v = NULL;
    void *items = NULL;
    int nr = make_items(g, "freehold_disk_limits", 1, &v, &items);
    int rc = nr < 0 ? nr : 0;

    free(items);
    for (; nr > 0 && rc == 0 && v; v = v->next)
        rc = load_limit(g, v, c);
    return rc;
}

static void note_model(const struct vmget *g, const struct cfg_place *at,
                       const struct vm_vif *n)
{
    if (n->model)
        vmget_note(g, at,
                   "vif: model=%.40s: no effect: a PVH guest has no emulated "
                   "card",
                   n->model);
}

static int load_vifs(const struct vmget *g, struct vm_config *c)
{
    const struct cfg_value *v = NULL;
    void *items = NULL;
    int rc = make_items(g, "vif", sizeof(*c->vifs), &v, &items);

    c->vifs = items;
    for (; rc > 0 && v; v = v->next) {
        struct vm_vif *n = &c->vifs[c->nr_vifs];

        rc = vmvif_parse(g, &v->at, v->text, c->nr_vifs++, n);
        if (rc == 0)
            rc = check_backend(g, &v->at, "vif", n->backend_domain);
        for (const struct vm_vif *o = c->vifs; rc == 0 && o < n; o++)
            if (o->devid == n->devid)
                rc = vmget_bad(g, &v->at, -EINVAL,
                               "vif: devid: got %u twice, want it once",
                               n->devid);
        if (rc < 0)
            return rc;
        note_model(g, &v->at, n);
        rc = 1;
    }
    return rc < 0 ? rc : 0;
}

/* The number of a card of vif=, whose frames may come from any address. */
static int load_any_mac(const struct vmget *g, const struct cfg_value *v,
                        struct vm_config *c)
{
    char *end;
    unsigned long devid = strtoul(v->text, &end, 10);

    for (uint32_t i = 0; i < c->nr_vifs; i++)
        if (isdigit((unsigned char)v->text[0]) && !*end &&
            c->vifs[i].devid == devid) {
            c->vifs[i].any_mac = true;
            return 0;
        }
    return vmget_bad(g, &v->at, -EINVAL,
                     "freehold_vif_any_mac: got \"%.40s\", want the number of "
                     "one of vif=: 0 is the first",
                     v->text);
}

static int load_any_macs(const struct vmget *g, struct vm_config *c)
{
    const struct cfg_value *v = NULL;
    void *items = NULL;
    int nr = make_items(g, "freehold_vif_any_mac", 1, &v, &items);
    int rc = nr < 0 ? nr : 0;

    free(items);
    for (; nr > 0 && rc == 0 && v; v = v->next)
        rc = load_any_mac(g, v, c);
    return rc;
}

static int load_p9s(const struct vmget *g, struct vm_config *c)
{
    const struct cfg_value *v = NULL;
    struct err own = { 0 };
    void *items = NULL;
    int rc = make_items(g, "p9", sizeof(*c->p9s), &v, &items);

    c->p9s = items;
    for (; rc > 0 && v; v = v->next) {
        struct vm_p9 *p = &c->p9s[c->nr_p9s++];

        rc = vmp9_parse(v->text, p, &own);
        if (rc < 0)
            return bad(g, &v->at, "p9", rc, &own);
        rc = check_backend(g, &v->at, "p9", p->backend_domain);
        if (rc < 0)
            return rc;
        rc = 1;
    }
    return rc < 0 ? rc : 0;
}

/* The same for a key that may be a list of words, or one word alone. */
static int make_words(const struct vmget *g, const char *key, size_t item_bytes,
                      const struct cfg_value **first, void **items)
{
    const struct cfg_setting *s = cfg_find(g->cfg, key);

    if (!s || s->value->type == CFG_LIST)
        return make_items(g, key, item_bytes, first, items);
    *first = s->value;
    *items = calloc(1, item_bytes);
    return *items ? 1 : fail(g->e, -ENOMEM, "%s: no memory", key);
}

/* One text for all vCPUs, or a list with one for each. */
static int load_cpus(const struct vmget *g, const char *key,
                     struct vm_cpus **out, uint32_t *nr_out)
{
    const struct cfg_value *v = NULL;
    struct err own = { 0 };
    void *items = NULL;
    int rc = make_words(g, key, sizeof(**out), &v, &items);

    *out = items;
    for (; rc > 0 && v; v = v->next) {
        int bad_rc = vmcpus_parse(v->text, &(*out)[(*nr_out)++], &own);

        if (bad_rc < 0)
            return bad(g, &v->at, key, bad_rc, &own);
    }
    return rc < 0 ? rc : 0;
}

static int load_cpuid(const struct vmget *g, struct vm_config *c)
{
    const struct cfg_setting *s = cfg_find(g->cfg, "cpuid");
    const struct cfg_value *v = NULL;
    struct err own = { 0 };
    void *items = NULL;
    int rc = make_words(g, "cpuid", sizeof(*c->cpuid), &v, &items);

    c->cpuid_is_list = s && s->value->type == CFG_LIST;
    c->cpuid = items;
    for (; rc > 0 && v; v = v->next) {
        int bad_rc = c->cpuid_is_list ? vmcpuid_check_leaf(v->text, &own)
                                      : vmcpuid_check_text(v->text, &own);

        if (bad_rc < 0)
            return bad(g, &v->at, "cpuid", bad_rc, &own);
        c->cpuid[c->nr_cpuid] = strdup(v->text);
        if (!c->cpuid[c->nr_cpuid])
            return fail(g->e, -ENOMEM, "cpuid: no memory");
        c->nr_cpuid++;
    }
    return rc < 0 ? rc : 0;
}

static int load_placing(const struct vmget *g, struct vm_config *c)
{
    uint64_t weight = 0, cap = 0;
    const char *pool = NULL;
    int rc = vmget_text(g, "pool", &pool);

    if (rc == 1 && !(c->pool = strdup(pool)))
        return fail(g->e, -ENOMEM, "pool: no memory");
    if (rc < 0 || (rc = vmget_within(g, "cpu_weight", 1, 65535, &weight)) < 0 ||
        (rc = vmget_within(g, "cap", 0, 100 * VM_VCPUS_MAX, &cap)) < 0 ||
        (rc = load_cpus(g, "cpus", &c->hard, &c->nr_hard)) < 0 ||
        (rc = load_cpus(g, "cpus_soft", &c->soft, &c->nr_soft)) < 0 ||
        (rc = vmget_bool(g, "nomigrate", &c->no_migrate)) < 0)
        return rc;
    c->cpu_weight = (uint32_t)weight;
    c->cap_percent = (uint32_t)cap;
    return 0;
}

int vmdevs_load(const struct vmget *g, struct vm_config *out)
{
    int rc;

    if ((rc = load_disks(g, out)) < 0 || (rc = load_limits(g, out)) < 0 ||
        (rc = load_vifs(g, out)) < 0 || (rc = load_any_macs(g, out)) < 0 ||
        (rc = load_p9s(g, out)) < 0 || (rc = load_placing(g, out)) < 0)
        return rc;
    return load_cpuid(g, out);
}

void vmdevs_free(struct vm_config *c)
{
    for (uint32_t i = 0; i < c->nr_disks; i++)
        vmdisk_free(&c->disks[i]);
    for (uint32_t i = 0; i < c->nr_vifs; i++)
        vmvif_free(&c->vifs[i]);
    for (uint32_t i = 0; i < c->nr_p9s; i++)
        vmp9_free(&c->p9s[i]);
    for (uint32_t i = 0; i < c->nr_hard; i++)
        vmcpus_free(&c->hard[i]);
    for (uint32_t i = 0; i < c->nr_soft; i++)
        vmcpus_free(&c->soft[i]);
    for (uint32_t i = 0; i < c->nr_cpuid; i++)
        free(c->cpuid[i]);
    free(c->disks);
    free(c->vifs);
    free(c->p9s);
    free(c->hard);
    free(c->soft);
    free(c->cpuid);
    free(c->pool);
}
