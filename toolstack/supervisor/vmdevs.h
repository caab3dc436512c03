/* SPDX-License-Identifier: MIT */
/*
 * vmdevs.h - the lists of a configuration: devices, CPUs, CPU policy
 */
#ifndef VMDEVS_H
#define VMDEVS_H

struct vm_config;
struct vmget;

/*
 * Fill the stored part of *out.
 *
 *   -EINVAL, -EPERM, -ENOMEM  as vmcfg_load()
 */
int vmdevs_load(const struct vmget *g, struct vm_config *out);
void vmdevs_free(struct vm_config *c);

#endif
