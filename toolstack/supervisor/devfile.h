/* SPDX-License-Identifier: MIT */
/*
 * devfile.h - which devices a guest has now, for the next supervisor
 *
 * One small file a device, vbd-DEVID.disk or vif-DEVID.vif in the guest's run
 * directory: its backend's process, and lines of what it is, which are
 * diskfile.h's and viffile.h's.  It is there from before the backend's start
 * until the device is gone.
 */
#ifndef DEVFILE_H
#define DEVFILE_H

#include "toolstack/supervisor/beproc.h"

struct err;
struct rundir;

enum devfile_kind { DEVFILE_DISK, DEVFILE_VIF, DEVFILE_KINDS };

/* "DIR/vbd-DEVID", of which all of a device's files are named. */
void devfile_base(const struct rundir *d, enum devfile_kind kind,
                  uint32_t devid, char out[BE_BASE_BYTES]);

/*
 * Replace it, all or nothing.  lines: KEY=VALUE, each with its line's end.
 * nr_lines: how many there are meant to be: what is asked for may hold such an
 * end, and would be read back as something else.
 *
 *   -EINVAL     there are more
 */
int devfile_write(const struct rundir *d, enum devfile_kind kind,
                  uint32_t devid, const struct beproc_id *process,
                  const char *lines, uint32_t nr_lines, struct err *e);

/* A line, without its end. */
typedef int devfile_line(void *arg, const char *line, struct err *e);

/* Each line but the process' own, for each(), whose errors end it. */
int devfile_read(const struct rundir *d, enum devfile_kind kind, uint32_t devid,
                 struct beproc_id *process, devfile_line *each, void *arg,
                 struct err *e);

/* With everything else of the device's. */
void devfile_remove(const struct rundir *d, enum devfile_kind kind,
                    uint32_t devid);

/* Every one that is there: their number, and numbers, to be freed. */
int devfile_list(const struct rundir *d, enum devfile_kind kind,
                 uint32_t **devids, struct err *e);

/* No domain has them any more, of any kind: end the backends that are left,
   and forget. */
void devfile_clear(const struct rundir *d);

#endif
