/* SPDX-License-Identifier: MIT */
/*
 * vmcpuid.h - one word of cpuid=, checked for its shape
 *
 * libxl's form is one text, `host,name=value,...`; xend's is a list of leaves,
 * `7,0:ebx=` and 32 policy letters.  Which names there are is the CPU policy's
 * own business.
 *
 * Source: Xen 4.20, tools/libs/light/libxl_cpuid.c.
 */
#ifndef VMCPUID_H
#define VMCPUID_H

struct err;

/*
 *   -EINVAL  `got ..., want ...`
 *   -ENOMEM
 */
int vmcpuid_check_text(const char *text, struct err *e);
int vmcpuid_check_leaf(const char *text, struct err *e);

#endif
