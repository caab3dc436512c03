/* SPDX-License-Identifier: MIT */
/*
 * viffile.h - what a card's file holds (devfile.h)
 *
 * What was asked for, in xl's words, with its MAC address, which nobody may
 * draw anew under a guest; and what these words do not say.
 */
#ifndef VIFFILE_H
#define VIFFILE_H

#include "toolstack/supervisor/devfile.h"
#include "toolstack/supervisor/vmvif.h"

struct viffile {
    struct vm_vif vif;
    struct beproc_id process; /* all zero: none yet */
};

/* Replace it, all or nothing.  vif stays the caller's. */
int viffile_write(const struct rundir *d, const struct vm_vif *vif,
                  const struct beproc_id *process, struct err *e);

/*
 * Every one that is there.  Returns their number; the caller frees each vif by
 * vmvif_free(), and *out.  A file that does not read is logged and skipped.
 */
int viffile_list(const struct rundir *d, struct viffile **out, struct err *e);

#endif
