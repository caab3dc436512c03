/* SPDX-License-Identifier: MIT */
/*
 * disk.h - one disk between a test's guest and a test's backend, for
 * test_vbd*.c
 *
 * The real vbd.c, in a device's world (device.h).
 */
#ifndef DISK_H
#define DISK_H

#include "tests/unit/device.h"
#include "toolstack/supervisor/vbd.h"
#include "toolstack/supervisor/vmdisk.h"

#define FRONT "/local/domain/7/device/vbd/51712"
#define BACK "/local/domain/0/backend/fh-vbd/7/51712"

extern struct disk_world {
    struct vbd *vbd;
    struct vm_disk spec;
    bool later;       /* disk_open(): its guest is not here yet */
    uint32_t nr_held; /* times that it was told */
} disk;

int disk_set_up(void **state); /* of the program */
int disk_tear_down(void **state);

void disk_fresh(void);           /* a new test: a world, and a disk in it */
void disk_open(void);            /* the disk; fresh() has done it once */
void disk_start(void);           /* and its backend */
void disk_write_keys(void);      /* a guest with one queue wants it */
void disk_start_connected(void); /* all of these, until it is */
void disk_finish(void);          /* end what is left; nothing may be */

#endif
