/* SPDX-License-Identifier: MIT */
/*
 * api.h - a guest's API socket
 *
 * Only root can reach it: the directory is root's alone.  A client that asks
 * to `subscribe` is answered as by `info` and gets every event from then on.
 */
#ifndef API_H
#define API_H

#include <uv.h>

#include "toolstack/supervisor/rpc.h"

/*
 * So much may wait for each of so many clients, and one answer more: a
 * supervisor grows by 4 MiB at most, whatever its clients do not read.
 */
#define API_CLIENTS_MAX 32u
#define API_QUEUE_BYTES_MAX (128u << 10)

struct api;
struct err;

/* Listen; the socket's file is the caller's to remove. */
int api_open(uv_loop_t *loop, const char *socket_path, rpc_call *call,
             void *arg, struct api **out, struct err *e);

/* Hang up on everybody; the memory goes when the loop closed the handles. */
void api_close(struct api *a); /* NULL: no-op */

/*
 * A descriptor of the process that asked, by its number there; only within the
 * call that answers it.  It is close-on-exec, and the caller's.
 *
 *   -EBADF      it has none of that number
 *   -ENOTCONN   nobody asks
 */
int api_take_fd(struct api *a, int number, struct err *e);

/* Tell every subscriber; takes params. */
void api_event(struct api *a, const char *method, struct json_object *params);

#endif
