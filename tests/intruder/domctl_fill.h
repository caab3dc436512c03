/* SPDX-License-Identifier: MIT */
/*
 * domctl_fill.h - arguments with which a domctl works on an ordinary guest
 */
#ifndef DOMCTL_FILL_H
#define DOMCTL_FILL_H

#include "row.h"

struct domctl_try {
    struct xen_domctl d;
    const void *answer; /* where the guest's registers would turn up */
    size_t answer_bytes;
};

/* Fill in the arguments of domctl a->row->arg.  -ENOBUFS: arena full. */
int domctl_fill(const struct attack *a, struct domctl_try *t);

/* After the call gave rc: take back what would outlive the attempt. */
void domctl_undo(const struct attack *a, const struct domctl_try *t, long rc);

#endif
