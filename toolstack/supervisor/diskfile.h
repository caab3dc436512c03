/* SPDX-License-Identifier: MIT */
/*
 * diskfile.h - what a disk's file holds (devfile.h)
 *
 * What was asked for, in xl's words, and its limits.
 */
#ifndef DISKFILE_H
#define DISKFILE_H

#include "backends/blk/blk_ctl.h"
#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/vmdisk.h"

struct diskfile {
    struct vm_disk disk;
    struct blk_limits limits;
    struct beproc_id process; /* all zero: none yet */
};

/* Replace it, all or nothing. */
int diskfile_write(const struct rundir *d, const struct diskfile *f,
                   struct err *e);

/*
 * Every one that is there.  Returns their number; the caller frees each disk
 * by vmdisk_free(), and *out.  A file that does not read is logged and skipped.
 */
int diskfile_list(const struct rundir *d, struct diskfile **out, struct err *e);

#endif
