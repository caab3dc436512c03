/* SPDX-License-Identifier: MIT */
/*
 * hyper.c - every hypercall that the steward makes
 *
 * How this works: CPUID names the MSR, the MSR takes the address of a page
 * that Xen fills with code, and call number n is at 32 * n in it.  Xen reads
 * and writes arguments through the steward's own page tables.
 */
#include "hyper.h"

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/hvm/hvm_op.h>
#include <xen/hvm/hvm_vcpu.h>
#include <xen/memory.h>
#include <xen/sched.h>
#include <xen/vcpu.h>

#include "cpu.h"

#define CPUID_BASE_FIRST 0x40000000u
#define CPUID_BASE_LAST 0x40010000u
#define CPUID_BASE_STEP 0x100u
#define CALL_BYTES 32u

extern uint8_t hyper_page[PAGE_BYTES]; /* start.S: among the code */

bool hyper_init(void)
{
    for (uint32_t base = CPUID_BASE_FIRST; base < CPUID_BASE_LAST;
         base += CPUID_BASE_STEP) {
        struct cpuid id = cpu_cpuid(base, 0);

        if (id.b != 0x566e6558 || id.c != 0x65584d4d || id.d != 0x4d4d566e)
            continue; /* not XenVMMXenVMM */
        cpu_wrmsr(cpu_cpuid(base + 2, 0).b, (uintptr_t)hyper_page);
        return true;
    }
    return false;
}

static long call(uint32_t nr, uint64_t a, uint64_t b, uint64_t c)
{
    void *entry = hyper_page + (size_t)nr * CALL_BYTES;
    long rc;

    __asm__ volatile("call *%[entry]"
                     : "=a"(rc), "+D"(a), "+S"(b), "+d"(c)
                     : [entry] "r"(entry)
                     : "memory", "cc", "rcx", "r8", "r9", "r10", "r11");
    return rc;
}

static long steward_op(uint32_t cmd, void *arg)
{
    return call(__HYPERVISOR_steward_op, cmd, (uintptr_t)arg, 0);
}

static long memory_op(uint32_t cmd, void *arg)
{
    return call(__HYPERVISOR_memory_op, cmd, (uintptr_t)arg, 0);
}

long hyper_info(struct xen_steward_info *out)
{
    return steward_op(XEN_STEWARD_info, out);
}

long hyper_set_role(uint32_t role, const uint8_t measurement[32])
{
    struct xen_steward_set_role arg = { .role = role };

    __builtin_memcpy(arg.measurement, measurement, sizeof(arg.measurement));
    return steward_op(XEN_STEWARD_set_role, &arg);
}

void hyper_wait(void)
{
    struct xen_steward_wait arg = { .timeout_ns = 0 };

    if (steward_op(XEN_STEWARD_wait, &arg) < 0)
        hyper_crash(); /* rather than spin */
}

void hyper_notify(void)
{
    steward_op(XEN_STEWARD_notify, NULL);
}

long hyper_populate(uint64_t *gfn, uint32_t nr, uint32_t order)
{
    struct xen_memory_reservation r = { .nr_extents = nr,
                                        .extent_order = order,
                                        .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, gfn);
    return memory_op(XENMEM_populate_physmap, &r);
}

long hyper_depopulate(uint64_t *gfn, uint32_t nr)
{
    struct xen_memory_reservation r = { .nr_extents = nr, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, gfn);
    return memory_op(XENMEM_decrease_reservation, &r);
}

uint32_t hyper_suspended(void)
{
    long rc = steward_op(XEN_STEWARD_suspended, NULL);

    return rc > 0 ? (uint32_t)rc : 0;
}

long hyper_log_dirty(bool enable)
{
    struct xen_steward_log_dirty arg = { .enable = enable };

    return steward_op(XEN_STEWARD_log_dirty, &arg);
}

long hyper_take_dirty(struct xen_steward_take_dirty *t)
{
    return steward_op(XEN_STEWARD_take_dirty, t);
}

long hyper_mark_mapped(uint32_t suspension)
{
    struct xen_steward_mark_mapped arg = { .suspension = suspension };

    return steward_op(XEN_STEWARD_mark_mapped, &arg);
}

long hyper_slow(uint32_t percent)
{
    struct xen_steward_slow arg = { .percent = percent };

    return steward_op(XEN_STEWARD_slow, &arg);
}

long hyper_query_range(struct xen_steward_query_range *q)
{
    return steward_op(XEN_STEWARD_query_range, q);
}

long hyper_get_context(struct xen_steward_context *c)
{
    return steward_op(XEN_STEWARD_get_context, c);
}

long hyper_set_context(struct xen_steward_context *c)
{
    return steward_op(XEN_STEWARD_set_context, c);
}

long hyper_get_platform(struct xen_steward_platform *p)
{
    return steward_op(XEN_STEWARD_get_platform, p);
}

long hyper_attest(struct xen_steward_attest *a)
{
    return steward_op(XEN_STEWARD_attest, a);
}

long hyper_verify(struct xen_steward_verify *v)
{
    return steward_op(XEN_STEWARD_verify, v);
}

long hyper_step(uint32_t step, struct xen_steward_step *s)
{
    return steward_op(step, s);
}

long hyper_get_param(uint32_t index, uint64_t *value)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF, .index = index };
    long rc = call(__HYPERVISOR_hvm_op, HVMOP_get_param, (uintptr_t)&p, 0);

    *value = p.value;
    return rc;
}

long hyper_set_param(uint32_t index, uint64_t value)
{
    struct xen_hvm_param p = { .domid = DOMID_SELF,
                               .index = index,
                               .value = value };

    return call(__HYPERVISOR_hvm_op, HVMOP_set_param, (uintptr_t)&p, 0);
}

long hyper_grant_copy(struct gnttab_copy *copy, uint32_t nr)
{
    long rc =
        call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uintptr_t)copy, nr);

    for (uint32_t i = 0; rc == 0 && i < nr; i++)
        if (copy[i].status != GNTST_okay)
            rc = copy[i].status;
    return rc;
}

long hyper_set_memory_map(const struct fh_map_entry *map, uint32_t nr)
{
    struct {
        uint64_t gpa, len_bytes;
        uint32_t type;
    } __attribute__((packed)) e820[FH_MAP_MAX];
    struct xen_foreign_memory_map m = { .domid = DOMID_SELF };

    for (uint32_t i = 0; i < nr; i++) {
        e820[i].gpa = map[i].gpa;
        e820[i].len_bytes = map[i].len_bytes;
        e820[i].type = map[i].type;
    }
    m.map.nr_entries = nr;
    set_xen_guest_handle(m.map.buffer, (void *)e820);
    return memory_op(XENMEM_set_memory_map, &m);
}

long hyper_map_grant_frame(uint32_t frame, uint64_t gfn)
{
    struct xen_add_to_physmap x = { .domid = DOMID_SELF,
                                    .space = XENMAPSPACE_grant_table,
                                    .idx = frame,
                                    .gpfn = gfn };

    return memory_op(XENMEM_add_to_physmap, &x);
}

long hyper_remove(uint64_t gfn)
{
    struct xen_remove_from_physmap x = { .domid = DOMID_SELF, .gpfn = gfn };

    return memory_op(XENMEM_remove_from_physmap, &x);
}

long hyper_vcpu_start(uint32_t vcpu, struct vcpu_hvm_context *ctx)
{
    long rc =
        call(__HYPERVISOR_vcpu_op, VCPUOP_initialise, vcpu, (uintptr_t)ctx);

    if (rc < 0)
        return rc;
    return call(__HYPERVISOR_vcpu_op, VCPUOP_up, vcpu, 0);
}

void hyper_crash(void)
{
    struct sched_shutdown s = { .reason = SHUTDOWN_crash };

    for (;;)
        call(__HYPERVISOR_sched_op, SCHEDOP_shutdown, (uintptr_t)&s, 0);
}
