/* SPDX-License-Identifier: MIT */
/*
 * rows_param.c - HVM parameters, index by index, and what else hvm_op offers
 * (audit 2.2, 2.3)
 *
 * A parameter is set to the value it has, which Xen accepts for those that
 * may be set at all; where it has none, to a harmless one.
 */
#include "row.h"

#include <errno.h>

static long param_op(const struct attack *a, uint64_t cmd, uint64_t *value)
{
    struct xen_hvm_param p = { .domid = a->domid,
                               .index = a->row->arg,
                               .value = *value };
    long rc = hc_op(a->h, __HYPERVISOR_hvm_op, cmd, &p, sizeof(p));

    *value = p.value;
    return rc;
}

static struct outcome get_param(const struct attack *a)
{
    uint64_t value = 0;

    return out_of_rc(param_op(a, HVMOP_get_param, &value));
}

static uint64_t harmless(uint32_t index)
{
    switch (index) {
    case HVM_PARAM_TRIPLE_FAULT_REASON:
        return SHUTDOWN_reboot;
    case HVM_PARAM_NR_IOREQ_SERVER_PAGES:
        return 1;
    case HVM_PARAM_TIMER_MODE:
        return HVMPTM_no_missed_ticks_pending;
    case HVM_PARAM_IOREQ_SERVER_PFN:
    case HVM_PARAM_IOREQ_PFN:
    case HVM_PARAM_BUFIOREQ_PFN:
        return 0xfeff8;
    default:
        return 0;
    }
}

static struct outcome set_param(const struct attack *a)
{
    uint64_t value = 0;

    if (param_op(a, HVMOP_get_param, &value) < 0 || value == 0)
        value = harmless(a->row->arg);
    return out_of_rc(param_op(a, HVMOP_set_param, &value));
}

/* Not what it is but suspend: it would make a crash look like a suspend. */
static struct outcome set_triple_fault(const struct attack *a)
{
    uint64_t value = SHUTDOWN_suspend;

    return out_of_rc(param_op(a, HVMOP_set_param, &value));
}

static struct outcome get_mem_type(const struct attack *a)
{
    struct xen_hvm_get_mem_type m = { .domid = a->domid, .pfn = a->gfn };

    return out_of_rc(
        hc_op(a->h, __HYPERVISOR_hvm_op, HVMOP_get_mem_type, &m, sizeof(m)));
}

static struct outcome altp2m_state(const struct attack *a)
{
    struct xen_hvm_altp2m_op op = {
        .version = HVMOP_ALTP2M_INTERFACE_VERSION,
        .cmd = HVMOP_altp2m_get_domain_state,
        .domain = a->domid,
    };

    return out_of_rc(
        hc_op(a->h, __HYPERVISOR_hvm_op, HVMOP_altp2m, &op, sizeof(op)));
}

#define RUN STAGE_RUNNING
#define NEW STAGE_NEWBORN
#define SET(nr, name, stages, rule)                                            \
    { "param-" #nr "-set-" name,                                               \
      "2.2",                                                                   \
      "set_param " name,                                                       \
      "K12",                                                                   \
      set_param,                                                               \
      nr,                                                                      \
      stages,                                                                  \
      rule,                                                                    \
      0,                                                                       \
      0,                                                                       \
      NULL }
#define DENY(nr, name) SET(nr, name, NEW | RUN, RULE_DENY)
#define LATE(nr, name)                                                         \
    SET(nr, name, NEW, RULE_ALLOW), SET(nr, name, RUN, RULE_DENY)
#define GET(nr, name)                                                          \
    { "param-" #nr "-get-" name,                                               \
      "2.2",                                                                   \
      "get_param " name,                                                       \
      "K2",                                                                    \
      get_param,                                                               \
      nr,                                                                      \
      NEW | RUN,                                                               \
      RULE_ALLOW,                                                              \
      0,                                                                       \
      0,                                                                       \
      NULL }

/* clang-format off */
static const struct row rows[] = {
    GET(0, "callback_irq"), GET(1, "store_pfn"), GET(2, "store_evtchn"),
    GET(14, "acpi_s_state"), GET(17, "console_pfn"),
    GET(18, "console_evtchn"),

    DENY(1, "store_pfn"), LATE(2, "store_evtchn"), DENY(3, "3"),
    DENY(4, "pae_enabled"), DENY(5, "ioreq_pfn"), DENY(6, "bufioreq_pfn"),
    DENY(7, "7"), DENY(8, "8"), DENY(9, "viridian"), LATE(10, "timer_mode"),
    DENY(11, "hpet_enabled"), DENY(12, "ident_pt"), DENY(13, "dm_domain"),
    DENY(14, "acpi_s_state"), DENY(15, "vm86_tss"), DENY(16, "vpt_align"),
    DENY(17, "console_pfn"), LATE(18, "console_evtchn"),
    DENY(19, "acpi_ioports"), DENY(20, "event_cr0"), DENY(21, "event_cr3"),
    DENY(22, "event_cr4"), DENY(23, "event_int3"), DENY(24, "nestedhvm"),
    DENY(25, "event_step"), DENY(26, "bufioreq_evtchn"),
    DENY(27, "paging_ring"), DENY(28, "monitor_ring"),
    DENY(29, "sharing_ring"), DENY(30, "event_msr"),
    LATE(31, "triple_fault"), DENY(32, "ioreq_server_pfn"),
    DENY(33, "nr_ioreq_pages"), DENY(34, "generation_id"),
    DENY(35, "altp2m"), DENY(36, "x87_fip_width"),
    DENY(37, "vm86_tss_sized"), DENY(38, "mca_cap"),
    { "param-31-set-suspend", "2.2", "triple fault reads as suspend", "K12",
      set_triple_fault, HVM_PARAM_TRIPLE_FAULT_REASON, NEW | RUN, RULE_DENY,
      0, 0, NULL },
    DENY(0, "callback_irq"),
    { "get-mem-type", "2.2", "HVMOP_get_mem_type", "K2", get_mem_type, 0,
      NEW | RUN, RULE_DENY, 0, 0, NULL },
    { "altp2m", "2.2", "HVMOP_altp2m get_domain_state", "K2 K3",
      altp2m_state, 0, RUN, RULE_DENY, 0, ROW_UNBUILT, NULL },
};
/* clang-format on */

const struct row_set rows_param = { rows, sizeof(rows) / sizeof(rows[0]) };
