/* SPDX-License-Identifier: MIT */
/*
 * receive.h - what `freehold migrate-receive` does behind its connection
 *
 * For receive*.c alone.
 */
#ifndef RECEIVE_H
#define RECEIVE_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/vmcfg.h"

struct err;
struct json_object;
struct moveproc;

struct receive_plan { /* what a PLAN comes to, on this host */
    struct vm_config cfg;
    char *text; /* what cfg was read from */
    bool check;
};

/*
 * Read a `plan` event.  name (may be NULL): the guest's, here.  A UUID that a
 * domain of this host has already is drawn anew.  receive_plan_free() also
 * after an error.
 *
 *   -EPROTONOSUPPORT  it is of a version that we do not know
 *   -EINVAL           its configuration is none that this host reads
 */
int receive_plan(struct json_object *event, const char *name,
                 struct receive_plan *out, struct err *e);
/*
 * Its sender is not known, and no Xen has vouched for it yet: it may run
 * nothing here.
 *
 *   -EPERM      a card or a disk of it has a script
 */
int receive_plan_runs_nothing(const struct receive_plan *p, struct err *e);
void receive_plan_free(struct receive_plan *p);

/*
 * A `session` event: somebody asks what became of one.  Whoever has it gets
 * the process; or it is told what a token's file says.  Returns when that is
 * through; *end (at least 16 bytes): how.
 */
int receive_resolve(struct json_object *event, struct moveproc *p, char *end,
                    struct err *e);

#endif
