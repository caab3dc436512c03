/* SPDX-License-Identifier: MIT */
/*
 * list.c - `freehold list`
 *
 * How this works: without -l it is a look at Xen and the run directories, and
 * only supervisors of suspended guests are asked: such a one may be between two
 * hosts.  With it each supervisor tells the configuration that its guest runs
 * by.
 *
 * The text is columns.c's.  A domain's label is never known: Xen's default
 * policy has none.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/store.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/devinfo.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/gather.h"
#include "toolstack/cli/host.h"

#define ANSWER_MS 2000

/* The info of one that may be fenced; NULL: of no other, or it is not told. */
static struct json_object *info_of(const struct target *t)
{
    struct json_object *info = NULL;

    if (t->has_domain && t->domain.shutdown && t->domain.reason == HYP_SUSPEND)
        gather_info(RUNDIR_BASE, t, 1, ANSWER_MS, &info, NULL);
    return info;
}

/* Its "migration", the info's own; NULL: there is none. */
static struct json_object *transfer_of(struct json_object *info)
{
    struct json_object *m = NULL;

    if (info)
        json_object_object_get_ex(info, "migration", &m);
    return m;
}

/* The same of one that comes, whose supervisor is not asked. */
static struct json_object *receiving(void)
{
    struct json_object *m = json_object_new_object();

    json_object_object_add(m, "state", json_object_new_string("receiving"));
    return m;
}

static struct json_object *row_object(const struct target *t)
{
    struct json_object *o = json_object_new_object(), *info;
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
    json_object_object_add(o, "vcpus",
                           json_object_new_int(columns_vcpus(d, d->nr_online)));
    json_object_object_add(o, "running", json_object_new_boolean(d->running));
    json_object_object_add(o, "blocked", json_object_new_boolean(d->blocked));
    json_object_object_add(o, "paused", json_object_new_boolean(d->paused));
    json_object_object_add(o, "dying", json_object_new_boolean(d->dying));
    json_object_object_add(o, "pool", json_object_new_int((int)d->pool));
    if (d->shutdown)
        json_object_object_add(o, "shutdown_reason",
                               json_object_new_int(d->reason));
    json_object_object_add(o, "cpu_time_ms",
                           json_object_new_uint64(d->cpu_ns / 1000000));
    info = info_of(t);
    if (transfer_of(info))
        json_object_object_add(o, "migration",
                               json_object_get(transfer_of(info)));
    else if (t->state.receives)
        json_object_object_add(o, "migration", receiving());
    json_object_put(info);
    return o;
}

/* A pool's name; to be freed.  NULL: it has none. */
static char *pool_name(struct store *s, uint32_t pool)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/pool/%u/name", pool);
    return s ? store_read(s, path) : NULL;
}

static int print_row(struct host *h, const struct target *t,
                     const struct list_options *o, struct err *e)
{
    char *pool = o->pool ? pool_name(h->store, t->domain.pool) : NULL;
    struct hyp_cpus nodes = { { 0 } };
    struct json_object *info = info_of(t), *m = transfer_of(info);
    struct list_extra extra = { .pool = pool ? pool : "-",
                                .transfer = m ? devinfo_text(m, "state")
                                            : t->state.receives ? "receiving"
                                                                : NULL,
                                .nodes = &nodes };
    int rc = 0;

    if (o->nodes && t->has_domain)
        rc = hyp_nodes(h->hyp, t->domain.domid, &nodes, e);
    extra.nr_nodes = rc > 0 ? rc : 0;
    if (rc >= 0)
        columns_list(stdout, o, t, &extra);
    json_object_put(info);
    free(pool);
    return rc < 0 ? rc : 0;
}

static int print_all(const struct cmd_context *x, struct host *h,
                     const struct list_options *o, struct err *e)
{
    struct json_object *array;
    int rc = 0;

    if (x->json) {
        array = json_object_new_array();
        for (int i = 0; i < h->nr; i++)
            json_object_array_add(array, row_object(&h->list[i]));
        cmd_print_json(array);
        return 0;
    }
    columns_list_head(stdout, o);
    for (int i = 0; i < h->nr && rc == 0; i++)
        rc = print_row(h, &h->list[i], o, e);
    return rc;
}

/* As libxl has it: {"domid", "config"}; a guest that cannot tell says why. */
static int long_object(const struct target *t, struct json_object **out,
                       struct err *e)
{
    struct json_object *o = json_object_new_object(), *config = NULL;
    struct client *c = NULL;
    int rc = 0;

    if (!t->state.supervised)
        rc = fail(e, -ESRCH,
                  "guest %s: list -l: its supervisor died, and with it its "
                  "configuration; freehold run takes it over",
                  t->name);
    if (rc == 0)
        rc = client_open(t->name, &c, e);
    if (rc == 0)
        rc = client_call(c, "config", NULL, &config, e);
    client_close(c);
    json_object_object_add(o, "domid",
                           t->has_domain ? json_object_new_int(t->domain.domid)
                                         : NULL);
    if (rc == 0) {
        json_object_object_add(o, "config", config);
    } else {
        json_object_object_add(o, "name", json_object_new_string(t->name));
        json_object_object_add(o, "error", json_object_new_string(e->text));
    }
    *out = o;
    return rc;
}

/* Of our guests; the others' configurations are xl's. */
static int print_long(struct host *h, bool one, struct err *e)
{
    struct json_object *array = json_object_new_array();
    int rc = 0;

    for (int i = 0; i < h->nr; i++) {
        struct err own = { 0 };
        struct json_object *o;

        if (!h->list[i].known && one)
            rc = fail(e, -EINVAL,
                      "guest %s: list -l: it is no guest of ours; use xl",
                      h->list[i].name);
        if (!h->list[i].known)
            continue;
        rc = long_object(&h->list[i], &o, one ? e : &own);
        json_object_array_add(array, o);
        if (rc < 0 && !one)
            fprintf(stderr, "freehold: %s\n", own.text);
    }
    if (one && rc < 0) {
        json_object_put(array);
        return rc;
    }
    cmd_print_json(array);
    return 0;
}

static const struct option long_options[] = {
    { "long", no_argument, NULL, 'l' },
    { "verbose", no_argument, NULL, 'v' },
    { "context", no_argument, NULL, 'Z' },
    { "cpupool", no_argument, NULL, 'c' },
    { "numa", no_argument, NULL, 'n' },
    { NULL, 0, NULL, 0 },
};

int cmd_list(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct list_options o = { 0 };
    bool is_long = false;
    struct host h;
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "lvZcn", long_options, NULL)) !=
           -1) {
        if (option == '?')
            return EXIT_USAGE;
        is_long |= option == 'l';
        o.verbose |= option == 'v';
        o.label |= option == 'Z';
        o.pool |= option == 'c';
        o.nodes |= option == 'n';
    }
    if (argc - optind > 1)
        return EXIT_USAGE;
    rc = host_open(&h, argc - optind, argv + optind, true, e);
    if (rc == 0 && is_long)
        rc = print_long(&h, argc > optind, e);
    else if (rc == 0)
        rc = print_all(x, &h, &o, e);
    host_close(&h);
    return rc;
}
