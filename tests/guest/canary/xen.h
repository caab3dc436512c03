/* SPDX-License-Identifier: MIT */
/*
 * xen.h - what the canary guest asks of Xen: hypercalls, console, balloon
 *
 * 32-bit code, paging off: a pointer is a guest physical address.
 */
#ifndef CANARY_XEN_H
#define CANARY_XEN_H

#include <stdint.h>

/* Find Xen and install the hypercall page.  Returns 0, or -1: no Xen. */
int xen_init(void);

/*
 * Print a string on the console ring, waiting for room; on Xen's own console
 * when the guest has no ring.
 */
void xen_print(const char *s);

/*
 * Give nr pages from gfn on back to Xen.  Returns how many it took.
 */
uint32_t xen_give_back(uint32_t gfn, uint32_t nr);

#endif
