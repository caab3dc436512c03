/* SPDX-License-Identifier: MIT */
/*
 * hyp_host.c - the hypercalls about the host itself
 */
#include "toolstack/supervisor/hyp_host.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "toolstack/supervisor/hyp_priv.h"

#include "common/checked.h"
#include "common/err.h"

#define TEXT_BYTES_MAX 1100 /* the longest of them is 1024 */

struct teller {
    hyp_tell *tell;
    void *arg;
};

__attribute__((format(printf, 3, 4))) static void say(const struct teller *t,
                                                      const char *key,
                                                      const char *format, ...)
{
    char text[TEXT_BYTES_MAX];
    va_list ap;

    va_start(ap, format);
    vsnprintf(text, sizeof(text), format, ap);
    va_end(ap);
    t->tell(t->arg, key, text);
}

static void tell_caps(const struct teller *t, const xc_physinfo_t *p)
{
    const struct {
        const char *name;
        uint32_t all; /* of these bits */
    } cap[] = {
        { "pv", XEN_SYSCTL_PHYSCAP_pv },
        { "hvm", XEN_SYSCTL_PHYSCAP_hvm },
        { "hvm_directio",
          XEN_SYSCTL_PHYSCAP_hvm | XEN_SYSCTL_PHYSCAP_directio },
        { "pv_directio", XEN_SYSCTL_PHYSCAP_pv | XEN_SYSCTL_PHYSCAP_directio },
        { "hap", XEN_SYSCTL_PHYSCAP_hap },
        { "shadow", XEN_SYSCTL_PHYSCAP_shadow },
        { "iommu_hap_pt_share", XEN_SYSCTL_PHYSCAP_iommu_hap_pt_share },
        { "vmtrace", XEN_SYSCTL_PHYSCAP_vmtrace },
        { "vpmu", XEN_SYSCTL_PHYSCAP_vpmu },
        { "gnttab-v1", XEN_SYSCTL_PHYSCAP_gnttab_v1 },
        { "gnttab-v2", XEN_SYSCTL_PHYSCAP_gnttab_v2 },
    };
    char text[160] = "";

    for (uint32_t i = 0; i < ARRAY_SIZE(cap); i++)
        if ((p->capabilities & cap[i].all) == cap[i].all)
            snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s%s",
                     text[0] ? " " : "", cap[i].name);
    say(t, "virt_caps", "%s", text);
}

static void tell_cpus(const struct teller *t, const xc_physinfo_t *p)
{
    const uint32_t *hw = p->hw_cap;

    say(t, "nr_cpus", "%u", p->nr_cpus);
    say(t, "max_cpu_id", "%u", p->max_cpu_id);
    say(t, "nr_nodes", "%u", p->nr_nodes);
    say(t, "cores_per_socket", "%u", p->cores_per_socket);
    say(t, "threads_per_core", "%u", p->threads_per_core);
    say(t, "cpu_mhz", "%u.%03u", p->cpu_khz / 1000, p->cpu_khz % 1000);
    say(t, "hw_caps", "%08x:%08x:%08x:%08x:%08x:%08x:%08x:%08x", hw[0], hw[1],
        hw[2], hw[3], hw[4], hw[5], hw[6], hw[7]);
    tell_caps(t, p);
}

/* A host that cannot share has shared nothing. */
static uint64_t shared_mib(long pages)
{
    return pages < 0 ? 0 : (uint64_t)pages * PAGE_BYTES / MIB_BYTES;
}

static void tell_memory(const struct teller *t, struct hyp *h,
                        const xc_physinfo_t *p)
{
    const uint64_t per_mib = MIB_BYTES / PAGE_BYTES;

    say(t, "total_memory", "%" PRIu64, p->total_pages / per_mib);
    say(t, "free_memory", "%" PRIu64,
        (p->free_pages - p->outstanding_pages) / per_mib);
    say(t, "sharing_freed_memory", "%" PRIu64,
        shared_mib(xc_sharing_freed_pages(h->xc)));
    say(t, "sharing_used_memory", "%" PRIu64,
        shared_mib(xc_sharing_used_frames(h->xc)));
    say(t, "outstanding_claims", "%" PRIu64, p->outstanding_pages / per_mib);
}

static void tell_free_cpus(const struct teller *t, struct hyp *h)
{
    int bytes = xc_get_cpumap_size(h->xc), nr = 0;
    uint8_t *map = xc_cpupool_freeinfo(h->xc);

    if (!map)
        return;
    for (int i = 0; i < bytes; i++)
        nr += __builtin_popcount(map[i]);
    free(map);
    say(t, "free_cpus", "%d", nr);
}

static const char *scheduler_name(int id)
{
    switch (id) {
    case XEN_SCHEDULER_CREDIT:
        return "credit";
    case XEN_SCHEDULER_CREDIT2:
        return "credit2";
    case XEN_SCHEDULER_ARINC653:
        return "arinc653";
    case XEN_SCHEDULER_RTDS:
        return "rtds";
    case XEN_SCHEDULER_NULL:
        return "null";
    default:
        return "unknown";
    }
}

/* Empty: Xen was linked without one. */
static void tell_build_id(const struct teller *t, struct hyp *h)
{
    char room[256] __attribute__((aligned(8))) = { 0 }, text[200] = "";
    xen_build_id_t *id = (void *)room;
    int nr;

    id->len = sizeof(room) - sizeof(*id);
    nr = xc_version(h->xc, XENVER_build_id, id);
    for (int i = 0; i < nr && 2 * i + 3 < (int)sizeof(text); i++)
        sprintf(text + 2 * i, "%02x", id->buf[i]);
    say(t, "build_id", "%s", text);
}

static void tell_xen(const struct teller *t, struct hyp *h)
{
    int version = xc_version(h->xc, XENVER_version, NULL), id = -1;
    xen_platform_parameters_t platform = { 0 };
    xen_capabilities_info_t caps = { 0 };
    xen_changeset_info_t changeset = { 0 };
    xen_extraversion_t extra = { 0 };
    xen_compile_info_t compile = { 0 };
    xen_commandline_t line = { 0 };

    xc_version(h->xc, XENVER_extraversion, &extra);
    xc_version(h->xc, XENVER_capabilities, &caps);
    xc_version(h->xc, XENVER_platform_parameters, &platform);
    xc_version(h->xc, XENVER_changeset, &changeset);
    xc_version(h->xc, XENVER_commandline, &line);
    xc_version(h->xc, XENVER_compile_info, &compile);
    if (xc_sched_id(h->xc, &id))
        id = -1;
    say(t, "xen_major", "%d", version >> 16);
    say(t, "xen_minor", "%d", version & 0xffff);
    say(t, "xen_extra", "%.16s", extra);
    say(t, "xen_version", "%d.%d%.16s", version >> 16, version & 0xffff, extra);
    say(t, "xen_caps", "%.1024s", caps);
    say(t, "xen_scheduler", "%s", scheduler_name(id));
    say(t, "xen_pagesize", "%d", xc_version(h->xc, XENVER_pagesize, NULL));
    say(t, "platform_params", "virt_start=0x%" PRIx64,
        (uint64_t)platform.virt_start);
    say(t, "xen_changeset", "%.64s", changeset);
    say(t, "xen_commandline", "%.1024s", line);
    say(t, "cc_compiler", "%.64s", compile.compiler);
    say(t, "cc_compile_by", "%.16s", compile.compile_by);
    say(t, "cc_compile_domain", "%.32s", compile.compile_domain);
    say(t, "cc_compile_date", "%.32s", compile.compile_date);
    tell_build_id(t, h);
}

int hyp_tell_host(struct hyp *h, hyp_tell *tell, void *arg, struct err *e)
{
    const struct teller t = { tell, arg };
    xc_physinfo_t phys = { 0 };

    if (xc_physinfo(h->xc, &phys))
        return fail(e, -errno, "hypervisor: ask for the host: %s",
                    strerror(errno));
    tell_cpus(&t, &phys);
    tell_memory(&t, h, &phys);
    tell_free_cpus(&t, h);
    tell_xen(&t, h);
    return 0;
}

int hyp_debug_keys(struct hyp *h, const char *keys, struct err *e)
{
    if (xc_send_debug_keys(h->xc, keys) == 0)
        return 0;
    if (errno == EPERM)
        return fail(e, -EPERM,
                    "xen: press %.32s: a Xen for protected guests takes none "
                    "from dom0 but g, h, H, m, r and u",
                    keys);
    return fail(e, -errno, "xen: press %.32s: %s", keys, strerror(errno));
}
