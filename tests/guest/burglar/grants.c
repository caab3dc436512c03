/* SPDX-License-Identifier: MIT */
/*
 * grants.c - the steward's pages for others: copied by Xen, or granted to dom0
 *
 * Two grants are left behind for a program in dom0 to map
 * (tests/lab/tools/grant-try.c): GOOD_REF is the control, a page of the
 * guest's own, and BAD_REF a page of the steward's.
 */
#include "burglar.h"

#include <xen/xen.h>

#include <xen/grant_table.h>
#include <xen/memory.h>

#define GOOD_REF 8u
#define BAD_REF 9u
#define TABLE_GPA 0xd0100000u /* where the grant table is seen */

static uint8_t own[PAGE_BYTES] __attribute__((aligned(4096)));

static int copy(uint32_t from_gfn, uint32_t to_gfn)
{
    struct gnttab_copy c = {
        .source = { .u.gmfn = from_gfn, .domid = DOMID_SELF },
        .dest = { .u.gmfn = to_gfn, .domid = DOMID_SELF },
        .len = 8,
    };
    int rc =
        guest_call(__HYPERVISOR_grant_table_op, GNTTABOP_copy, (uint32_t)&c, 1);

    return rc ? rc : c.status;
}

static int map_table(uint32_t gfn)
{
    struct xen_add_to_physmap x = { .domid = DOMID_SELF,
                                    .space = XENMAPSPACE_grant_table,
                                    .gpfn = gfn };

    return guest_call(__HYPERVISOR_memory_op, XENMEM_add_to_physmap,
                      (uint32_t)&x, 0);
}

static void grant(uint32_t ref, uint32_t gfn)
{
    struct grant_entry_v1 *table = (struct grant_entry_v1 *)TABLE_GPA;

    table[ref].frame = gfn;
    table[ref].domid = 0;
    __atomic_store_n(&table[ref].flags, GTF_permit_access, __ATOMIC_RELEASE);
}

void try_grants(void)
{
    uint32_t mine = (uint32_t)own / PAGE_BYTES;

    judge("a copy among the guest's own pages works", copy(mine, mine),
          GNTST_okay);
    judge("nothing is copied from there", copy(STEWARD_GFN, mine),
          GNTST_bad_page);
    judge("nor to there", copy(mine, STEWARD_GFN), GNTST_bad_page);
    judge("the guest has a grant table", map_table(TABLE_GPA / PAGE_BYTES), 0);
    grant(GOOD_REF, mine);
    grant(BAD_REF, steward_gfn(PAGE_GRANTED));
}
