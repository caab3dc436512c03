/* SPDX-License-Identifier: MIT */
/*
 * xbdev_priv.h - for xbdev*.c alone
 */
#ifndef XBDEV_PRIV_H
#define XBDEV_PRIV_H

#include "toolstack/supervisor/xbdev.h"

enum { RECONF_NONE, RECONF_SEEN, RECONF_ANSWERED }; /* x->reconf */

/* The only writer of x->state; the caller is told last. */
void xbdev_move(struct xbdev *x, enum vbd_state to, const char *why);
/* The same state, for another reason. */
void xbdev_say(struct xbdev *x, const char *why);
/* Show the guest our state; if that fails, again in a while. */
void xbdev_put(struct xbdev *x);
void xbdev_look_soon(struct xbdev *x);
/* Offer it, anew perhaps; it may have written its keys already. */
void xbdev_wait(struct xbdev *x, const char *why);
/* Hand its keys to the backend; false: they are bad, and it was told. */
bool xbdev_wire(struct xbdev *x);
/* Tell the backend to let go of the rings, once, if it has them. */
void xbdev_unwire(struct xbdev *x);
/* is_error: for the guest's administrator; else it closes by its own wish. */
void xbdev_start_closing(struct xbdev *x, const char *why, bool is_error);
/* What is left: the backend's end, and the nodes. */
void xbdev_finish(struct xbdev *x, bool nodes);

#endif
