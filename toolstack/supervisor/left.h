/* SPDX-License-Identifier: MIT */
/*
 * left.h - what an earlier supervisor left of a guest
 *
 * For whoever has just taken the guest's name.
 */
#ifndef LEFT_H
#define LEFT_H

#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/rundir.h"

struct left {
    struct run_state state;
    struct hyp_info domain;
    struct vm_config cfg; /* what it was made from; name empty: not known */
    bool ended;           /* it was being removed */
};

/*
 * Returns 1 when a domain of that name is there, 0 when nothing is, or a
 * negative errno.  left_free() after 1.
 */
int left_find(const char *base, const char *name, struct left *out,
              struct err *e);
void left_free(struct left *l); /* all zero: no-op */

#endif
