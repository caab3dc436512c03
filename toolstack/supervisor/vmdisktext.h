/* SPDX-License-Identifier: MIT */
/*
 * vmdisktext.h - a disk in xl's words again, and its limits in ours
 */
#ifndef VMDISKTEXT_H
#define VMDISKTEXT_H

#include <stdint.h>

struct err;
struct vm_disk;

/* What vmdisk_parse() reads back, to be freed; NULL: no memory. */
char *vmdisk_text(const struct vm_disk *d);

/* Another one; vmdisk_free(out) also after an error, -ENOMEM. */
int vmdisk_copy(const struct vm_disk *d, struct vm_disk *out, struct err *e);

/*
 * Set devid, and refuse what is not served.
 *
 *   -EINVAL     `what: got ..., want ...`
 *   -EPERM      it would weaken the guest's protection
 */
int vmdisk_check(struct vm_disk *d, struct err *e);

/*
 * backend=, of a device of any kind.  Only dom0 serves protected guests: no
 * domain in between could be trusted.
 *
 *   -EINVAL     `backend: got ..., want ...`
 */
int vmdisk_check_backend(const char *domain, struct err *e);

/*
 * "[iops=N] [bps=N]": requests and bytes a second; 0 or absent is none.
 *
 *   -EINVAL     `iops: got ..., want ...`
 */
int vmdisk_limits(const char *words, uint64_t *iops, uint64_t *bps,
                  struct err *e);

#endif
