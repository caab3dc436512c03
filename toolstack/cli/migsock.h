/* SPDX-License-Identifier: MIT */
/*
 * migsock.h - connect a socket to a waiting `freehold migrate-receive`
 */
#ifndef MIGSOCK_H
#define MIGSOCK_H

#include <stdint.h>

struct err;

uint64_t migsock_now_ms(void); /* CLOCK_MONOTONIC */

/*
 * where: "ADDRESS:PORT", "NAME:PORT" or "[IPv6]:PORT".  The socket.
 *
 *   -EINVAL     it is nothing of these, or the name has no address
 *   -EINTR      stop_fd (-1: none) is readable
 *   -ETIMEDOUT  30 s for each of its addresses
 *   what connecting to the last of them fails with
 */
int migsock_tcp(const char *where, int stop_fd, struct err *e);

/*
 *   -ENOENT     it is not there, or nobody listens
 */
int migsock_unix(const char *path, struct err *e);

#endif
