/* SPDX-License-Identifier: MIT */
/*
 * rows_msix.c - have Xen write into memory, as if a device's interrupts were
 * set up there (audit 2.6)
 *
 * dom0 moves the BAR that a device's MSI-X table is in.  Here it is moved over
 * a page of an accomplice, which is empty before.
 */
#include "accomplice.h"
#include "frames.h"
#include "row.h"
#include "spare_pci.h"

#include <errno.h>
#include <sys/mman.h>

#include <xen/physdev.h>

#define ACC_KIB 1024u
#define ACC_GFN 0x5a5a5u /* few domains have a page there */

/* Was it empty?  1 or 0, or a negative errno.  It is afterwards. */
static int clear_page(const struct attack *a, int acc)
{
    long rc;
    uint64_t *word =
        frames_map(a->h, (uint16_t)acc, PROT_READ | PROT_WRITE, ACC_GFN, &rc);
    int empty = 1;

    if (!word)
        return (int)rc;
    for (unsigned i = 0; i < 4096 / sizeof(*word); i++) {
        empty &= word[i] == 0;
        word[i] = 0;
    }
    frames_unmap(a->h, word);
    return empty;
}

static struct outcome write_at(const struct attack *a, struct spare_pci *s,
                               int acc, uint64_t address)
{
    struct physdev_map_pirq map = {
        .domid = DOMID_SELF,
        .type = MAP_PIRQ_TYPE_MSI,
        .index = -1,
        .pirq = -1,
        .bus = s->bus,
        .devfn = s->devfn,
        .table_base = address - s->table_bytes,
    };
    struct physdev_unmap_pirq unmap = { .domid = DOMID_SELF };
    int rc = spare_pci_place(s, (uint32_t)map.table_base);
    long mapped;

    if (rc < 0)
        return out_error("place the BAR", -rc);
    mapped = hc_op(a->h, __HYPERVISOR_physdev_op, PHYSDEVOP_map_pirq, &map,
                   sizeof(map));
    rc = clear_page(a, acc);
    if (mapped == 0) {
        unmap.pirq = map.pirq;
        hc_op(a->h, __HYPERVISOR_physdev_op, PHYSDEVOP_unmap_pirq, &unmap,
              sizeof(unmap));
    }
    if (rc == 0)
        return out_of_rc(0);
    if (rc < 0)
        return out_error("look at the page", -rc);
    return mapped < 0 ? out_of_rc(mapped)
                      : out_silent("an interrupt, and nothing written");
}

static struct outcome over_page(const struct attack *a, int acc)
{
    struct spare_pci s;
    struct outcome o;
    uint64_t mfn;
    int rc;

    if (acc_populate(a->h, (uint16_t)acc, ACC_GFN, 1, 0) != 1)
        return out_error("accomplice's page", ENOMEM);
    rc = clear_page(a, acc);
    if (rc < 0)
        return out_error("clear the page", -rc);
    if (frames_of_gfn(a->h, ACC_GFN, &mfn, 1) != 1)
        return out_error("M2P", ENOENT);
    if (mfn >> 20)
        return out_error("a page that no BAR of 32 bits reaches", 0);
    rc = spare_pci_open(&s);
    if (rc == -ENOENT)
        return out_na("no spare device with MSI-X");
    if (rc < 0)
        return out_error("spare device", -rc);
    o = write_at(a, &s, acc, mfn << 12);
    spare_pci_close(&s);
    return o;
}

static struct outcome msix(const struct attack *a)
{
    struct outcome o;
    int acc = acc_create(a->h, ACC_HVM, ACC_KIB);

    if (acc < 0)
        return out_error("accomplice", -acc);
    o = over_page(a, acc);
    acc_destroy(a->h, acc);
    return o;
}

/* clang-format off */
static const struct row rows[] = {
    { "host-msix", "2.6", "an MSI-X table over a page of RAM", "K6",
      msix, 0, STAGE_HOST, RULE_DENY, 0, 0, NULL },
};
/* clang-format on */

const struct row_set rows_msix = { rows, sizeof(rows) / sizeof(rows[0]) };
