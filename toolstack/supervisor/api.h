/* SPDX-License-Identifier: MIT */
/*
 * api.h - a guest's API socket
 *
 * Only root can reach it: the directory is root's alone.  A client that asks
 * to `subscribe` gets every event from then on.
 */
#ifndef API_H
#define API_H

#include <uv.h>

#include "toolstack/supervisor/rpc.h"

struct api;
struct err;

int api_open(uv_loop_t *loop, const char *socket_path, rpc_call *call,
             void *arg, struct api **out, struct err *e);

/* Hang up on everybody; the memory goes when the loop closed the handles. */
void api_close(struct api *a); /* NULL: no-op */

/* Tell every subscriber; takes params. */
void api_event(struct api *a, const char *method, struct json_object *params);

#endif
