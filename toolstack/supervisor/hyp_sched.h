/* SPDX-License-Identifier: MIT */
/*
 * hyp_sched.h - the hypercalls about vCPUs: where they run, and how much
 *
 * Of the foreign operations that Xen allows on a protected domain these are
 * the scheduling ones (xen/patches, domctl: allow few operations).
 */
#ifndef HYP_SCHED_H
#define HYP_SCHED_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/vmcpus.h"

struct hyp_cpus { /* a bit for each CPU, or each node, of the host */
    uint8_t bits[(VMCPUS_MAX + 1) / 8];
};

struct hyp_vcpu {
    uint32_t vcpu, cpu; /* cpu: where it ran last */
    bool online, running, blocked;
    uint64_t cpu_ns;
    struct hyp_cpus hard, soft;
};

/* The CPUs of the host, those that are off too; or a negative errno. */
int hyp_nr_cpus(struct hyp *h, struct err *e);

/* -ESRCH, without words, when there is no such vCPU. */
int hyp_vcpu(struct hyp *h, uint16_t domid, uint32_t vcpu, struct hyp_vcpu *out,
             struct err *e);

/*
 * The CPUs that a set means on this host; what the host does not have is left
 * out.
 *
 *   -EINVAL  none is left
 */
int hyp_cpus_of(struct hyp *h, const struct vm_cpus *set, struct hyp_cpus *out,
                struct err *e);

/* NULL: as it is. */
int hyp_pin(struct hyp *h, uint16_t domid, uint32_t vcpu,
            const struct hyp_cpus *hard, const struct hyp_cpus *soft,
            struct err *e);

/*
 * 0: as it is.  Knows the schedulers credit and credit2.
 *
 *   -EOPNOTSUPP  its pool has another one
 */
int hyp_set_share(struct hyp *h, uint16_t domid, uint32_t weight,
                  uint32_t cap_percent, struct err *e);

/* The first pool from *pool on.  -ENOENT, without words: no more. */
int hyp_next_pool(struct hyp *h, uint32_t *pool, struct err *e);

/* The nodes that its memory is best on; their number on this host. */
int hyp_nodes(struct hyp *h, uint16_t domid, struct hyp_cpus *out,
              struct err *e);

/*
 * Xen's own log: a part, from *index on, which is moved.  Returns its length,
 * 0 at the end.  clear: it is gone then.
 */
int hyp_read_log(struct hyp *h, char *out, uint32_t out_bytes, bool clear,
                 uint32_t *index, struct err *e);

#endif
