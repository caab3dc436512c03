/* SPDX-License-Identifier: MIT */
/*
 * hyper.h - every hypercall that the steward makes
 *
 * Each function returns Xen's answer: 0 (or a count) or a negative errno.
 */
#ifndef STEWARD_HYPER_H
#define STEWARD_HYPER_H

#include <stdbool.h>

#include "layout.h"

struct vcpu_hvm_context;
struct gnttab_copy;

/* Find Xen and have it write the hypercall page.  False: there is no Xen. */
bool hyper_init(void);

long hyper_info(struct xen_steward_info *out);
long hyper_set_role(uint32_t role, const uint8_t measurement[32]);

/*
 * Sleep until the doorbell rings.  A ring since the last call counts.
 * A Xen that cannot do that crashes the domain.
 */
void hyper_wait(void);
void hyper_notify(void);

/*
 * Populate nr extents of 2^order pages at gfn[].  Returns how many it did:
 * fewer when Xen runs out of memory.
 */
long hyper_populate(uint64_t *gfn, uint32_t nr, uint32_t order);

long hyper_set_memory_map(const struct fh_map_entry *map, uint32_t nr);
long hyper_map_grant_frame(uint32_t frame, uint64_t gfn);
long hyper_remove(uint64_t gfn);

/* Give pages back to Xen.  Returns how many. */
long hyper_depopulate(uint64_t *gfn, uint32_t nr);

/* Which suspend the guest is in; 0: none.  abi/xen_steward.h has the rest. */
uint32_t hyper_suspended(void);
long hyper_log_dirty(bool enable);
long hyper_take_dirty(struct xen_steward_take_dirty *t);
long hyper_mark_mapped(uint32_t suspension);
long hyper_slow(uint32_t percent);
long hyper_query_range(struct xen_steward_query_range *q);
long hyper_get_context(struct xen_steward_context *c);
long hyper_set_context(struct xen_steward_context *c);
long hyper_get_platform(struct xen_steward_platform *p);
long hyper_attest(struct xen_steward_attest *a);
long hyper_verify(struct xen_steward_verify *v);
/* XEN_STEWARD_fence to _retire. */
long hyper_step(uint32_t step, struct xen_steward_step *s);

/* HVM parameters of this domain. */
long hyper_get_param(uint32_t index, uint64_t *value);
long hyper_set_param(uint32_t index, uint64_t value);

/*
 * GNTTABOP_copy.  0 only when every one of them was done; else what the first
 * that was not has for a status, or what Xen says of all.
 */
long hyper_grant_copy(struct gnttab_copy *copy, uint32_t nr);

long hyper_vcpu_start(uint32_t vcpu, struct vcpu_hvm_context *ctx);

/* Crash the whole domain: the last word when no other can be heard. */
void hyper_crash(void) __attribute__((noreturn));

#endif
