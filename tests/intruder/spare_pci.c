/* SPDX-License-Identifier: MIT */
/* spare_pci.c - take the spare device from its driver, and give it back */
#include "spare_pci.h"

#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <linux/pci_regs.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#define DEVICES "/sys/bus/pci/devices/"
#define TAG "spare"
#define CAPS_MAX 48

static int write_text(const char *path, const char *text)
{
    int fd = open(path, O_WRONLY | O_CLOEXEC);
    int rc = 0;

    if (fd < 0)
        return -errno;
    if (write(fd, text, strlen(text)) < 0)
        rc = -errno;
    close(fd);
    return rc;
}

static int has_tag(const char *path)
{
    char tag[16] = "";
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    ssize_t got;

    if (fd < 0)
        return 0;
    got = read(fd, tag, sizeof(tag) - 1);
    close(fd);
    return got >= (ssize_t)strlen(TAG) && !strncmp(tag, TAG, strlen(TAG));
}

static int find(struct spare_pci *s)
{
    unsigned domain, bus, slot, function;
    glob_t g = { 0 };
    int rc = -ENOENT;

    if (glob(DEVICES "*/virtio*/mount_tag", 0, NULL, &g) == 0)
        for (size_t i = 0; i < g.gl_pathc && rc < 0; i++) {
            const char *at = g.gl_pathv[i] + strlen(DEVICES);

            if (!has_tag(g.gl_pathv[i]) ||
                sscanf(at, "%4x:%2x:%2x.%1x", &domain, &bus, &slot,
                       &function) != 4 ||
                domain != 0)
                continue;
            snprintf(s->address, sizeof(s->address), "%04x:%02x:%02x.%x",
                     domain, bus, slot, function);
            s->bus = (int)bus;
            s->devfn = (int)(slot << 3 | function);
            rc = 0;
        }
    globfree(&g);
    return rc;
}

static uint32_t get(const struct spare_pci *s, unsigned at, size_t bytes)
{
    uint32_t value = 0;

    return pread(s->fd, &value, bytes, at) == (ssize_t)bytes ? value
                                                             : UINT32_MAX;
}

static int set(const struct spare_pci *s, unsigned at, uint32_t value,
               size_t bytes)
{
    return pwrite(s->fd, &value, bytes, at) == (ssize_t)bytes ? 0 : -EIO;
}

static int find_table(struct spare_pci *s)
{
    uint32_t at = get(s, PCI_CAPABILITY_LIST, 1) & ~3u, table;

    for (int i = 0; i < CAPS_MAX && at >= PCI_STD_HEADER_SIZEOF; i++) {
        if (get(s, at, 1) != PCI_CAP_ID_MSIX) {
            at = get(s, at + 1, 1) & ~3u;
            continue;
        }
        table = get(s, at + PCI_MSIX_TABLE, 4);
        s->bar_at =
            (uint8_t)(PCI_BASE_ADDRESS_0 + (table & PCI_MSIX_TABLE_BIR) * 4);
        s->table_bytes = table & ~(uint32_t)PCI_MSIX_TABLE_BIR;
        s->bar = get(s, s->bar_at, 4);
        s->command = get(s, PCI_COMMAND, 2);
        return 0;
    }
    return -ENOTSUP;
}

int spare_pci_open(struct spare_pci *s)
{
    char path[96];
    int rc;

    *s = (struct spare_pci){ .fd = -1 };
    rc = find(s);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), DEVICES "%s/driver/unbind", s->address);
    rc = write_text(path, s->address);
    if (rc < 0)
        return rc;
    snprintf(path, sizeof(path), DEVICES "%s/config", s->address);
    s->fd = open(path, O_RDWR | O_CLOEXEC);
    rc = s->fd < 0 ? -errno : find_table(s);
    if (rc < 0)
        spare_pci_close(s);
    return rc;
}

void spare_pci_close(struct spare_pci *s)
{
    if (s->fd >= 0) {
        if (s->bar_at) {
            set(s, PCI_COMMAND, s->command & ~(uint32_t)PCI_COMMAND_MEMORY, 2);
            set(s, s->bar_at, s->bar, 4);
            set(s, PCI_COMMAND, s->command, 2);
        }
        close(s->fd);
    }
    if (s->address[0])
        write_text("/sys/bus/pci/drivers_probe", s->address);
    *s = (struct spare_pci){ .fd = -1 };
}

int spare_pci_place(struct spare_pci *s, uint32_t address)
{
    int rc = set(s, s->bar_at, address, 4);

    return rc < 0 ? rc
                  : set(s, PCI_COMMAND, s->command | PCI_COMMAND_MEMORY, 2);
}
