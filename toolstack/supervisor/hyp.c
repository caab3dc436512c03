/* SPDX-License-Identifier: MIT */
/*
 * hyp.c - every hypercall of the toolstack
 */
#include "toolstack/supervisor/hyp.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/supervisor/hyp_priv.h"

#include <xen/hvm/hvm_info_table.h>
#include <xen/hvm/params.h>

#include "abi/xen_steward.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "common/xtl.h"
#include "toolstack/supervisor/vmcfg.h"

/* Xen refuses more for a domain with HVM's container: domain_max_vcpus(). */
_Static_assert(VM_VCPUS_MAX + 1 == HVM_MAX_VCPUS, "one is the steward's");

/* Xenstore ring, console ring, control page. */
#define SHARED_PAGES 3u
#define TSC_NATIVE 2u /* XEN_CPUID_TSC_MODE_NEVER_EMULATE, arch-x86/cpuid.h */

int hyp_open(struct hyp **out, struct err *e)
{
    struct hyp *h = calloc(1, sizeof(*h));
    int rc;

    if (!h)
        return fail(e, -ENOMEM, "hypervisor: no memory");
    h->xc = xc_interface_open(xtl_logger(), xtl_logger(), 0);
    if (!h->xc) {
        rc = fail(e, -errno,
                  "hypervisor: open /dev/xen/privcmd: %s; run as root in "
                  "dom0 under Xen",
                  strerror(errno));
        free(h);
        return rc;
    }
    *out = h;
    return 0;
}

void hyp_close(struct hyp *h)
{
    if (!h)
        return;
    xc_interface_close(h->xc);
    free(h);
}

/* What createdomain's errno means, with what to do about it. */
static int create_failed(int error, struct err *e)
{
    switch (error) {
    case EINVAL:
        return fail(e, -error,
                    "xen: create a protected domain: this Xen does not know "
                    "protected domains; boot the one with Freehold's patches");
    case EOPNOTSUPP:
        return fail(e, -error,
                    "xen: create a protected domain: switched off; boot Xen "
                    "with protected=on");
    case EPERM:
    case EACCES:
        return fail(e, -error,
                    "xen: create a protected domain: refused on this host; "
                    "`freehold check` says what it lacks (an IOMMU, Xen's "
                    "dom0-iommu=strict, ...), and the remedy; in a test lab "
                    "boot Xen with protected=on,lab");
    case ENOENT:
        return fail(e, -error,
                    "xen: create a protected domain: Xen has no steward; "
                    "load freehold-steward.bin as its last boot module");
    case ENOMEM:
        return fail(e, -error,
                    "xen: create a protected domain: Xen has no "
                    "memory left for another domain");
    default:
        return fail(e, -error, "xen: create a protected domain: %s",
                    strerror(error));
    }
}

int hyp_create(struct hyp *h, const struct hyp_spec *s, uint16_t *domid,
               struct err *e)
{
    struct xen_domctl_createdomain create = {
        .flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap |
                 XEN_DOMCTL_CDF_oos_off | XEN_STEWARD_CDF_protected,
        .max_vcpus = s->nr_vcpus + 1,
        .max_evtchn_port = (int)(s->max_event_channels ? s->max_event_channels
                                                       : HYP_EVENT_CHANNELS),
        .max_grant_frames = HYP_GRANT_FRAMES_MAX,
        .max_maptrack_frames =
            s->has_maptrack_frames ? (int)s->max_maptrack_frames : -1,
        .cpupool_id = s->pool,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
        .arch.emulation_flags = XEN_X86_EMU_LAPIC,
    };
    uint32_t id = 0;
    xc_domaininfo_t info;

    _Static_assert(sizeof(create.handle) == sizeof(s->uuid), "handle");
    memcpy(create.handle, s->uuid, sizeof(s->uuid));
    *domid = HYP_DOMID_NONE;
    if (xc_domain_create(h->xc, &id, &create))
        return create_failed(errno, e);
    *domid = (uint16_t)id;

    if (xc_domain_getinfo_single(h->xc, id, &info))
        return fail(e, -errno, "domain %u: look at it: %s", id,
                    strerror(errno));
    if (!(info.flags & XEN_STEWARD_DOMINF_protected))
        return fail(e, -EINVAL,
                    "domain %u: xen made it, but not protected; boot the Xen "
                    "with Freehold's patches",
                    id);
    return 0;
}

static int xc_failed(uint16_t domid, const char *what, struct err *e)
{
    return fail(e, -errno, "domain %u: %s: %s", domid, what, strerror(errno));
}

static uint64_t all_pages(uint64_t ram_bytes)
{
    return ram_bytes / PAGE_BYTES + XEN_STEWARD_REGION_PAGES_MAX + SHARED_PAGES;
}

/*
 * Page-table memory: 1 MiB per vCPU and a page per MiB of RAM, as libxl
 * reckons (libxl_create.c, libxl__get_required_paging_memory).
 */
static uint64_t mempool_bytes(const struct hyp_spec *s)
{
    return (256ull * (s->nr_vcpus + 1) + s->ram_bytes / MIB_BYTES) * PAGE_BYTES;
}

static int no_host_memory(struct hyp *h, const struct hyp_spec *s,
                          struct err *e)
{
    struct hyp_host host = { 0 };

    hyp_host(h, &host, NULL);
    return fail(e, -ENOMEM,
                "memory: take %llu MiB: the host has %llu MiB free; lower "
                "memory=, stop another guest or shrink dom0",
                (unsigned long long)(s->ram_bytes / MIB_BYTES),
                (unsigned long long)(host.free_bytes / MIB_BYTES));
}

int hyp_limit_memory(struct hyp *h, uint16_t domid, uint64_t ram_bytes,
                     struct err *e)
{
    if (xc_domain_setmaxmem(h->xc, domid,
                            all_pages(ram_bytes) * (PAGE_BYTES / 1024)))
        return xc_failed(domid, "set its memory limit", e);
    return 0;
}

static int configure_memory(struct hyp *h, uint16_t domid,
                            const struct hyp_spec *s, struct err *e)
{
    int rc = hyp_limit_memory(h, domid, s->ram_bytes, e);

    if (rc < 0)
        return rc;
    if (xc_domain_claim_pages(h->xc, domid, all_pages(s->ram_bytes))) {
        if (errno == ENOMEM)
            return no_host_memory(h, s, e);
        return xc_failed(domid, "claim its memory", e);
    }
    if (xc_set_paging_mempool_size(h->xc, domid, mempool_bytes(s))) {
        if (errno == ENOMEM)
            return no_host_memory(h, s, e);
        return xc_failed(domid, "set its page-table memory", e);
    }
    return 0;
}

static int configure_ports(struct hyp *h, uint16_t domid, struct hyp_ports *out,
                           struct err *e)
{
    const struct {
        uint32_t param;
        uint64_t value;
    } params[] = {
        { HVM_PARAM_STORE_EVTCHN, 0 },
        { HVM_PARAM_CONSOLE_EVTCHN, 0 },
    };
    uint32_t *const ports[] = { &out->store, &out->console };

    for (uint32_t i = 0; i < ARRAY_SIZE(params); i++) {
        int port = xc_evtchn_alloc_unbound(h->xc, domid, 0);

        if (port < 0)
            return xc_failed(domid, "open an event channel to dom0", e);
        *ports[i] = (uint32_t)port;
        if (xc_hvm_param_set(h->xc, domid, params[i].param, port))
            return xc_failed(domid, "tell it an event channel", e);
    }
    if (xc_hvm_param_set(h->xc, domid, HVM_PARAM_TRIPLE_FAULT_REASON,
                         SHUTDOWN_reboot))
        return xc_failed(domid, "set what a triple fault does", e);
    return 0;
}

int hyp_configure(struct hyp *h, uint16_t domid, const struct hyp_spec *s,
                  struct hyp_ports *out, struct err *e)
{
    int rc;

    if (xc_domain_max_vcpus(h->xc, domid, s->nr_vcpus + 1))
        return xc_failed(domid, "make its vCPUs", e);
    rc = configure_memory(h, domid, s, e);
    if (rc < 0)
        return rc;
    /* As libxl for PVH: the default policy, topology of one thread a core. */
    rc = xc_cpuid_apply_policy(h->xc, domid, false, NULL, 0, true, false, false,
                               NULL, NULL);
    if (rc)
        return fail(e, rc, "domain %u: set its CPU policy: %s", domid,
                    strerror(-rc));
    if (xc_domain_set_tsc_info(h->xc, domid, TSC_NATIVE, 0, 0, 0))
        return xc_failed(domid, "give it the native TSC", e);
    return configure_ports(h, domid, out, e);
}

void hyp_drop_claim(struct hyp *h, uint16_t domid)
{
    if (xc_domain_claim_pages(h->xc, domid, 0))
        log_warn("domain %u: drop the rest of its claim: %s", domid,
                 strerror(errno));
}

int hyp_unpause(struct hyp *h, uint16_t domid, struct err *e)
{
    if (xc_domain_unpause(h->xc, domid) == 0)
        return 0;
    if (errno == ENOMEM)
        return fail(e, -ENOMEM,
                    "domain %u: unpause: the host has no memory for its "
                    "steward",
                    domid);
    return xc_failed(domid, "unpause", e);
}

int hyp_pause(struct hyp *h, uint16_t domid, struct err *e)
{
    if (xc_domain_pause(h->xc, domid))
        return xc_failed(domid, "pause", e);
    return 0;
}

int hyp_destroy(struct hyp *h, uint16_t domid, struct err *e)
{
    if (xc_domain_destroy(h->xc, domid) == 0 || errno == ESRCH)
        return 0;
    return xc_failed(domid, "destroy", e);
}

static void info_from_wire(const xc_domaininfo_t *w, struct hyp_info *out)
{
    *out = (struct hyp_info){
        .domid = w->domain,
        .protected = w->flags & XEN_STEWARD_DOMINF_protected,
        .running = w->flags & XEN_DOMINF_running,
        .blocked = w->flags & XEN_DOMINF_blocked,
        .paused = w->flags & XEN_DOMINF_paused,
        .shutdown = w->flags & XEN_DOMINF_shutdown,
        .dying = w->flags & XEN_DOMINF_dying,
        .reason =
            (w->flags >> XEN_DOMINF_shutdownshift) & XEN_DOMINF_shutdownmask,
        .nr_online = w->nr_online_vcpus,
        .nr_vcpus = w->max_vcpu_id + 1,
        .mem_pages = w->tot_pages + w->outstanding_pages,
        .cpu_ns = w->cpu_time,
        .pool = w->cpupool,
    };
    memcpy(out->uuid, w->handle, sizeof(out->uuid));
}

int hyp_info(struct hyp *h, uint16_t domid, struct hyp_info *out, struct err *e)
{
    xc_domaininfo_t info;

    if (xc_domain_getinfo_single(h->xc, domid, &info)) {
        if (errno == ESRCH)
            return -ESRCH;
        return xc_failed(domid, "look at it", e);
    }
    info_from_wire(&info, out);
    return 0;
}

#define LIST_STEP 64u

int hyp_list(struct hyp *h, struct hyp_info **out, struct err *e)
{
    xc_domaininfo_t wire[LIST_STEP];
    struct hyp_info *list = NULL;
    uint32_t nr = 0, first = 0;
    int got;

    do {
        struct hyp_info *more;

        got = xc_domain_getinfolist(h->xc, first, LIST_STEP, wire);
        if (got < 0) {
            free(list);
            return fail(e, -errno, "hypervisor: list the domains: %s",
                        strerror(errno));
        }
        more = realloc(list, (nr + got + 1) * sizeof(*list));
        if (!more) {
            free(list);
            return fail(e, -ENOMEM, "hypervisor: list the domains: no memory");
        }
        list = more;
        for (int i = 0; i < got; i++)
            info_from_wire(&wire[i], &list[nr++]);
        if (got > 0)
            first = wire[got - 1].domain + 1;
    } while (got == (int)LIST_STEP);
    *out = list;
    return (int)nr;
}

int hyp_find(struct hyp *h, const uint8_t uuid[16], struct hyp_info *out,
             struct err *e)
{
    struct hyp_info *list;
    int nr = hyp_list(h, &list, e), rc = -ESRCH;

    if (nr < 0)
        return nr;
    for (int i = 0; i < nr && rc; i++)
        if (!list[i].dying && memcmp(list[i].uuid, uuid, 16) == 0) {
            *out = list[i];
            rc = 0;
        }
    free(list);
    return rc;
}

int hyp_host(struct hyp *h, struct hyp_host *out, struct err *e)
{
    xc_physinfo_t phys = { 0 };
    xen_extraversion_t extra = { 0 };
    int version;

    *out = (struct hyp_host){ 0 };
    if (xc_physinfo(h->xc, &phys))
        return fail(e, -errno, "hypervisor: ask for its memory: %s",
                    strerror(errno));
    version = xc_version(h->xc, XENVER_version, NULL);
    xc_version(h->xc, XENVER_extraversion, &extra);
    extra[sizeof(extra) - 1] = 0;
    snprintf(out->xen_version, sizeof(out->xen_version), "%d.%d%.20s",
             version >> 16, version & 0xffff, extra);
    out->total_bytes = phys.total_pages * PAGE_BYTES;
    out->free_bytes =
        phys.free_pages > phys.outstanding_pages
            ? (phys.free_pages - phys.outstanding_pages) * PAGE_BYTES
            : 0;
    out->nr_cpus = phys.nr_cpus;
    out->hap = phys.capabilities & XEN_SYSCTL_PHYSCAP_hap;
    return 0;
}
