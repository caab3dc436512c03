/* SPDX-License-Identifier: MIT */
/*
 * dump.c - a checked configuration as JSON
 */
#include "toolstack/supervisor/dump.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmcpus.h"
#include "toolstack/supervisor/vmdisk.h"
#include "toolstack/supervisor/vmp9.h"
#include "toolstack/supervisor/vmviftext.h"

static void add_text(struct json_object *to, const char *key, const char *text)
{
    if (text)
        json_object_object_add(to, key, json_object_new_string(text));
}

static void add_number(struct json_object *to, const char *key, uint64_t n)
{
    if (n)
        json_object_object_add(to, key, json_object_new_uint64(n));
}

static void add_choice(struct json_object *to, const char *key,
                       enum vm_choice c)
{
    if (c != VM_UNSAID)
        add_text(to, key, c == VM_YES ? "True" : "False");
}

static void add_true(struct json_object *to, const char *key, bool is)
{
    if (is)
        json_object_object_add(to, key, json_object_new_boolean(true));
}

static struct json_object *dump_identity(const struct vm_config *c)
{
    struct json_object *o = json_object_new_object();
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(c->uuid, uuid);
    add_text(o, "type", "pvh");
    add_text(o, "name", c->name);
    add_text(o, "uuid", uuid);
    add_text(o, "pool_name", c->pool);
    return o;
}

static struct json_object *dump_build(const struct vm_config *c)
{
    struct json_object *o = json_object_new_object();
    struct json_object *vcpus = json_object_new_array();
    struct json_object *sched = json_object_new_object();

    for (uint32_t i = 0; i < c->nr_vcpus; i++)
        json_object_array_add(vcpus, json_object_new_int((int)i));
    add_number(o, "max_vcpus", c->max_vcpus);
    json_object_object_add(o, "avail_vcpus", vcpus);
    add_number(o, "max_memkb", c->ram_bytes >> 10);
    add_number(o, "target_memkb", c->target_bytes >> 10);
    if (c->has_maptrack_frames)
        json_object_object_add(o, "max_maptrack_frames",
                               json_object_new_int64(c->max_maptrack_frames));
    add_choice(o, "disable_migrate", c->no_migrate ? VM_YES : VM_UNSAID);
    add_number(sched, "weight", c->cpu_weight);
    add_number(sched, "cap", c->cap_percent);
    json_object_object_add(o, "sched_params", sched);
    add_number(o, "event_channels", c->max_event_channels);
    add_text(o, "kernel", c->kernel);
    add_text(o, "cmdline", c->cmdline[0] ? c->cmdline : NULL);
    add_text(o, "ramdisk", c->ramdisk);
    return o;
}

static struct json_object *dump_disk(const struct vm_disk *d)
{
    struct json_object *o = json_object_new_object();

    add_text(o, "backend_domname", d->backend_domain);
    add_text(o, "pdev_path", d->target);
    add_text(o, "vdev", d->vdev);
    if (d->backend != VM_DISK_ANY)
        add_text(o, "backend", vmdisk_backend_name(d->backend));
    add_text(o, "format", vmdisk_format_name(d->format));
    add_text(o, "script", d->script);
    add_number(o, "removable", d->cdrom);
    add_number(o, "readwrite", d->writable);
    add_number(o, "is_cdrom", d->cdrom);
    add_true(o, "direct_io_safe", d->direct_io_safe);
    add_choice(o, "discard_enable", d->discard);
    add_choice(o, "trusted", d->trusted);
    add_choice(o, "grant_usage", d->grant_usage);
    return o;
}

static struct json_object *dump_vif(const struct vm_vif *v)
{
    struct json_object *o = json_object_new_object();
    char mac[VMVIF_MAC_TEXT];

    add_text(o, "backend_domname", v->backend_domain);
    json_object_object_add(o, "devid", json_object_new_int((int)v->devid));
    add_number(o, "mtu", v->mtu);
    if (v->has_mac) {
        vmvif_mac_text(v->mac, mac);
        add_text(o, "mac", mac);
    }
    add_text(o, "model", v->model);
    add_text(o, "ip", v->ip);
    add_text(o, "bridge", v->bridge);
    add_text(o, "ifname", v->name);
    add_text(o, "script", v->script);
    add_number(o, "rate_bytes_per_interval", v->rate_bytes);
    add_number(o, "rate_interval_usecs", v->rate_usecs);
    add_text(o, "gatewaydev", v->gateway);
    add_text(o, "vlan", v->vlan);
    add_choice(o, "trusted", v->trusted);
    return o;
}

static struct json_object *dump_p9(const struct vm_p9 *p)
{
    struct json_object *o = json_object_new_object();

    add_text(o, "backend_domname", p->backend_domain);
    add_text(o, "tag", p->tag);
    add_text(o, "path", p->path);
    add_text(o, "security_model", p->security_model);
    if (p->type != VM_P9_UNSAID)
        add_text(o, "type", vmp9_type_name(p->type));
    add_number(o, "max_space", p->max_space_mib);
    add_number(o, "max_files", p->max_files);
    add_number(o, "max_open_files", p->max_open_files);
    add_true(o, "auto_delete", p->auto_delete);
    return o;
}

static void dump_devices(struct json_object *o, const struct vm_config *c)
{
    struct json_object *disks = json_object_new_array();
    struct json_object *vifs = json_object_new_array();
    struct json_object *p9s = json_object_new_array();

    for (uint32_t i = 0; i < c->nr_disks; i++)
        json_object_array_add(disks, dump_disk(&c->disks[i]));
    for (uint32_t i = 0; i < c->nr_vifs; i++)
        json_object_array_add(vifs, dump_vif(&c->vifs[i]));
    for (uint32_t i = 0; i < c->nr_p9s; i++)
        json_object_array_add(p9s, dump_p9(&c->p9s[i]));
    json_object_object_add(o, "disks", disks);
    json_object_object_add(o, "nics", vifs);
    json_object_object_add(o, "p9s", p9s);
}

static void add_action(struct json_object *o, const char *key, enum vm_action a)
{
    if (a != VM_DESTROY)
        add_text(o, key, vm_action_name(a));
}

/* Steps as they were written: which CPUs they mean, the host knows. */
static struct json_object *dump_cpus(const struct vm_cpus *c, uint32_t nr)
{
    struct json_object *list = json_object_new_array(), *one;
    char text[48];

    for (uint32_t i = 0; i < nr; i++) {
        one = json_object_new_array();
        for (uint32_t j = 0; j < c[i].nr_steps; j++) {
            const struct vm_cpus_step *s = &c[i].steps[j];
            int used = snprintf(text, sizeof(text), "%s%s", s->out ? "^" : "",
                                s->nodes ? "nodes:" : "");

            if (s->all)
                snprintf(text + used, sizeof(text) - used, "all");
            else
                snprintf(text + used, sizeof(text) - used, "%u-%u", s->first,
                         s->last);
            json_object_array_add(one, json_object_new_string(text));
        }
        json_object_array_add(list, one);
    }
    return list;
}

static struct json_object *dump_ours(const struct vm_config *c)
{
    struct json_object *o = json_object_new_object();
    struct json_object *cpuid = json_object_new_array();
    struct json_object *ids = json_object_new_array();
    struct json_object *any_mac = json_object_new_array();

    for (uint32_t i = 0; i < c->nr_cpuid; i++)
        json_object_array_add(cpuid, json_object_new_string(c->cpuid[i]));
    for (uint32_t i = 0; i < c->nr_disks; i++)
        json_object_array_add(ids, json_object_new_int64(c->disks[i].devid));
    for (uint32_t i = 0; i < c->nr_vifs; i++)
        if (c->vifs[i].any_mac)
            json_object_array_add(any_mac,
                                  json_object_new_int64(c->vifs[i].devid));
    json_object_object_add(o, "trust_backends",
                           json_object_new_boolean(c->trust_backends));
    json_object_object_add(o, "cpus", dump_cpus(c->hard, c->nr_hard));
    json_object_object_add(o, "cpus_soft", dump_cpus(c->soft, c->nr_soft));
    json_object_object_add(o, "cpuid", cpuid);
    json_object_object_add(o, "disk_devids", ids);
    json_object_object_add(o, "vif_any_mac", any_mac);
    return o;
}

struct json_object *dump_config(const struct vm_config *c)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "c_info", dump_identity(c));
    json_object_object_add(o, "b_info", dump_build(c));
    dump_devices(o, c);
    add_action(o, "on_poweroff", c->on_poweroff);
    add_action(o, "on_reboot", c->on_reboot);
    add_action(o, "on_watchdog", c->on_watchdog);
    add_action(o, "on_crash", c->on_crash);
    add_action(o, "on_soft_reset", c->on_soft_reset);
    json_object_object_add(o, "freehold", dump_ours(c));
    return o;
}
