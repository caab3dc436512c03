/* SPDX-License-Identifier: MIT */
/*
 * vmcpus.h - a set of the host's CPUs, as cpus= and cpus_soft= write it
 *
 * `all`, or CPUs, ranges and NUMA nodes to add, and with ^ to take out, from
 * left to right: `0-7,^3,node:1,^nodes:2-3`.  Which CPUs a node has is known
 * on the host alone, so what is kept is the list of steps.
 *
 * Source: Xen 4.20, tools/xl/xl_parse.c, parse_cpurange().
 */
#ifndef VMCPUS_H
#define VMCPUS_H

#include <stdbool.h>
#include <stdint.h>

struct err;

#define VMCPUS_MAX 4095u /* the highest CPU or node that may be named */

struct vm_cpus_step {
    bool all, out, nodes; /* all: the rest says nothing */
    uint16_t first, last;
};

struct vm_cpus { /* all zero: not given */
    struct vm_cpus_step *steps;
    uint32_t nr_steps;
};

/*
 * Read one set.  vmcpus_free(out) also after an error.
 *
 *   -EINVAL  `got ..., want ...`
 *   -ENOMEM
 */
int vmcpus_parse(const char *text, struct vm_cpus *out, struct err *e);
void vmcpus_free(struct vm_cpus *c); /* leaves it empty */

#endif
