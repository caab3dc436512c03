/* SPDX-License-Identifier: MIT */
/*
 * probe.h - ask and attack a domain by hypercalls that hyp.h does not make
 */
#ifndef PROBE_H
#define PROBE_H

#include <stdint.h>

struct err;
struct probe;

int probe_open(struct probe **out, struct err *e);
void probe_close(struct probe *p); /* NULL: no-op */

/* How many of the vCPUs 0 .. nr_vcpus - 1 are online or ever ran. */
int probe_vcpus_ran(struct probe *p, uint16_t domid, uint32_t nr_vcpus,
                    struct err *e);

/*
 * Try to shape the guest after its launch, in ways that build ordinary ones:
 * pages, memory map, parameters, ports, vCPUs, registers.  Returns 0 when Xen
 * refused each with EPERM; -EIO and the first one that it did not.
 */
int probe_late_calls(struct probe *p, uint16_t domid, struct err *e);

#endif
