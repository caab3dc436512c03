/* SPDX-License-Identifier: MIT */
/*
 * rows_life.c - shut a guest down from outside and bring it back (audit 0.5)
 *
 * These run last and in this order: each leaves a guest that refused it
 * running, the ones that are allowed end it.  A control that was shut down is
 * resumed before the next row, which stock Xen does after any reason.
 */
#include "row.h"

#include <errno.h>

static long shut_down(const struct attack *a, unsigned reason)
{
    struct sched_remote_shutdown s = { .domain_id = a->domid,
                                       .reason = reason };

    return hc_op(a->h, __HYPERVISOR_sched_op, SCHEDOP_remote_shutdown, &s,
                 sizeof(s));
}

static long resume(const struct attack *a)
{
    struct xen_domctl d = { 0 };

    return hc_domctl(a->h, XEN_DOMCTL_resumedomain, a->domid, &d);
}

/* arg: SHUTDOWN_* */
static struct outcome remote_shutdown(const struct attack *a)
{
    long rc = shut_down(a, a->row->arg);

    if (rc == 0)
        resume(a);
    return out_of_rc(rc);
}

static struct outcome dm_shutdown(const struct attack *a)
{
    struct xen_dm_op op = { .op = XEN_DMOP_remote_shutdown };
    long rc;

    op.u.remote_shutdown.reason = a->row->arg;
    rc = hc_dm(a->h, a->domid, &op, sizeof(op), NULL, 0);
    if (rc == 0)
        resume(a);
    return out_of_rc(rc);
}

/* What a crash left must not run on. */
static struct outcome resume_after(const struct attack *a)
{
    long rc = shut_down(a, a->row->arg);

    if (rc < 0)
        return out_error("remote_shutdown", (int)-rc);
    return out_of_rc(resume(a));
}

static struct outcome resume_running(const struct attack *a)
{
    return out_of_rc(resume(a));
}

static struct outcome soft_reset(const struct attack *a)
{
    struct xen_domctl d = { 0 };

    shut_down(a, SHUTDOWN_soft_reset);
    return out_of_rc(hc_domctl(a->h, XEN_DOMCTL_soft_reset, a->domid, &d));
}

static struct outcome destroy(const struct attack *a)
{
    struct xen_domctl d;
    long rc;

    do {
        d = (struct xen_domctl){ 0 };
        rc = hc_domctl(a->h, XEN_DOMCTL_destroydomain, a->domid, &d);
    } while (rc == -EAGAIN || rc == -EBUSY);
    return out_of_rc(rc);
}

#define LAST STAGE_LAST
#define L(id, way, choke, fn, arg, rule)                                       \
    { id, "0.5", way, choke, fn, arg, LAST, rule, 0, 0, NULL }

/* clang-format off */
static const struct row rows[] = {
    L("resume-running", "resumedomain of a running guest", "K11",
      resume_running, 0, RULE_DENY),
    L("dm-remote-shutdown", "dm_op remote_shutdown suspend", "K2",
      dm_shutdown, SHUTDOWN_suspend, RULE_DENY),
    L("shutdown-suspend", "remote_shutdown suspend", "K11", remote_shutdown,
      SHUTDOWN_suspend, RULE_DENY),
    L("shutdown-watchdog", "remote_shutdown watchdog", "K11",
      remote_shutdown, SHUTDOWN_watchdog, RULE_DENY),
    L("shutdown-soft-reset", "remote_shutdown soft_reset", "K11",
      remote_shutdown, SHUTDOWN_soft_reset, RULE_DENY),
    L("shutdown-6", "remote_shutdown with an unknown reason", "K11",
      remote_shutdown, 6, RULE_DENY),
    L("resume-after-crash", "resumedomain after remote_shutdown crash",
      "K11", resume_after, SHUTDOWN_crash, RULE_DENY),
    L("soft-reset", "domctl 79 soft_reset", "K1", soft_reset, 0, RULE_DENY),
    L("shutdown-poweroff", "remote_shutdown poweroff", "K11",
      remote_shutdown, SHUTDOWN_poweroff, RULE_ALLOW),
    L("shutdown-reboot", "remote_shutdown reboot", "K11", remote_shutdown,
      SHUTDOWN_reboot, RULE_ALLOW),
    L("shutdown-crash", "remote_shutdown crash", "K11", remote_shutdown,
      SHUTDOWN_crash, RULE_ALLOW),
    { "domctl-2-destroydomain", "3", "domctl destroydomain", "K1", destroy,
      0, STAGE_NEWBORN | LAST, RULE_ALLOW, 0, 0, NULL },
};
/* clang-format on */

const struct row_set rows_life = { rows, sizeof(rows) / sizeof(rows[0]) };
