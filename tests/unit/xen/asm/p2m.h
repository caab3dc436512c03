/* SPDX-License-Identifier: MIT */
/*
 * p2m.h - what of Xen p2m-steward.c stands on: frames, tables, domains
 *
 * test_xen_view.c has the frames.
 */
#ifndef XEN_P2M_H
#define XEN_P2M_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include <xen/bug.h>

#include "abi/xen_steward.h"

#define PAGE_SHIFT 12
#define PAGE_SIZE 4096ul
#define PAGE_MASK (~(PAGE_SIZE - 1))
#define PADDR_MASK ((1ul << 52) - 1)
#define PAGE_OFFSET(p) ((unsigned long)(p) & ~PAGE_MASK)
#define PFN_DOWN(x) ((x) >> PAGE_SHIFT)
#define PAGE_ORDER_4K 0
#define PAGE_ORDER_2M 9
#define PAGE_ORDER_1G 18
#define L3_PAGETABLE_ENTRIES 512
#define ENOMEM 12

#define likely(x) (x)
#define unlikely(x) (x)
#define evaluate_nospec(x) (x)
#define BUILD_BUG_ON(x) _Static_assert(!(x), #x)
#define write_atomic(p, v) __atomic_store_n(p, v, __ATOMIC_RELEASE)

typedef struct {
    unsigned long v;
} gfn_t, mfn_t;

typedef struct {
    unsigned long pfn;
} pagetable_t;

#define _gfn(x) ((gfn_t){ x })
#define gfn_x(g) ((g).v)
#define _mfn(x) ((mfn_t){ x })
#define mfn_x(m) ((m).v)
#define mfn_eq(a, b) ((a).v == (b).v)
#define INVALID_MFN _mfn(~0ul)

#define pagetable_null() ((pagetable_t){ 0 })
#define pagetable_is_null(t) ((t).pfn == 0)
#define pagetable_get_pfn(t) ((t).pfn)
#define pagetable_get_mfn(t) _mfn((t).pfn)
#define pagetable_get_paddr(t) ((uint64_t)(t).pfn << PAGE_SHIFT)
#define pagetable_from_mfn(m) ((pagetable_t){ mfn_x(m) })
#define pagetable_from_paddr(a) ((pagetable_t){ (a) >> PAGE_SHIFT })

#define CDF_PROTECTED XEN_STEWARD_CDF_protected

struct steward {
    unsigned int state;
};

struct p2m_domain {
    struct domain *domain;
    pagetable_t phys_table;
    struct p2m_guest_view {
        pagetable_t root, first, first_of_p2m;
    } guest_view;
};

struct domain {
    unsigned int options, max_vcpus;
    bool is_dying;
    struct steward *steward;
    struct p2m_domain p2m;
};

struct vcpu {
    struct domain *domain;
    unsigned int vcpu_id;
};

static inline bool is_protected_domain(const struct domain *d)
{
    return d->options & CDF_PROTECTED;
}

static inline bool is_steward_vcpu(const struct vcpu *v)
{
    return is_protected_domain(v->domain) &&
           v->vcpu_id == v->domain->max_vcpus - 1;
}

#define p2m_get_hostp2m(d) (&(d)->p2m)
#define p2m_get_pagetable(p2m) ((p2m)->phys_table)
#define p2m_is_hostp2m(p2m) ((p2m) == &(p2m)->domain->p2m)

struct page_info;
struct page_info *mfn_to_page(mfn_t mfn);
mfn_t p2m_alloc_ptp(struct p2m_domain *p2m, unsigned int level);
void p2m_free_ptp(struct p2m_domain *p2m, struct page_info *pg);
void *map_domain_page(mfn_t mfn);
void unmap_domain_page(const void *p);
mfn_t domain_page_map_to_mfn(const void *p);

/* Xen's asm/p2m.h */
bool p2m_hides(const struct p2m_domain *p2m, gfn_t gfn, unsigned int order,
               const struct vcpu *v);
int p2m_alloc_guest_view(struct p2m_domain *p2m);
void p2m_forget_guest_view(struct p2m_domain *p2m);
void p2m_mirror_entry(struct p2m_domain *p2m, const void *p, uint64_t entry);
pagetable_t p2m_get_vcpu_pagetable(const struct vcpu *v);

#endif
