/* SPDX-License-Identifier: MIT */
/*
 * vmdisk.h - one member of disk=[...], checked
 *
 * The language is that of xl-disk-configuration(5), positional and named
 * parameters and the deprecated prefixes, accepted and read exactly as
 * libxlutil does, but for `word=` at the end, where that loses the `=`.
 * What vdev means is vmvdev.c's business.
 *
 * Source: Xen 4.20, tools/libs/util/libxlu_disk_l.l and libxlu_disk.c.
 */
#ifndef VMDISK_H
#define VMDISK_H

#include <stdbool.h>
#include <stdint.h>

struct err;

enum vm_disk_format { /* of the image, in libxl's words */
                      VM_DISK_UNSET,
                      VM_DISK_RAW,
                      VM_DISK_QCOW,
                      VM_DISK_QCOW2,
                      VM_DISK_VHD,
                      VM_DISK_QED,
                      VM_DISK_EMPTY, /* no medium in the drive */
                      VM_DISK_FORMATS
};

enum vm_disk_backend {
    VM_DISK_ANY,
    VM_DISK_PHY,
    VM_DISK_TAP,
    VM_DISK_QDISK,
    VM_DISK_STANDALONE,
    VM_DISK_BACKENDS
};

enum vm_choice { VM_UNSAID, VM_NO, VM_YES }; /* unsaid: the default holds */

struct vm_disk {
    char *target; /* as written; relative: below /dev.  NULL: no medium */
    char *vdev;   /* as written */
    char *backend_domain, *script; /* NULL: not given */
    enum vm_disk_format format;
    enum vm_disk_backend backend;
    uint32_t devid; /* set by whoever checks vdev */
    bool writable, cdrom, direct_io_safe, virtio;
    enum vm_choice discard, trusted, grant_usage, colo;
    /* freehold_disk_limits: requests and bytes a second; 0: none */
    uint64_t iops_max, bps_max;
    bool colo_details; /* any colo-*, active-disk or hidden-disk was given */
};

/*
 * Read one member.  vmdisk_free(out) also after an error.
 *
 *   -EINVAL  `what: got ..., want ...`
 *   -ENOMEM
 */
int vmdisk_parse(const char *text, struct vm_disk *out, struct err *e);
void vmdisk_free(struct vm_disk *d); /* leaves it empty */

const char *vmdisk_format_name(enum vm_disk_format f);
const char *vmdisk_backend_name(enum vm_disk_backend b);

#endif
