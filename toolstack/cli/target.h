/* SPDX-License-Identifier: MIT */
/*
 * target.h - which guest a command line's word means
 */
#ifndef TARGET_H
#define TARGET_H

#include <stdbool.h>

#include "toolstack/supervisor/hyp.h"
#include "toolstack/supervisor/rundir.h"

struct err;
struct store;

struct target {
    char name[VM_NAME_MAX + 1]; /* empty: nobody named it */
    bool has_domain;
    struct hyp_info domain;
    bool known; /* it has a run directory of ours */
    struct run_state state;
};

/*
 * Every domain, and every name of ours without one.  Returns their number;
 * *out is to be freed.  s may be NULL: then only our own names are known.
 */
int target_list(struct hyp *h, struct store *s, struct target **out,
                struct err *e);

/* One of them, by name or domain id.  -ESRCH. */
int target_find(struct hyp *h, struct store *s, const char *word,
                struct target *out, struct err *e);

#endif
