/* SPDX-License-Identifier: MIT */
/*
 * vcpu.c - `freehold vcpu-list`
 */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/host.h"

/* A set as text: what xl prints is also what vcpu-pin reads. */
static struct json_object *set_object(const struct hyp_cpus *set, uint32_t nr)
{
    struct json_object *o = NULL;
    size_t text_bytes;
    char *text = NULL;
    FILE *f = open_memstream(&text, &text_bytes);

    if (!f)
        return NULL;
    columns_set(f, set, nr);
    if (fclose(f) == 0)
        o = json_object_new_string(text);
    free(text);
    return o;
}

static struct json_object *vcpu_object(const struct target *t,
                                       const struct hyp_vcpu *v,
                                       uint32_t nr_cpus)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "name", json_object_new_string(t->name));
    json_object_object_add(o, "domid", json_object_new_int(t->domain.domid));
    json_object_object_add(o, "vcpu", json_object_new_int((int)v->vcpu));
    json_object_object_add(o, "online", json_object_new_boolean(v->online));
    json_object_object_add(o, "running", json_object_new_boolean(v->running));
    json_object_object_add(o, "blocked", json_object_new_boolean(v->blocked));
    if (v->online)
        json_object_object_add(o, "cpu", json_object_new_int((int)v->cpu));
    json_object_object_add(o, "cpu_time_ms",
                           json_object_new_uint64(v->cpu_ns / 1000000));
    json_object_object_add(o, "hard", set_object(&v->hard, nr_cpus));
    json_object_object_add(o, "soft", set_object(&v->soft, nr_cpus));
    return o;
}

/* A domain that goes away meanwhile is no error. */
static int list_one(struct host *h, const struct target *t, int nr_cpus,
                    struct json_object *array, struct err *e)
{
    uint32_t nr = columns_vcpus(&t->domain, t->domain.nr_vcpus);
    struct hyp_vcpu v;

    for (uint32_t i = 0; i < nr; i++) {
        int rc = hyp_vcpu(h->hyp, t->domain.domid, i, &v, e);

        if (rc == -ESRCH)
            return 0;
        if (rc < 0)
            return rc;
        if (array)
            json_object_array_add(array, vcpu_object(t, &v, nr_cpus));
        else
            columns_vcpu(stdout, t, &v, nr_cpus);
    }
    return 0;
}

int cmd_vcpu_list(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *array = NULL;
    struct host h;
    int rc = host_open(&h, argc - 1, argv + 1, false, e), nr_cpus;

    if (rc == 0)
        rc = hyp_nr_cpus(h.hyp, e);
    nr_cpus = rc;
    if (rc > 0 && x->json)
        array = json_object_new_array();
    else if (rc > 0)
        columns_vcpu_head(stdout);
    for (int i = 0; rc >= 0 && i < h.nr; i++)
        rc = list_one(&h, &h.list[i], nr_cpus, array, e);
    if (rc >= 0 && array)
        cmd_print_json(json_object_get(array));
    json_object_put(array);
    host_close(&h);
    return rc < 0 ? rc : 0;
}
