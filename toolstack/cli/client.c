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
#include "toolstack/supervisor/rpc.h"
#include "toolstack/supervisor/rundir.h"

#define ANSWER_TIMEOUT_MS 10000
#define FOR_EVER (-1)

struct client {
    int fd;
    char name[VM_NAME_MAX + 1];
    struct rpc_buffer in;
};

int client_connect(const char *name, const char *socket_name, struct err *e)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX };
    int fd, rc;

    snprintf(where.sun_path, sizeof(where.sun_path), RUNDIR_BASE "/%s/%s", name,
             socket_name);
    fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (fd < 0)
        return fail(e, -errno, "guest %s: socket: %s", name, strerror(errno));
    if (connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    rc = fail(e, errno == ENOENT || errno == ECONNREFUSED ? -ESRCH : -errno,
              "guest %s: connect to its supervisor: %s", name, strerror(errno));
    close(fd);
    return rc;
}

int client_open(const char *name, struct client **out, struct err *e)
{
    struct client *c;
    int fd = client_connect(name, "api", e);

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

void client_close(struct client *c)
{
    if (!c)
        return;
    close(c->fd);
    free(c);
}

/* Returns 1 and the next object, 0 at the end, or a negative errno. */
static int next_object(struct client *c, int timeout_ms,
                       struct json_object **out, struct err *e)
{
    struct pollfd p = { .fd = c->fd, .events = POLLIN };
    size_t line_bytes;
    int too_long;
    char *line;

    while (!(line = rpc_line(&c->in, &line_bytes, &too_long))) {
        ssize_t r;
        int ready = poll(&p, 1, timeout_ms);

        if (ready < 0 && errno == EINTR)
            continue;
        if (ready == 0)
            return fail(e, -ETIMEDOUT,
                        "guest %s: wait for its supervisor: no answer in %d "
                        "s",
                        c->name, timeout_ms / 1000);
        if (too_long)
            return fail(e, -EPROTO,
                        "guest %s: its supervisor's answer is too "
                        "long",
                        c->name);
        r = read(c->fd, c->in.bytes + c->in.used,
                 sizeof(c->in.bytes) - c->in.used);
        if (r == 0 || (r < 0 && errno == ECONNRESET))
            return 0;
        if (r < 0)
            return fail(e, -errno, "guest %s: read: %s", c->name,
                        strerror(errno));
        c->in.used += r;
    }
    *out = json_tokener_parse(line);
    rpc_drop(&c->in, line_bytes);
    if (!*out)
        return fail(e, -EPROTO, "guest %s: its supervisor's answer is no JSON",
                    c->name);
    return 1;
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
    struct json_object *o, *part;
    int rc;

    for (;;) {
        rc = next_object(c, FOR_EVER, &o, e);
        if (rc <= 0)
            return rc;
        if (json_object_object_get_ex(o, "params", &part))
            break;
        json_object_put(o);
    }
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
