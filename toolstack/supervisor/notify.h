/* SPDX-License-Identifier: MIT */
/*
 * notify.h - tell systemd where we are, if it asked
 *
 * Source: sd_notify(3); the protocol is one datagram.
 */
#ifndef NOTIFY_H
#define NOTIFY_H

void notify_ready(void);
void notify_stopping(void);

#endif
