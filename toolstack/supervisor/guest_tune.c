/* SPDX-License-Identifier: MIT */
/*
 * guest_tune.c - how much of the host a guest gets, and where: before it is
 * launched by its configuration, then by whoever asks the API
 *
 *   sysrq {"key": "h"}                 for its kernel, by way of xenstore
 *   set_memory {"target_kib": N}       ask its balloon driver, and hold it to
 * it set_max_memory {"max_kib": N}      what set_memory may ask for at most
 *   set_vcpus {"count": N}             ask its kernel to use only the first N
 *   pin_vcpu {"vcpu": N, "hard": SET, "soft": SET}
 *                                      without vcpu: all, the steward's too;
 *                                      without a set: as it is
 *
 * How this works: what was asked lives in Xen and in the guest's tree alone; a
 * restart goes back to the configuration.  A guest was measured with its
 * memory map and its vCPUs, so nothing can be added to either.
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "abi/memory_map.h"
#include "common/checked.h"
#include "common/store.h"
#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/hyp_sched.h"
#include "toolstack/supervisor/vmcfg.h"

#define KIB 1024ull
#define NOT_THERE UINT64_MAX

/* ---- by configuration ---- */

int guest_find_pool(struct guest *g, uint32_t *out, struct err *e)
{
    const char *want = g->cfg->pool;
    uint32_t pool = 0;
    int rc = 0;

    *out = 0;
    while (want && (rc = hyp_next_pool(g->hyp, &pool, e)) == 0) {
        char path[64], number[16], *name;
        bool same;

        snprintf(path, sizeof(path), "/local/pool/%u/name", pool);
        snprintf(number, sizeof(number), "%u", pool);
        name = store_read(g->store, path);
        same = strcmp(number, want) == 0 || (name && strcmp(name, want) == 0);
        free(name);
        *out = pool++;
        if (same)
            return 0;
    }
    if (want && rc == -ENOENT)
        return fail(e, -EINVAL,
                    "guest %s: pool: got %.64s, which is none of "
                    "the host's; see xl cpupool-list",
                    g->cfg->name, want);
    return want ? rc : 0;
}

/* The set of a vCPU; the steward's, the last, may run where any other may. */
static int place(struct guest *g, uint32_t vcpu, const struct vm_cpus *sets,
                 uint32_t nr_sets, struct hyp_cpus *out, struct err *e)
{
    struct hyp_cpus one;
    bool steward = vcpu == g->cfg->nr_vcpus;
    int rc = 0;

    *out = (struct hyp_cpus){ { 0 } };
    for (uint32_t i = 0; i < nr_sets && rc == 0; i++) {
        if (nr_sets > 1 && !steward && i != vcpu)
            continue;
        rc = hyp_cpus_of(g->hyp, &sets[i], &one, e);
        for (uint32_t b = 0; b < sizeof(one.bits) && rc == 0; b++)
            out->bits[b] |= one.bits[b];
    }
    return rc;
}

/* A list that is shorter than the vCPUs leaves the others as they are. */
static bool has_set(const struct guest *g, uint32_t vcpu, uint32_t nr_sets)
{
    if (vcpu == g->cfg->nr_vcpus)
        return nr_sets == 1 || nr_sets >= g->cfg->nr_vcpus;
    return nr_sets == 1 || vcpu < nr_sets;
}

int guest_place(struct guest *g, struct err *e)
{
    const struct vm_config *c = g->cfg;
    struct hyp_cpus hard, soft;
    int rc = hyp_set_share(g->hyp, g->domid, c->cpu_weight, c->cap_percent, e);

    if (c->nr_hard == 0 && c->nr_soft == 0)
        return rc;
    for (uint32_t v = 0; v <= c->nr_vcpus && rc == 0; v++) {
        bool has_hard = has_set(g, v, c->nr_hard);
        bool has_soft = has_set(g, v, c->nr_soft);

        rc = place(g, v, c->hard, c->nr_hard, &hard, e);
        if (rc == 0)
            rc = place(g, v, c->soft, c->nr_soft, &soft, e);
        if (rc == 0)
            rc = hyp_pin(g->hyp, g->domid, v, has_hard ? &hard : NULL,
                         has_soft ? &soft : NULL, e);
    }
    return rc;
}

/* ---- by the API ---- */

static int want_running(struct guest *g, const char *what, struct err *e)
{
    if (g->state == GUEST_RUNNING)
        return guest_store_want(g, what, e);
    return fail(e, -EBUSY, "guest %s: %s: it is %s, want running", g->cfg->name,
                what, guest_state_name(g->state));
}

/* A number of params; NOT_THERE: absent, or none. */
static uint64_t number_of(struct json_object *params, const char *key)
{
    struct json_object *value;

    if (!params || !json_object_object_get_ex(params, key, &value) ||
        !json_object_is_type(value, json_type_int) ||
        json_object_get_int64(value) < 0)
        return NOT_THERE;
    return (uint64_t)json_object_get_int64(value);
}

static const char *text_of(struct json_object *params, const char *key)
{
    struct json_object *value;

    if (!params || !json_object_object_get_ex(params, key, &value) ||
        !json_object_is_type(value, json_type_string))
        return NULL;
    return json_object_get_string(value);
}

static int put(struct guest *g, const char *leaf, const char *value,
               struct err *e)
{
    char path[96];

    snprintf(path, sizeof(path), "/local/domain/%u/%s", g->domid, leaf);
    return store_write(g->store, path, value, e);
}

static int put_kib(struct guest *g, const char *leaf, uint64_t kib,
                   struct err *e)
{
    char value[32];

    snprintf(value, sizeof(value), "%llu", (unsigned long long)kib);
    return put(g, leaf, value, e);
}

/* Only we write there.  unset: what it is without a node. */
static uint64_t get_kib(struct guest *g, const char *leaf, uint64_t unset)
{
    char path[96], *text;
    uint64_t kib = unset;

    snprintf(path, sizeof(path), "/local/domain/%u/%s", g->domid, leaf);
    text = store_read(g->store, path);
    if (text)
        kib = strtoull(text, NULL, 10);
    free(text);
    return kib;
}

uint64_t guest_target_kib(struct guest *g)
{
    uint64_t kib = g->cfg->target_bytes / KIB;

    return g->state == GUEST_RUNNING || g->state == GUEST_SUSPENDED
               ? get_kib(g, "memory/target", kib)
               : kib;
}

static uint64_t static_max_kib(struct guest *g)
{
    return get_kib(g, "memory/static-max", g->cfg->ram_bytes / KIB);
}

static int call_sysrq(struct guest *g, struct json_object *params,
                      struct err *e)
{
    const char *key = text_of(params, "key");
    int rc = want_running(g, "sysrq", e);

    if (rc < 0)
        return rc;
    if (!key || strlen(key) != 1 || !isalnum((unsigned char)*key))
        return fail(e, -EINVAL, "sysrq: got %.16s, want one letter or digit",
                    key ? key : "nothing");
    return put(g, "control/sysrq", key, e);
}

static int call_set_memory(struct guest *g, struct json_object *params,
                           struct err *e)
{
    uint64_t kib = number_of(params, "target_kib"), most;
    int rc = want_running(g, "set its memory", e);

    if (rc < 0)
        return rc;
    most = static_max_kib(g);
    if (kib == NOT_THERE || kib < FH_RAM_MIN / KIB || kib > most)
        return fail(e, -ERANGE,
                    "guest %s: set its memory: got %lld KiB, want %llu..%llu, "
                    "its maxmem",
                    g->cfg->name, kib == NOT_THERE ? -1ll : (long long)kib,
                    FH_RAM_MIN / KIB, (unsigned long long)most);
    rc = hyp_limit_memory(g->hyp, g->domid, kib * KIB, e);
    return rc == 0 ? put_kib(g, "memory/target", kib, e) : rc;
}

static int call_set_max_memory(struct guest *g, struct json_object *params,
                               struct err *e)
{
    uint64_t kib = number_of(params, "max_kib"), target;
    uint64_t built = g->cfg->ram_bytes / KIB;
    int rc = want_running(g, "set its maxmem", e);

    if (rc < 0)
        return rc;
    target = guest_target_kib(g);
    if (kib == NOT_THERE || kib < target || kib > built)
        return fail(e, -ERANGE,
                    "guest %s: set its maxmem: got %lld KiB, want %llu, its "
                    "target, to %llu, with which it was built and measured",
                    g->cfg->name, kib == NOT_THERE ? -1ll : (long long)kib,
                    (unsigned long long)target, (unsigned long long)built);
    rc = hyp_limit_memory(g->hyp, g->domid, kib * KIB, e);
    return rc == 0 ? put_kib(g, "memory/static-max", kib, e) : rc;
}

static int call_set_vcpus(struct guest *g, struct json_object *params,
                          struct err *e)
{
    uint64_t nr = number_of(params, "count");
    struct store_tree *t = NULL;
    int rc = want_running(g, "set its vCPUs", e);

    if (rc < 0)
        return rc;
    if (nr < 1 || nr > g->cfg->nr_vcpus)
        return fail(e, -ERANGE,
                    "guest %s: set its vCPUs: got %lld, want 1..%u, with which "
                    "it was built and measured",
                    g->cfg->name, nr == NOT_THERE ? -1ll : (long long)nr,
                    g->cfg->nr_vcpus);
    rc = store_tree_new(&t, e);
    for (uint32_t i = 0; rc == 0 && i < g->cfg->nr_vcpus; i++) {
        char path[96];

        snprintf(path, sizeof(path), "/local/domain/%u/cpu/%u/availability",
                 g->domid, i);
        store_tree_write(t, path, i < nr ? "online" : "offline");
    }
    if (rc == 0)
        rc = store_tree_commit(t, e);
    store_tree_free(t);
    return rc;
}

/* Returns 1 and the CPUs, 0 when nothing was said, or a negative errno. */
static int set_of(struct guest *g, struct json_object *params, const char *key,
                  struct hyp_cpus *out, struct err *e)
{
    const char *text = text_of(params, key);
    struct vm_cpus set = { 0 };
    int rc;

    if (!text)
        return 0;
    rc = vmcpus_parse(text, &set, e);
    if (rc == 0)
        rc = hyp_cpus_of(g->hyp, &set, out, e);
    vmcpus_free(&set);
    return rc < 0 ? rc : 1;
}

static int call_pin(struct guest *g, struct json_object *params, struct err *e)
{
    uint64_t vcpu = number_of(params, "vcpu");
    uint32_t first = 0, last = g->cfg->nr_vcpus; /* the steward's */
    struct hyp_cpus hard, soft;
    int has_hard, has_soft, rc;

    if (g->domid == HYP_DOMID_NONE)
        return fail(e, -EBUSY, "guest %s: pin: it has no domain now",
                    g->cfg->name);
    if (vcpu != NOT_THERE && vcpu >= g->cfg->nr_vcpus)
        return fail(e, -ERANGE, "guest %s: pin: got vCPU %llu, want 0..%u",
                    g->cfg->name, (unsigned long long)vcpu,
                    g->cfg->nr_vcpus - 1);
    if (vcpu != NOT_THERE)
        first = last = (uint32_t)vcpu;
    has_hard = set_of(g, params, "hard", &hard, e);
    if (has_hard < 0)
        return has_hard;
    has_soft = set_of(g, params, "soft", &soft, e);
    if (has_soft < 0)
        return has_soft;
    for (rc = 0; first <= last && rc == 0; first++)
        rc = hyp_pin(g->hyp, g->domid, first, has_hard ? &hard : NULL,
                     has_soft ? &soft : NULL, e);
    return rc;
}

int guest_tune(struct guest *g, const char *method, struct json_object *params,
               struct err *e)
{
    static const struct {
        const char *method;
        int (*call)(struct guest *g, struct json_object *params, struct err *e);
    } table[] = {
        { "sysrq", call_sysrq },
        { "set_memory", call_set_memory },
        { "set_max_memory", call_set_max_memory },
        { "set_vcpus", call_set_vcpus },
        { "pin_vcpu", call_pin },
    };

    for (uint32_t i = 0; i < ARRAY_SIZE(table); i++)
        if (strcmp(table[i].method, method) == 0)
            return table[i].call(g, params, e);
    return -ENOSYS;
}
