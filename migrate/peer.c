/* SPDX-License-Identifier: MIT */
/*
 * peer.c - one connection to the other freehold-migrate, on libuv
 */
#include "migrate/peer.h"

#include <assert.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

union stream {
    uv_handle_t handle;
    uv_stream_t stream;
    uv_pipe_t pipe;
    uv_tcp_t tcp;
};

struct peer {
    union stream in, out; /* out is in's when there is one descriptor */
    bool two;
    const struct peer_ops *ops;
    void *arg;
    struct intake intake;
    uint32_t nr_open;   /* handles */
    uint32_t nr_writes; /* that are under way */
    uint64_t queued_bytes;
    bool closing, closed, lost, reading;
    uv_write_t frame;
    struct wire_unit frame_head;
    bool sending;
};

struct said { /* a copy on its way */
    uv_write_t req;
    struct peer *peer;
    uint32_t len_bytes;
    uint8_t bytes[];
};

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf);

static uv_stream_t *writer(struct peer *p)
{
    return p->two ? &p->out.stream : &p->in.stream;
}

/* ---- the end ---- */

static void on_closed(uv_handle_t *h)
{
    struct peer *p = h->data;

    if (--p->nr_open > 0)
        return;
    intake_close(&p->intake);
    free(p);
}

static void close_handles(struct peer *p)
{
    if (p->closed)
        return;
    p->closed = true;
    if (p->nr_open == 0) {
        free(p);
        return;
    }
    uv_close(&p->in.handle, on_closed);
    if (p->two)
        uv_close(&p->out.handle, on_closed);
}

void peer_close(struct peer *p, bool force)
{
    if (!p || p->closed)
        return;
    p->closing = true;
    if (p->reading)
        uv_read_stop(&p->in.stream);
    p->reading = false;
    if (force || p->nr_writes == 0)
        close_handles(p);
}

static void lose(struct peer *p, const char *why)
{
    if (p->lost || p->closing)
        return;
    p->lost = true;
    if (p->reading)
        uv_read_stop(&p->in.stream);
    p->reading = false;
    p->ops->lost(p->arg, p, why);
}

/* ---- in ---- */

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct peer *p = h->data;
    size_t bytes;
    void *to = intake_want(&p->intake, &bytes);

    (void)suggested;
    *buf = uv_buf_init(to, to ? (unsigned)bytes : 0);
}

static void read_on(struct peer *p)
{
    size_t bytes;
    bool wants = intake_want(&p->intake, &bytes) && !p->closing && !p->lost;

    if (wants && !p->reading)
        uv_read_start(&p->in.stream, on_room, on_read);
    if (!wants && p->reading)
        uv_read_stop(&p->in.stream);
    p->reading = wants;
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct peer *p = s->data;
    struct err e = { 0 };

    (void)buf;
    if (n == UV_ENOBUFS || n == 0)
        return;
    if (n < 0) {
        lose(p,
             n == UV_EOF ? "the connection was closed" : uv_strerror((int)n));
        return;
    }
    if (intake_got(&p->intake, (size_t)n, &e) < 0)
        lose(p, e.text);
    else
        read_on(p);
}

void peer_retry(struct peer *p)
{
    struct err e = { 0 };
    int rc;

    if (p->closing || p->lost)
        return;
    rc = intake_retry(&p->intake, &e);
    if (rc < 0)
        lose(p, e.text);
    else if (rc == 1)
        read_on(p);
}

static int in_hello(void *arg, const struct wire_hello *h, struct err *e)
{
    struct peer *p = arg;

    return p->ops->hello(p->arg, p, h, e);
}

static void *in_room(void *arg, const struct wire_unit *u, bool *mine)
{
    struct peer *p = arg;

    return p->ops->room(p->arg, p, u, mine);
}

static int in_unit(void *arg, const struct wire_unit *u, const void *bytes,
                   struct err *e)
{
    struct peer *p = arg;

    return p->ops->unit(p->arg, p, u, bytes, e);
}

static const struct intake_ops intake_ops = { in_hello, in_room, in_unit };

/* ---- out ---- */

/* A write is over; true: the peer is gone with it. */
static bool written(struct peer *p, int status)
{
    p->nr_writes--;
    if (p->closing && p->nr_writes == 0) {
        close_handles(p);
        return true;
    }
    if (status < 0)
        lose(p, uv_strerror(status));
    return p->closing;
}

static void on_said(uv_write_t *req, int status)
{
    struct said *s = req->data;
    struct peer *p = s->peer;

    p->queued_bytes -= s->len_bytes;
    free(s);
    written(p, status);
}

static void send_copy(struct peer *p, const void *a, uint32_t a_bytes,
                      const void *b, uint32_t b_bytes)
{
    struct said *s = NULL;
    uv_buf_t buf;

    if (p->closing || p->lost)
        return;
    if (p->queued_bytes + a_bytes + b_bytes <= PEER_QUEUE_BYTES)
        s = malloc(sizeof(*s) + a_bytes + b_bytes);
    if (!s) {
        lose(p, "the other end does not read");
        return;
    }
    s->req.data = s;
    s->peer = p;
    s->len_bytes = a_bytes + b_bytes;
    memcpy(s->bytes, a, a_bytes);
    if (b_bytes)
        memcpy(s->bytes + a_bytes, b, b_bytes);
    buf = uv_buf_init((char *)s->bytes, s->len_bytes);
    if (uv_write(&s->req, writer(p), &buf, 1, on_said) < 0) {
        free(s);
        lose(p, "the connection does not take more");
        return;
    }
    p->queued_bytes += s->len_bytes;
    p->nr_writes++;
}

void peer_say_hello(struct peer *p, const struct wire_hello *h)
{
    send_copy(p, h, sizeof(*h), NULL, 0);
}

void peer_say(struct peer *p, uint32_t kind, uint64_t n, const void *bytes,
              uint32_t len_bytes)
{
    const struct wire_unit u = { kind, len_bytes, n };

    send_copy(p, &u, sizeof(u), bytes, len_bytes);
}

static void on_frame_sent(uv_write_t *req, int status)
{
    struct peer *p = req->data;

    p->sending = false;
    if (!written(p, status) && status == 0)
        p->ops->sent(p->arg, p, p->frame_head.len_bytes);
}

void peer_frame(struct peer *p, uint32_t kind, void *frame, uint32_t len_bytes)
{
    uv_buf_t buf[2];

    assert(!p->sending);
    if (p->closing || p->lost)
        return;
    p->frame_head = (struct wire_unit){ kind, len_bytes, 0 };
    buf[0] = uv_buf_init((char *)&p->frame_head, sizeof(p->frame_head));
    buf[1] = uv_buf_init(frame, len_bytes);
    p->frame.data = p;
    if (uv_write(&p->frame, writer(p), buf, 2, on_frame_sent) < 0) {
        lose(p, "the connection does not take more");
        return;
    }
    p->sending = true;
    p->nr_writes++;
}

bool peer_is_sending(const struct peer *p)
{
    return p->sending;
}

void peer_set_stream(struct peer *p, uint16_t stream)
{
    p->intake.stream = stream;
}

uint16_t peer_stream(const struct peer *p)
{
    return p->intake.stream;
}

/* ---- the beginning ---- */

static int take_fd(struct peer *p, union stream *s, uv_loop_t *loop, int fd,
                   struct err *e)
{
    bool tcp = uv_guess_handle(fd) == UV_TCP;
    int r = tcp ? uv_tcp_init(loop, &s->tcp) : uv_pipe_init(loop, &s->pipe, 0);

    if (r < 0) {
        close(fd);
        return fail(e, r, "connection: %s", uv_strerror(r));
    }
    s->handle.data = p;
    p->nr_open++;
    r = tcp ? uv_tcp_open(&s->tcp, fd) : uv_pipe_open(&s->pipe, fd);
    if (r < 0) {
        close(fd);
        return fail(e, r, "connection: descriptor %d: %s", fd, uv_strerror(r));
    }
    if (tcp)
        uv_tcp_nodelay(&s->tcp, 1);
    return 0;
}

int peer_open(struct peer **out, uv_loop_t *loop, int read_fd, int write_fd,
              enum wire_side from, const struct peer_ops *ops, void *arg,
              struct err *e)
{
    struct peer *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        close(read_fd);
        if (write_fd != read_fd)
            close(write_fd);
        return fail(e, -ENOMEM, "connection: no memory");
    }
    p->ops = ops;
    p->arg = arg;
    intake_open(&p->intake, &intake_ops, p, from);
    rc = take_fd(p, &p->in, loop, read_fd, e);
    if (rc == 0 && write_fd != read_fd) {
        p->two = true;
        rc = take_fd(p, &p->out, loop, write_fd, e);
        p->two = p->nr_open == 2;
    } else if (write_fd != read_fd) {
        close(write_fd);
    }
    if (rc < 0) {
        peer_close(p, true);
        return rc;
    }
    read_on(p);
    *out = p;
    return 0;
}
