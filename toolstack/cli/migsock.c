/* SPDX-License-Identifier: MIT */
/*
 * migsock.c - connect a socket to a waiting `freehold migrate-receive`
 */
#include "toolstack/cli/migsock.h"

#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/cli/units.h"

#define CONNECT_MS 30000u
#define HOST_MAX 256u

uint64_t migsock_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* A negative errno: what came of it; 0: connected. */
static int await_connected(int fd, int stop_fd)
{
    struct pollfd p[2] = { { .fd = fd, .events = POLLOUT },
                           { .fd = stop_fd, .events = POLLIN } };
    uint64_t end_ms = migsock_now_ms() + CONNECT_MS;
    socklen_t len = sizeof(int);
    int error = 0;

    for (;;) {
        uint64_t now = migsock_now_ms();
        int r = poll(p, 2, now < end_ms ? (int)(end_ms - now) : 0);

        if (r < 0 && errno != EINTR)
            return -errno;
        if (r > 0 && p[1].revents)
            return -EINTR;
        if (r > 0)
            break;
        if (now >= end_ms)
            return -ETIMEDOUT;
    }
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &error, &len) < 0)
        return -errno;
    return -error;
}

static int connect_one(const struct addrinfo *a, int stop_fd)
{
    int fd = socket(a->ai_family, a->ai_socktype | SOCK_CLOEXEC | SOCK_NONBLOCK,
                    a->ai_protocol);
    int one = 1, rc = 0;

    if (fd < 0)
        return -errno;
    if (connect(fd, a->ai_addr, a->ai_addrlen) < 0)
        rc = errno == EINPROGRESS ? await_connected(fd, stop_fd) : -errno;
    if (rc < 0) {
        close(fd);
        return rc;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
    return fd;
}

/* "[::1]:80" or "a.b:80", in its two parts; port points into where. */
static int split(const char *where, char host[HOST_MAX], const char **port,
                 struct err *e)
{
    const char *colon = strrchr(where, ':'), *from = where;
    size_t len = colon ? (size_t)(colon - where) : 0;
    uint32_t number;

    if (len >= 2 && where[0] == '[' && where[len - 1] == ']') {
        from++;
        len -= 2;
    } else if (len && memchr(where, ':', len)) {
        return fail(e, -EINVAL,
                    "--tcp: got %.100s, want [ADDRESS]:PORT for IPv6", where);
    }
    if (len == 0 || len >= HOST_MAX ||
        units_number("--tcp: port", colon + 1, UINT16_MAX, &number, NULL) < 0 ||
        number == 0)
        return fail(e, -EINVAL, "--tcp: got %.100s, want ADDRESS:PORT", where);
    snprintf(host, HOST_MAX, "%.*s", (int)len, from);
    *port = colon + 1;
    return 0;
}

int migsock_tcp(const char *where, int stop_fd, struct err *e)
{
    const struct addrinfo hints = { .ai_family = AF_UNSPEC,
                                    .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_NUMERICSERV };
    struct addrinfo *list = NULL;
    char host[HOST_MAX];
    const char *port = NULL;
    int rc = split(where, host, &port, e), r;

    if (rc < 0)
        return rc;
    r = getaddrinfo(host, port, &hints, &list);
    if (r != 0)
        return fail(e, -EINVAL, "%s: look up: %s", where, gai_strerror(r));
    rc = -EINVAL;
    for (struct addrinfo *a = list; a && rc < 0 && rc != -EINTR; a = a->ai_next)
        rc = connect_one(a, stop_fd);
    freeaddrinfo(list);
    if (rc == -EINTR)
        return fail(e, rc, "%s: connect: it was interrupted", where);
    if (rc < 0)
        return fail(e, rc, "%s: connect: %s%s", where, strerror(-rc),
                    rc == -ECONNREFUSED
                        ? "; freehold migrate-receive --tcp has to wait there"
                        : "");
    return rc;
}

int migsock_unix(const char *path, struct err *e)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd, rc;

    if (!path[0] || strlen(path) >= sizeof(where.sun_path))
        return fail(e, -EINVAL, "--unix: %.100s: want a path of 1..%zu bytes",
                    path, sizeof(where.sun_path) - 1);
    strcpy(where.sun_path, path);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(e, -errno, "%s: socket: %s", path, strerror(errno));
    if (connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    rc = errno == ECONNREFUSED ? -ENOENT : -errno;
    fail(e, rc, "%s: connect: %s%s", path, strerror(errno),
         rc == -ENOENT ? "; freehold migrate-receive --unix has to wait there"
                       : "");
    close(fd);
    return rc;
}
