/* SPDX-License-Identifier: MIT */
/*
 * fake_xc_sched.c - libxenctrl's names about CPUs, over the fake host
 *
 * It has FAKE_CPUS in two nodes, pools 0 and 1, and keeps what a vCPU was
 * pinned to; a vCPU that never was may run everywhere.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h> /* before the other headers of Xen */

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"

static int lose(int error)
{
    errno = error;
    return -1;
}

int xc_get_max_cpus(xc_interface *xch)
{
    (void)xch;
    return FAKE_CPUS;
}

int xc_get_max_nodes(xc_interface *xch)
{
    (void)xch;
    return 64; /* that there could be, as Xen says */
}

int xc_cputopoinfo(xc_interface *xch, unsigned *max_cpus, xc_cputopo_t *cputopo)
{
    (void)xch;
    if (fake_fails())
        return lose(EIO);
    for (uint32_t i = 0; i < *max_cpus; i++)
        cputopo[i].node = i / 4;
    return 0;
}

int xc_vcpu_getinfo(xc_interface *xch, uint32_t domid, uint32_t vcpu,
                    xc_vcpuinfo_t *info)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails())
        return lose(EIO);
    if (!d || vcpu >= d->nr_vcpus)
        return lose(ESRCH);
    *info = (xc_vcpuinfo_t){ .vcpu = vcpu, .online = 1, .cpu = vcpu };
    return 0;
}

int xc_vcpu_setaffinity(xc_interface *xch, uint32_t domid, int vcpu,
                        xc_cpumap_t cpumap_hard_inout,
                        xc_cpumap_t cpumap_soft_inout, uint32_t flags)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails())
        return lose(EINVAL);
    if (!d || vcpu >= (int)d->nr_vcpus)
        return lose(ESRCH);
    if (flags & XEN_VCPUAFFINITY_HARD)
        d->affinity[vcpu].hard = cpumap_hard_inout[0];
    if (flags & XEN_VCPUAFFINITY_SOFT)
        d->affinity[vcpu].soft = cpumap_soft_inout[0];
    return 0;
}

int xc_vcpu_getaffinity(xc_interface *xch, uint32_t domid, int vcpu,
                        xc_cpumap_t cpumap_hard, xc_cpumap_t cpumap_soft,
                        uint32_t flags)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch, (void)flags;
    if (fake_fails() || !d)
        return lose(EIO);
    cpumap_hard[0] = d->affinity[vcpu].hard ? d->affinity[vcpu].hard : 0xff;
    cpumap_soft[0] = d->affinity[vcpu].soft ? d->affinity[vcpu].soft : 0xff;
    return 0;
}

int xc_domain_node_getaffinity(xc_interface *xch, uint32_t domid,
                               xc_nodemap_t nodemap)
{
    (void)xch, (void)domid;
    nodemap[0] = 3;
    return fake_fails() ? lose(EIO) : 0;
}

xc_cpupoolinfo_t *xc_cpupool_getinfo(xc_interface *xch, uint32_t poolid)
{
    xc_cpupoolinfo_t *info;

    (void)xch;
    if (fake_fails() || poolid > 1) {
        errno = ENOENT;
        return NULL;
    }
    info = fake_calloc(1, sizeof(*info));
    info->cpupool_id = poolid;
    info->sched_id = fake.scheduler ? fake.scheduler : XEN_SCHEDULER_CREDIT2;
    return info;
}

void xc_cpupool_infofree(xc_interface *xch, xc_cpupoolinfo_t *info)
{
    (void)xch;
    free(info);
}

int xc_sched_credit_domain_get(xc_interface *xch, uint32_t domid,
                               struct xen_domctl_sched_credit *sdom)
{
    (void)xch, (void)domid;
    *sdom = (struct xen_domctl_sched_credit){ .weight = 256 };
    return fake_fails() ? lose(EIO) : 0;
}

int xc_sched_credit_domain_set(xc_interface *xch, uint32_t domid,
                               struct xen_domctl_sched_credit *sdom)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d)
        return lose(EINVAL);
    d->weight = sdom->weight;
    d->cap = sdom->cap;
    return 0;
}

int xc_sched_credit2_domain_get(xc_interface *xch, uint32_t domid,
                                struct xen_domctl_sched_credit2 *sdom)
{
    (void)xch, (void)domid;
    *sdom = (struct xen_domctl_sched_credit2){ .weight = 256 };
    return fake_fails() ? lose(EIO) : 0;
}

int xc_sched_credit2_domain_set(xc_interface *xch, uint32_t domid,
                                struct xen_domctl_sched_credit2 *sdom)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d)
        return lose(EINVAL);
    d->weight = sdom->weight;
    d->cap = sdom->cap;
    return 0;
}

int xc_readconsolering(xc_interface *xch, char *buffer, unsigned int *pnr_chars,
                       int clear, int incremental, uint32_t *pindex)
{
    static const char log[] = "(XEN) one\n(XEN) two\n";
    uint32_t left = sizeof(log) - 1 - *pindex;

    (void)xch, (void)clear, (void)incremental;
    *pnr_chars = *pnr_chars < left ? *pnr_chars : left;
    memcpy(buffer, log + *pindex, *pnr_chars);
    *pindex += *pnr_chars;
    return fake_fails() ? lose(EIO) : 0;
}
