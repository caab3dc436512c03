/* SPDX-License-Identifier: MIT */
/*
 * log.c - levelled lines on stderr, or in the journal
 */
#define SD_JOURNAL_SUPPRESS_LOCATION
#include "common/log.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/uio.h>
#include <time.h>
#include <unistd.h>

#include <systemd/sd-journal.h>

#include "common/checked.h"

#define MESSAGE "MESSAGE="

static enum log_level log_max = LOG_LEVEL_INFO;

static const char *const priority[] = {
    [LOG_LEVEL_NONE] = "PRIORITY=2",  [LOG_LEVEL_ERR] = "PRIORITY=3",
    [LOG_LEVEL_WARN] = "PRIORITY=4",  [LOG_LEVEL_INFO] = "PRIORITY=6",
    [LOG_LEVEL_DEBUG] = "PRIORITY=7",
};
_Static_assert(ARRAY_SIZE(priority) == LOG_LEVELS, "priority");

/* Of the journal; empty: there is nothing to say. */
static struct {
    char guest[96], uuid[64], domid[32];
} field;

enum log_level log_level(void)
{
    return log_max;
}

void log_set_level(enum log_level level)
{
    log_max = level;
}

static void set_field(char *out, size_t out_bytes, const char *key,
                      const char *value)
{
    if (value && *value)
        snprintf(out, out_bytes, "%s=%s", key, value);
    else if (value)
        *out = 0;
}

void log_set_guest(const char *name, const char *uuid, const char *domid)
{
    set_field(field.guest, sizeof(field.guest), "FREEHOLD_GUEST", name);
    set_field(field.uuid, sizeof(field.uuid), "FREEHOLD_UUID", uuid);
    set_field(field.domid, sizeof(field.domid), "FREEHOLD_DOMID", domid);
}

/*
 * Is our stderr the journal's?  Source: systemd.exec(5), $JOURNAL_STREAM, which
 * is inherited by programs that have another stderr.
 */
static bool is_journal(void)
{
    const char *stream = getenv("JOURNAL_STREAM");
    unsigned long long device, inode;
    struct stat st;

    return stream && sscanf(stream, "%llu:%llu", &device, &inode) == 2 &&
           fstat(STDERR_FILENO, &st) == 0 && st.st_dev == device &&
           st.st_ino == inode;
}

static bool send_to_journal(enum log_level level, const char *message)
{
    const char *const all[] = {
        message,     priority[level], "SYSLOG_IDENTIFIER=freehold",
        field.guest, field.uuid,      field.domid
    };
    struct iovec io[ARRAY_SIZE(all)];
    int nr = 0;

    for (uint32_t i = 0; i < ARRAY_SIZE(all); i++)
        if (all[i][0])
            io[nr++] = (struct iovec){ (char *)all[i], strlen(all[i]) };
    return sd_journal_sendv(io, nr) == 0;
}

static int put_time(char *out, size_t out_bytes)
{
    struct timespec now;
    struct tm tm;

    clock_gettime(CLOCK_REALTIME, &now);
    localtime_r(&now.tv_sec, &tm);
    return snprintf(out, out_bytes, "%02d:%02d:%02d.%03ld ", tm.tm_hour,
                    tm.tm_min, tm.tm_sec, now.tv_nsec / 1000000);
}

static void print_line(const char *text)
{
    char stamp[32];
    int stamp_bytes = put_time(stamp, sizeof(stamp));
    struct iovec io[] = { { stamp, (size_t)stamp_bytes },
                          { (char *)text, strlen(text) },
                          { (char *)"\n", 1 } };

    if (writev(STDERR_FILENO, io, ARRAY_SIZE(io)) < 0)
        return; /* nowhere to say so */
}

void log_line(enum log_level level, const char *fmt, ...)
{
    char line[1024] = MESSAGE;
    size_t start = strlen(MESSAGE), used;
    va_list ap;

    if (level > log_max)
        return;
    va_start(ap, fmt);
    vsnprintf(line + start, sizeof(line) - start, fmt, ap);
    va_end(ap);
    used = strlen(line);
    for (size_t i = start; i < used; i++)
        if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
            line[i] = '?';
    if (!is_journal() || !send_to_journal(level, line))
        print_line(line + start);
}
