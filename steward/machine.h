/* SPDX-License-Identifier: MIT */
/*
 * machine.h - this domain as its own Xen describes it, for a migration
 */
#ifndef STEWARD_MACHINE_H
#define STEWARD_MACHINE_H

#include "layout.h"
#include "mig.h"

#define MACHINE_LEAF_BYTES 24u /* xen_cpuid_leaf_t */
#define MACHINE_MSR_BYTES 16u  /* xen_msr_entry_t */
#define MACHINE_POLICY_BYTES_MAX                                               \
    (8u + XEN_STEWARD_LEAVES_MAX * MACHINE_LEAF_BYTES +                        \
     XEN_STEWARD_MSRS_MAX * MACHINE_MSR_BYTES)

/* What was agreed at the launch, or at the offer of a guest that comes. */
struct machine_shape {
    uint64_t ram_bytes;
    struct fh_measured_config config;
};

/*
 * Ask Xen for the rest.  policy: MACHINE_POLICY_BYTES_MAX, the caller's for as
 * long as me is of use.  FH_ERR_XEN, where there is no pool secret, too.
 */
int machine_read(struct mig_machine *me, const struct machine_shape *shape,
                 uint8_t *policy, struct st_err *e);

/* Evidence's claims in the engine's words. */
void machine_claims(const struct xen_steward_claims *c, struct mig_claims *out);

#endif
