/* SPDX-License-Identifier: MIT */
/*
 * reexec.h - replace this process by the program as it is installed now
 */
#ifndef REEXEC_H
#define REEXEC_H

#include <limits.h>
#include <stdint.h>

struct err;

/* Where the program is that is installed now: of the same path as ours. */
int reexec_program(char out[PATH_MAX], struct err *e);

/*
 * Is there a program to go on with?  Ask before anything is given back.
 *
 *   -ENOENT, -EACCES  it was removed, or may not be executed
 */
int reexec_check(struct err *e);

/*
 * `freehold run --lock-fd N NAME`, in this process.  Returns only after an
 * error; lock_fd is as it was then.
 */
int reexec(const char *name, int lock_fd, uint32_t stop_timeout_s,
           struct err *e);

#endif
