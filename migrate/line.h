/* SPDX-License-Identifier: MIT */
/*
 * line.h - JSON objects in lines, to and from the supervisor
 *
 * One that goes away ends the transfer as a cancel would: nobody could act on
 * what comes of it.  What it says is trusted for its meaning, not its size.
 */
#ifndef MIGRATE_LINE_H
#define MIGRATE_LINE_H

#include <uv.h>

struct err;
struct json_object;

#define LINE_BYTES_MAX (4u << 20) /* a PLAN, its quotes escaped, and more */

struct line {
    uv_pipe_t pipe;
    char *in;
    size_t used_bytes;
    void (*object)(void *arg, struct json_object *o); /* for the call */
    void (*gone)(void *arg);
    void *arg;
};

/*
 * The first object, waited for: the caller's to put.  What came behind it is
 * kept for line_start().
 */
int line_first(struct line *l, int fd, struct json_object **out, struct err *e);
int line_open(struct line *l, uv_loop_t *loop, int fd, struct err *e);
void line_start(struct line *l); /* object() and gone() from here on */
void line_say(struct line *l, struct json_object *o); /* takes it */
/* The same of news, which a guest can cause without end: it is dropped while
   the supervisor has LINE_BEHIND_BYTES to read. */
#define LINE_BEHIND_BYTES (256u << 10)
void line_tell(struct line *l, struct json_object *o);
void line_stop(struct line *l);
void line_free(struct line *l); /* the loop is done with it */

#endif
