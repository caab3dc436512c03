/* SPDX-License-Identifier: MIT */
/*
 * notify.h - tell systemd where we are, if it asked
 *
 * Each is a no-op outside of a unit.  Source: sd_notify(3).
 */
#ifndef NOTIFY_H
#define NOTIFY_H

#include <stdbool.h>
#include <stdint.h>

/* Does somebody wait to be told, as a service manager does? */
bool notify_is_wanted(void);

void notify_ready(void);
void notify_stopping(void);
void notify_reloading(void);          /* notify_ready() ends it */
void notify_status(const char *text); /* what `systemctl status` shows */
uint32_t notify_watchdog_ms(void);    /* how often to call; 0: never */
void notify_watchdog(void);

#endif
