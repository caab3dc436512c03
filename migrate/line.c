/* SPDX-License-Identifier: MIT */
/*
 * line.c - JSON objects in lines, to and from the supervisor
 */
#include "migrate/line.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"

struct said {
    uv_write_t req;
    char text[];
};

/* The first line's object, or NULL: there is none; the line is taken out. */
static struct json_object *take(struct line *l, bool *was_one)
{
    char *end = memchr(l->in, '\n', l->used_bytes);
    struct json_object *o;

    *was_one = end != NULL;
    if (!end)
        return NULL;
    *end = 0;
    o = json_tokener_parse(l->in);
    if (o && !json_object_is_type(o, json_type_object)) {
        json_object_put(o);
        o = NULL;
    }
    l->used_bytes -= (size_t)(end + 1 - l->in);
    memmove(l->in, end + 1, l->used_bytes);
    return o;
}

int line_first(struct line *l, int fd, struct json_object **out, struct err *e)
{
    bool was_one = false;

    l->in = malloc(LINE_BYTES_MAX);
    if (!l->in)
        return fail(e, -ENOMEM, "supervisor: no memory");
    while (!was_one) {
        ssize_t r =
            read(fd, l->in + l->used_bytes, LINE_BYTES_MAX - l->used_bytes);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return fail(e, -EPIPE, "supervisor: it says nothing");
        l->used_bytes += (size_t)r;
        *out = take(l, &was_one);
    }
    return *out ? 0 : fail(e, -EINVAL, "supervisor: no JSON object");
}

static void objects(struct line *l)
{
    bool was_one;

    do {
        struct json_object *o = take(l, &was_one);

        if (o)
            l->object(l->arg, o);
        else if (was_one)
            log_warn("supervisor: a line that is no JSON object");
        json_object_put(o);
    } while (was_one);
}

static void on_room(uv_handle_t *h, size_t suggested, uv_buf_t *buf)
{
    struct line *l = h->data;

    (void)suggested;
    *buf = uv_buf_init(l->in + l->used_bytes,
                       (unsigned)(LINE_BYTES_MAX - l->used_bytes));
}

static void on_read(uv_stream_t *s, ssize_t n, const uv_buf_t *buf)
{
    struct line *l = s->data;

    (void)buf;
    if (n == 0)
        return;
    if (n > 0) {
        l->used_bytes += (size_t)n;
        objects(l);
    } else {
        uv_read_stop(s);
        l->gone(l->arg);
    }
}

int line_open(struct line *l, uv_loop_t *loop, int fd, struct err *e)
{
    int r = uv_pipe_init(loop, &l->pipe, 0);

    if (r == 0)
        r = uv_pipe_open(&l->pipe, fd);
    if (r < 0)
        return fail(e, r, "supervisor: descriptor %d: %s", fd, uv_strerror(r));
    l->pipe.data = l;
    return 0;
}

void line_start(struct line *l)
{
    uv_read_start((uv_stream_t *)&l->pipe, on_room, on_read);
    objects(l);
}

static void on_said(uv_write_t *req, int status)
{
    (void)status;
    free(req->data);
}

void line_say(struct line *l, struct json_object *o)
{
    const char *text =
        json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN);
    size_t bytes = strlen(text);
    struct said *s = malloc(sizeof(*s) + bytes + 1);
    uv_buf_t buf;

    if (s) {
        memcpy(s->text, text, bytes);
        s->text[bytes] = '\n';
        s->req.data = s;
        buf = uv_buf_init(s->text, (unsigned)bytes + 1);
        if (uv_write(&s->req, (uv_stream_t *)&l->pipe, &buf, 1, on_said) < 0)
            free(s);
    }
    json_object_put(o);
}

void line_tell(struct line *l, struct json_object *o)
{
    if (uv_stream_get_write_queue_size((uv_stream_t *)&l->pipe) <
        LINE_BEHIND_BYTES)
        line_say(l, o);
    else
        json_object_put(o);
}

void line_stop(struct line *l)
{
    if (!uv_is_closing((uv_handle_t *)&l->pipe))
        uv_read_stop((uv_stream_t *)&l->pipe);
}

void line_free(struct line *l)
{
    free(l->in);
    l->in = NULL;
}
