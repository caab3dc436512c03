/* SPDX-License-Identifier: MIT */
/*
 * notify.c - tell systemd where we are, if it asked
 */
#include "toolstack/supervisor/notify.h"

#include <errno.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/log.h"

static void notify_send(const char *text)
{
    const char *path = getenv("NOTIFY_SOCKET");
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    socklen_t where_bytes;
    int fd;

    if (!path || (path[0] != '/' && path[0] != '@') ||
        strlen(path) >= sizeof(where.sun_path))
        return;
    memcpy(where.sun_path, path, strlen(path));
    where_bytes = offsetof(struct sockaddr_un, sun_path) + strlen(path);
    if (path[0] == '@')
        where.sun_path[0] = 0; /* the abstract name space */
    fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || sendto(fd, text, strlen(text), 0, (struct sockaddr *)&where,
                         where_bytes) < 0)
        log_warn("systemd: tell it %s: %s", text, strerror(errno));
    if (fd >= 0)
        close(fd);
}

void notify_ready(void)
{
    notify_send("READY=1");
}

void notify_stopping(void)
{
    notify_send("STOPPING=1");
}
