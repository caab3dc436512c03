/* SPDX-License-Identifier: MIT */
/*
 * conlog.h - a console's log file
 *
 * One more reader of the scrollback: while its disk is full, what is to be
 * written waits there, and is lost only when the scrollback loses it.  At
 * CONLOG_BYTES_MAX FILE becomes FILE.1, so that a guest which talks without
 * end takes twice that of the disk and no more.
 */
#ifndef CONLOG_H
#define CONLOG_H

struct conlog;
struct err;
struct scroll;

#define CONLOG_BYTES_MAX (8u << 20)

/*
 * Append to path.  The scrollback is the caller's, and must outlive the log.
 *
 *   -ENOMEM, or what open() says
 */
int conlog_open(const char *name, const char *path, const struct scroll *scroll,
                struct conlog **out, struct err *e);
void conlog_close(struct conlog *l); /* NULL: no-op; says what it never wrote */

/*
 * Fill a scrollback with the end of what an earlier supervisor logged, FILE.1
 * included; as much as it holds.  Nothing there: nothing done.
 */
void conlog_recall(const char *path, struct scroll *out);

/*
 * Write what the scrollback has and the file has not.  Returns 0, or a
 * negative errno when the rest cannot be written now: call again later.  An
 * outage is said once, and its end with what it cost.
 */
int conlog_feed(struct conlog *l);

/*
 * Go on at another path: the file and its older one are renamed, unless
 * something lies there; then it is appended to.  After a failure, which is
 * logged, all stays as it was.
 */
void conlog_rename(struct conlog *l, const char *name, const char *path);

#endif
