/* SPDX-License-Identifier: MIT */
/*
 * nbddial.h - connect to an NBD server, and hear it speak
 *
 * A server speaks first.  One that accepts and says nothing, as one that is
 * about to exit does, is no server: only a socket with a greeting in it is
 * handed out, and the greeting is left in it.
 */
#ifndef NBDDIAL_H
#define NBDDIAL_H

#include <uv.h>

#include "toolstack/supervisor/nbduri.h"

struct err;
struct nbd_dial;

/*
 * fd: the callee's; or -1, and *failed says why:
 *
 *   -ECONNREFUSED, -ENOENT  nobody listens
 *   -ECONNRESET             it hung up without a word
 *   -EBUSY                  it let us connect, and did not greet in time
 *   -ETIMEDOUT, -EPROTO (it is no NBD server), -EHOSTUNREACH, ...
 */
typedef void nbd_dial_done(void *arg, int fd, const struct err *failed);

/*
 * Returns 0, and done() runs once from the loop, unless nbd_dial_stop() comes
 * first; the dial is gone then.  TCP: every address that the name has is tried
 * in turn; the socket sends at once, notices a dead peer within a minute, and
 * drops what it has not sent when it is closed.
 */
int nbd_dial(uv_loop_t *loop, const struct nbd_uri *to, uint32_t timeout_ms,
             nbd_dial_done *done, void *arg, struct nbd_dial **out,
             struct err *e);
void nbd_dial_stop(struct nbd_dial *d); /* NULL: no-op */

#endif
