/* SPDX-License-Identifier: MIT */
/*
 * log.c - levelled lines on stderr
 */
#include "common/log.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

static enum log_level log_max = LOG_LEVEL_INFO;

static const char syslog_digit[] = {
    [LOG_LEVEL_NONE] = '2', [LOG_LEVEL_ERR] = '3',   [LOG_LEVEL_WARN] = '4',
    [LOG_LEVEL_INFO] = '6', [LOG_LEVEL_DEBUG] = '7',
};
_Static_assert(sizeof(syslog_digit) == LOG_LEVELS, "syslog_digit");

void log_set_level(enum log_level level)
{
    log_max = level;
}

/* What goes in front of a line: `<6>` for the journal, the time otherwise. */
static int put_prefix(char *out, size_t out_bytes, enum log_level level)
{
    struct timespec now;
    struct tm tm;

    if (getenv("JOURNAL_STREAM"))
        return snprintf(out, out_bytes, "<%c>", syslog_digit[level]);
    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    return snprintf(out, out_bytes, "%02d:%02d:%02d.%03ld ", tm.tm_hour,
                    tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[1024];
    int used;
    va_list ap;

    if (level > log_max)
        return;
    used = put_prefix(line, sizeof(line), level);
    va_start(ap, fmt);
    used += vsnprintf(line + used, sizeof(line) - used, fmt, ap);
    va_end(ap);
    if (used > (int)sizeof(line) - 2)
        used = sizeof(line) - 2;
    for (int i = 0; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    line[used++] = '\n';
    if (write(STDERR_FILENO, line, used) < 0)
        return; /* nowhere to say so */
}
