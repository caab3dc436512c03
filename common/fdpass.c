/* SPDX-License-Identifier: MIT */
/*
 * fdpass.c - a message and at most one descriptor over a UNIX socket
 */
#include "common/fdpass.h"

#include <errno.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

union control { /* aligned as the kernel wants it */
    struct cmsghdr align;
    char bytes[CMSG_SPACE(sizeof(int))];
};

int fdpass_send(int socket, const void *bytes, size_t nr, int fd)
{
    struct iovec io = { (void *)bytes, nr };
    union control control;
    struct msghdr m = { .msg_iov = &io, .msg_iovlen = 1 };
    ssize_t sent;

    if (fd >= 0) {
        struct cmsghdr *c;

        memset(&control, 0, sizeof(control));
        m.msg_control = control.bytes;
        m.msg_controllen = sizeof(control.bytes);
        c = CMSG_FIRSTHDR(&m);
        c->cmsg_level = SOL_SOCKET;
        c->cmsg_type = SCM_RIGHTS;
        c->cmsg_len = CMSG_LEN(sizeof(int));
        memcpy(CMSG_DATA(c), &fd, sizeof(fd));
    }
    do
        sent = sendmsg(socket, &m, MSG_NOSIGNAL | MSG_DONTWAIT);
    while (sent < 0 && errno == EINTR);
    return sent < 0 ? -errno : 0;
}

int fdpass_receive(int socket, void *bytes, size_t nr, int *fd)
{
    struct iovec io = { bytes, nr };
    union control control;
    struct msghdr m = {
        .msg_iov = &io,
        .msg_iovlen = 1,
        .msg_control = control.bytes,
        /* Not sizeof: what aligns it would be room for a second one. */
        .msg_controllen = CMSG_LEN(sizeof(int)),
    };
    struct cmsghdr *c;
    ssize_t got;

    *fd = -1;
    do
        got = recvmsg(socket, &m, MSG_CMSG_CLOEXEC | MSG_DONTWAIT);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return -errno;
    c = CMSG_FIRSTHDR(&m);
    if (c && c->cmsg_level == SOL_SOCKET && c->cmsg_type == SCM_RIGHTS &&
        c->cmsg_len == CMSG_LEN(sizeof(int)))
        memcpy(fd, CMSG_DATA(c), sizeof(*fd));
    return (int)got;
}
