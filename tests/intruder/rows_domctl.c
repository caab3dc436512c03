/* SPDX-License-Identifier: MIT */
/*
 * rows_domctl.c - every domctl number against the guest (audit section 3)
 *
 * How this works: domctl_fill.c gives each number arguments with which it
 * works on an ordinary guest, so that a refusal is the allowlist's.  Numbers
 * that no ordinary guest can satisfy here (not built, other hardware) stay
 * open: their control fails.
 */
#include "domctl_fill.h"
#include "row.h"

#include <errno.h>

static struct outcome domctl(const struct attack *a)
{
    struct domctl_try t = { 0 };
    long rc;

    if (domctl_fill(a, &t) < 0)
        return out_error("arena", ENOBUFS);
    rc = hc_domctl(a->h, a->row->arg, a->domid, &t.d);
    domctl_undo(a, &t, rc);
    if (rc < 0)
        return out_of_rc(rc);
    if (t.answer && canary_regs_in(&a->line, t.answer, t.answer_bytes))
        return out_canary();
    return out_of_rc(rc);
}

static struct outcome shadow_continued(const struct attack *a)
{
    struct xen_domctl *d = hc_buf(a->h, sizeof(*d));

    if (!d)
        return out_error("arena", ENOBUFS);
    *d = (struct xen_domctl){ .cmd = XEN_DOMCTL_shadow_op,
                              .interface_version = XEN_DOMCTL_INTERFACE_VERSION,
                              .domain = a->domid,
                              .u.shadow_op.op =
                                  XEN_DOMCTL_SHADOW_OP_ENABLE_LOGDIRTY };
    return out_of_rc(
        hc_raw(a->h, __HYPERVISOR_arch_1, (uintptr_t)d, 0, 0, 0, 0));
}

#define BOTH (STAGE_NEWBORN | STAGE_RUNNING)
#define RUN STAGE_RUNNING
#define NEW STAGE_NEWBORN
#define LAST STAGE_LAST
#define D(nr, name, stages, rule, flags, note)                                 \
    { "domctl-" #nr "-" name,                                                  \
      "3",                                                                     \
      "domctl " name,                                                          \
      "K1",                                                                    \
      domctl,                                                                  \
      nr,                                                                      \
      stages,                                                                  \
      rule,                                                                    \
      0,                                                                       \
      flags,                                                                   \
      note }
#define DENY(nr, name, stages) D(nr, name, stages, RULE_DENY, 0, NULL)
#define ALLOW(nr, name, stages) D(nr, name, stages, RULE_ALLOW, 0, NULL)
#define FREE(nr) DENY(nr, "unassigned", RUN)

/* clang-format off */
static const struct row rows[] = {
    ALLOW(3, "pausedomain", BOTH),
    ALLOW(5, "getdomaininfo", BOTH),
    FREE(6), FREE(7), FREE(8),
    ALLOW(9, "setvcpuaffinity", BOTH),
    ALLOW(11, "max_mem", BOTH),
    DENY(13, "getvcpucontext", BOTH),
    ALLOW(14, "getvcpuinfo", BOTH),
    ALLOW(15, "max_vcpus", NEW),
    DENY(15, "max_vcpus", RUN),
    ALLOW(16, "scheduler_op", BOTH),
    ALLOW(17, "setdomainhandle", BOTH),
    DENY(19, "irq_permission", BOTH),
    DENY(20, "iomem_permission", BOTH),
    DENY(21, "ioport_permission", BOTH),
    DENY(23, "soft_reset_cont", RUN),
    ALLOW(24, "settimeoffset", NEW),
    DENY(24, "settimeoffset", RUN),
    ALLOW(25, "getvcpuaffinity", BOTH),
    DENY(26, "real_mode_area", RUN),
    DENY(29, "subscribe", BOTH),
    FREE(30), FREE(31), FREE(32),
    DENY(33, "gethvmcontext", BOTH),
    DENY(35, "set_address_size", BOTH),
    DENY(36, "get_address_size", BOTH),
    DENY(37, "assign_device", RUN),
    DENY(38, "bind_pt_irq", RUN),
    DENY(39, "memory_mapping", BOTH),
    DENY(40, "ioport_mapping", BOTH),
    FREE(41),
    DENY(42, "set_ext_vcpucontext", BOTH),
    DENY(43, "get_ext_vcpucontext", BOTH),
    DENY(44, "set_opt_feature", RUN),
    DENY(45, "test_assign_device", RUN),
    DENY(47, "deassign_device", RUN),
    DENY(48, "unbind_pt_irq", RUN),
    FREE(49),
    DENY(50, "get_device_group", RUN),
    FREE(51), FREE(52), FREE(53),
    DENY(54, "debug_op", RUN),
    DENY(55, "gethvmcontext_partial", BOTH),
    DENY(56, "vm_event_op", BOTH),
    D(57, "mem_sharing_op", RUN, RULE_DENY, ROW_UNBUILT, NULL),
    FREE(58),
    DENY(59, "gettscinfo", BOTH),
    ALLOW(60, "settscinfo", NEW),
    DENY(60, "settscinfo", RUN),
    DENY(61, "getpageframeinfo3", BOTH),
    DENY(63, "getvcpuextstate", RUN),
    DENY(64, "set_access_required", BOTH),
    DENY(65, "audit_p2m", RUN),
    ALLOW(69, "getnodeaffinity", BOTH),
    ALLOW(68, "setnodeaffinity", BOTH),
    FREE(70),
    DENY(71, "cacheflush", RUN),
    DENY(72, "get_vcpu_msrs", RUN),
    DENY(73, "set_vcpu_msrs", RUN),
    ALLOW(74, "setvnumainfo", NEW),
    DENY(74, "setvnumainfo", RUN),
    DENY(75, "psr_cmt_op", RUN),
    FREE(76),
    DENY(77, "monitor_op", BOTH),
    DENY(78, "psr_alloc", RUN),
    FREE(80),
    DENY(81, "vuart_op", RUN),
    ALLOW(82, "get_cpu_policy", BOTH),
    ALLOW(83, "set_cpu_policy", NEW),
    DENY(83, "set_cpu_policy", RUN),
    DENY(84, "vmtrace_op", RUN),
    ALLOW(85, "get_paging_mempool_size", BOTH),
    ALLOW(86, "set_paging_mempool_size", BOTH),
    DENY(87, "dt_overlay", RUN),
    DENY(88, "gsi_permission", BOTH),
    DENY(89, "set_llc_colors", RUN),
    D(1000, "gdbsx_guestmemio", RUN, RULE_DENY, ROW_UNBUILT, NULL),
    D(1001, "gdbsx_pausevcpu", RUN, RULE_DENY, ROW_UNBUILT, NULL),
    D(1002, "gdbsx_unpausevcpu", RUN, RULE_DENY, ROW_UNBUILT, NULL),
    D(1003, "gdbsx_domstatus", RUN, RULE_DENY, ROW_UNBUILT, NULL),
    DENY(10, "shadow_op", BOTH),
    { "shadow-op-continued", "3", "shadow_op by its continuation call", "K1",
      shadow_continued, 0, RUN, RULE_DENY, 0, 0, NULL },

    /* These may upset a running guest. */
    DENY(18, "setdebugging", NEW | LAST),
    DENY(22, "hypercall_init", LAST),
    DENY(28, "sendtrigger", NEW | LAST),
    DENY(66, "set_virq_handler", LAST),
    DENY(67, "set_broken_page_p2m", LAST),
    DENY(62, "setvcpuextstate", LAST),
    DENY(34, "sethvmcontext", NEW | LAST),
    DENY(12, "setvcpucontext", NEW | LAST),
    DENY(79, "soft_reset", NEW),
    ALLOW(4, "unpausedomain", LAST),
};
/* clang-format on */

const struct row_set rows_domctl = { rows, sizeof(rows) / sizeof(rows[0]) };
