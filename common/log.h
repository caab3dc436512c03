/* SPDX-License-Identifier: MIT */
/*
 * log.h - levelled lines on stderr
 *
 * Each line starts with the object it is about: `guest web: ...`, and has the
 * time in front.  When stderr is the journal, lines go to it with their level
 * and fields instead.
 */
#ifndef LOG_H
#define LOG_H

enum log_level {
    LOG_LEVEL_NONE,  /* for log_set_level() alone */
    LOG_LEVEL_ERR,   /* someone must act */
    LOG_LEVEL_WARN,  /* odd, and dealt with */
    LOG_LEVEL_INFO,  /* each move of a state machine */
    LOG_LEVEL_DEBUG, /* control path */
    LOG_LEVELS
};

/* Lines above level are dropped.  The default is LOG_LEVEL_INFO. */
void log_set_level(enum log_level level);
enum log_level log_level(void);

/*
 * What every line is about from now on, for the journal: the fields
 * FREEHOLD_GUEST, FREEHOLD_UUID and FREEHOLD_DOMID.  NULL: as it was; empty:
 * there is none.
 */
void log_set_guest(const char *name, const char *uuid, const char *domid);

void log_line(enum log_level level, const char *fmt, ...)
    __attribute__((format(printf, 2, 3)));

#define log_err(...) log_line(LOG_LEVEL_ERR, __VA_ARGS__)
#define log_warn(...) log_line(LOG_LEVEL_WARN, __VA_ARGS__)
#define log_info(...) log_line(LOG_LEVEL_INFO, __VA_ARGS__)
#define log_debug(...) log_line(LOG_LEVEL_DEBUG, __VA_ARGS__)

#endif
