/* SPDX-License-Identifier: MIT */
/*
 * rpc.h - JSON-RPC 2.0 in lines, without a socket
 *
 * One request a line, one answer a line.  Source: the JSON-RPC 2.0
 * specification; batches (arrays) are not served.
 */
#ifndef RPC_H
#define RPC_H

#include <stddef.h>
#include <stdint.h>

struct err;
struct json_object;

#define RPC_LINE_MAX 16384u /* bytes, without the newline */
#define RPC_DEPTH_MAX 8

struct rpc_buffer { /* bytes that came in, not yet a line */
    char bytes[RPC_LINE_MAX + 1];
    uint32_t used;
};

/*
 * A line in the buffer, NUL in place of its newline, or NULL: feed more.  The
 * line stays valid until rpc_drop() takes it out.  *too_long is set when the
 * buffer is full without a newline: hang up.
 */
char *rpc_line(struct rpc_buffer *b, size_t *line_bytes, int *too_long);
void rpc_drop(struct rpc_buffer *b, size_t line_bytes);

/*
 * Do one method.  params may be NULL.  Returns 0 and *result (NULL: none), or
 * a negative errno with *e.  -ENOSYS without words: no such method.
 */
typedef int rpc_call(void *arg, const char *method, struct json_object *params,
                     struct json_object **result, struct err *e);

/*
 * Answer one line: a NUL-terminated string with its newline, to be freed; or
 * NULL, when the line was a notification or memory ran out.
 */
char *rpc_answer(const char *line, size_t line_bytes, rpc_call *call,
                 void *arg);

/* A notification line, to be freed; takes params. */
char *rpc_notification(const char *method, struct json_object *params);

#endif
