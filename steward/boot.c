/* SPDX-License-Identifier: MIT */
/*
 * boot.c - what a kernel finds when it starts
 *
 * All of it lies in the ACPI range below 1 MiB, so that it migrates with the
 * guest, and below 1 GiB, where Linux's PVH entry can reach it.
 *
 * Source: Linux, Documentation/arch/x86/{boot,zero-page}.rst; Xen,
 * docs/misc/pvh.pandoc and arch-x86/hvm/start_info.h.
 */
#include "boot.h"

#include <string.h>
#include <xen/xen.h>

#include <xen/arch-x86/hvm/start_info.h>
#include <xen/hvm/hvm_vcpu.h>

/* Offsets into boot_params that are not in the bzImage's header. */
#define BP_ACPI_RSDP_GPA 0x070
#define BP_E820_ENTRIES 0x1e8
#define BP_E820_TABLE 0x2d0

#define LOADER_UNDEFINED 0xffu
#define CR0_PE 1u
#define CR0_ET 0x10u /* always there; hvm_load() insists on it */
#define EFLAGS_FIXED 2u
#define CODE_32_AR 0xc9bu
#define DATA_32_AR 0xc93u
#define TSS_32_AR 0x8bu

struct e820 {
    uint64_t gpa, len_bytes;
    uint32_t type;
} __attribute__((packed));
_Static_assert(BP_E820_TABLE + FH_MAP_MAX * sizeof(struct e820) <= PAGE_BYTES,
               "e820");

struct start_page { /* as it lies in the guest */
    struct hvm_start_info info;
    struct hvm_modlist_entry module;
    struct hvm_memmap_table_entry map[FH_MAP_MAX];
};
_Static_assert(sizeof(struct start_page) <= PAGE_BYTES, "start_page");

static void put32(uint8_t *page, unsigned off, uint64_t value)
{
    uint32_t v = (uint32_t)value;

    memcpy(page + off, &v, sizeof(v));
}

static void put64(uint8_t *page, unsigned off, uint64_t value)
{
    memcpy(page + off, &value, sizeof(value));
}

void boot_params_build(uint8_t page[PAGE_BYTES], const uint8_t head[PAGE_BYTES],
                       const struct offer *o, const struct plan *p)
{
    memcpy(page + BZ_SETUP_SECTS, head + BZ_SETUP_SECTS,
           p->bz.header_end - BZ_SETUP_SECTS);
    page[BZ_TYPE_OF_LOADER] = LOADER_UNDEFINED;
    put32(page, BZ_CODE32_START, p->bz.pref.v);
    put32(page, BZ_RAMDISK_IMAGE, p->initrd.v);
    put32(page, BZ_RAMDISK_BYTES, o->initrd_bytes);
    put32(page, BZ_CMD_LINE_PTR, LAYOUT_CMDLINE_GPA);
    put64(page, BZ_SETUP_DATA, 0);
    put64(page, BP_ACPI_RSDP_GPA, LAYOUT_TABLES_GPA);
    page[BP_E820_ENTRIES] = (uint8_t)o->nr_map;
    for (uint32_t i = 0; i < o->nr_map; i++) {
        struct e820 entry = { .gpa = o->map[i].gpa,
                              .len_bytes = o->map[i].len_bytes,
                              .type = o->map[i].type };

        memcpy(page + BP_E820_TABLE + i * sizeof(entry), &entry, sizeof(entry));
    }
}

void boot_start_info_build(uint8_t page[PAGE_BYTES], const struct offer *o,
                           const struct plan *p)
{
    struct start_page s = { 0 };

    s.info.magic = XEN_HVM_START_MAGIC_VALUE;
    s.info.version = 1;
    s.info.cmdline_paddr = LAYOUT_CMDLINE_GPA;
    s.info.rsdp_paddr = LAYOUT_TABLES_GPA;
    if (o->initrd_bytes) {
        s.module.paddr = p->initrd.v;
        s.module.size = o->initrd_bytes;
        s.info.nr_modules = 1;
        s.info.modlist_paddr =
            LAYOUT_START_INFO_GPA + offsetof(struct start_page, module);
    }
    s.info.memmap_paddr =
        LAYOUT_START_INFO_GPA + offsetof(struct start_page, map);
    s.info.memmap_entries = o->nr_map;
    for (uint32_t i = 0; i < o->nr_map; i++)
        s.map[i] = (struct hvm_memmap_table_entry){
            .addr = o->map[i].gpa,
            .size = o->map[i].len_bytes,
            .type = o->map[i].type,
        };
    memcpy(page, &s, sizeof(s));
}

void boot_context(struct vcpu_hvm_context *ctx, enum plan_kind kind,
                  struct gpa entry)
{
    struct vcpu_hvm_x86_32 *r = &ctx->cpu_regs.x86_32;

    memset(ctx, 0, sizeof(*ctx));
    ctx->mode = VCPU_HVM_MODE_32B;
    r->eip = (uint32_t)entry.v;
    if (kind == PLAN_BZIMAGE)
        r->esi = (uint32_t)LAYOUT_BOOT_PARAMS_GPA;
    else
        r->ebx = (uint32_t)LAYOUT_START_INFO_GPA;
    r->eflags = EFLAGS_FIXED;
    r->cr0 = CR0_PE | CR0_ET;
    r->cs_limit = r->ds_limit = r->ss_limit = r->es_limit = ~0u;
    r->tr_limit = 0x67;
    r->cs_ar = CODE_32_AR;
    r->ds_ar = r->ss_ar = r->es_ar = DATA_32_AR;
    r->tr_ar = TSS_32_AR;
}
