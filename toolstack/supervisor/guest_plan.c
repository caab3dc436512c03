/* SPDX-License-Identifier: MIT */
/*
 * guest_plan.c - what a guest's host tells the next one beforehand
 *
 *   {"version": 1, "name", "uuid", "config": text, "memory_kib",
 *    "target_kib", "vcpus", "disks": [text, ..], "vifs": [text, ..]}
 *
 * config is what the guest was made from, with lines behind it for what it is
 * now: devices come and go, and a card's address may have been drawn.
 */
#include <errno.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "toolstack/supervisor/cfgparse.h"
#include "toolstack/supervisor/guest_devs.h"
#include "toolstack/supervisor/guest_json.h"
#include "toolstack/supervisor/guest_move.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/rundir.h"
#include "toolstack/supervisor/vmcfg.h"
#include "toolstack/supervisor/vmdisktext.h"
#include "toolstack/supervisor/vmviftext.h"

/* As the grammar reads it back. */
static void put_string(FILE *f, const char *text)
{
    fputc('"', f);
    for (; *text; text++)
        fprintf(f, strchr("\\\"", *text) ? "\\%c" : "%c", *text);
    fputc('"', f);
}

static void put_list(FILE *f, const char *key, struct json_object *list)
{
    size_t nr = json_object_array_length(list);

    fprintf(f, "%s = [ ", key);
    for (size_t i = 0; i < nr; i++) {
        fputs(i ? ", " : "", f);
        put_string(f,
                   json_object_get_string(json_object_array_get_idx(list, i)));
    }
    fputs(" ]\n", f);
}

static int add(struct json_object *list, char *text, struct err *e)
{
    if (!text)
        return fail(e, -ENOMEM, "plan: no memory");
    json_object_array_add(list, json_object_new_string(text));
    free(text);
    return 0;
}

static int add_limits(struct json_object *list, const struct vm_disk *d,
                      struct err *e)
{
    char *text;

    if (!d->iops_max && !d->bps_max)
        return 0;
    if (asprintf(&text, "%s iops=%" PRIu64 " bps=%" PRIu64, d->vdev,
                 d->iops_max, d->bps_max) < 0)
        text = NULL;
    return add(list, text, e);
}

static int list_disks(struct guest *g, struct json_object *disks,
                      struct json_object *limits, struct err *e)
{
    struct guest_dev *d = NULL;
    int rc = 0;

    while (rc == 0 && (d = guest_dev_next(g, DEVFILE_DISK, d))) {
        if (d->detached)
            continue;
        rc = add(disks, vmdisk_text(&d->disk), e);
        if (rc == 0)
            rc = add_limits(limits, &d->disk, e);
    }
    return rc;
}

/* With its rate, which vmvif_text() leaves to others. */
static char *card_text(const struct vm_vif *v)
{
    char *text = vmvif_text(v), *all = NULL;

    if (!text || !v->rate_bytes || !v->rate_usecs)
        return text;
    if (asprintf(&all, "%s,rate=%" PRIu64 "B/s@%uus", text,
                 v->rate_bytes * 1000000 / v->rate_usecs, v->rate_usecs) < 0)
        all = NULL;
    free(text);
    return all;
}

static int list_cards(struct guest *g, struct json_object *cards,
                      struct json_object *any_mac, struct err *e)
{
    struct guest_dev *d = NULL;
    int rc = 0;

    while (rc == 0 && (d = guest_dev_next(g, DEVFILE_VIF, d))) {
        char number[12];

        if (d->detached)
            continue;
        rc = add(cards, card_text(&d->card), e);
        snprintf(number, sizeof(number), "%u", d->devid);
        if (rc == 0 && d->card.any_mac)
            rc = add(any_mac, strdup(number), e);
    }
    return rc;
}

struct lists {
    struct json_object *disks, *limits, *cards, *any_mac;
};

static void put_lists(FILE *f, const struct lists *l)
{
    put_list(f, "disk", l->disks); /* none: all were detached */
    put_list(f, "vif", l->cards);
    put_list(f, "freehold_disk_limits", l->limits);
    put_list(f, "freehold_vif_any_mac", l->any_mac);
}

/* It may have been asked to keep another part of it since. */
static void put_memory(FILE *f, struct guest *g)
{
    uint64_t target_kib = guest_target_kib(g);

    if (target_kib != g->cfg->target_bytes / 1024 && target_kib % 1024 == 0)
        fprintf(f, "maxmem = %" PRIu64 "\nmemory = %" PRIu64 "\n",
                g->cfg->ram_bytes >> 20, target_kib / 1024);
}

/* The text that it was made from, and what is different by now. */
static int config_text(struct guest *g, const struct lists *l, char **out,
                       struct err *e)
{
    char path[PATH_MAX + 16], uuid[VM_UUID_TEXT];
    char *made_from = NULL;
    size_t bytes, out_bytes;
    FILE *f;
    int rc;

    snprintf(path, sizeof(path), "%s/config", g->dir->path);
    rc = cfgparse_read(path, &made_from, &bytes, e);
    if (rc < 0)
        return rc;
    f = open_memstream(out, &out_bytes);
    if (f) {
        vmcfg_uuid_text(g->cfg->uuid, uuid);
        fwrite(made_from, 1, bytes, f);
        fprintf(f, "\nname = \"%s\"\nuuid = \"%s\"\n", g->cfg->name, uuid);
        put_memory(f, g);
        put_lists(f, l);
        if (fclose(f))
            f = NULL;
    }
    free(made_from);
    return f ? 0 : fail(e, -ENOMEM, "plan: no memory");
}

/* Bytes of the character there; 0: it is none of UTF-8. */
static size_t char_bytes(const unsigned char *c)
{
    size_t nr = *c < 0x80             ? 1
                : (*c & 0xe0) == 0xc0 ? 2
                : (*c & 0xf0) == 0xe0 ? 3
                : (*c & 0xf8) == 0xf0 ? 4
                                      : 0;

    for (size_t i = 1; i < nr; i++)
        if ((c[i] & 0xc0) != 0x80)
            return 0;
    return nr;
}

/* JSON has no other; and who reads it there knows of no line. */
static int check_utf8(const struct guest *g, const char *config, struct err *e)
{
    uint32_t line = 1;
    size_t nr;

    for (const unsigned char *c = (const void *)config; *c; c += nr) {
        nr = char_bytes(c);
        if (nr == 0)
            return fail(e, -EINVAL,
                        "guest %s: migrate: its configuration: line %u: got "
                        "byte 0x%02x, want UTF-8",
                        g->cfg->name, line, *c);
        line += *c == '\n';
    }
    return 0;
}

static void fill(struct guest *g, const struct lists *l, const char *config,
                 struct json_object *o)
{
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(g->cfg->uuid, uuid);
    guest_json_number(o, "version", 1);
    guest_json_text(o, "name", g->cfg->name);
    guest_json_text(o, "uuid", uuid);
    guest_json_text(o, "config", config);
    guest_json_number(o, "memory_kib", g->cfg->ram_bytes / 1024);
    guest_json_number(o, "target_kib", guest_target_kib(g));
    guest_json_number(o, "vcpus", g->cfg->nr_vcpus);
    json_object_object_add(o, "disks", json_object_get(l->disks));
    json_object_object_add(o, "vifs", json_object_get(l->cards));
}

int guest_plan(struct guest *g, struct json_object **out, struct err *e)
{
    struct lists l = { json_object_new_array(), json_object_new_array(),
                       json_object_new_array(), json_object_new_array() };
    char *config = NULL;
    int rc = list_disks(g, l.disks, l.limits, e);

    if (rc == 0)
        rc = list_cards(g, l.cards, l.any_mac, e);
    if (rc == 0)
        rc = config_text(g, &l, &config, e);
    if (rc == 0)
        rc = check_utf8(g, config, e);
    if (rc == 0) {
        *out = json_object_new_object();
        fill(g, &l, config, *out);
    }
    free(config);
    json_object_put(l.disks);
    json_object_put(l.limits);
    json_object_put(l.cards);
    json_object_put(l.any_mac);
    return rc;
}
