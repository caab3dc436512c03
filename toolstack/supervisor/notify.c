/* SPDX-License-Identifier: MIT */
/*
 * notify.c - tell systemd where we are, if it asked
 */
#include "toolstack/supervisor/notify.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <systemd/sd-daemon.h>

#include "common/log.h"

static void tell(const char *text)
{
    int r = sd_notify(0, text);

    if (r < 0)
        log_warn("systemd: tell it %s: %s", text, strerror(-r));
}

void notify_ready(void)
{
    tell("READY=1");
}

void notify_stopping(void)
{
    tell("STOPPING=1");
}

void notify_reloading(void)
{
    struct timespec now;

    clock_gettime(CLOCK_MONOTONIC, &now);
    sd_notifyf(0, "RELOADING=1\nMONOTONIC_USEC=%llu",
               now.tv_sec * 1000000ull + now.tv_nsec / 1000);
}

void notify_status(const char *text)
{
    sd_notifyf(0, "STATUS=%s", text);
}

uint32_t notify_watchdog_ms(void)
{
    uint64_t limit_us;

    /* Not by WATCHDOG_PID: that stays ours over exec(). */
    if (sd_watchdog_enabled(0, &limit_us) <= 0)
        return 0;
    return (uint32_t)(limit_us / 2 / 1000);
}

void notify_watchdog(void)
{
    tell("WATCHDOG=1");
}

bool notify_is_wanted(void)
{
    return getenv("NOTIFY_SOCKET") != NULL;
}
