/* SPDX-License-Identifier: MIT */
/*
 * bespawn.h - start a backend's process with what it is to have
 *
 * For beproc.c alone.
 */
#ifndef BESPAWN_H
#define BESPAWN_H

#include <sys/types.h>

struct beproc_kind;
struct err;

/*
 * Start program as `ARGV0 NAME`, its listening socket, which appears as
 * base.sock, and base.journal as its descriptors 3 and 4, and no others.
 *
 *   ...         as posix_spawn(3), of the program
 */
int bespawn(const struct beproc_kind *kind, const char *program,
            const char *name, const char *base, pid_t *pid, struct err *e);

/* Connect to base.sock: a descriptor. */
int bespawn_connect(const char *base, struct err *e);

#endif
