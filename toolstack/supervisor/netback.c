/* SPDX-License-Identifier: MIT */
/*
 * netback.c - does dom0's kernel serve cards of xl's guests?
 */
#include "toolstack/supervisor/netback.h"

#include <stdio.h>
#include <unistd.h>

#ifndef XEN_BACKEND_BUS
#define XEN_BACKEND_BUS "/sys/bus/xen-backend"
#endif

bool netback_is_loaded(void)
{
    return access(XEN_BACKEND_BUS "/drivers/vif", F_OK) == 0;
}

/* Any device has its place there; who drives it has a link in it. */
bool netback_drives(uint16_t domid, uint32_t devid)
{
    char path[sizeof(XEN_BACKEND_BUS) + 64];

    snprintf(path, sizeof(path), XEN_BACKEND_BUS "/devices/vif-%u-%u/driver",
             domid, devid);
    return access(path, F_OK) == 0;
}
