/* SPDX-License-Identifier: MIT */
/*
 * hyp_posture.h - what Xen says that this host does, or lacks, for protected
 * domains
 */
#ifndef HYP_POSTURE_H
#define HYP_POSTURE_H

#include <stdbool.h>
#include <stdint.h>

struct err;

struct hyp_posture {
    char mode[16]; /* what Xen's option protected= says: off, on, strict */
    bool lab;      /* and whether with ",lab" */
    uint32_t checked, missing; /* bits 1u << XEN_STEWARD_POSTURE_* */
};

/*
 * Read it from Xen's file system, where Xen put it as it booted.
 *
 *   -ENOENT  this Xen tells nothing of it: another one than Freehold's
 *   -EPROTO  what it tells is of another kind than steward.h says
 *
 * Source: abi/xen_steward.h, XEN_STEWARD_HYPFS; Xen 4.20, public/hypfs.h.
 */
int hyp_posture(struct hyp_posture *out, struct err *e);

#endif
