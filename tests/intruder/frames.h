/* SPDX-License-Identifier: MIT */
/*
 * frames.h - find machine frames as an attacker does: by Xen's M2P table,
 * which dom0 may read
 */
#ifndef FRAMES_H
#define FRAMES_H

#include <stdint.h>

#include "hc.h"

/*
 * Collect up to max machine frames whose M2P entry is gfn, in ascending
 * order.  Frames of several domains answer to one gfn: those that dom0 can
 * map as its own are left out.  Returns how many, or a negative errno.
 */
int frames_of_gfn(struct hc *h, uint64_t gfn, uint64_t *mfn, unsigned max);

/*
 * Map nr frames of domid: guest frames of an HVM domain, machine frames where
 * the domain is PV.  The error of a frame that failed is in err[].  Returns
 * NULL and sets *rc to a negative errno when none could be mapped.
 */
void *frames_map(struct hc *h, uint16_t domid, int prot, uint64_t frame,
                 long *rc);
void frames_unmap(struct hc *h, void *va);

#endif
