/* SPDX-License-Identifier: MIT */
/* accomplice.c - make and unmake the domains that help dom0 */
#include "accomplice.h"

#include "frames.h"

#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "../../abi/xen_steward.h"

#define ACC_GRANT_FRAMES 8
#define ACC_MAPTRACK_FRAMES 16
#define ACC_EVTCHN_PORTS 255
#define DOMAINS_MAX 256u

/* Who made a domain can be read off its handle. */
static void mark_handle(xen_domain_handle_t handle, pid_t pid)
{
    memset(handle, 0xac, sizeof(xen_domain_handle_t));
    memcpy(handle, &pid, sizeof(pid));
}

static void describe(struct xen_domctl_createdomain *c, enum acc_kind kind)
{
    *c = (struct xen_domctl_createdomain){
        .max_vcpus = 2,
        .max_evtchn_port = ACC_EVTCHN_PORTS,
        .max_grant_frames = ACC_GRANT_FRAMES,
        .max_maptrack_frames = ACC_MAPTRACK_FRAMES,
        .grant_opts = XEN_DOMCTL_GRANT_version(1),
    };
    mark_handle(c->handle, getpid());
    if (kind == ACC_PV)
        return;
    c->flags = XEN_DOMCTL_CDF_hvm | XEN_DOMCTL_CDF_hap;
    c->arch.emulation_flags = XEN_X86_EMU_LAPIC;
    if (kind == ACC_PROTECTED)
        c->flags |= XEN_STEWARD_CDF_protected;
}

int acc_create(struct hc *h, enum acc_kind kind, uint64_t mem_kib)
{
    struct xen_domctl d = { 0 };
    uint16_t domid;
    long rc;

    describe(&d.u.createdomain, kind);
    rc = hc_domctl(h, XEN_DOMCTL_createdomain, 0, &d);
    if (rc < 0)
        return (int)rc;
    domid = d.domain;

    d = (struct xen_domctl){ .u.max_vcpus.max = 2 };
    rc = hc_domctl(h, XEN_DOMCTL_max_vcpus, domid, &d);
    if (rc == 0) {
        d = (struct xen_domctl){ .u.max_mem.max_memkb = mem_kib + 1024 };
        rc = hc_domctl(h, XEN_DOMCTL_max_mem, domid, &d);
    }
    if (rc == 0 && kind != ACC_PV) {
        /* page tables of its own: 1 MiB for each vCPU, 8 bytes per page */
        d = (struct xen_domctl){ .u.paging_mempool.size = 4u << 20 };
        rc = hc_domctl(h, XEN_DOMCTL_set_paging_mempool_size, domid, &d);
    }
    if (rc < 0) {
        acc_destroy(h, domid);
        return (int)rc;
    }
    return domid;
}

void acc_destroy(struct hc *h, int domid)
{
    struct xen_domctl d;
    long rc;

    if (domid < 0)
        return;
    do {
        d = (struct xen_domctl){ 0 };
        rc = hc_domctl(h, XEN_DOMCTL_destroydomain, (uint16_t)domid, &d);
    } while (rc == -EAGAIN || rc == -EBUSY || rc == -ERESTART);
}

void acc_sweep(struct hc *h, pid_t pid)
{
    struct xen_domctl_getdomaininfo *list =
        hc_buf(h, DOMAINS_MAX * sizeof(*list));
    struct xen_sysctl s = { .u.getdomaininfolist.max_domains = DOMAINS_MAX };
    xen_domain_handle_t mark;

    if (!list)
        return;
    mark_handle(mark, pid);
    set_xen_guest_handle_raw(s.u.getdomaininfolist.buffer, list);
    if (hc_sysctl(h, XEN_SYSCTL_getdomaininfolist, &s) < 0)
        return;
    for (uint32_t i = 0; i < s.u.getdomaininfolist.num_domains; i++)
        if (!memcmp(list[i].handle, mark, sizeof(mark)))
            acc_destroy(h, list[i].domain);
}

long acc_populate(struct hc *h, uint16_t domid, uint64_t gfn, uint32_t nr,
                  unsigned order)
{
    struct xen_memory_reservation r = { .nr_extents = nr,
                                        .extent_order = order,
                                        .domid = domid };
    size_t mark = h->used_bytes;
    xen_pfn_t *list = hc_buf(h, nr * sizeof(*list));
    long rc;

    if (!list)
        return -ENOBUFS;
    for (uint32_t i = 0; i < nr; i++)
        list[i] = gfn + ((uint64_t)i << order);
    set_xen_guest_handle_raw(r.extent_start, list);
    rc = hc_op(h, __HYPERVISOR_memory_op, XENMEM_populate_physmap, &r,
               sizeof(r));
    h->used_bytes = mark;
    return rc;
}

long acc_set_target(struct hc *h, uint16_t domid, uint16_t target)
{
    struct xen_domctl d = { .u.set_target.target = target };

    return hc_domctl(h, XEN_DOMCTL_set_target, domid, &d);
}

/* cld; mov esi, edi, ecx; rep movsd; cli; hlt: the last ends the domain. */
static void write_copier(uint8_t *code, uint32_t from, uint32_t to, uint32_t nr)
{
    static const uint8_t text[] = { 0xfc, 0xbe, 0,    0,    0,    0,   0xbf,
                                    0,    0,    0,    0,    0xb9, 0,   0,
                                    0,    0,    0xf3, 0xa5, 0xfa, 0xf4 };
    uint32_t words = nr * 1024;

    memcpy(code, text, sizeof(text));
    from <<= 12;
    to <<= 12;
    memcpy(code + 2, &from, sizeof(from));
    memcpy(code + 7, &to, sizeof(to));
    memcpy(code + 12, &words, sizeof(words));
}

/* A new vCPU is in flat 32-bit protected mode; only rip is missing. */
static long start_at_0(struct hc *h, uint16_t domid)
{
    vcpu_guest_context_t *ctxt = hc_buf(h, sizeof(*ctxt));
    struct xen_domctl d = { 0 };
    long rc;

    if (!ctxt)
        return -ENOBUFS;
    ctxt->flags = VGCF_online;
    ctxt->user_regs.rflags = 2;
    set_xen_guest_handle_raw(d.u.vcpucontext.ctxt, ctxt);
    rc = hc_domctl(h, XEN_DOMCTL_setvcpucontext, domid, &d);
    if (rc < 0)
        return rc;
    d = (struct xen_domctl){ 0 };
    return hc_domctl(h, XEN_DOMCTL_unpausedomain, domid, &d);
}

/* Run what is at gfn 0 until it halts with interrupts off. */
static long run_to_halt(struct hc *h, uint16_t domid)
{
    struct xen_domctl d = { 0 };
    long rc = start_at_0(h, domid);

    while (rc == 0 && !(d.u.getdomaininfo.flags & XEN_DOMINF_shutdown)) {
        sched_yield(); /* a domain without xenstore tells nobody */
        rc = hc_domctl(h, XEN_DOMCTL_getdomaininfo, domid, &d);
    }
    return rc;
}

long acc_copy(struct hc *h, uint16_t domid, uint32_t from, uint32_t to,
              uint32_t nr)
{
    uint8_t *code;
    long rc;

    code = frames_map(h, domid, PROT_READ | PROT_WRITE, 0, &rc);
    if (!code)
        return rc;
    write_copier(code, from, to, nr);
    frames_unmap(h, code);
    return run_to_halt(h, domid);
}

/*
 * mov esi, first; mov ecx, nr; xor ebx, ebx; then for each page: compare two
 * words, inc ebx if both are equal; at last mov [COUNT_AT], ebx; cli; hlt.
 */
static void write_counter(uint8_t *code, uint32_t first, uint32_t nr,
                          uint64_t word)
{
    static const uint8_t text[] = {
        0xbe, 0,    0,    0,    0,    0xb9, 0,    0,    0,    0,    0x31, 0xdb,
        0x81, 0x3e, 0,    0,    0,    0,    0x75, 0x0a, 0x81, 0x7e, 0x04, 0,
        0,    0,    0,    0x75, 0x01, 0x43, 0x81, 0xc6, 0,    0x10, 0,    0,
        0x49, 0x75, 0xe5, 0x89, 0x1d, 0,    0x08, 0,    0,    0xfa, 0xf4,
    };
    uint32_t low = (uint32_t)word, high = (uint32_t)(word >> 32);

    first <<= 12;
    memcpy(code, text, sizeof(text));
    memcpy(code + 1, &first, sizeof(first));
    memcpy(code + 6, &nr, sizeof(nr));
    memcpy(code + 14, &low, sizeof(low));
    memcpy(code + 23, &high, sizeof(high));
}
#define COUNT_AT 0x800u

long acc_count(struct hc *h, uint16_t domid, uint32_t first, uint32_t nr,
               uint64_t word)
{
    uint32_t count;
    uint8_t *page;
    long rc;

    page = frames_map(h, domid, PROT_READ | PROT_WRITE, 0, &rc);
    if (!page)
        return rc;
    write_counter(page, first, nr, word);
    rc = run_to_halt(h, domid);
    memcpy(&count, page + COUNT_AT, sizeof(count));
    frames_unmap(h, page);
    return rc < 0 ? rc : (long)count;
}
