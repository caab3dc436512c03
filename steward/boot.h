/* SPDX-License-Identifier: MIT */
/*
 * boot.h - what a kernel finds when it starts: boot parameters and registers
 */
#ifndef STEWARD_BOOT_H
#define STEWARD_BOOT_H

#include "layout.h"
#include "offer.h"
#include "plan.h"

struct vcpu_hvm_context;

/*
 * Linux's boot_params for a bzImage whose first page is head, into a page of
 * zeroes.  The command line and the ACPI tables are where layout.h says.
 */
void boot_params_build(uint8_t page[PAGE_BYTES], const uint8_t head[PAGE_BYTES],
                       const struct offer *o, const struct plan *p);

/*
 * PVH's hvm_start_info, module list and memory map, into a page of zeroes
 * that the guest sees at LAYOUT_START_INFO_GPA.
 */
void boot_start_info_build(uint8_t page[PAGE_BYTES], const struct offer *o,
                           const struct plan *p);

/*
 * vCPU 0 at its kernel's first instruction: 32 bits, flat, paging off.  A
 * bzImage gets boot_params in esi, a PVH ELF hvm_start_info in ebx.
 */
void boot_context(struct vcpu_hvm_context *ctx, enum plan_kind kind,
                  struct gpa entry);

#endif
