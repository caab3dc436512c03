/* SPDX-License-Identifier: MIT */
/*
 * client.c - talk to a guest's supervisor
 */
#include "toolstack/cli/client.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/supervisor/rundir.h"

#define ANSWER_TIMEOUT_MS 10000
#define ANSWER_BYTES_MAX (1u << 20)
#define FOR_EVER (-1)

struct client {
    int fd;
    char name[VM_NAME_MAX + 1];
    char *in; /* what came and is not yet taken */
    size_t used, room;
};

/* flags: SOCK_NONBLOCK for a socket that nothing waits on. */
static int connect_to(const char *base, const char *name,
                      const char *socket_name, int flags, struct err *e)
{
    const struct timeval patience = { .tv_sec = ANSWER_TIMEOUT_MS / 1000 };
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd, rc;

    if (snprintf(where.sun_path, sizeof(where.sun_path), "%s/%s/%s", base, name,
                 socket_name) >= (int)sizeof(where.sun_path))
        return fail(e, -ENAMETOOLONG, "guest %s: the path is too long", name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | flags, 0);
    if (fd < 0)
        return fail(e, -errno, "guest %s: socket: %s", name, strerror(errno));
    /* One that hangs takes no more connections some time. */
    setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    if (connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    rc = errno == ENOENT || errno == ECONNREFUSED ? -ESRCH : -errno;
    if (errno == EAGAIN)
        rc = -ETIMEDOUT;
    fail(e, rc, "guest %s: connect to its supervisor: %s", name,
         strerror(errno));
    close(fd);
    return rc;
}

int client_connect(const char *name, const char *socket_name, struct err *e)
{
    return connect_to(RUNDIR_BASE, name, socket_name, 0, e);
}

static int open_at(const char *base, const char *name, int flags,
                   struct client **out, struct err *e)
{
    struct client *c;
    int fd = connect_to(base, name, "api", flags, e);

    if (fd < 0)
        return fd;
    c = calloc(1, sizeof(*c));
    if (!c) {
        close(fd);
        return fail(e, -ENOMEM, "guest %s: no memory", name);
    }
    c->fd = fd;
    snprintf(c->name, sizeof(c->name), "%s", name);
    *out = c;
    return 0;
}

int client_open(const char *name, struct client **out, struct err *e)
{
    return open_at(RUNDIR_BASE, name, 0, out, e);
}

int client_open_at(const char *base, const char *name, struct client **out,
                   struct err *e)
{
    return open_at(base, name, 0, out, e);
}

void client_close(struct client *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c->in);
    free(c);
}

int client_fd(const struct client *c)
{
    return c->fd;
}

static int make_room(struct client *c, struct err *e)
{
    size_t room = c->room ? 2 * c->room : 4096;
    char *more;

    if (c->used < c->room)
        return 0;
    if (room > ANSWER_BYTES_MAX)
        return fail(e, -EPROTO, "guest %s: its supervisor's answer is too long",
                    c->name);
    more = realloc(c->in, room);
    if (!more)
        return fail(e, -ENOMEM, "guest %s: no memory", c->name);
    c->in = more;
    c->room = room;
    return 0;
}

/* Read what has come: 1, 0 at the end, -EAGAIN, or another negative errno. */
static int fill(struct client *c, struct err *e)
{
    int rc = make_room(c, e);
    ssize_t r;

    if (rc < 0)
        return rc;
    do
        r = recv(c->fd, c->in + c->used, c->room - c->used, MSG_DONTWAIT);
    while (r < 0 && errno == EINTR);
    if (r < 0 && errno == EAGAIN)
        return -EAGAIN;
    if (r == 0 || (r < 0 && errno == ECONNRESET))
        return 0;
    if (r < 0)
        return fail(e, -errno, "guest %s: read: %s", c->name, strerror(errno));
    c->used += (size_t)r;
    return 1;
}

/* Take the first line out: 1 and its object, 0 when there is none yet. */
static int take_line(struct client *c, struct json_object **out, struct err *e)
{
    char *newline = c->used > 0 ? memchr(c->in, '\n', c->used) : NULL;
    size_t line_bytes;

    if (!newline)
        return 0;
    *newline = 0;
    *out = json_tokener_parse(c->in);
    line_bytes = newline + 1 - c->in;
    c->used -= line_bytes;
    memmove(c->in, c->in + line_bytes, c->used);
    if (!*out)
        return fail(e, -EPROTO, "guest %s: its supervisor's answer is no JSON",
                    c->name);
    return 1;
}

int client_take(struct client *c, struct json_object **out, struct err *e)
{
    int rc;

    while ((rc = take_line(c, out, e)) == 0) {
        rc = fill(c, e);
        if (rc <= 0)
            return rc;
    }
    return rc;
}

/* Returns 1 and the next object, 0 at the end, or a negative errno. */
static int next_object(struct client *c, int timeout_ms,
                       struct json_object **out, struct err *e)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    int rc;

    while ((rc = client_take(c, out, e)) == -EAGAIN) {
        int ready = poll(&p, 1, timeout_ms);

        if (ready < 0 && errno != EINTR)
            return fail(e, -errno, "guest %s: wait for its supervisor: %s",
                        c->name, strerror(errno));
        if (ready == 0)
            return fail(e, -ETIMEDOUT,
                        "guest %s: wait for its supervisor: no answer in %d s",
                        c->name, timeout_ms / 1000);
    }
    return rc;
}

static int send_request(struct client *c, const char *method,
                        struct json_object *params, struct err *e)
{
    struct json_object *o = json_object_new_object();
    const char *text;
    int rc = 0;

    json_object_object_add(o, "jsonrpc", json_object_new_string("2.0"));
    json_object_object_add(o, "id", json_object_new_int(1));
    json_object_object_add(o, "method", json_object_new_string(method));
    if (params)
        json_object_object_add(o, "params", params);
    text = json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
    if (send(c->fd, text, strlen(text), MSG_NOSIGNAL) < 0 ||
        send(c->fd, "\n", 1, MSG_NOSIGNAL) < 0)
        rc = fail(e, -EPIPE, "guest %s: %s: its supervisor went away", c->name,
                  method);
    json_object_put(o);
    return rc;
}

int client_begin(const char *base, const char *name, const char *method,
                 struct client **out, struct err *e)
{
    struct client *c = NULL;
    int rc = open_at(base, name, SOCK_NONBLOCK, &c, e);

    if (rc < 0)
        return rc;
    rc = send_request(c, method, NULL, e);
    if (rc == 0)
        *out = c;
    else
        client_close(c);
    return rc;
}

/* What an error object says becomes our own error. */
static int remote_error(struct json_object *error, struct err *e)
{
    struct json_object *data = NULL, *number = NULL, *message = NULL;
    int rc = -EIO;

    json_object_object_get_ex(error, "data", &data);
    json_object_object_get_ex(error, "message", &message);
    if (data && json_object_object_get_ex(data, "errno", &number) &&
        json_object_get_int(number) > 0)
        rc = -json_object_get_int(number);
    return fail(e, rc, "%s", message ? json_object_get_string(message) : "?");
}

int client_call(struct client *c, const char *method,
                struct json_object *params, struct json_object **result,
                struct err *e)
{
    struct json_object *answer = NULL, *id, *part;
    int rc = send_request(c, method, params, e);

    while (rc == 0) {
        rc = next_object(c, ANSWER_TIMEOUT_MS, &answer, e);
        if (rc == 0)
            return fail(e, -EPIPE, "guest %s: %s: its supervisor went away",
                        c->name, method);
        if (rc < 0)
            return rc;
        rc = 0;
        if (json_object_object_get_ex(answer, "id", &id))
            break;
        json_object_put(answer); /* an event in between */
    }
    if (rc < 0)
        return rc;
    if (json_object_object_get_ex(answer, "error", &part))
        rc = remote_error(part, e);
    else if (result && json_object_object_get_ex(answer, "result", &part))
        *result = json_object_get(part);
    json_object_put(answer);
    return rc;
}

int client_event(struct client *c, struct json_object **params, struct err *e)
{
    char method[CLIENT_METHOD_MAX];

    return client_event_in(c, FOR_EVER, method, params, e);
}

int client_event_in(struct client *c, int timeout_ms,
                    char method[CLIENT_METHOD_MAX], struct json_object **params,
                    struct err *e)
{
    struct json_object *o, *part, *name;
    int rc;

    for (;;) {
        rc = next_object(c, timeout_ms, &o, e);
        if (rc <= 0)
            return rc;
        if (json_object_object_get_ex(o, "params", &part) &&
            json_object_object_get_ex(o, "method", &name))
            break;
        json_object_put(o);
    }
    snprintf(method, CLIENT_METHOD_MAX, "%s", json_object_get_string(name));
    *params = json_object_get(part);
    json_object_put(o);
    return 1;
}

bool client_hung_up(struct client *c)
{
    char drop[512];
    ssize_t r;

    do
        r = recv(c->fd, drop, sizeof(drop), MSG_DONTWAIT);
    while (r > 0 || (r < 0 && errno == EINTR));
    return r == 0 || errno == ECONNRESET;
}
