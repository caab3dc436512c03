/* SPDX-License-Identifier: MIT */
/*
 * spawn.h - start a process with the descriptors that it is to have, and no
 * others
 */
#ifndef SPAWN_H
#define SPAWN_H

#include <stdint.h>
#include <sys/types.h>

#define SPAWN_FIRST 3 /* the first of fd[], in the process */

/*
 * Its input is empty, its output out_fd, its errors ours; fd[0..nr) are its
 * descriptors SPAWN_FIRST on: all of them at SPAWN_FIRST + nr or above here.
 * No signal is blocked, and it is a group of its own, so that a terminal's
 * signals miss it.
 *
 *   ...         as posix_spawn(3), negative
 */
int spawn_with(const char *program, char *const *argv, int out_fd,
               const int *fd, uint32_t nr, pid_t *pid);

#endif
