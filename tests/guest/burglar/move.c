/* SPDX-License-Identifier: MIT */
/*
 * move.c - the steward's pages by changes of the physical address space
 *
 * What is taken from the steward is its undoing, and what is put there is what
 * it executes.  So these come last: where one comes off there may be no
 * steward any more.
 */
#include "burglar.h"

#include <xen/xen.h>

#include <xen/errno.h>
#include <xen/hvm/hvm_op.h>
#include <xen/memory.h>

static uint8_t own[2][PAGE_BYTES] __attribute__((aligned(4096)));

static int memory_op(unsigned cmd, void *arg)
{
    return guest_call(__HYPERVISOR_memory_op, cmd, (uint32_t)arg, 0);
}

static int reservation(unsigned cmd, xen_pfn_t gfn)
{
    struct xen_memory_reservation r = { .nr_extents = 1, .domid = DOMID_SELF };

    set_xen_guest_handle(r.extent_start, &gfn);
    return memory_op(cmd, &r);
}

static int add(unsigned space, uint32_t idx, xen_pfn_t gfn)
{
    struct xen_add_to_physmap x = {
        .domid = DOMID_SELF, .space = space, .idx = idx, .gpfn = gfn
    };

    return memory_op(XENMEM_add_to_physmap, &x);
}

/* -EOPNOTSUPP is what it answers to an HVM domain about a page that it finds.
 */
static int exchange(xen_pfn_t in, xen_pfn_t out)
{
    struct xen_memory_exchange x = {
        .in = { .nr_extents = 1, .domid = DOMID_SELF },
        .out = { .nr_extents = 1, .domid = DOMID_SELF },
    };

    set_xen_guest_handle(x.in.extent_start, &in);
    set_xen_guest_handle(x.out.extent_start, &out);
    return memory_op(XENMEM_exchange, &x);
}

static int mem_type(uint32_t gfn)
{
    struct xen_hvm_get_mem_type t = { .domid = DOMID_SELF, .pfn = gfn };
    int rc =
        guest_call(__HYPERVISOR_hvm_op, HVMOP_get_mem_type, (uint32_t)&t, 0);

    return rc ? rc : t.mem_type;
}

static void put_there(void)
{
    xen_pfn_t mine = (uint32_t)own[0] / PAGE_BYTES;

    *(volatile uint32_t *)own[0] = 0x600d600d;
    judge("no page is added", reservation(XENMEM_populate_physmap, VACANT_GFN),
          0);
    judge("none takes another's place",
          reservation(XENMEM_populate_physmap, steward_gfn(PAGE_REPLACED)), 0);
    judge("no page is moved there",
          add(XENMAPSPACE_gmfn, mine, steward_gfn(PAGE_MOVED_TO)), -XEN_EPERM);
    judge("and is still where it was", *(volatile uint32_t *)own[0],
          0x600d600d);
    judge("the shared info is not moved there",
          add(XENMAPSPACE_shared_info, 0, steward_gfn(PAGE_SHARED_INFO)),
          -XEN_EPERM);
    judge("the grant table is not, either",
          add(XENMAPSPACE_grant_table, 1, VACANT_GFN), -XEN_EPERM);
}

static void take_from_there(void)
{
    struct xen_remove_from_physmap r = { .domid = DOMID_SELF,
                                         .gpfn = steward_gfn(PAGE_UNMAPPED) };
    xen_pfn_t mine = (uint32_t)own[1] / PAGE_BYTES;

    judge("Xen says that nothing is there", mem_type(STEWARD_GFN),
          HVMMEM_mmio_dm);
    judge("no page is moved from there",
          add(XENMAPSPACE_gmfn, steward_gfn(PAGE_MOVED_FROM), ELSEWHERE_GFN),
          -XEN_EACCES);
    judge("none is exchanged", exchange(steward_gfn(PAGE_EXCHANGED), mine),
          -XEN_EINVAL);
    judge("none is unmapped", memory_op(XENMEM_remove_from_physmap, &r),
          -XEN_ENOENT);
    judge("none is given back",
          reservation(XENMEM_decrease_reservation, steward_gfn(PAGE_GIVEN)), 0);
}

void try_to_move(void)
{
    put_there();
    take_from_there();
}
