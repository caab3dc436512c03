/* SPDX-License-Identifier: MIT */
/*
 * list.c - `freehold list`
 *
 * The columns are `xl list`'s, byte for byte (Xen 4.20, tools/xl/xl_list.c);
 * what we add stands behind them.
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/target.h"

/* The guest's own: the steward's vCPU is `freehold info`'s business. */
static uint32_t guest_vcpus(const struct hyp_info *d)
{
    return d->protected && d->nr_online > 0 ? d->nr_online - 1 : d->nr_online;
}

static char reason_letter(const struct hyp_info *d)
{
    static const char letters[] = "-rscwS";

    if (!d->shutdown)
        return '-';
    return d->reason < sizeof(letters) - 1 ? letters[d->reason] : '?';
}

static const char *remark(const struct target *t)
{
    if (!t->known || t->state.supervised)
        return "";
    return t->has_domain ? "  no supervisor" : "  no domain, no supervisor";
}

static void print_row(const struct target *t)
{
    const struct hyp_info *d = &t->domain;

    if (!t->has_domain) {
        printf("%-40s %5s %5s %5s     %s  %8s%s\n", t->name, "-", "-", "-",
               "------", "-",
               t->state.supervised ? "  between two domains" : remark(t));
        return;
    }
    printf("%-40s %5d %5lu %5d     %c%c%c%c%c%c  %8.1f%s\n",
           t->name[0] ? t->name : "(null)", d->domid,
           (unsigned long)(d->mem_pages * PAGE_BYTES / MIB_BYTES),
           guest_vcpus(d), d->running ? 'r' : '-', d->blocked ? 'b' : '-',
           d->paused ? 'p' : '-', d->shutdown ? 's' : '-', reason_letter(d),
           d->dying ? 'd' : '-', (double)d->cpu_ns / 1e9, remark(t));
}

static struct json_object *row_object(const struct target *t)
{
    struct json_object *o = json_object_new_object();
    const struct hyp_info *d = &t->domain;
    char uuid[VM_UUID_TEXT];

    json_object_object_add(o, "name", json_object_new_string(t->name));
    json_object_object_add(o, "ours", json_object_new_boolean(t->known));
    if (t->known)
        json_object_object_add(o, "supervised",
                               json_object_new_boolean(t->state.supervised));
    if (!t->has_domain)
        return o;
    vmcfg_uuid_text(d->uuid, uuid);
    json_object_object_add(o, "domid", json_object_new_int(d->domid));
    json_object_object_add(o, "uuid", json_object_new_string(uuid));
    json_object_object_add(o, "protected",
                           json_object_new_boolean(d->protected));
    json_object_object_add(
        o, "memory_mib",
        json_object_new_uint64(d->mem_pages * PAGE_BYTES / MIB_BYTES));
    json_object_object_add(o, "vcpus", json_object_new_int(guest_vcpus(d)));
    json_object_object_add(o, "running", json_object_new_boolean(d->running));
    json_object_object_add(o, "blocked", json_object_new_boolean(d->blocked));
    json_object_object_add(o, "paused", json_object_new_boolean(d->paused));
    json_object_object_add(o, "dying", json_object_new_boolean(d->dying));
    if (d->shutdown)
        json_object_object_add(o, "shutdown_reason",
                               json_object_new_int(d->reason));
    json_object_object_add(o, "cpu_time_ms",
                           json_object_new_uint64(d->cpu_ns / 1000000));
    return o;
}

static void print_all(const struct cmd_context *x, const struct target *list,
                      int nr)
{
    struct json_object *array;

    if (x->json) {
        array = json_object_new_array();
        for (int i = 0; i < nr; i++)
            json_object_array_add(array, row_object(&list[i]));
        cmd_print_json(array);
        return;
    }
    printf("Name                                        ID   Mem VCPUs\t"
           "State\tTime(s)\n");
    for (int i = 0; i < nr; i++)
        print_row(&list[i]);
}

int cmd_list(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct target one, *list = NULL;
    struct store *s = NULL;
    struct hyp *h = NULL;
    int rc;

    if (argc > 2)
        return EXIT_USAGE;
    rc = hyp_open(&h, e);
    if (rc < 0)
        return rc;
    if (store_open(&s, NULL) < 0)
        s = NULL; /* names of others are a courtesy */
    if (argc == 2) {
        rc = target_find(h, s, argv[1], &one, e);
        if (rc == 0)
            print_all(x, &one, 1);
    } else {
        rc = target_list(h, s, &list, e);
        if (rc >= 0)
            print_all(x, list, rc);
    }
    free(list);
    store_close(s);
    hyp_close(h);
    return rc < 0 ? rc : 0;
}
