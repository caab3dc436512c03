/* SPDX-License-Identifier: MIT */
/*
 * listen.c - a socket that is there from the moment its name is
 */
#include "toolstack/supervisor/listen.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"

/* Under path.new first; its fd. */
static int bind_new(const char *path, char new[], int backlog, struct err *e)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd, rc;

    if (snprintf(where.sun_path, sizeof(where.sun_path), "%s.new", path) >=
        (int)sizeof(where.sun_path))
        return fail(e, -ENAMETOOLONG, "%s: listen: the path is too long", path);
    strcpy(new, where.sun_path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(e, -errno, "%s: socket: %s", path, strerror(errno));
    unlink(new);
    if (bind(fd, (struct sockaddr *)&where, sizeof(where)) == 0 &&
        listen(fd, backlog) == 0)
        return fd;
    rc = fail(e, -errno, "%s: listen: %s", path, strerror(errno));
    close(fd);
    return rc;
}

int listen_on(uv_pipe_t *pipe, const char *path, int backlog,
              uv_connection_cb on_connect, struct err *e)
{
    char new[sizeof(((struct sockaddr_un *)0)->sun_path)];
    int fd = bind_new(path, new, backlog, e), r;

    if (fd < 0)
        return fd;
    r = uv_pipe_open(pipe, fd);
    if (r < 0)
        close(fd);
    if (r == 0)
        r = uv_listen((uv_stream_t *)pipe, backlog, on_connect);
    if (r == 0 && rename(new, path))
        r = -errno;
    if (r == 0)
        return 0;
    unlink(new);
    return fail(e, r, "%s: listen: %s", path, strerror(-r));
}
