/* SPDX-License-Identifier: MIT */
/*
 * diskfile.h - which disks a guest has now, for the next supervisor
 *
 * One small file a disk, vbd-DEVID.disk in the guest's run directory: what was
 * asked for, in xl's words, its limits, and its backend's process.  It is there
 * from before the backend's start until the disk is gone.
 */
#ifndef DISKFILE_H
#define DISKFILE_H

#include "backends/blk/blk_ctl.h"
#include "toolstack/supervisor/beproc.h"
#include "toolstack/supervisor/vmdisk.h"

struct err;
struct rundir;

struct diskfile {
    struct vm_disk disk;
    struct blk_limits limits;
    struct beproc_id process; /* all zero: none yet */
};

/* "DIR/vbd-DEVID", of which all of a disk's files are named. */
void diskfile_base(const struct rundir *d, uint32_t devid,
                   char out[BE_BASE_BYTES]);

/* Replace it, all or nothing. */
int diskfile_write(const struct rundir *d, const struct diskfile *f,
                   struct err *e);

/* With everything else of the disk's. */
void diskfile_remove(const struct rundir *d, uint32_t devid);

/*
 * Every one that is there.  Returns their number; the caller frees each disk
 * by vmdisk_free(), and *out.  A file that does not read is logged and skipped.
 */
int diskfile_list(const struct rundir *d, struct diskfile **out, struct err *e);

/* No domain has them any more: end the backends that are left, and forget. */
void diskfile_clear(const struct rundir *d);

#endif
