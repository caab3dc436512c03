/* SPDX-License-Identifier: MIT */
/*
 * acpi.c - the guest's ACPI tables
 *
 * The guest has vCPUs with LAPICs and nothing else that ACPI describes: no
 * I/O APIC, no timer, no ports.  Hence hardware-reduced ACPI with an empty
 * DSDT.  Linux needs no Processor objects; it takes the vCPU's number from
 * the MADT's UID.
 *
 * Source: ACPI 5.0, sections 5.2.5 to 5.2.12.
 */
#include "acpi.h"

#include <stddef.h>
#include <string.h>

#define OEM_ID "FREHLD"
#define OEM_TABLE_ID "STEWARD "
#define LAPIC_GPA 0xfee00000u

#define FADT_REVISION 5
#define FADT_NO_VGA (1u << 2)      /* IAPC_BOOT_ARCH; no 8042: bit 1 clear */
#define FADT_NO_CMOS_RTC (1u << 5) /* IAPC_BOOT_ARCH */
#define FADT_WBINVD (1u << 0)
#define FADT_PWR_BUTTON (1u << 4) /* no fixed power button */
#define FADT_SLP_BUTTON (1u << 5) /* no fixed sleep button */
#define FADT_HW_REDUCED (1u << 20)

#define MADT_LAPIC 0
#define MADT_ENABLED 1u

struct rsdp {
    char signature[8];
    uint8_t checksum; /* of the first 20 bytes */
    char oem_id[6];
    uint8_t revision;
    uint32_t rsdt_gpa;
    uint32_t len_bytes;
    uint64_t xsdt_gpa;
    uint8_t checksum_all;
    uint8_t reserved[3];
} __attribute__((packed));

struct header {
    char signature[4];
    uint32_t len_bytes;
    uint8_t revision;
    uint8_t checksum;
    char oem_id[6];
    char oem_table_id[8];
    uint32_t oem_revision;
    char creator_id[4];
    uint32_t creator_revision;
} __attribute__((packed));

struct xsdt {
    struct header h;
    uint64_t table_gpa[2]; /* FADT, MADT */
} __attribute__((packed));

struct fadt { /* revision 5: 268 bytes */
    struct header h;
    uint32_t facs_gpa, dsdt_gpa;
    uint8_t legacy_power[65]; /* all the fixed hardware that is not there */
    uint16_t iapc_boot_arch;
    uint8_t reserved;
    uint32_t flags;
    uint8_t reset_register[12];
    uint8_t reset_value;
    uint16_t arm_boot_arch;
    uint8_t minor_revision;
    uint64_t x_facs_gpa, x_dsdt_gpa;
    uint8_t x_registers[96], sleep_registers[24];
} __attribute__((packed));
_Static_assert(offsetof(struct fadt, iapc_boot_arch) == 109, "FADT");
_Static_assert(offsetof(struct fadt, x_dsdt_gpa) == 140, "FADT");
_Static_assert(sizeof(struct fadt) == 268, "FADT");

struct madt {
    struct header h;
    uint32_t lapic_gpa, flags;
    struct madt_lapic {
        uint8_t type, len_bytes, uid, apic_id;
        uint32_t flags;
    } __attribute__((packed)) lapic[ACPI_VCPUS_MAX];
} __attribute__((packed));

struct tables { /* as they lie in the guest */
    struct rsdp rsdp;
    uint8_t pad[28];
    struct xsdt xsdt;
    uint8_t pad2[12];
    struct fadt fadt;
    uint8_t pad3[52];
    struct header dsdt;
    uint8_t pad4[28];
    struct madt madt;
};
_Static_assert(offsetof(struct tables, xsdt) % 64 == 0, "xsdt");
_Static_assert(offsetof(struct tables, fadt) % 64 == 0, "fadt");
_Static_assert(offsetof(struct tables, dsdt) % 64 == 0, "dsdt");
_Static_assert(offsetof(struct tables, madt) % 64 == 0, "madt");
_Static_assert(sizeof(struct tables) <= LAYOUT_TABLES_BYTES, "tables");

static uint8_t checksum(const void *p, uint32_t bytes)
{
    const uint8_t *b = p;
    uint8_t sum = 0;

    for (uint32_t i = 0; i < bytes; i++)
        sum = (uint8_t)(sum + b[i]);
    return (uint8_t)(0u - sum);
}

static void finish(struct header *h, const char *signature, uint8_t revision,
                   uint32_t len_bytes)
{
    memcpy(h->signature, signature, sizeof(h->signature));
    memcpy(h->oem_id, OEM_ID, sizeof(h->oem_id));
    memcpy(h->oem_table_id, OEM_TABLE_ID, sizeof(h->oem_table_id));
    memcpy(h->creator_id, OEM_ID, sizeof(h->creator_id));
    h->oem_revision = 1;
    h->creator_revision = 1;
    h->revision = revision;
    h->len_bytes = len_bytes;
    h->checksum = 0;
    h->checksum = checksum(h, len_bytes);
}

static void build_rsdp(struct rsdp *r, uint64_t xsdt_gpa)
{
    memcpy(r->signature, "RSD PTR ", sizeof(r->signature));
    memcpy(r->oem_id, OEM_ID, sizeof(r->oem_id));
    r->revision = 2;
    r->len_bytes = sizeof(*r);
    r->xsdt_gpa = xsdt_gpa;
    r->checksum = checksum(r, offsetof(struct rsdp, len_bytes));
    r->checksum_all = checksum(r, sizeof(*r));
}

static void build_fadt(struct fadt *f, uint64_t dsdt_gpa)
{
    f->dsdt_gpa = (uint32_t)dsdt_gpa;
    f->x_dsdt_gpa = dsdt_gpa;
    f->iapc_boot_arch = FADT_NO_VGA | FADT_NO_CMOS_RTC;
    f->flags =
        FADT_HW_REDUCED | FADT_WBINVD | FADT_PWR_BUTTON | FADT_SLP_BUTTON;
    finish(&f->h, "FACP", FADT_REVISION, sizeof(*f));
}

static void build_madt(struct madt *m, uint32_t nr_vcpus)
{
    m->lapic_gpa = LAPIC_GPA;
    for (uint32_t i = 0; i < nr_vcpus; i++)
        m->lapic[i] = (struct madt_lapic){ .type = MADT_LAPIC,
                                           .len_bytes = sizeof(m->lapic[i]),
                                           .uid = (uint8_t)i,
                                           .apic_id = (uint8_t)(2 * i),
                                           .flags = MADT_ENABLED };
    finish(&m->h, "APIC", 3,
           (uint32_t)(offsetof(struct madt, lapic) +
                      nr_vcpus * sizeof(m->lapic[0])));
}

void acpi_build(uint8_t *tables, struct gpa at, uint32_t nr_vcpus)
{
    struct tables *t = (struct tables *)tables;

    finish(&t->dsdt, "DSDT", 2, sizeof(t->dsdt));
    build_fadt(&t->fadt, at.v + offsetof(struct tables, dsdt));
    build_madt(&t->madt, nr_vcpus);
    t->xsdt.table_gpa[0] = at.v + offsetof(struct tables, fadt);
    t->xsdt.table_gpa[1] = at.v + offsetof(struct tables, madt);
    finish(&t->xsdt.h, "XSDT", 1, sizeof(t->xsdt));
    build_rsdp(&t->rsdp, at.v + offsetof(struct tables, xsdt));
}
