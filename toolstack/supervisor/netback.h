/* SPDX-License-Identifier: MIT */
/*
 * netback.h - does dom0's kernel serve cards of xl's guests?
 *
 * A loaded xen-netback takes every backend/vif that appears: xl has no other
 * kind for cards, so it has to be gone before ours can serve one.
 *
 * Source: Linux 6.12, drivers/net/xen-netback/xenbus.c, netback_driver;
 * drivers/xen/xenbus/xenbus_probe_backend.c, backend_bus_id().
 */
#ifndef NETBACK_H
#define NETBACK_H

#include <stdbool.h>
#include <stdint.h>

/* What to do about one that is loaded. */
#define NETBACK_ADVICE                                                         \
    "stop the guests that it serves, then `modprobe -r xen-netback`, and "     \
    "keep it away with `blacklist xen-netback` in /etc/modprobe.d"

bool netback_is_loaded(void);
/* Is that device a driver's of the kernel? */
bool netback_drives(uint16_t domid, uint32_t devid);

#endif
