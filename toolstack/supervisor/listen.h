/* SPDX-License-Identifier: MIT */
/*
 * listen.h - a socket that is there from the moment its name is
 */
#ifndef LISTEN_H
#define LISTEN_H

#include <uv.h>

struct err;

/*
 * Listen on path, in place of whatever lies there.  The name appears when
 * connections are taken already, so whoever sees it (inotify) can connect.
 * The file is the caller's to remove: libuv would unlink at close the path it
 * was bound with, which may be another guest's by then.
 *
 * After an error the pipe is still the caller's to close.
 */
int listen_on(uv_pipe_t *pipe, const char *path, int backlog,
              uv_connection_cb on_connect, struct err *e);

#endif
