/* SPDX-License-Identifier: MIT */
/*
 * rows_mem.c - what dom0 may ask of a guest's memory layout (audit 2.3)
 */
#include "row.h"

#include <errno.h>

#define FREE_GFN 0xf0000u /* nothing of a small guest is there */
/* Rows that take a page away each take another: spare_gfn and those below. */

static long memory_op(const struct attack *a, unsigned cmd, void *arg,
                      size_t len_bytes)
{
    return hc_op(a->h, __HYPERVISOR_memory_op, cmd, arg, len_bytes);
}

/* Calls that answer with how many extents they did, 0: none. */
static struct outcome reservation(const struct attack *a, unsigned cmd,
                                  uint64_t gfn, unsigned flags)
{
    xen_pfn_t *list = hc_buf(a->h, sizeof(*list));
    struct xen_memory_reservation r = { .nr_extents = 1,
                                        .mem_flags = flags,
                                        .domid = a->domid };
    long rc;

    if (!list)
        return out_error("arena", ENOBUFS);
    *list = gfn;
    set_xen_guest_handle_raw(r.extent_start, list);
    rc = memory_op(a, cmd, &r, sizeof(r));
    return out_of_extents(rc);
}

static struct outcome populate_used(const struct attack *a)
{
    return reservation(a, XENMEM_populate_physmap, a->spare_gfn - 24, 0);
}

static struct outcome populate_hole(const struct attack *a)
{
    return reservation(a, XENMEM_populate_physmap, FREE_GFN + a->stage, 0);
}

static struct outcome populate_pod(const struct attack *a)
{
    return reservation(a, XENMEM_populate_physmap, FREE_GFN + 64,
                       XENMEMF_populate_on_demand);
}

static struct outcome increase(const struct attack *a)
{
    return reservation(a, XENMEM_increase_reservation, 0, 0);
}

static struct outcome decrease(const struct attack *a)
{
    return reservation(a, XENMEM_decrease_reservation, a->spare_gfn - 20, 0);
}

static struct outcome claim(const struct attack *a)
{
    struct xen_memory_reservation r = { .nr_extents = a->row->arg,
                                        .domid = a->domid };

    return out_of_rc(memory_op(a, XENMEM_claim_pages, &r, sizeof(r)));
}

static struct outcome exchange(const struct attack *a)
{
    xen_pfn_t *in = hc_buf(a->h, sizeof(*in)), *out = hc_buf(a->h, 64);
    struct xen_memory_exchange x = {
        .in = { .nr_extents = 1, .domid = a->domid },
        .out = { .nr_extents = 1, .domid = a->domid },
    };

    if (!in || !out)
        return out_error("arena", ENOBUFS);
    *in = *out = a->spare_gfn;
    set_xen_guest_handle_raw(x.in.extent_start, in);
    set_xen_guest_handle_raw(x.out.extent_start, out);
    return out_of_rc(memory_op(a, XENMEM_exchange, &x, sizeof(x)));
}

/* arg: XENMAPSPACE_* */
static struct outcome add_to_physmap(const struct attack *a)
{
    struct xen_add_to_physmap m = {
        .domid = a->domid,
        .size = 1,
        .space = a->row->arg,
        .gpfn = FREE_GFN + 16 + a->row->arg,
    };

    if (a->row->arg == XENMAPSPACE_gmfn ||
        a->row->arg == XENMAPSPACE_gmfn_range)
        m.idx = a->spare_gfn - 4 * a->row->arg;
    return out_of_rc(memory_op(a, XENMEM_add_to_physmap, &m, sizeof(m)));
}

static struct outcome add_batch(const struct attack *a)
{
    struct xen_add_to_physmap_batch b = { .domid = a->domid,
                                          .space = XENMAPSPACE_gmfn,
                                          .size = 1 };
    xen_ulong_t *idx = hc_buf(a->h, sizeof(*idx));
    xen_pfn_t *to = hc_buf(a->h, sizeof(*to));
    int *err = hc_buf(a->h, sizeof(*err));
    long rc;

    if (!idx || !to || !err)
        return out_error("arena", ENOBUFS);
    *idx = a->spare_gfn - 1;
    *to = FREE_GFN + 32;
    set_xen_guest_handle_raw(b.idxs, idx);
    set_xen_guest_handle_raw(b.gpfns, to);
    set_xen_guest_handle_raw(b.errs, err);
    rc = memory_op(a, XENMEM_add_to_physmap_batch, &b, sizeof(b));
    return out_of_rc(rc < 0 ? rc : *err);
}

static struct outcome remove_page(const struct attack *a)
{
    struct xen_remove_from_physmap r = { .domid = a->domid,
                                         .gpfn = a->spare_gfn - 2 };

    return out_of_rc(memory_op(a, XENMEM_remove_from_physmap, &r, sizeof(r)));
}

static struct outcome set_memory_map(const struct attack *a)
{
    struct e820entry_like {
        uint64_t addr, size;
        uint32_t type;
    } __attribute__((packed)) *map = hc_buf(a->h, 64);
    struct xen_foreign_memory_map f = { .domid = a->domid,
                                        .map.nr_entries = 1 };

    if (!map)
        return out_error("arena", ENOBUFS);
    map->size = 64u << 20;
    map->type = E820_RAM;
    set_xen_guest_handle_raw(f.map.buffer, map);
    return out_of_rc(memory_op(a, XENMEM_set_memory_map, &f, sizeof(f)));
}

/* arg: XENMEM_{get,set}_pod_target */
static struct outcome pod_target(const struct attack *a)
{
    struct xen_pod_target t = { .domid = a->domid, .target_pages = 1 };

    return out_of_rc(memory_op(a, a->row->arg, &t, sizeof(t)));
}

/* arg: XENMEM_{current,maximum}_reservation, XENMEM_maximum_gpfn */
static struct outcome memory_stat(const struct attack *a)
{
    domid_t domid = a->domid;

    return out_of_rc(memory_op(a, a->row->arg, &domid, sizeof(domid)));
}

static struct outcome get_vnuma(const struct attack *a)
{
    struct xen_vnuma_topology_info v = { .domid = a->domid };

    return out_of_rc(memory_op(a, XENMEM_get_vnumainfo, &v, sizeof(v)));
}

static struct outcome mem_access(const struct attack *a)
{
    struct xen_mem_access_op m = { .op = XENMEM_access_op_get_access,
                                   .domid = a->domid,
                                   .pfn = a->gfn };

    return out_of_rc(memory_op(a, XENMEM_access_op, &m, sizeof(m)));
}

static struct outcome mem_paging(const struct attack *a)
{
    struct xen_mem_paging_op m = { .op = XENMEM_paging_op_nominate,
                                   .domain = a->domid,
                                   .gfn = a->spare_gfn };

    return out_of_rc(memory_op(a, XENMEM_paging_op, &m, sizeof(m)));
}

/* arg: XENMEM_sharing_op_* */
static struct outcome mem_sharing(const struct attack *a)
{
    struct xen_mem_sharing_op m = { .op = (uint8_t)a->row->arg,
                                    .domain = a->domid };

    if (a->row->arg == XENMEM_sharing_op_fork)
        m.u.fork.parent_domain = a->domid;
    else
        m.u.nominate.u.gfn = a->gfn;
    return out_of_rc(memory_op(a, XENMEM_sharing_op, &m, sizeof(m)));
}

#define BOTH (STAGE_NEWBORN | STAGE_RUNNING)
#define RUN STAGE_RUNNING
#define LAST STAGE_LAST
#define M(id, way, choke, fn, arg, stages)                                     \
    { id, "2.3", way, choke, fn, arg, stages, RULE_DENY, 0, 0, NULL }
#define EXTENT(id, way, choke, fn, stages)                                     \
    { id, "2.3", way, choke, fn, 0, stages, RULE_DENY, 0, ROW_NO_ERRNO, NULL }
#define ALLOW(id, way, fn, arg)                                                \
    { id, "2.3", way, "K2", fn, arg, BOTH, RULE_ALLOW, 0, 0, NULL }
#define UNBUILT(id, way, fn, arg)                                              \
    { id, "2.3", way, "K0 K2", fn, arg, RUN, RULE_DENY, 0, ROW_UNBUILT, NULL }

/* clang-format off */
static const struct row rows[] = {
    ALLOW("mem-current", "current_reservation", memory_stat,
          XENMEM_current_reservation),
    ALLOW("mem-maximum", "maximum_reservation", memory_stat,
          XENMEM_maximum_reservation),
    ALLOW("mem-max-gpfn", "maximum_gpfn", memory_stat, XENMEM_maximum_gpfn),
    ALLOW("mem-claim", "claim_pages", claim, 0),
    EXTENT("mem-populate-hole", "populate_physmap into a hole", "K12 K4c",
           populate_hole, BOTH),
    EXTENT("mem-populate-pod", "populate on demand", "K12", populate_pod,
           STAGE_NEWBORN),
    EXTENT("mem-increase", "increase_reservation", "K12 K2", increase, BOTH),
    M("mem-exchange", "XENMEM_exchange", "K2", exchange, 0, RUN),
    M("mem-map-gfn", "add_to_physmap: one gfn to another", "K2",
      add_to_physmap, XENMAPSPACE_gmfn, LAST),
    M("mem-map-range", "add_to_physmap: gmfn_range", "K2", add_to_physmap,
      XENMAPSPACE_gmfn_range, LAST),
    M("mem-map-batch", "add_to_physmap_batch", "K2", add_batch, 0, LAST),
    M("mem-map-grant", "add_to_physmap: grant table", "K2", add_to_physmap,
      XENMAPSPACE_grant_table, LAST),
    M("mem-map-shinfo", "add_to_physmap: shared info", "K2", add_to_physmap,
      XENMAPSPACE_shared_info, LAST),
    M("mem-get-pod", "get_pod_target", "K2", pod_target,
      XENMEM_get_pod_target, BOTH),
    M("mem-set-pod", "set_pod_target", "K2", pod_target,
      XENMEM_set_pod_target, RUN),
    M("mem-set-map", "set_memory_map", "K2 K12", set_memory_map, 0, BOTH),
    M("mem-get-vnuma", "get_vnumainfo", "K2", get_vnuma, 0, RUN),
    { "mem-access", "2.3", "mem_access get_access", "K2", mem_access, 0, RUN,
      RULE_DENY, 0, 0, "Xen has it on VMX alone" },
    UNBUILT("mem-paging", "mem_paging nominate", mem_paging, 0),
    UNBUILT("mem-share", "mem_sharing nominate", mem_sharing,
            XENMEM_sharing_op_nominate_gfn),
    UNBUILT("mem-fork", "mem_sharing fork", mem_sharing,
            XENMEM_sharing_op_fork),
    M("mem-remove", "remove_from_physmap", "K2", remove_page, 0, LAST),
    EXTENT("mem-decrease", "decrease_reservation", "K12 K2", decrease, LAST),
    EXTENT("mem-populate-used", "populate_physmap over a used gfn",
           "K12 K4c", populate_used, LAST),
};
/* clang-format on */

const struct row_set rows_mem = { rows, sizeof(rows) / sizeof(rows[0]) };
