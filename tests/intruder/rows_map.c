/* SPDX-License-Identifier: MIT */
/*
 * rows_map.c - ways to map, read or write a guest's pages (audit 2.1)
 */
#include "accomplice.h"
#include "frames.h"
#include "row.h"

#include <errno.h>
#include <string.h>
#include <sys/mman.h>

#define PAGE_BYTES 4096u
#define ACC_KIB 1024u
#define ACC_FREE_GFN 0x800u
#define FRAMES_MAX 16u
#define PTE_PRESENT_USER 0x5ull
#define PTE_NX (1ull << 63)
#define PTE_SPECIAL (1ull << 9) /* Linux's mark: not a page of its own */

static struct outcome look(const struct attack *a, const void *va)
{
    if (canary_lines_in(&a->line, va, PAGE_BYTES) > 0)
        return out_canary();
    return out_of_rc(0);
}

static struct outcome map_gfn(const struct attack *a)
{
    struct outcome o;
    long rc;
    void *va = frames_map(a->h, a->domid, (int)a->row->arg, a->gfn, &rc);

    if (!va)
        return out_of_rc(rc);
    o = look(a, va);
    frames_unmap(a->h, va);
    return o;
}

/*
 * The page table entry of an address of ours, rewritten by Xen.  The address
 * first holds a page of an accomplice, so that Linux expects a foreign page
 * there, and takes it down in its usual way.
 */
static struct outcome map_by_va(const struct attack *a)
{
    int acc = acc_create(a->h, ACC_HVM, ACC_KIB);
    struct outcome o;
    void *va = NULL;
    long rc;

    if (acc < 0)
        return out_error("accomplice", -acc);
    rc = acc_populate(a->h, (uint16_t)acc, 0, 1, 0);
    if (rc == 1)
        va = frames_map(a->h, (uint16_t)acc, PROT_READ, 0, &rc);
    if (!va) {
        acc_destroy(a->h, acc);
        return out_error("accomplice's page", (int)-rc);
    }
    *(volatile char *)va; /* the entry must be there */
    rc = hc_raw(a->h, __HYPERVISOR_update_va_mapping_otherdomain, (uintptr_t)va,
                a->gfn << 12 | PTE_PRESENT_USER | PTE_SPECIAL | PTE_NX,
                UVMF_INVLPG | UVMF_ALL, a->domid, 0);
    o = rc < 0 ? out_of_rc(rc) : look(a, va);
    frames_unmap(a->h, va);
    acc_destroy(a->h, acc);
    return o;
}

/* Try each frame that answers to the canary's gfn; the last error counts. */
static struct outcome map_candidates(const struct attack *a, uint16_t via)
{
    uint64_t mfn[FRAMES_MAX] = { a->mfn };
    int nr = 1;
    struct outcome o = out_na("no frame in the M2P answers to the gfn");

    if (a->mfn == ATTACK_NO_MFN)
        nr = frames_of_gfn(a->h, a->gfn, mfn, FRAMES_MAX);
    if (nr < 0)
        return out_error("M2P", -nr);
    for (int i = 0; i < nr; i++) {
        long rc;
        void *va = frames_map(a->h, via, PROT_READ, mfn[i], &rc);

        if (!va) {
            o = out_of_rc(rc);
            continue;
        }
        o = look(a, va);
        frames_unmap(a->h, va);
        if (o.kind == OUT_CANARY)
            return o;
    }
    return o;
}

/* An accomplice whose target is the guest lends dom0 its right to map. */
static struct outcome map_mfn_by_target(const struct attack *a)
{
    int acc = acc_create(a->h, ACC_PV, ACC_KIB);
    struct outcome o;
    long rc;

    if (acc < 0)
        return out_error("accomplice", -acc);
    rc = acc_set_target(a->h, (uint16_t)acc, a->domid);
    o = rc < 0 ? out_of_rc(rc) : map_candidates(a, (uint16_t)acc);
    acc_destroy(a->h, acc);
    return o;
}

static struct outcome map_mfn_direct(const struct attack *a)
{
    return map_candidates(a, 0);
}

/* The other way round: the guest as the one that has a target. */
static struct outcome target_of_guest(const struct attack *a)
{
    int acc = acc_create(a->h, ACC_HVM, ACC_KIB);
    long rc;

    if (acc < 0)
        return out_error("accomplice", -acc);
    rc = acc_set_target(a->h, a->domid, (uint16_t)acc);
    acc_destroy(a->h, acc);
    return out_of_rc(rc);
}

static long add_foreign(const struct attack *a, uint16_t into, uint64_t gfn)
{
    struct xen_add_to_physmap_batch b = {
        .domid = into,
        .space = XENMAPSPACE_gmfn_foreign,
        .size = 1,
        .u.foreign_domid = a->domid,
    };
    xen_ulong_t *idx = hc_buf(a->h, sizeof(*idx));
    xen_pfn_t *to = hc_buf(a->h, sizeof(*to));
    int *err = hc_buf(a->h, sizeof(*err));
    long rc;

    if (!idx || !to || !err)
        return -ENOBUFS;
    *idx = a->gfn;
    *to = gfn;
    set_xen_guest_handle_raw(b.idxs, idx);
    set_xen_guest_handle_raw(b.gpfns, to);
    set_xen_guest_handle_raw(b.errs, err);
    rc = hc_op(a->h, __HYPERVISOR_memory_op, XENMEM_add_to_physmap_batch, &b,
               sizeof(b));
    return rc < 0 ? rc : *err;
}

/* With set_target first (arg 1), or from an accomplice without rights. */
static struct outcome gmfn_foreign(const struct attack *a)
{
    int acc = acc_create(a->h, ACC_HVM, ACC_KIB);
    struct outcome o;
    void *va;
    long rc = 0;

    if (acc < 0)
        return out_error("accomplice", -acc);
    if (a->row->arg)
        rc = acc_set_target(a->h, (uint16_t)acc, a->domid);
    if (rc == 0)
        rc = add_foreign(a, (uint16_t)acc, ACC_FREE_GFN);
    o = out_of_rc(rc);
    if (rc == 0) {
        va = frames_map(a->h, (uint16_t)acc, PROT_READ, ACC_FREE_GFN, &rc);
        if (va)
            o = look(a, va);
        frames_unmap(a->h, va);
    }
    acc_destroy(a->h, acc);
    return o;
}

static struct outcome resource(const struct attack *a, unsigned type,
                               unsigned id, unsigned frame)
{
    void *va = NULL;
    xenforeignmemory_resource_handle *r =
        xenforeignmemory_map_resource(a->h->fmem, a->domid, type, id, frame, 1,
                                      &va, PROT_READ | PROT_WRITE, 0);
    int err = errno;

    if (!r)
        return out_of_rc(-err);
    xenforeignmemory_unmap_resource(a->h->fmem, r);
    return out_of_rc(0);
}

static struct outcome resource_grant(const struct attack *a)
{
    return resource(a, XENMEM_resource_grant_table, a->row->arg, 0);
}

static struct outcome resource_vmtrace(const struct attack *a)
{
    return resource(a, XENMEM_resource_vmtrace_buf, 0, 0);
}

/* A server of our own first; where that is refused the id is a guess. */
static struct outcome resource_ioreq(const struct attack *a)
{
    struct xen_dm_op op = { .op = XEN_DMOP_create_ioreq_server };
    struct outcome o;
    long rc;

    rc = hc_dm(a->h, a->domid, &op, sizeof(op), NULL, 0);
    o = resource(a, XENMEM_resource_ioreq_server,
                 rc == 0 ? op.u.create_ioreq_server.id : 0,
                 XENMEM_resource_ioreq_server_frame_ioreq(0));
    if (rc == 0) {
        ioservid_t id = op.u.create_ioreq_server.id;

        op = (struct xen_dm_op){ .op = XEN_DMOP_destroy_ioreq_server,
                                 .u.destroy_ioreq_server.id = id };
        hc_dm(a->h, a->domid, &op, sizeof(op), NULL, 0);
    }
    return o;
}

static struct outcome mmuext_clear(const struct attack *a)
{
    struct mmuext_op *op = hc_buf(a->h, sizeof(*op));

    if (!op)
        return out_error("arena", ENOBUFS);
    op->cmd = MMUEXT_CLEAR_PAGE;
    op->arg1.mfn = a->spare_gfn;
    return out_of_rc(
        hc_raw(a->h, __HYPERVISOR_mmuext_op, (uintptr_t)op, 1, 0, a->domid, 0));
}

/* pt_owner is the guest: the entry to write is in the guest's page. */
static struct outcome mmu_update_ptr(const struct attack *a)
{
    struct mmu_update *u = hc_buf(a->h, sizeof(*u));

    if (!u)
        return out_error("arena", ENOBUFS);
    u->ptr = a->spare_gfn << 12 | MMU_NORMAL_PT_UPDATE;
    return out_of_rc(hc_raw(a->h, __HYPERVISOR_mmu_update, (uintptr_t)u, 1, 0,
                            (a->domid + 1u) << 16 | a->domid, 0));
}

#define NOT_FOR_HVM "stock Xen refuses it for every HVM guest"
#define NO_RIGHTS "stock Xen refuses it, too"
#define NEEDS_V2 "needs a version 2 table"
#define NEEDS_PT "needs a guest with processor tracing"

/* clang-format off */
static const struct row rows[] = {
    { "map-gfn", "2.1", "privcmd mmap by gfn, read", "K2 K4a", map_gfn,
      PROT_READ, STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0, NULL },
    { "map-gfn-rw", "2.1", "privcmd mmap by gfn, write", "K2 K4a", map_gfn,
      PROT_READ | PROT_WRITE, STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0,
      NULL },
    { "map-va", "2.1", "update_va_mapping_otherdomain", "K2 K4a", map_by_va,
      0, STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0, NULL },
    { "map-mfn-target", "2.1", "set_target, then its raw MFN", "K1 K4a",
      map_mfn_by_target, 0, STAGE_RUNNING, RULE_DENY, 0, 0, NULL },
    { "map-mfn", "2.1", "its raw MFN as dom0's own", "-", map_mfn_direct, 0,
      STAGE_RUNNING, RULE_DENY, ESRCH, 0, NO_RIGHTS },
    { "target-of-guest", "2.1", "set_target with the guest as owner", "K1",
      target_of_guest, 0, STAGE_LAST, RULE_DENY, 0, 0, NULL },
    { "gmfn-foreign", "2.1", "set_target, gmfn_foreign into it", "K1 K2 K4b",
      gmfn_foreign, 1, STAGE_RUNNING, RULE_DENY, 0, 0, NULL },
    { "gmfn-foreign-bare", "2.1", "gmfn_foreign, accomplice without rights",
      "K2 K4b", gmfn_foreign, 0, STAGE_RUNNING, RULE_DENY, 0, 0,
      NO_RIGHTS },
    { "resource-grant", "2.1", "acquire_resource: grant frame", "K2",
      resource_grant, XENMEM_resource_grant_table_id_shared,
      STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0, NULL },
    { "resource-status", "2.1", "acquire_resource: grant status", "K2",
      resource_grant, XENMEM_resource_grant_table_id_status,
      STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0, NEEDS_V2 },
    { "resource-ioreq", "2.1", "acquire_resource: ioreq page", "K2",
      resource_ioreq, 0, STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0,
      NULL },
    { "resource-vmtrace", "2.1", "acquire_resource: vmtrace", "K2 K3",
      resource_vmtrace, 0, STAGE_NEWBORN | STAGE_RUNNING, RULE_DENY, 0, 0,
      NEEDS_PT },
    { "mmuext-clear", "2.1", "mmuext_op CLEAR_PAGE", "K2", mmuext_clear, 0,
      STAGE_RUNNING, RULE_DENY, 0, 0, NOT_FOR_HVM },
    { "mmu-update-ptr", "2.1", "mmu_update of a word in its page", "K2",
      mmu_update_ptr, 0, STAGE_RUNNING, RULE_DENY, 0, 0, NOT_FOR_HVM },
};
/* clang-format on */

const struct row_set rows_map = { rows, sizeof(rows) / sizeof(rows[0]) };
