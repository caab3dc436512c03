/* SPDX-License-Identifier: MIT */
/*
 * api.c - a guest's API socket
 *
 * How this works: a client's bytes gather in a buffer of one line; each line
 * is answered before the next is looked at.  A client that does not read is
 * hung up on when more than API_QUEUE_BYTES_MAX wait for him; he may come
 * again, and hears by `subscribe` how things are then.
 */
#include "toolstack/supervisor/api.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/listen.h"

struct client {
    uv_pipe_t pipe;
    struct api *api;
    struct client *next;
    struct rpc_buffer in;
    size_t queued_bytes; /* for him, with what each answer costs us */
    bool subscribed, closing;
};

struct api {
    uv_pipe_t listener;
    uv_loop_t *loop;
    rpc_call *call;
    void *arg;
    struct client *clients;
    struct client *asks; /* whose request is being answered; NULL: nobody's */
    uint32_t nr_clients;
    uint32_t nr_handles; /* not yet closed; the last one frees us */
};

struct answer {
    uv_write_t write;
    struct client *client;
    char *line;
    size_t cost_bytes;
};

static void on_connect(uv_stream_t *listener, int status);
static void on_input(uv_stream_t *s, ssize_t nr, const uv_buf_t *buf);
static void on_written(uv_write_t *w, int status);
static void on_client_closed(uv_handle_t *h);
static void on_listener_closed(uv_handle_t *h);

static void client_close(struct client *k)
{
    if (k->closing)
        return;
    k->closing = true;
    uv_close((uv_handle_t *)&k->pipe, on_client_closed);
}

/* Takes line; NULL is nothing to say. */
static void client_say(struct client *k, char *line)
{
    struct answer *a = line ? calloc(1, sizeof(*a)) : NULL;
    uv_buf_t buf;

    if (!a || k->closing || k->queued_bytes > API_QUEUE_BYTES_MAX)
        goto drop;
    buf = uv_buf_init(line, strlen(line));
    *a = (struct answer){
        .write.data = a,
        .client = k,
        .line = line,
        .cost_bytes = sizeof(*a) + buf.len,
    };
    if (uv_write(&a->write, (uv_stream_t *)&k->pipe, &buf, 1, on_written) ==
        0) {
        k->queued_bytes += a->cost_bytes;
        return;
    }
drop:
    if (line)
        client_close(k);
    free(line);
    free(a);
}

static void on_written(uv_write_t *w, int status)
{
    struct answer *a = w->data;

    (void)status; /* a client that left is seen by on_input */
    a->client->queued_bytes -= a->cost_bytes;
    free(a->line);
    free(a);
}

struct request { /* one line's context, for the call below */
    struct client *client;
};

static int call_method(void *arg, const char *method,
                       struct json_object *params, struct json_object **result,
                       struct err *e)
{
    struct request *r = arg;
    struct api *a = r->client->api;
    int rc;

    if (strcmp(method, "subscribe") == 0) {
        r->client->subscribed = true;
        method = "info"; /* nothing can happen in between */
    }
    a->asks = r->client;
    rc = a->call(a->arg, method, params, result, e);
    a->asks = NULL;
    return rc;
}

/* A client may have died, and its number be another's: all are root's. */
static int peer_pidfd(const struct client *k, struct err *e)
{
    struct ucred who;
    socklen_t bytes = sizeof(who);
    uv_os_fd_t fd;
    int pid_fd;

    if (uv_fileno((const uv_handle_t *)&k->pipe, &fd) ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &bytes))
        return fail(e, -errno, "api: who asks: %s", strerror(errno));
    pid_fd = (int)syscall(SYS_pidfd_open, who.pid, 0);
    return pid_fd >= 0 ? pid_fd
                       : fail(e, -errno, "api: process %d: %s", who.pid,
                              strerror(errno));
}

int api_take_fd(struct api *a, int number, struct err *e)
{
    int pid_fd = a->asks ? peer_pidfd(a->asks, e)
                         : fail(e, -ENOTCONN, "api: nobody asks");
    int fd;

    if (pid_fd < 0)
        return pid_fd;
    fd = (int)syscall(SYS_pidfd_getfd, pid_fd, number, 0);
    if (fd < 0)
        fd = fail(e, -errno, "api: descriptor %d of who asks: %s", number,
                  strerror(errno));
    close(pid_fd);
    return fd;
}

static void serve_lines(struct client *k)
{
    struct request r = { k };
    size_t line_bytes;
    int too_long;
    char *line;

    while (!k->closing && (line = rpc_line(&k->in, &line_bytes, &too_long))) {
        client_say(k, rpc_answer(line, line_bytes, call_method, &r));
        rpc_drop(&k->in, line_bytes);
    }
    if (!k->closing && too_long) {
        log_warn("api: a client sent a line of more than %u bytes",
                 RPC_LINE_MAX);
        client_close(k);
    }
}

static void alloc_input(uv_handle_t *h, size_t hint, uv_buf_t *buf)
{
    struct client *k = h->data;

    (void)hint;
    *buf =
        uv_buf_init(k->in.bytes + k->in.used, sizeof(k->in.bytes) - k->in.used);
}

static void on_input(uv_stream_t *s, ssize_t nr, const uv_buf_t *buf)
{
    struct client *k = s->data;

    (void)buf;
    if (nr < 0) {
        client_close(k);
        return;
    }
    k->in.used += nr;
    serve_lines(k);
}

static void api_put(struct api *a)
{
    if (--a->nr_handles == 0)
        free(a);
}

static void on_client_closed(uv_handle_t *h)
{
    struct client *k = h->data, **at = &k->api->clients;

    while (*at != k)
        at = &(*at)->next;
    *at = k->next;
    k->api->nr_clients--;
    api_put(k->api);
    free(k);
}

static void on_connect(uv_stream_t *listener, int status)
{
    struct api *a = listener->data;
    struct client *k = status < 0 ? NULL : calloc(1, sizeof(*k));

    if (!k)
        return;
    k->api = a;
    uv_pipe_init(a->loop, &k->pipe, 0);
    k->pipe.data = k;
    k->next = a->clients;
    a->clients = k;
    a->nr_clients++;
    a->nr_handles++;
    if (uv_accept(listener, (uv_stream_t *)&k->pipe) ||
        a->nr_clients > API_CLIENTS_MAX ||
        uv_read_start((uv_stream_t *)&k->pipe, alloc_input, on_input))
        client_close(k);
}

static void on_listener_closed(uv_handle_t *h)
{
    api_put(h->data);
}

int api_open(uv_loop_t *loop, const char *socket_path, rpc_call *call,
             void *arg, struct api **out, struct err *e)
{
    struct api *a = calloc(1, sizeof(*a));
    int rc;

    if (!a)
        return fail(e, -ENOMEM, "api: no memory");
    a->loop = loop;
    a->call = call;
    a->arg = arg;
    a->nr_handles = 1;
    uv_pipe_init(loop, &a->listener, 0);
    a->listener.data = a;
    rc = listen_on(&a->listener, socket_path, 8, on_connect, e);
    if (rc < 0) {
        api_close(a);
        return rc;
    }
    *out = a;
    return 0;
}

void api_close(struct api *a)
{
    if (!a)
        return;
    for (struct client *k = a->clients; k; k = k->next)
        client_close(k);
    uv_close((uv_handle_t *)&a->listener, on_listener_closed);
}

void api_event(struct api *a, const char *method, struct json_object *params)
{
    char *line = rpc_notification(method, params);

    for (struct client *k = a->clients; line && k; k = k->next)
        if (k->subscribed && !k->closing)
            client_say(k, strdup(line));
    free(line);
}
