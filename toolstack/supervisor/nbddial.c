/* SPDX-License-Identifier: MIT */
/*
 * nbddial.c - connect to an NBD server, and hear it speak
 *
 * How this works: look up (TCP), then for each address: connect, wait until
 * that is done, wait until the server speaks.  One timer is over all of it; it
 * also begins, so that done() never runs from nbd_dial().
 */
#include "toolstack/supervisor/nbddial.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

#define GREETING "NBDMAGIC"

struct nbd_dial {
    uv_loop_t *loop;
    struct nbd_uri to;
    uint32_t timeout_ms;
    nbd_dial_done *done;
    void *arg;

    uv_timer_t timer;
    uv_getaddrinfo_t lookup;
    uv_poll_t poll;
    uint32_t nr_busy; /* handles and the lookup: they end before *this does */
    struct addrinfo *found, *next;
    int fd; /* -1: none; poll watches it */
    bool is_connected, is_over;
    struct err last;
};

static void on_begin(uv_timer_t *t);
static void on_found(uv_getaddrinfo_t *r, int status, struct addrinfo *found);
static void try_next(struct nbd_dial *d);
static void on_ready(uv_poll_t *p, int status, int events);
static void on_attempt_closed(uv_handle_t *h);
static void on_timeout(uv_timer_t *t);
static void on_closed(uv_handle_t *h);

static const char *name_of(const struct nbd_dial *d)
{
    return d->to.is_unix ? d->to.path : d->to.host;
}

static int failed(struct nbd_dial *d, int rc, const char *what)
{
    return fail(&d->last, rc, "%.200s: %s: %s", name_of(d), what,
                uv_strerror(rc));
}

static void let_go(struct nbd_dial *d)
{
    if (--d->nr_busy > 0)
        return;
    if (d->found)
        uv_freeaddrinfo(d->found);
    free(d);
}

/* Nothing of it runs any more; the memory goes with the last handle. */
static void end(struct nbd_dial *d)
{
    d->is_over = true;
    uv_close((uv_handle_t *)&d->timer, on_closed);
    if (d->fd >= 0) {
        uv_close((uv_handle_t *)&d->poll, on_closed);
        close(d->fd);
        d->fd = -1;
    }
    uv_cancel((uv_req_t *)&d->lookup); /* fails when it runs; it ends then */
}

static void on_closed(uv_handle_t *h)
{
    let_go(h->data);
}

static void finish(struct nbd_dial *d, int fd)
{
    nbd_dial_done *done = d->done;
    struct err last = d->last;
    void *arg = d->arg;

    end(d);
    done(arg, fd, fd < 0 ? &last : NULL);
}

int nbd_dial(uv_loop_t *loop, const struct nbd_uri *to, uint32_t timeout_ms,
             nbd_dial_done *done, void *arg, struct nbd_dial **out,
             struct err *e)
{
    struct nbd_dial *d = calloc(1, sizeof(*d));

    if (!d)
        return fail(e, -ENOMEM, "nbd: no memory");
    *d = (struct nbd_dial){ .loop = loop,
                            .to = *to,
                            .done = done,
                            .arg = arg,
                            .timeout_ms = timeout_ms,
                            .fd = -1,
                            .nr_busy = 1 };
    uv_timer_init(loop, &d->timer);
    d->timer.data = d->lookup.data = d->poll.data = d;
    uv_timer_start(&d->timer, on_begin, 0, 0);
    *out = d;
    return 0;
}

void nbd_dial_stop(struct nbd_dial *d)
{
    if (d && !d->is_over)
        end(d);
}

static void on_begin(uv_timer_t *t)
{
    const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
                                    .ai_flags = AI_ADDRCONFIG };
    struct nbd_dial *d = t->data;
    char port[8];
    int r;

    uv_timer_start(t, on_timeout, d->timeout_ms, 0);
    if (d->to.is_unix) {
        try_next(d);
        return;
    }
    snprintf(port, sizeof(port), "%u", d->to.port);
    r = uv_getaddrinfo(d->loop, &d->lookup, on_found, d->to.host, port, &hints);
    if (r == 0) {
        d->nr_busy++;
        return;
    }
    failed(d, r, "look up");
    finish(d, -1);
}

static void on_found(uv_getaddrinfo_t *r, int status, struct addrinfo *found)
{
    struct nbd_dial *d = r->data;

    d->found = d->next = found;
    if (!d->is_over && status < 0) {
        failed(d, status, "look up");
        finish(d, -1);
    } else if (!d->is_over) {
        try_next(d);
    }
    let_go(d);
}

static int to_unix(struct nbd_dial *d)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return failed(d, -errno, "socket");
    memcpy(where.sun_path, d->to.path, strlen(d->to.path) + 1);
    if (connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    failed(d, -errno, "connect");
    close(fd);
    return d->last.rc;
}

/* A peer that is gone is noticed; without, a write would wait for hours. */
static void set_tcp(int fd)
{
    static const struct {
        int level, name, value;
    } to[] = {
        { SOL_SOCKET, SO_KEEPALIVE, 1 },
        { IPPROTO_TCP, TCP_NODELAY, 1 },
        { IPPROTO_TCP, TCP_KEEPIDLE, 10 },
        { IPPROTO_TCP, TCP_KEEPINTVL, 5 },
        { IPPROTO_TCP, TCP_KEEPCNT, 4 },
        { IPPROTO_TCP, TCP_USER_TIMEOUT, 30000 },
    };

    /*
     * Who closes it, or dies, resets it: what is not sent yet is dropped, and
     * does not reach the server behind what the next connection sends.
     */
    const struct linger reset = { .l_onoff = 1 };

    for (uint32_t i = 0; i < ARRAY_SIZE(to); i++)
        setsockopt(fd, to[i].level, to[i].name, &to[i].value, sizeof(int));
    setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset));
}

static int to_address(struct nbd_dial *d, const struct addrinfo *a)
{
    int fd =
        socket(a->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

    if (fd < 0)
        return failed(d, -errno, "socket");
    set_tcp(fd);
    if (connect(fd, a->ai_addr, a->ai_addrlen) == 0 || errno == EINPROGRESS)
        return fd;
    failed(d, -errno, "connect");
    close(fd);
    return d->last.rc;
}

static void watch(struct nbd_dial *d, int fd)
{
    int r = uv_poll_init(d->loop, &d->poll, fd);

    if (r < 0) {
        close(fd);
        failed(d, r, "watch");
        finish(d, -1);
        return;
    }
    d->fd = fd;
    d->nr_busy++;
    d->is_connected = false;
    uv_poll_start(&d->poll, UV_WRITABLE, on_ready);
}

static void try_next(struct nbd_dial *d)
{
    int fd = -1;

    if (d->to.is_unix && d->last.rc == 0)
        fd = to_unix(d);
    while (fd < 0 && d->next) {
        fd = to_address(d, d->next);
        d->next = d->next->ai_next;
    }
    if (fd >= 0)
        watch(d, fd);
    else
        finish(d, -1);
}

/* 0: it is one; 1: not yet; or -errno, in d->last. */
static int hear(struct nbd_dial *d)
{
    char said[sizeof(GREETING) - 1];
    ssize_t n = recv(d->fd, said, sizeof(said), MSG_PEEK | MSG_DONTWAIT);

    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return 1;
    if (n <= 0)
        return failed(d, n < 0 ? -errno : -ECONNRESET, "greeting");
    if (memcmp(said, GREETING, (size_t)n))
        return fail(&d->last, -EPROTO, "%.200s: it is no NBD server",
                    name_of(d));
    return 0;
}

static int connected(struct nbd_dial *d)
{
    socklen_t len = sizeof(int);
    int why = 0;

    if (getsockopt(d->fd, SOL_SOCKET, SO_ERROR, &why, &len))
        why = errno;
    return why ? failed(d, -why, "connect") : 0;
}

static void on_ready(uv_poll_t *p, int status, int events)
{
    struct nbd_dial *d = p->data;
    int rc, fd;

    (void)events;
    if (!d->is_connected) {
        rc = connected(d);
        d->is_connected = rc == 0;
        if (rc == 0)
            uv_poll_start(p, UV_READABLE, on_ready);
        rc = rc ? rc : 1;
    } else {
        rc = hear(d);
    }
    if (status < 0 && rc >= 0) /* libuv's word for POLLERR says no more */
        rc = failed(d, -ECONNRESET, "greeting");
    if (rc > 0)
        return;
    fd = d->fd;
    d->fd = -1;
    if (rc < 0) { /* the next address */
        uv_close((uv_handle_t *)p, on_attempt_closed);
        close(fd);
        return;
    }
    uv_close((uv_handle_t *)p, on_closed); /* it leaves epoll at once */
    finish(d, fd);
}

static void on_attempt_closed(uv_handle_t *h)
{
    struct nbd_dial *d = h->data;

    if (!d->is_over)
        try_next(d); /* may end it: this handle is let go behind */
    let_go(d);
}

static void on_timeout(uv_timer_t *t)
{
    struct nbd_dial *d = t->data;

    if (d->is_connected)
        fail(&d->last, -EBUSY,
             "%.200s: it does not greet within %u ms; one that serves a "
             "client at a time has one",
             name_of(d), d->timeout_ms);
    else
        fail(&d->last, -ETIMEDOUT, "%.200s: no answer within %u ms", name_of(d),
             d->timeout_ms);
    finish(d, -1);
}
