/* SPDX-License-Identifier: MIT */
/*
 * rundir.h - a guest's name, held on this host
 *
 * /run/freehold/NAME holds `lock`, `state`, `config` and the sockets `api` and
 * `console`.  Whoever locks `lock` is the guest's supervisor; the kernel drops
 * the lock with the process, so a dead supervisor's leftovers are told from a
 * live one's.  `state` names the domain's handle before the domain exists:
 * no moment remains in which a domain has no name.  It names the domain's
 * number as soon as there is one, and 0 again when it was removed.  `config`
 * is what the guest was made from, whatever becomes of the file it came from.
 */
#ifndef RUNDIR_H
#define RUNDIR_H

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>

#include "toolstack/supervisor/load.h"
#include "toolstack/supervisor/vmcfg.h"

struct err;

#define RUNDIR_BASE "/run/freehold"

struct rundir { /* ours */
    char path[PATH_MAX];
    int lock_fd; /* -1: not held */
};

struct run_state { /* what `state` says */
    char name[VM_NAME_MAX + 1];
    uint8_t uuid[16];
    int32_t pid;
    uint16_t domid;                /* 0: no domain yet */
    uint32_t console_port;         /* the guest's; 0: not known yet */
    struct load_identity identity; /* all zero: not measured yet */
    bool receives;   /* it comes from another host, and has not yet */
    bool leaves;     /* it is on its way to another */
    bool supervised; /* somebody holds the lock */
};

/*
 * Take the name.  Leftovers of a dead supervisor stay for the caller to look
 * at (rundir_read) and to clear.
 *
 *   -EEXIST     a live supervisor has it
 */
int rundir_take(const char *base, const char *name, struct rundir *out,
                struct err *e);

/*
 * Take a name over from this very process, as it was before exec(): lock_fd is
 * what it held.
 *
 *   -EBADF      that is not this name's lock, or not ours
 */
int rundir_inherit(const char *base, const char *name, int lock_fd,
                   struct rundir *out, struct err *e);

/* Replace `config`, all of it or nothing. */
int rundir_keep_config(const struct rundir *d, const char *text, struct err *e);

/* The guest is over: who finds the mark makes no other in its place. */
void rundir_mark_ended(const struct rundir *d);
bool rundir_has_ended(const char *base, const char *name);

/* Where a name's `config` is; it need not exist. */
void rundir_config_path(const char *base, const char *name, char out[PATH_MAX]);

/*
 * Change the name that is held: atomic, and nothing is replaced.
 *
 *   -EEXIST     the other name is held, or something is left under it
 */
int rundir_rename(struct rundir *d, const char *to, struct err *e);

/* Replace `state`, all of it or nothing. */
int rundir_write(const struct rundir *d, const struct run_state *s,
                 struct err *e);

/*
 * What is known of a name; also for whoever does not hold it.
 *
 *   -ENOENT     nothing, without words
 */
int rundir_read(const char *base, const char *name, struct run_state *out,
                struct err *e);

/* Every name that is held or left over.  Returns their number. */
int rundir_list(const char *base, struct run_state **out, struct err *e);

/* Remove everything and let the name go; lock_fd -1 is fine. */
void rundir_remove(struct rundir *d);

#endif
