/* SPDX-License-Identifier: MIT */
/*
 * accomplice.h - empty domains that dom0 makes to act on its behalf
 *
 * What dom0 may not do to a guest itself it may try through a domain of its
 * own making: one that has the guest as its target, or maps its frames.
 */
#ifndef ACCOMPLICE_H
#define ACCOMPLICE_H

#include "hc.h"

#include <sys/types.h>

enum acc_kind {
    ACC_PV,        /* frame numbers in its page tables are machine frames */
    ACC_HVM,       /* a PVH container with one vCPU */
    ACC_PROTECTED, /* a protected domain, before its launch */
};

/* Returns the domain id, or a negative errno. */
int acc_create(struct hc *h, enum acc_kind kind, uint64_t mem_kib);
void acc_destroy(struct hc *h, int domid); /* negative: no-op */

/* Destroy every accomplice that process pid made and did not destroy. */
void acc_sweep(struct hc *h, pid_t pid);

/*
 * Give nr extents of 2^order pages to an accomplice, at gfn and up: how many
 * it got, or a negative errno.  nr is at most 4096.
 */
long acc_populate(struct hc *h, uint16_t domid, uint64_t gfn, uint32_t nr,
                  unsigned order);

/*
 * Let an HVM accomplice with memory at gfn 0 copy nr pages from gfn from to
 * gfn to by itself, and wait until it has.  It can run once.
 */
long acc_copy(struct hc *h, uint16_t domid, uint32_t from, uint32_t to,
              uint32_t nr);

/*
 * Let it count those of nr pages from gfn first on that begin with word.  The
 * same terms: memory at gfn 0, and one run.
 */
long acc_count(struct hc *h, uint16_t domid, uint32_t first, uint32_t nr,
               uint64_t word);

long acc_set_target(struct hc *h, uint16_t domid, uint16_t target);

#endif
