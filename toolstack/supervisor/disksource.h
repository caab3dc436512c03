/* SPDX-License-Identifier: MIT */
/*
 * disksource.h - what stands behind a disk, opened or connected for a backend
 *
 * A target is a file or block device (format=raw), an NBD server (nbd://HOST
 * or nbd+unix:), or an image (format=qcow2, qcow, vhd or qed), which a
 * qemu-nbd in a sandbox serves (qemunbd.h).  The format is what the
 * configuration says: nothing is ever probed, for a guest writes the contents.
 *
 * Two guests cannot have one disk: files and devices are locked by flock(2),
 * shared if they are only read.  The lock is with the descriptor that a backend
 * gets, so it lives as long as anybody who could write.
 *
 * Loop thread only.
 */
#ifndef DISKSOURCE_H
#define DISKSOURCE_H

#include <uv.h>

#include "backends/blk/blk_ctl.h"
#include "toolstack/supervisor/vmdisk.h"

struct err;
struct disk_source;

/*
 * Look at a disk's target.  base, `/run/freehold/NAME/vbd-DEVID`: an image's
 * server listens on base.nbd.  Nothing is locked or started yet.  d and base
 * are copied.
 *
 *   -ENOMEDIUM  no target: an empty drive
 *   -EINVAL     neither file nor block device; or no NBD address that we read
 *   other       as open(2)
 */
int disk_source_open(uv_loop_t *loop, const struct vm_disk *d, const char *base,
                     struct disk_source **out, struct err *e);

enum blk_store_kind disk_source_kind(const struct disk_source *s);

/*
 * BLK_STORE_RAW: a descriptor for one BLK_CTL_OPEN, locked, the caller's to
 * close.  The first call opens and locks; the next ones give the same open
 * file, so a backend that follows a killed one is not kept out by what that
 * one has in flight.  A negative errno has its words in disk_source_why().
 *
 *   -EBUSY      another guest has it; or, for a supervisor that follows a
 *               killed one, a backend of this guest that still ends: ask again
 */
int disk_source_fd(struct disk_source *s);

/* Why disk_source_fd() failed last; "" if it did not. */
const char *disk_source_why(const struct disk_source *s);

/* BLK_STORE_NBD: the export's name, "" for the default one. */
const char *disk_source_export(const struct disk_source *s);

/* fd: the callee's; -1 if *failed says why. */
typedef void disk_source_done(void *arg, int fd, const struct err *failed);

/*
 * BLK_STORE_NBD: connect once more.  Calls are served in turn, each within ten
 * seconds.  Returns 0, and done() runs once from the loop; or a negative errno,
 * and then never.
 */
int disk_source_connect(struct disk_source *s, disk_source_done *done,
                        void *arg, struct err *e);

/*
 * A backend was started in another's place.  A server of ours that still has
 * requests of that one would write them behind what the new one sends: nobody
 * is connected to it any more, and the next one is started when it has ended.
 */
void disk_source_renew(struct disk_source *s);

/* done() of what is under way runs no more.  NULL: no-op. */
void disk_source_close(struct disk_source *s);

#endif
