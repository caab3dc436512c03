/* SPDX-License-Identifier: MIT */
/*
 * talk.c - a backend's end of what it says to its supervisor
 */
#include "backends/base/talk.h"

#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/fdpass.h"
#include "common/log.h"

int talk_open(struct talk *t, struct err *e)
{
    assert(t->message_bytes <= TALK_BYTES_MAX);
    t->conn_fd = -1;
    t->news_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (t->news_fd < 0)
        return fail(e, -errno, "eventfd: %s", strerror(errno));
    return 0;
}

static void drop(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

void talk_close(struct talk *t)
{
    drop(&t->conn_fd);
    drop(&t->news_fd);
}

void talk_say(struct talk *t, const void *message)
{
    if (t->conn_fd >= 0 &&
        fdpass_send(t->conn_fd, message, t->message_bytes, -1) < 0)
        log_debug("%s: the supervisor does not listen", t->name);
}

static void on_news(struct talk *t)
{
    eventfd_t nr;

    eventfd_read(t->news_fd, &nr);
    t->ops->news(t->arg);
}

static void on_readable(struct talk *t)
{
    uint64_t message[TALK_BYTES_MAX / sizeof(uint64_t)];
    int fd = -1;
    int r = fdpass_receive(t->conn_fd, message, t->message_bytes, &fd);

    if (r == -EAGAIN)
        return;
    if (r != (int)t->message_bytes) { /* it ended: we serve on */
        log_info("%s: the supervisor is gone", t->name);
        drop(&fd);
        drop(&t->conn_fd);
        return;
    }
    t->ops->message(t->arg, message, fd);
}

static void on_caller(struct talk *t)
{
    int fd = accept4(t->listen_fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

    if (fd < 0)
        return;
    drop(&t->conn_fd);
    t->conn_fd = fd;
    t->ops->caller(t->arg);
}

void talk_turn(struct talk *t)
{
    struct pollfd p[] = {
        { .fd = t->listen_fd, .events = POLLIN },
        { .fd = t->news_fd, .events = POLLIN },
        { .fd = t->conn_fd, .events = POLLIN }, /* -1: ignored */
    };

    if (poll(p, ARRAY_SIZE(p), -1) < 0)
        return;
    if (p[1].revents)
        on_news(t);
    if (p[2].revents)
        on_readable(t);
    if (p[0].revents)
        on_caller(t);
}
