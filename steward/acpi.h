/* SPDX-License-Identifier: MIT */
/*
 * acpi.h - the guest's ACPI tables, made here so that dom0 gives no AML
 */
#ifndef STEWARD_ACPI_H
#define STEWARD_ACPI_H

#include <stdint.h>

#include "layout.h"

#define ACPI_VCPUS_MAX 128u /* 8-bit APIC ids, two per vCPU */

/*
 * Write RSDP, XSDT, FADT, MADT and DSDT for nr_vcpus (1..ACPI_VCPUS_MAX) into
 * LAYOUT_TABLES_BYTES of zeroes that the guest sees at `at`.  The RSDP comes
 * first.
 */
void acpi_build(uint8_t *tables, struct gpa at, uint32_t nr_vcpus);

#endif
