/* SPDX-License-Identifier: MIT */
/*
 * rows_grant.c - a guest's grant table, event channels and interrupts (audit
 * 2.2, 2.4)
 *
 * Most grant operations return 0 and put their verdict into a status field;
 * it is turned into the errno it stands for.
 */
#include "row.h"

#include <errno.h>

#include <xen/physdev.h>

#define ACPI_IRQ 9

static long status_to_rc(long rc, int status)
{
    if (rc < 0 || status == GNTST_okay)
        return rc;
    switch (status) {
    case GNTST_permission_denied:
        return -EPERM;
    case GNTST_bad_domain:
        return -ESRCH;
    default:
        return -EINVAL;
    }
}

static long grant_op(const struct attack *a, unsigned cmd, void *arg,
                     size_t len_bytes)
{
    return hc_op_count(a->h, __HYPERVISOR_grant_table_op, cmd, arg, len_bytes,
                       1);
}

static struct outcome setup_table(const struct attack *a)
{
    xen_pfn_t *frames = hc_buf(a->h, sizeof(*frames));
    struct gnttab_setup_table s = { .dom = a->domid, .nr_frames = 1 };
    long rc;

    if (!frames)
        return out_error("arena", ENOBUFS);
    set_xen_guest_handle_raw(s.frame_list, frames);
    rc = grant_op(a, GNTTABOP_setup_table, &s, sizeof(s));
    return out_of_rc(status_to_rc(rc, s.status));
}

static struct outcome status_frames(const struct attack *a)
{
    uint64_t *frames = hc_buf(a->h, sizeof(*frames));
    struct gnttab_get_status_frames s = { .dom = a->domid };
    long rc;

    if (!frames)
        return out_error("arena", ENOBUFS);
    set_xen_guest_handle_raw(s.frame_list, frames);
    rc = grant_op(a, GNTTABOP_get_status_frames, &s, sizeof(s));
    return out_of_rc(status_to_rc(rc, s.status));
}

static struct outcome query_size(const struct attack *a)
{
    struct gnttab_query_size q = { .dom = a->domid };
    long rc = grant_op(a, GNTTABOP_query_size, &q, sizeof(q));

    return out_of_rc(status_to_rc(rc, q.status));
}

static struct outcome get_version(const struct attack *a)
{
    struct gnttab_get_version v = { .dom = a->domid };

    return out_of_rc(grant_op(a, GNTTABOP_get_version, &v, sizeof(v)));
}

static long evtchn_op(const struct attack *a, unsigned cmd, void *arg,
                      size_t len_bytes)
{
    return hc_op(a->h, __HYPERVISOR_event_channel_op, cmd, arg, len_bytes);
}

static struct outcome alloc_unbound(const struct attack *a)
{
    struct evtchn_alloc_unbound e = { .dom = a->domid, .remote_dom = 0 };

    return out_of_rc(evtchn_op(a, EVTCHNOP_alloc_unbound, &e, sizeof(e)));
}

static struct outcome port_status(const struct attack *a)
{
    struct evtchn_status s = { .dom = a->domid, .port = 1 };

    return out_of_rc(evtchn_op(a, EVTCHNOP_status, &s, sizeof(s)));
}

/* Xen wants the domain paused for it. */
static struct outcome reset(const struct attack *a)
{
    struct evtchn_reset r = { .dom = a->domid };
    struct xen_domctl d = { 0 };
    struct outcome o;

    hc_domctl(a->h, XEN_DOMCTL_pausedomain, a->domid, &d);
    o = out_of_rc(evtchn_op(a, EVTCHNOP_reset, &r, sizeof(r)));
    d = (struct xen_domctl){ 0 };
    if (a->stage != STAGE_NEWBORN)
        hc_domctl(a->h, XEN_DOMCTL_unpausedomain, a->domid, &d);
    return o;
}

/* An interrupt of the host's, to be delivered to the guest. */
static struct outcome map_pirq(const struct attack *a)
{
    struct physdev_map_pirq m = { .domid = a->domid,
                                  .type = MAP_PIRQ_TYPE_GSI,
                                  .index = ACPI_IRQ,
                                  .pirq = ACPI_IRQ };

    return out_of_rc(hc_op(a->h, __HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq,
                           &m, sizeof(m)));
}

#define BOTH (STAGE_NEWBORN | STAGE_RUNNING)
#define G(id, way, fn, stages, rule)                                           \
    { id, "2.4", way, "K2", fn, 0, stages, rule, 0, 0, NULL }

/* clang-format off */
static const struct row rows[] = {
    G("grant-setup", "GNTTABOP_setup_table", setup_table, BOTH, RULE_DENY),
    G("grant-status", "GNTTABOP_get_status_frames", status_frames, BOTH,
      RULE_DENY),
    G("grant-size", "GNTTABOP_query_size", query_size, BOTH, RULE_DENY),
    G("grant-version", "GNTTABOP_get_version", get_version, BOTH, RULE_DENY),
    G("evtchn-unbound", "EVTCHNOP_alloc_unbound", alloc_unbound,
      STAGE_NEWBORN, RULE_ALLOW),
    G("evtchn-unbound", "EVTCHNOP_alloc_unbound, late", alloc_unbound,
      STAGE_RUNNING, RULE_DENY),
    G("evtchn-status", "EVTCHNOP_status", port_status, BOTH, RULE_DENY),
    G("evtchn-reset", "EVTCHNOP_reset", reset, STAGE_NEWBORN | STAGE_LAST,
      RULE_DENY),
    G("pirq-map", "PHYSDEVOP_map_pirq", map_pirq, BOTH, RULE_DENY),
};
/* clang-format on */

const struct row_set rows_grant = { rows, sizeof(rows) / sizeof(rows[0]) };
