/* SPDX-License-Identifier: MIT */
/*
 * vmvdev.h - the number of a virtual block device
 *
 * Source: Xen 4.20, docs/man/xen-vbd-interface.7.pandoc;
 * tools/libs/light/libxl_device.c, libxl__device_disk_dev_number().
 */
#ifndef VMVDEV_H
#define VMVDEV_H

#include <stdint.h>

/*
 * xvda..., hda..hdd, sda..sdp, each with a partition, d5p1, or the number
 * itself: the name of the device's directories in xenstore.
 *
 *   -EINVAL  it is none of these
 */
int vmvdev_number(const char *vdev, uint32_t *out);

#endif
