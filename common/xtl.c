/* SPDX-License-Identifier: MIT */
/*
 * xtl.c - what Xen's libraries say, in our own log
 */
#include "common/xtl.h"

#include <stdio.h>
#include <string.h>

#include "common/log.h"

static void log_message(xentoollog_logger *logger, xentoollog_level level,
                        int errnoval, const char *context, const char *format,
                        va_list al)
{
    char text[512];

    (void)logger, (void)level;
    vsnprintf(text, sizeof(text), format, al);
    text[strcspn(text, "\n")] = 0;
    log_debug("%s: %s%s%s", context ? context : "xen", text,
              errnoval >= 0 ? ": " : "",
              errnoval >= 0 ? strerror(errnoval) : "");
}

static void log_progress(xentoollog_logger *logger, const char *context,
                         const char *doing, int percent, unsigned long done,
                         unsigned long total)
{
    (void)logger, (void)context, (void)doing, (void)percent, (void)done;
    (void)total;
}

/* There is one, which nobody owns. */
static void log_destroy(xentoollog_logger *logger)
{
    (void)logger;
}

xentoollog_logger *xtl_logger(void)
{
    /* Never written; the libraries' types know no const. */
    static xentoollog_logger logger = { log_message, log_progress,
                                        log_destroy };

    return &logger;
}
