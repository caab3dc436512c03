/* SPDX-License-Identifier: MIT */
/*
 * domctl_fill.c - one set of arguments per domctl number
 *
 * Most need nothing but zeroes: vCPU 0, no buffer.  "Set" calls write back
 * what the matching "get" call read, where Xen lets us read it.
 */
#include "domctl_fill.h"

#include <errno.h>
#include <string.h>

#define BLOB_BYTES (32u * 1024)
#define BIOS_MFN 0xf0u    /* not RAM, on every PC */
#define FREE_GFN 0xf0000u /* nothing of a small guest is there */
#define FREE_PORT 0x3f8u
#define ACPI_IRQ 9u
#define TBUF_VIRQ VIRQ_TBUF /* a global one that nobody here waits for */
#define TSC_NATIVE 2u
#define CPU_LEAVES 512u
#define CPU_MSRS 64u
#define MAX_MEM_KIB (1u << 20)
#define MEMPOOL_BYTES (16ull << 20)

static void *answer(const struct attack *a, struct domctl_try *t,
                    size_t len_bytes)
{
    void *buf = hc_buf(a->h, len_bytes);

    t->answer = buf;
    t->answer_bytes = buf ? len_bytes : 0;
    return buf;
}

static int fill_bitmap(const struct attack *a, struct xenctl_bitmap *map)
{
    uint8_t *bits = hc_buf(a->h, 8);

    if (!bits)
        return -ENOBUFS;
    memset(bits, 0xff, 8);
    set_xen_guest_handle_raw(map->bitmap, bits);
    map->nr_bits = 64;
    return 0;
}

static int fill_affinity(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl_vcpuaffinity *v = &t->d.u.vcpuaffinity;

    v->flags = XEN_VCPUAFFINITY_HARD;
    return fill_bitmap(a, &v->cpumap_hard);
}

/* gethvmcontext into a buffer of ours; sethvmcontext puts the same back. */
static int fill_hvmcontext(const struct attack *a, struct domctl_try *t)
{
    void *buf = answer(a, t, BLOB_BYTES);
    struct xen_domctl get = { 0 };

    if (!buf)
        return -ENOBUFS;
    get.u.hvmcontext.size = BLOB_BYTES;
    set_xen_guest_handle_raw(get.u.hvmcontext.buffer, buf);
    t->d = get;
    if (a->row->arg == XEN_DOMCTL_sethvmcontext) {
        long rc = hc_domctl(a->h, XEN_DOMCTL_gethvmcontext, a->domid, &get);

        if (rc == 0)
            t->d.u.hvmcontext.size = get.u.hvmcontext.size;
        t->answer = NULL;
    }
    return 0;
}

static int fill_partial(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl_hvmcontext_partial *p = &t->d.u.hvmcontext_partial;
    void *buf = answer(a, t, BLOB_BYTES);

    if (!buf)
        return -ENOBUFS;
    /* Of a newborn's records only the LAPIC's is there: its vCPUs are down. */
    p->type =
        a->stage == STAGE_NEWBORN ? HVM_SAVE_CODE(LAPIC) : HVM_SAVE_CODE(CPU);
    p->bufsz = BLOB_BYTES;
    set_xen_guest_handle_raw(p->buffer, buf);
    return 0;
}

/* setvcpucontext without a context resets the vCPU. */
static int fill_vcpucontext(const struct attack *a, struct domctl_try *t)
{
    void *buf;

    if (a->row->arg == XEN_DOMCTL_setvcpucontext)
        return 0;
    buf = answer(a, t, sizeof(vcpu_guest_context_t));
    if (!buf)
        return -ENOBUFS;
    set_xen_guest_handle_raw(t->d.u.vcpucontext.ctxt, buf);
    return 0;
}

static int fill_extstate(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl_vcpuextstate *v = &t->d.u.vcpuextstate;
    struct xen_domctl get = { 0 };
    void *buf = answer(a, t, BLOB_BYTES);

    if (!buf)
        return -ENOBUFS;
    /* First without a buffer: Xen says how much there is. */
    hc_domctl(a->h, XEN_DOMCTL_getvcpuextstate, a->domid, &get);
    *v = get.u.vcpuextstate;
    if (v->size > BLOB_BYTES)
        v->size = BLOB_BYTES;
    set_xen_guest_handle_raw(v->buffer, buf);
    if (a->row->arg == XEN_DOMCTL_setvcpuextstate) {
        get = t->d;
        hc_domctl(a->h, XEN_DOMCTL_getvcpuextstate, a->domid, &get);
        t->answer = NULL;
    }
    return 0;
}

static int fill_msrs(const struct attack *a, struct domctl_try *t)
{
    void *buf = answer(a, t, 4096);

    if (!buf)
        return -ENOBUFS;
    t->d.u.vcpu_msrs.msr_count = 16;
    set_xen_guest_handle_raw(t->d.u.vcpu_msrs.msrs, buf);
    return 0;
}

static int fill_pageframes(const struct attack *a, struct domctl_try *t)
{
    xen_pfn_t *gfn = hc_buf(a->h, sizeof(*gfn));

    if (!gfn)
        return -ENOBUFS;
    *gfn = a->gfn;
    t->d.u.getpageframeinfo3.num = 1;
    set_xen_guest_handle_raw(t->d.u.getpageframeinfo3.array, gfn);
    return 0;
}

static int fill_policy(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl_cpu_policy *p = &t->d.u.cpu_policy;
    void *leaves = hc_buf(a->h, CPU_LEAVES * sizeof(xen_cpuid_leaf_t));
    void *msrs = hc_buf(a->h, CPU_MSRS * sizeof(xen_msr_entry_t));

    if (!leaves || !msrs)
        return -ENOBUFS;
    p->nr_leaves = CPU_LEAVES;
    p->nr_msrs = CPU_MSRS;
    set_xen_guest_handle_raw(p->leaves, leaves);
    set_xen_guest_handle_raw(p->msrs, msrs);
    if (a->row->arg == XEN_DOMCTL_set_cpu_policy) {
        struct xen_domctl get = t->d;

        if (hc_domctl(a->h, XEN_DOMCTL_get_cpu_policy, a->domid, &get) == 0) {
            p->nr_leaves = get.u.cpu_policy.nr_leaves;
            p->nr_msrs = get.u.cpu_policy.nr_msrs;
        }
    }
    return 0;
}

static int fill_vnuma(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl_vnuma *v = &t->d.u.vnuma;
    unsigned int *distance = hc_buf(a->h, 64), *to_vnode = hc_buf(a->h, 64);
    unsigned int *to_pnode = hc_buf(a->h, 64);
    xen_vmemrange_t *range = hc_buf(a->h, sizeof(*range));

    if (!distance || !to_vnode || !to_pnode || !range)
        return -ENOBUFS;
    *distance = 10;
    *range = (xen_vmemrange_t){ .start = 0, .end = 64u << 20 };
    v->nr_vnodes = v->nr_vmemranges = 1;
    v->nr_vcpus = a->stage == STAGE_NEWBORN ? 2 : 1;
    set_xen_guest_handle_raw(v->vdistance, distance);
    set_xen_guest_handle_raw(v->vcpu_to_vnode, to_vnode);
    set_xen_guest_handle_raw(v->vnode_to_pnode, to_pnode);
    set_xen_guest_handle_raw(v->vmemrange, range);
    return 0;
}

static int fill_ext_context(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl get = { 0 };

    if (a->row->arg == XEN_DOMCTL_set_ext_vcpucontext &&
        hc_domctl(a->h, XEN_DOMCTL_get_ext_vcpucontext, a->domid, &get) == 0)
        t->d = get;
    if (a->row->arg == XEN_DOMCTL_set_ext_vcpucontext)
        t->d.u.ext_vcpucontext.size = sizeof(t->d.u.ext_vcpucontext);
    return 0;
}

static int fill_memio(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl_gdbsx_memio *m = &t->d.u.gdbsx_guest_memio;
    void *buf = answer(a, t, 4096);

    if (!buf)
        return -ENOBUFS;
    m->gva = a->gfn << 12;
    m->uva = (uintptr_t)buf;
    m->len = 4096;
    return 0;
}

/* Keep the limit where it is. */
static int fill_max_mem(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl get = { 0 };
    uint64_t pages = MAX_MEM_KIB / 4;

    if (hc_domctl(a->h, XEN_DOMCTL_getdomaininfo, a->domid, &get) == 0)
        pages = get.u.getdomaininfo.max_pages;
    t->d.u.max_mem.max_memkb = pages * 4;
    return 0;
}

static int fill_mempool(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl get = { 0 };

    t->d.u.paging_mempool.size = MEMPOOL_BYTES;
    if (hc_domctl(a->h, XEN_DOMCTL_get_paging_mempool_size, a->domid, &get) ==
        0)
        t->d.u.paging_mempool.size = get.u.paging_mempool.size;
    return 0;
}

/* The calls whose arguments are plain numbers. */
static void fill_numbers(const struct attack *a, struct domctl_try *t)
{
    struct xen_domctl pause = { 0 };

    switch (a->row->arg) {
    case XEN_DOMCTL_unpausedomain: /* needs something to undo */
        hc_domctl(a->h, XEN_DOMCTL_pausedomain, a->domid, &pause);
        break;
    case XEN_DOMCTL_max_vcpus:
        t->d.u.max_vcpus.max = a->stage == STAGE_NEWBORN ? 2 : 1;
        break;
    case XEN_DOMCTL_scheduler_op:
        t->d.u.scheduler_op.sched_id = XEN_SCHEDULER_CREDIT2;
        t->d.u.scheduler_op.cmd = XEN_DOMCTL_SCHEDOP_getinfo;
        break;
    case XEN_DOMCTL_irq_permission:
        t->d.u.irq_permission.pirq = ACPI_IRQ;
        t->d.u.irq_permission.allow_access = 1;
        break;
    case XEN_DOMCTL_gsi_permission:
        t->d.u.gsi_permission.gsi = ACPI_IRQ;
        t->d.u.gsi_permission.flags = XEN_DOMCTL_GSI_GRANT;
        break;
    case XEN_DOMCTL_iomem_permission:
        t->d.u.iomem_permission.first_mfn = BIOS_MFN;
        t->d.u.iomem_permission.nr_mfns = 1;
        t->d.u.iomem_permission.allow_access = 1;
        break;
    case XEN_DOMCTL_ioport_permission:
        t->d.u.ioport_permission.first_port = FREE_PORT + 8;
        t->d.u.ioport_permission.nr_ports = 1;
        t->d.u.ioport_permission.allow_access = 1;
        break;
    case XEN_DOMCTL_ioport_mapping:
        t->d.u.ioport_mapping.first_gport = FREE_PORT + 16;
        t->d.u.ioport_mapping.first_mport = FREE_PORT + 16;
        t->d.u.ioport_mapping.nr_ports = 1;
        t->d.u.ioport_mapping.add_mapping = 1;
        break;
    case XEN_DOMCTL_memory_mapping:
        t->d.u.memory_mapping.first_gfn = FREE_GFN;
        t->d.u.memory_mapping.first_mfn = BIOS_MFN;
        t->d.u.memory_mapping.nr_mfns = 1;
        t->d.u.memory_mapping.add_mapping = 1;
        break;
    case XEN_DOMCTL_hypercall_init:
        t->d.u.hypercall_init.gmfn = a->spare_gfn - 28;
        break;
    case XEN_DOMCTL_sendtrigger:
        t->d.u.sendtrigger.trigger = XEN_DOMCTL_SENDTRIGGER_NMI;
        break;
    case XEN_DOMCTL_subscribe:
        t->d.u.subscribe.port = 1;
        break;
    case XEN_DOMCTL_set_address_size:
        t->d.u.address_size.size = 64;
        break;
    case XEN_DOMCTL_setdebugging:
        t->d.u.setdebugging.enable = 1;
        break;
    case XEN_DOMCTL_settscinfo:
        t->d.u.tsc_info.tsc_mode = TSC_NATIVE;
        break;
    case XEN_DOMCTL_set_virq_handler:
        t->d.u.set_virq_handler.virq = TBUF_VIRQ;
        break;
    case XEN_DOMCTL_set_broken_page_p2m:
        t->d.u.set_broken_page_p2m.pfn = a->spare_gfn - 40;
        break;
    case XEN_DOMCTL_monitor_op:
        t->d.u.monitor_op.op = XEN_DOMCTL_MONITOR_OP_GET_CAPABILITIES;
        break;
    case XEN_DOMCTL_vm_event_op:
        t->d.u.vm_event_op.op = XEN_VM_EVENT_GET_VERSION;
        t->d.u.vm_event_op.mode = XEN_DOMCTL_VM_EVENT_OP_MONITOR;
        break;
    case XEN_DOMCTL_shadow_op:
        t->d.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY;
        break;
    case XEN_DOMCTL_vmtrace_op:
        t->d.u.vmtrace_op.cmd = XEN_DOMCTL_vmtrace_enable;
        break;
    case XEN_DOMCTL_psr_cmt_op:
        t->d.u.psr_cmt_op.cmd = XEN_DOMCTL_PSR_CMT_OP_QUERY_RMID;
        break;
    case XEN_DOMCTL_psr_alloc:
        t->d.u.psr_alloc.cmd = XEN_DOMCTL_PSR_GET_L3_CBM;
        break;
    case XEN_DOMCTL_debug_op:
        t->d.u.debug_op.op = XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_ON;
        break;
    case XEN_DOMCTL_setdomainhandle:
        memset(t->d.u.setdomainhandle.handle, 0x5a,
               sizeof(t->d.u.setdomainhandle.handle));
        break;
    default: /* zeroes will do */
        break;
    }
}

int domctl_fill(const struct attack *a, struct domctl_try *t)
{
    switch (a->row->arg) {
    case XEN_DOMCTL_setvcpuaffinity:
    case XEN_DOMCTL_getvcpuaffinity:
        return fill_affinity(a, t);
    case XEN_DOMCTL_setnodeaffinity:
    case XEN_DOMCTL_getnodeaffinity:
        return fill_bitmap(a, &t->d.u.nodeaffinity.nodemap);
    case XEN_DOMCTL_gethvmcontext:
    case XEN_DOMCTL_sethvmcontext:
        return fill_hvmcontext(a, t);
    case XEN_DOMCTL_gethvmcontext_partial:
        return fill_partial(a, t);
    case XEN_DOMCTL_setvcpucontext:
    case XEN_DOMCTL_getvcpucontext:
        return fill_vcpucontext(a, t);
    case XEN_DOMCTL_setvcpuextstate:
    case XEN_DOMCTL_getvcpuextstate:
        return fill_extstate(a, t);
    case XEN_DOMCTL_get_vcpu_msrs:
    case XEN_DOMCTL_set_vcpu_msrs:
        return fill_msrs(a, t);
    case XEN_DOMCTL_getpageframeinfo3:
        return fill_pageframes(a, t);
    case XEN_DOMCTL_get_cpu_policy:
    case XEN_DOMCTL_set_cpu_policy:
        return fill_policy(a, t);
    case XEN_DOMCTL_setvnumainfo:
        return fill_vnuma(a, t);
    case XEN_DOMCTL_set_ext_vcpucontext:
    case XEN_DOMCTL_get_ext_vcpucontext:
        return fill_ext_context(a, t);
    case XEN_DOMCTL_gdbsx_guestmemio:
        return fill_memio(a, t);
    case XEN_DOMCTL_max_mem:
        return fill_max_mem(a, t);
    case XEN_DOMCTL_set_paging_mempool_size:
        return fill_mempool(a, t);
    default:
        fill_numbers(a, t);
        return 0;
    }
}

void domctl_undo(const struct attack *a, const struct domctl_try *t, long rc)
{
    struct xen_domctl back = t->d;
    uint32_t cmd = a->row->arg;

    if (rc < 0)
        return;
    switch (cmd) {
    case XEN_DOMCTL_pausedomain:
        cmd = XEN_DOMCTL_unpausedomain;
        break;
    case XEN_DOMCTL_memory_mapping:
        back.u.memory_mapping.add_mapping = 0;
        break;
    case XEN_DOMCTL_shadow_op:
        back.u.shadow_op.op = XEN_DOMCTL_SHADOW_OP_OFF;
        break;
    case XEN_DOMCTL_setdebugging:
        back.u.setdebugging.enable = 0;
        break;
    case XEN_DOMCTL_debug_op:
        back.u.debug_op.op = XEN_DOMCTL_DEBUG_OP_SINGLE_STEP_OFF;
        break;
    default:
        return;
    }
    hc_domctl(a->h, cmd, a->domid, &back);
}
