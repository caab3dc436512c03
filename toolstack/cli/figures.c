/* SPDX-License-Identifier: MIT */
/*
 * figures.c - what is measured of the host and of each guest
 *
 * How this works: tables of families, the host's, the guests', their disks'
 * (figures_disk.c) and cards' (figures_vif.c); both forms walk them.  A figure
 * that is not known has no sample.  Types are gauge and counter only:
 * node_exporter's textfile collector knows no others.
 */
#include "toolstack/cli/figures.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/figures_priv.h"
#include "toolstack/supervisor/guest.h"

#define LABELS_MAX 2u

struct family {
    struct om_family om;
    const char *label; /* NULL: one sample a guest */
    const char *(*label_at)(int i);
    /* False: not known. */
    bool (*get)(const struct figures_guest *g, const char *label, double *out);
};

/* ---- what a guest's figures are ---- */

static bool from_info(const struct figures_guest *g, const char *key,
                      double factor, double *out)
{
    struct json_object *v;

    if (!g->info || !json_object_object_get_ex(g->info, key, &v))
        return false;
    *out = json_object_get_double(v) * factor;
    return true;
}

static bool get_up(const struct figures_guest *g, const char *label,
                   double *out)
{
    (void)label;
    *out = g->info != NULL;
    return true;
}

static const char *state_at(int i)
{
    return i < GUEST_STATES ? guest_state_name(i) : NULL;
}

static bool get_state(const struct figures_guest *g, const char *label,
                      double *out)
{
    struct json_object *v;

    if (!g->info || !json_object_object_get_ex(g->info, "state", &v))
        return false;
    *out = strcmp(json_object_get_string(v), label) == 0;
    return true;
}

static bool get_cpu(const struct figures_guest *g, const char *label,
                    double *out)
{
    (void)label;
    *out = (double)g->target->domain.cpu_ns / 1e9;
    return g->target->has_domain;
}

static bool get_populated(const struct figures_guest *g, const char *label,
                          double *out)
{
    (void)label;
    *out = (double)g->target->domain.mem_pages * PAGE_BYTES;
    return g->target->has_domain;
}

static bool get_target(const struct figures_guest *g, const char *label,
                       double *out)
{
    (void)label;
    return from_info(g, "memory_target_kib", 1024, out);
}

static bool get_max(const struct figures_guest *g, const char *label,
                    double *out)
{
    (void)label;
    return from_info(g, "max_memory_mib", MIB_BYTES, out);
}

static bool get_vcpus(const struct figures_guest *g, const char *label,
                      double *out)
{
    const struct hyp_info *d = &g->target->domain;

    (void)label;
    *out = columns_vcpus(d, d->nr_online);
    return g->target->has_domain;
}

static bool get_restarts(const struct figures_guest *g, const char *label,
                         double *out)
{
    (void)label;
    return from_info(g, "restarts", 1, out);
}

static bool get_resident(const struct figures_guest *g, const char *label,
                         double *out)
{
    (void)label;
    *out = (double)g->resident_bytes;
    return g->resident_bytes > 0;
}

static const char *phase_at(int i)
{
    static const char *const phase[] = { "hypercalls", "xenstore", "load",
                                         "launch", "total" };

    return i < (int)ARRAY_SIZE(phase) ? phase[i] : NULL;
}

static bool get_phase(const struct figures_guest *g, const char *label,
                      double *out)
{
    struct json_object *times, *v;
    char key[32];

    snprintf(key, sizeof(key), "%s_us", label);
    if (!g->info || !json_object_object_get_ex(g->info, "times", &times) ||
        !json_object_object_get_ex(times, key, &v))
        return false;
    *out = json_object_get_double(v) / 1e6;
    return *out > 0; /* an adopted guest's are its first supervisor's */
}

static bool get_console(const struct figures_guest *g, const char *label,
                        double *out)
{
    (void)label;
    return from_info(g, "console_bytes", 1, out);
}

static bool get_start(const struct figures_guest *g, const char *label,
                      double *out)
{
    (void)label;
    *out = (double)g->start_s;
    return g->start_s > 0;
}

/* clang-format off */
#define GAUGE(name, unit, help) { "freehold_guest_" name, "gauge", unit, help }
#define COUNTER(name, unit, help) \
    { "freehold_guest_" name, "counter", unit, help }

static const struct family families[] = {
    { GAUGE("up", NULL, "Whether its supervisor answers."),
      NULL, NULL, get_up },
    { GAUGE("state", NULL, "1 for the state that it is in."),
      "state", state_at, get_state },
    { COUNTER("cpu_seconds", "seconds",
              "What its vCPUs ran, the steward's among them."),
      NULL, NULL, get_cpu },
    { GAUGE("memory_populated_bytes", "bytes", "What it has of the host."),
      NULL, NULL, get_populated },
    { GAUGE("memory_target_bytes", "bytes", "What it was asked to keep."),
      NULL, NULL, get_target },
    { GAUGE("memory_max_bytes", "bytes", "What it was built with."),
      NULL, NULL, get_max },
    { GAUGE("vcpus_online", NULL, "vCPUs in use, without the steward's."),
      NULL, NULL, get_vcpus },
    { COUNTER("restarts", NULL, "How often this supervisor made it anew."),
      NULL, NULL, get_restarts },
    { GAUGE("supervisor_resident_bytes", "bytes",
            "Memory of dom0 that its supervisor uses."),
      NULL, NULL, get_resident },
    { GAUGE("launch_seconds", "seconds",
            "How long each phase of its last making took."),
      "phase", phase_at, get_phase },
    { COUNTER("console_bytes", "bytes",
              "What its console said to this supervisor."),
      NULL, NULL, get_console },
    { GAUGE("start_time_seconds", "seconds",
            "When its domain was made, since 1970."),
      NULL, NULL, get_start },
};

static const struct om_family build_family = {
    "freehold_build_info", "gauge", NULL, "1; which versions run here."
};

static const struct om_family host_families[] = {
    { "freehold_host_memory_size_bytes", "gauge", "bytes",
      "Memory of the host." },
    { "freehold_host_memory_free_bytes", "gauge", "bytes",
      "What nobody has and nobody claimed." },
    { "freehold_host_cpus", "gauge", NULL, "CPUs that are on." },
};
/* clang-format on */

static double host_value(const struct hyp_host *h, uint32_t i)
{
    const double value[] = { (double)h->total_bytes, (double)h->free_bytes,
                             h->nr_cpus };

    _Static_assert(ARRAY_SIZE(value) == ARRAY_SIZE(host_families), "host");
    return value[i];
}

/* ---- both forms ---- */

void figures_sample(const struct sink *s, const struct om_family *f,
                    const struct om_label *labels, uint32_t nr, double value)
{
    struct json_object *o, *l;

    if (s->text) {
        om_sample(s->text, f, labels, nr, value);
        return;
    }
    o = json_object_new_object();
    l = json_object_new_object();
    for (uint32_t i = 0; i < nr; i++)
        json_object_object_add(l, labels[i].key,
                               json_object_new_string(labels[i].value));
    json_object_object_add(o, "labels", l);
    json_object_object_add(o, "value", json_object_new_double(value));
    json_object_array_add(s->array, o);
}

void figures_begin(struct sink *s, struct json_object *all,
                   const struct om_family *f)
{
    struct json_object *o;

    if (s->text) {
        om_head(s->text, f);
        return;
    }
    o = json_object_new_object();
    s->array = json_object_new_array();
    json_object_object_add(o, "name", json_object_new_string(f->name));
    json_object_object_add(o, "type", json_object_new_string(f->type));
    if (f->unit)
        json_object_object_add(o, "unit", json_object_new_string(f->unit));
    json_object_object_add(o, "help", json_object_new_string(f->help));
    json_object_object_add(o, "samples", s->array);
    json_object_array_add(all, o);
}

static void put_guest(const struct sink *s, const struct family *f,
                      const struct figures_guest *g)
{
    struct om_label labels[LABELS_MAX] = { { "name", g->target->name } };
    double value;

    if (!f->label) {
        if (f->get(g, NULL, &value))
            figures_sample(s, &f->om, labels, 1, value);
        return;
    }
    labels[1].key = f->label;
    for (int i = 0; (labels[1].value = f->label_at(i)); i++)
        if (f->get(g, labels[1].value, &value))
            figures_sample(s, &f->om, labels, 2, value);
}

static void walk(struct sink *s, struct json_object *all,
                 const struct figures *f)
{
    const struct om_label versions[LABELS_MAX] = {
        { "version", f->version },
        { "xen", f->host->xen_version },
    };

    figures_begin(s, all, &build_family);
    figures_sample(s, &build_family, versions, LABELS_MAX, 1);
    for (uint32_t i = 0; i < ARRAY_SIZE(host_families); i++) {
        figures_begin(s, all, &host_families[i]);
        figures_sample(s, &host_families[i], NULL, 0, host_value(f->host, i));
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(families); i++) {
        figures_begin(s, all, &families[i].om);
        for (int k = 0; k < f->nr_guests; k++)
            put_guest(s, &families[i], &f->guests[k]);
    }
    figures_disks(s, all, f);
    figures_vifs(s, all, f);
}

void figures_write(FILE *to, const struct figures *f)
{
    struct sink s = { .text = to };

    walk(&s, NULL, f);
    om_end(to);
}

struct json_object *figures_object(const struct figures *f)
{
    struct json_object *all = json_object_new_array();
    struct sink s = { 0 };

    walk(&s, all, f);
    return all;
}
