/* SPDX-License-Identifier: MIT */
/*
 * spare_pci.h - the lab's spare PCI device, which nothing in dom0 uses
 *
 * A 9p device with the tag "spare".  While it is open it has no driver; its
 * configuration is the attacker's, and is put back by spare_pci_close().
 */
#ifndef SPARE_PCI_H
#define SPARE_PCI_H

#include <stdint.h>

struct spare_pci {
    char address[16]; /* 0000:00:05.0 */
    int fd;           /* of its configuration space */
    int bus, devfn;
    uint8_t bar_at;        /* of the BAR that its MSI-X table is in */
    uint32_t table_bytes;  /* from that BAR's start to the table */
    uint32_t bar, command; /* as they were */
};

/* 0, -ENOENT where there is none, or what its driver or sysfs says. */
int spare_pci_open(struct spare_pci *s);
void spare_pci_close(struct spare_pci *s);

/* Place the BAR, 32 bits of it, and have the device decode memory. */
int spare_pci_place(struct spare_pci *s, uint32_t address);

#endif
