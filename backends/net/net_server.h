/* SPDX-License-Identifier: MIT */
/*
 * net_server.h - a network backend's main thread: it hears the supervisor
 *
 *   NEW ──OPEN──▶ OPENING ──its last TAP──▶ OPENED
 *   OPENED ──CONNECT──▶ CONNECTED ──DISCONNECT──▶ LEAVING ──▶ OPENED
 *
 * QUIT: LEAVING, and then the end.
 */
#ifndef NET_SERVER_H
#define NET_SERVER_H

struct err;

/*
 * Serve until QUIT, by the descriptors of net_ctl.h.  Returns 0, or a negative
 * errno after a FAILED was sent.
 */
int net_server_run(const char *name, struct err *e);

#endif
