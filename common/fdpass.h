/* SPDX-License-Identifier: MIT */
/*
 * fdpass.h - a message and at most one descriptor over a UNIX socket
 */
#ifndef FDPASS_H
#define FDPASS_H

#include <stddef.h>

/* Whole, or -errno; fd -1: none.  -EAGAIN: the other side does not read. */
int fdpass_send(int socket, const void *bytes, size_t nr, int fd);

/*
 * Returns how many bytes came, 0 at the end, or -errno.  *fd: what came with
 * them, the caller's to close, else -1; more than one is an error of the
 * sender, and all but none are kept.
 */
int fdpass_receive(int socket, void *bytes, size_t nr, int *fd);

#endif
