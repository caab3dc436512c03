/* SPDX-License-Identifier: MIT */
/*
 * blk_server.h - a backend's main thread: it hears the supervisor
 *
 *   NEW ──OPEN──▶ (OPENING, for its first NBD socket) ──▶ OPENED
 *   OPENED ──CONNECT──▶ CONNECTED ──DISCONNECT, or broken──▶ LEAVING ──▶ OPENED
 *
 * QUIT: LEAVING, and then the end.
 */
#ifndef BLK_SERVER_H
#define BLK_SERVER_H

struct err;

/*
 * Serve until QUIT, by the descriptors of blk_ctl.h.  Returns 0, or a negative
 * errno after a FAILED was sent.
 */
int blk_server_run(const char *name, struct err *e);

#endif
