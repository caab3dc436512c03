/* SPDX-License-Identifier: MIT */
/*
 * fake_xc.c - libxenctrl's names, over the fake host
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include <xenctrl.h> /* before the other headers of Xen */

#include <xen/hvm/params.h>

#include "tests/fakes/fake.h"
#include "tests/fakes/fake_alloc.h"
#include "tests/fakes/fake_io.h"

static int lose(int error)
{
    errno = error;
    return -1;
}

xc_interface *xc_interface_open(xentoollog_logger *logger,
                                xentoollog_logger *dombuild_logger,
                                unsigned open_flags)
{
    (void)logger, (void)dombuild_logger, (void)open_flags;
    if (fake_fails()) {
        errno = EACCES;
        return NULL;
    }
    fake.nr_handles++;
    return (xc_interface *)&fake;
}

int xc_interface_close(xc_interface *xch)
{
    (void)xch;
    fake.nr_handles--;
    return 0;
}

int xc_domain_create(xc_interface *xch, uint32_t *pdomid,
                     struct xen_domctl_createdomain *config)
{
    struct fake_domain *d = NULL;

    (void)xch;
    if (fake_fails())
        return lose(ENOMEM);
    if (fake.create_errno)
        return lose(fake.create_errno);
    for (uint32_t i = 0; i < FAKE_DOMAINS && !d; i++)
        if (!fake.domain[i].there) {
            d = &fake.domain[i];
            memset(d, 0, sizeof(*d));
            d->domid = 7 + i;
        }
    if (!d)
        return lose(ENOMEM);
    d->there = d->paused = true;
    d->protected =
        !fake.unprotected && (config->flags & XEN_STEWARD_CDF_protected);
    d->pool = config->cpupool_id;
    d->max_evtchn_port = config->max_evtchn_port;
    d->max_maptrack_frames = config->max_maptrack_frames;
    d->next_port = XEN_STEWARD_DOORBELL_PORT + 1;
    memcpy(d->handle, config->handle, sizeof(d->handle));
    *pdomid = d->domid;
    return 0;
}

static void fill_info(const struct fake_domain *d, xc_domaininfo_t *info)
{
    memset(info, 0, sizeof(*info));
    info->domain = d->domid;
    info->flags = (d->protected ? XEN_STEWARD_DOMINF_protected : 0) |
                  (d->paused ? XEN_DOMINF_paused : 0) |
                  (d->shutdown ? XEN_DOMINF_shutdown : 0) |
                  (d->dying ? XEN_DOMINF_dying : 0) |
                  (d->reason << XEN_DOMINF_shutdownshift);
    info->cpupool = d->pool;
    info->max_vcpu_id = d->nr_vcpus - 1;
    info->nr_online_vcpus = d->nr_vcpus;
    memcpy(info->handle, d->handle, sizeof(info->handle));
}

int xc_domain_getinfo_single(xc_interface *xch, uint32_t domid,
                             xc_domaininfo_t *info)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails())
        return lose(EIO);
    if (!d)
        return lose(ESRCH);
    fill_info(d, info);
    return 0;
}

int xc_domain_getinfolist(xc_interface *xch, uint32_t first_domain,
                          unsigned int max_domains, xc_domaininfo_t *info)
{
    unsigned int nr = 0;

    (void)xch;
    if (fake_fails())
        return lose(EIO);
    for (uint32_t i = 0; i < FAKE_DOMAINS && nr < max_domains; i++)
        if (fake.domain[i].there && fake.domain[i].domid >= first_domain)
            fill_info(&fake.domain[i], &info[nr++]);
    return (int)nr;
}

int xc_domain_max_vcpus(xc_interface *xch, uint32_t domid, unsigned int max)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d)
        return lose(ENOMEM);
    d->nr_vcpus = max;
    return 0;
}

int xc_domain_setmaxmem(xc_interface *xch, uint32_t domid, uint64_t max_memkb)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d)
        return lose(EINVAL);
    d->max_kib = max_memkb;
    return 0;
}

int xc_domain_claim_pages(xc_interface *xch, uint32_t domid,
                          unsigned long nr_pages)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d || nr_pages > fake.free_pages)
        return lose(ENOMEM);
    d->claim_pages = nr_pages;
    return 0;
}

int xc_set_paging_mempool_size(xc_interface *xch, uint32_t domid, uint64_t size)
{
    (void)xch, (void)size;
    return fake_fails() || !fake_find(domid) ? lose(ENOMEM) : 0;
}

int xc_cpuid_apply_policy(xc_interface *xch, uint32_t domid, bool restore,
                          const uint32_t *featureset, unsigned int nr_features,
                          bool pae, bool itsc, bool nested_virt,
                          const struct xc_xend_cpuid *xend,
                          const struct xc_msr *msr)
{
    (void)xch, (void)domid, (void)restore, (void)featureset;
    (void)nr_features, (void)pae, (void)itsc, (void)nested_virt, (void)xend;
    (void)msr;
    return fake_fails() ? -EINVAL : 0;
}

int xc_domain_set_tsc_info(xc_interface *xch, uint32_t domid, uint32_t tsc_mode,
                           uint64_t elapsed_nsec, uint32_t gtsc_khz,
                           uint32_t incarnation)
{
    (void)xch, (void)domid, (void)tsc_mode, (void)elapsed_nsec;
    (void)gtsc_khz, (void)incarnation;
    return fake_fails() ? lose(EINVAL) : 0;
}

xc_evtchn_port_or_error_t xc_evtchn_alloc_unbound(xc_interface *xch,
                                                  uint32_t dom,
                                                  uint32_t remote_dom)
{
    struct fake_domain *d = fake_find(dom);

    (void)xch, (void)remote_dom;
    return fake_fails() || !d ? lose(ENOSPC) : (int)d->next_port++;
}

int xc_hvm_param_set(xc_interface *handle, uint32_t dom, uint32_t param,
                     uint64_t value)
{
    (void)handle, (void)value;
    if (fake_fails() || !fake_find(dom))
        return lose(EINVAL);
    return param == HVM_PARAM_STORE_PFN || param == HVM_PARAM_CONSOLE_PFN
               ? lose(EPERM)
               : 0;
}

int xc_domain_unpause(xc_interface *xch, uint32_t domid)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d)
        return lose(ENOMEM);
    d->paused = false;
    if (!d->launched)
        fake_steward_launch(d);
    return 0;
}

int xc_domain_pause(xc_interface *xch, uint32_t domid)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (fake_fails() || !d)
        return lose(EINVAL);
    d->paused = true;
    return 0;
}

/* Destroying always works: the fault sweep wants to see nothing left. */
int xc_domain_destroy(xc_interface *xch, uint32_t domid)
{
    struct fake_domain *d = fake_find(domid);

    (void)xch;
    if (!d)
        return lose(ESRCH);
    for (uint32_t i = 0; i < FAKE_PAGES; i++)
        free(d->page[i]);
    for (uint32_t i = 0; i < FH_BLOBS; i++)
        free(d->loaded[i]);
    fake_io_free(d);
    memset(d, 0, sizeof(*d));
    return 0;
}

int xc_physinfo(xc_interface *xch, xc_physinfo_t *info)
{
    (void)xch;
    memset(info, 0, sizeof(*info));
    info->nr_nodes = 2;
    info->free_pages = fake.free_pages;
    info->total_pages = 2 * fake.free_pages;
    return 0;
}

int xc_version(xc_interface *xch, int cmd, void *arg)
{
    (void)xch;
    if (cmd == XENVER_version)
        return 4 << 16 | 20;
    if (cmd == XENVER_extraversion)
        strcpy(arg, ".3");
    if (cmd == XENVER_commandline)
        strcpy(arg, "protected=on");
    return 0;
}

int xc_sched_id(xc_interface *xch, int *sched_id)
{
    (void)xch;
    *sched_id = XEN_SCHEDULER_CREDIT2;
    return 0;
}

long xc_sharing_freed_pages(xc_interface *xch)
{
    (void)xch;
    errno = ENOSYS;
    return -1;
}

long xc_sharing_used_frames(xc_interface *xch)
{
    (void)xch;
    return 512;
}

int xc_get_cpumap_size(xc_interface *xch)
{
    (void)xch;
    return 1;
}

xc_cpumap_t xc_cpupool_freeinfo(xc_interface *xch)
{
    uint8_t *map = fake_calloc(1, 1);

    (void)xch;
    *map = 0xa0;
    return map;
}

/* As Xen does where there can be protected guests. */
int xc_send_debug_keys(xc_interface *xch, const char *keys)
{
    (void)xch;
    errno = keys[strspn(keys, "ghHmru")] ? EPERM : EINVAL;
    return fake_fails() || !*keys || errno == EPERM ? -1 : 0;
}
