/* SPDX-License-Identifier: MIT */
/*
 * hyp_sched.c - the hypercalls about vCPUs: where they run, and how much
 */
#include "toolstack/supervisor/hyp_sched.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/supervisor/hyp_priv.h"

#include "common/err.h"

static void set_bit(struct hyp_cpus *c, uint32_t i)
{
    c->bits[i / 8] |= (uint8_t)(1u << (i % 8));
}

static void clear_bit(struct hyp_cpus *c, uint32_t i)
{
    c->bits[i / 8] &= (uint8_t)~(1u << (i % 8));
}

int hyp_nr_cpus(struct hyp *h, struct err *e)
{
    int nr = xc_get_max_cpus(h->xc);

    if (nr <= 0)
        return fail(e, -EIO, "hypervisor: count the host's CPUs: %s",
                    strerror(errno));
    if (nr > (int)VMCPUS_MAX + 1) /* libxenctrl fills maps of its size */
        return fail(e, -EOPNOTSUPP,
                    "hypervisor: the host has %d CPUs, want at most %u", nr,
                    VMCPUS_MAX + 1);
    return nr;
}

int hyp_vcpu(struct hyp *h, uint16_t domid, uint32_t vcpu, struct hyp_vcpu *out,
             struct err *e)
{
    xc_vcpuinfo_t info;
    int rc = hyp_nr_cpus(h, e);

    if (rc < 0)
        return rc;
    *out = (struct hyp_vcpu){ .vcpu = vcpu };
    if (xc_vcpu_getinfo(h->xc, domid, vcpu, &info)) {
        if (errno == ESRCH)
            return -ESRCH;
        return fail(e, -errno, "domain %u: look at vCPU %u: %s", domid, vcpu,
                    strerror(errno));
    }
    out->cpu = info.cpu;
    out->online = info.online;
    out->running = info.running;
    out->blocked = info.blocked;
    out->cpu_ns = info.cpu_time;
    if (xc_vcpu_getaffinity(h->xc, domid, (int)vcpu, out->hard.bits,
                            out->soft.bits,
                            XEN_VCPUAFFINITY_HARD | XEN_VCPUAFFINITY_SOFT))
        return fail(e, -errno, "domain %u: see where vCPU %u may run: %s",
                    domid, vcpu, strerror(errno));
    return 0;
}

/* topo NULL: no step is about nodes. */
static void apply_step(const struct vm_cpus_step *s, uint32_t nr_cpus,
                       const xc_cputopo_t *topo, struct hyp_cpus *out)
{
    for (uint32_t i = 0; i < nr_cpus; i++) {
        uint32_t at = s->nodes && topo ? topo[i].node : i;

        if (!s->all && (at < s->first || at > s->last))
            continue;
        if (s->out)
            clear_bit(out, i);
        else
            set_bit(out, i);
    }
}

/* The node of each CPU; to be freed. */
static int read_topology(struct hyp *h, uint32_t nr_cpus, xc_cputopo_t **out,
                         struct err *e)
{
    unsigned int nr = nr_cpus;
    xc_cputopo_t *topo = calloc(nr_cpus, sizeof(*topo));

    if (!topo)
        return fail(e, -ENOMEM, "hypervisor: no memory");
    if (xc_cputopoinfo(h->xc, &nr, topo)) {
        free(topo);
        return fail(e, -errno, "hypervisor: see which CPU is on which node: %s",
                    strerror(errno));
    }
    for (uint32_t i = nr; i < nr_cpus; i++)
        topo[i].node = XEN_INVALID_NODE_ID;
    *out = topo;
    return 0;
}

int hyp_cpus_of(struct hyp *h, const struct vm_cpus *set, struct hyp_cpus *out,
                struct err *e)
{
    static const struct hyp_cpus none;
    xc_cputopo_t *topo = NULL;
    int nr_cpus = hyp_nr_cpus(h, e), rc = 0;
    bool nodes = false;

    if (nr_cpus < 0)
        return nr_cpus;
    for (uint32_t i = 0; i < set->nr_steps; i++)
        nodes |= set->steps[i].nodes && !set->steps[i].all;
    if (nodes)
        rc = read_topology(h, nr_cpus, &topo, e);
    if (rc < 0)
        return rc;
    *out = none;
    for (uint32_t i = 0; i < set->nr_steps; i++)
        apply_step(&set->steps[i], nr_cpus, topo, out);
    free(topo);
    if (memcmp(out, &none, sizeof(none)) == 0)
        return fail(e, -EINVAL,
                    "cpus: none of them is on this host, which has %d",
                    nr_cpus);
    return 0;
}

int hyp_pin(struct hyp *h, uint16_t domid, uint32_t vcpu,
            const struct hyp_cpus *hard, const struct hyp_cpus *soft,
            struct err *e)
{
    struct hyp_cpus in[2] = { { { 0 } }, { { 0 } } }; /* Xen answers in them */
    uint32_t flags =
        (hard ? XEN_VCPUAFFINITY_HARD : 0) | (soft ? XEN_VCPUAFFINITY_SOFT : 0);
    int rc = hyp_nr_cpus(h, e);

    if (rc < 0)
        return rc;
    if (hard)
        in[0] = *hard;
    if (soft)
        in[1] = *soft;
    if (flags == 0 || xc_vcpu_setaffinity(h->xc, domid, (int)vcpu, in[0].bits,
                                          in[1].bits, flags) == 0)
        return 0;
    return fail(e, -errno, "domain %u: pin vCPU %u: %s", domid, vcpu,
                strerror(errno));
}

static int set_credit(struct hyp *h, uint16_t domid, uint32_t weight,
                      uint32_t cap)
{
    struct xen_domctl_sched_credit s;

    if (xc_sched_credit_domain_get(h->xc, domid, &s))
        return -1;
    s.weight = weight ? weight : s.weight;
    s.cap = cap ? cap : s.cap;
    return xc_sched_credit_domain_set(h->xc, domid, &s);
}

static int set_credit2(struct hyp *h, uint16_t domid, uint32_t weight,
                       uint32_t cap)
{
    struct xen_domctl_sched_credit2 s;

    if (xc_sched_credit2_domain_get(h->xc, domid, &s))
        return -1;
    s.weight = weight ? weight : s.weight;
    s.cap = cap ? cap : s.cap;
    return xc_sched_credit2_domain_set(h->xc, domid, &s);
}

/* Its scheduler's number, or -EOPNOTSUPP when that has no shares. */
static int scheduler_of(struct hyp *h, uint16_t domid, struct err *e)
{
    xc_cpupoolinfo_t *pool;
    xc_domaininfo_t info;
    uint32_t scheduler;

    if (xc_domain_getinfo_single(h->xc, domid, &info))
        return fail(e, -errno, "domain %u: look at it: %s", domid,
                    strerror(errno));
    pool = xc_cpupool_getinfo(h->xc, info.cpupool);
    if (!pool)
        return fail(e, -errno, "domain %u: look at its pool: %s", domid,
                    strerror(errno));
    scheduler = pool->sched_id;
    xc_cpupool_infofree(h->xc, pool);
    if (scheduler == XEN_SCHEDULER_CREDIT || scheduler == XEN_SCHEDULER_CREDIT2)
        return (int)scheduler;
    return fail(e, -EOPNOTSUPP,
                "domain %u: set cpu_weight and cap: its scheduler, number "
                "%u, has none; want credit or credit2",
                domid, scheduler);
}

int hyp_set_share(struct hyp *h, uint16_t domid, uint32_t weight,
                  uint32_t cap_percent, struct err *e)
{
    int scheduler, r;

    if (!weight && !cap_percent)
        return 0;
    scheduler = scheduler_of(h, domid, e);
    if (scheduler < 0)
        return scheduler;
    r = scheduler == XEN_SCHEDULER_CREDIT
            ? set_credit(h, domid, weight, cap_percent)
            : set_credit2(h, domid, weight, cap_percent);
    if (r)
        return fail(e, -errno, "domain %u: set cpu_weight %u, cap %u: %s",
                    domid, weight, cap_percent, strerror(errno));
    return 0;
}

int hyp_next_pool(struct hyp *h, uint32_t *pool, struct err *e)
{
    xc_cpupoolinfo_t *info = xc_cpupool_getinfo(h->xc, *pool);

    if (!info && (errno == ENOENT || errno == ESRCH))
        return -ENOENT;
    if (!info)
        return fail(e, -errno, "hypervisor: look for pool %u: %s", *pool,
                    strerror(errno));
    *pool = info->cpupool_id;
    xc_cpupool_infofree(h->xc, info);
    return 0;
}

int hyp_nodes(struct hyp *h, uint16_t domid, struct hyp_cpus *out,
              struct err *e)
{
    xc_physinfo_t phys = { 0 };
    int room = xc_get_max_nodes(h->xc); /* what libxenctrl fills */

    *out = (struct hyp_cpus){ { 0 } };
    if (room <= 0 || room > (int)VMCPUS_MAX + 1 || xc_physinfo(h->xc, &phys) ||
        phys.nr_nodes > VMCPUS_MAX + 1 ||
        xc_domain_node_getaffinity(h->xc, domid, out->bits))
        return fail(e, -EIO, "domain %u: see its nodes: %s", domid,
                    strerror(errno));
    return (int)phys.nr_nodes;
}

int hyp_read_log(struct hyp *h, char *out, uint32_t out_bytes, bool clear,
                 uint32_t *index, struct err *e)
{
    unsigned int nr = out_bytes;

    if (xc_readconsolering(h->xc, out, &nr, clear, 1, index))
        return fail(e, -errno, "xen: read its log: %s", strerror(errno));
    return (int)nr;
}
