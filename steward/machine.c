/* SPDX-License-Identifier: MIT */
/*
 * machine.c - this domain as its own Xen describes it, for a migration
 */
#include "machine.h"

#include <errno.h>
#include <string.h>
#include <xen/xen.h>

#include <xen/hvm/params.h>

#include "hyper.h"

void machine_claims(const struct xen_steward_claims *c, struct mig_claims *out)
{
    *out = (struct mig_claims){ .type = c->type,
                                .flags = c->flags,
                                .state = c->state,
                                .generation = c->generation };
    memcpy(out->instance, c->instance, sizeof(out->instance));
    memcpy(out->peer, c->peer, sizeof(out->peer));
    memcpy(out->guest_id, c->guest_id, sizeof(out->guest_id));
    memcpy(out->session, c->session, sizeof(out->session));
    memcpy(out->digest, c->digest, sizeof(out->digest));
    memcpy(out->image, c->image, sizeof(out->image));
    memcpy(out->measurement, c->measurement, sizeof(out->measurement));
    memcpy(out->config, c->config, sizeof(out->config));
    memcpy(out->cpu_policy, c->cpu_policy, sizeof(out->cpu_policy));
}

/* u32 leaves, u32 MSRs, the leaves, the MSRs. */
static int read_platform(struct mig_machine *me, uint8_t *policy,
                         struct st_err *e)
{
    uint8_t msrs[XEN_STEWARD_MSRS_MAX * MACHINE_MSR_BYTES];
    struct xen_steward_platform p = { .leaves = (uintptr_t)(policy + 8),
                                      .msrs = (uintptr_t)msrs,
                                      .nr_leaves = XEN_STEWARD_LEAVES_MAX,
                                      .nr_msrs = XEN_STEWARD_MSRS_MAX };
    long rc = hyper_get_platform(&p);
    uint32_t bytes = 8 + p.nr_leaves * MACHINE_LEAF_BYTES;

    if (rc < 0)
        return st_fail(e, FH_ERR_XEN, "cpu policy: Xen says %ld", rc);
    memcpy(policy, &p.nr_leaves, 4);
    memcpy(policy + 4, &p.nr_msrs, 4);
    memcpy(policy + bytes, msrs, p.nr_msrs * MACHINE_MSR_BYTES);
    me->policy = policy;
    me->policy_bytes = bytes + p.nr_msrs * MACHINE_MSR_BYTES;
    me->tsc = (struct fh_mig_tsc){ .mode = p.tsc_mode, .khz = p.tsc_khz };
    me->param[0].index = HVM_PARAM_CALLBACK_IRQ; /* the guest's */
    me->param[1] =
        (struct fh_mig_param){ HVM_PARAM_TIMER_MODE, 0, p.timer_mode };
    me->param[2] = (struct fh_mig_param){ HVM_PARAM_TRIPLE_FAULT_REASON, 0,
                                          p.triple_fault_reason };
    me->param[3] =
        (struct fh_mig_param){ HVM_PARAM_X87_FIP_WIDTH, 0, p.x87_fip_width };
    return 0;
}

static int read_own(struct mig_machine *me, struct st_err *e)
{
    struct xen_steward_evidence v;
    struct xen_steward_attest a = { .evidence = (uintptr_t)&v,
                                    .evidence_bytes = sizeof(v) };
    long rc = hyper_attest(&a);

    if (rc == -ENOENT)
        return st_fail(e, FH_ERR_XEN,
                       "pool secret: this host's Xen has none: it was booted "
                       "without");
    if (rc < 0 || a.evidence_bytes != sizeof(v))
        return st_fail(e, FH_ERR_XEN,
                       "evidence: of %u bytes, want %u: Xen says %ld",
                       a.evidence_bytes, (unsigned)sizeof(v), rc);
    machine_claims(&v.claims, &me->own);
    return 0;
}

int machine_read(struct mig_machine *me, const struct machine_shape *shape,
                 uint8_t *policy, struct st_err *e)
{
    int rc;

    *me = (struct mig_machine){
        .nr_guest_vcpus = shape->config.nr_guest_vcpus,
        .visible_grant_frames = shape->config.visible_grant_frames,
        .ram_bytes = shape->ram_bytes,
        .config = shape->config,
    };
    rc = read_platform(me, policy, e);
    return rc < 0 ? rc : read_own(me, e);
}
