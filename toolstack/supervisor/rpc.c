/* SPDX-License-Identifier: MIT */
/*
 * rpc.c - JSON-RPC 2.0 in lines, without a socket
 */
#include "toolstack/supervisor/rpc.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"

enum { /* of the specification */
       RPC_PARSE_ERROR = -32700,
       RPC_INVALID_REQUEST = -32600,
       RPC_NO_METHOD = -32601,
};

char *rpc_line(struct rpc_buffer *b, size_t *line_bytes, int *too_long)
{
    char *newline = memchr(b->bytes, '\n', b->used);

    *too_long = !newline && b->used > RPC_LINE_MAX;
    if (!newline)
        return NULL;
    *newline = 0;
    *line_bytes = newline - b->bytes;
    return b->bytes;
}

void rpc_drop(struct rpc_buffer *b, size_t line_bytes)
{
    size_t gone = line_bytes + 1;

    memmove(b->bytes, b->bytes + gone, b->used - gone);
    b->used -= gone;
}

/* The object as a line; takes it. */
static char *to_line(struct json_object *o)
{
    char *line = NULL;

    if (asprintf(&line, "%s\n",
                 json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN)) < 0)
        line = NULL;
    json_object_put(o);
    return line;
}

static struct json_object *envelope(struct json_object *id)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "jsonrpc", json_object_new_string("2.0"));
    json_object_object_add(o, "id", json_object_get(id));
    return o;
}

static char *error_line(struct json_object *id, int code, int rc,
                        const char *text)
{
    struct json_object *o = envelope(id), *error = json_object_new_object();
    struct json_object *data = json_object_new_object();

    json_object_object_add(error, "code", json_object_new_int(code));
    json_object_object_add(error, "message", json_object_new_string(text));
    json_object_object_add(data, "errno", json_object_new_int(-rc));
    json_object_object_add(error, "data", data);
    json_object_object_add(o, "error", error);
    return to_line(o);
}

static struct json_object *parse(const char *line, size_t line_bytes)
{
    struct json_tokener *t = json_tokener_new_ex(RPC_DEPTH_MAX);
    struct json_object *o = NULL;

    if (!t)
        return NULL;
    json_tokener_set_flags(t, JSON_TOKENER_STRICT);
    o = json_tokener_parse_ex(t, line, (int)line_bytes + 1); /* its NUL too */
    if (json_tokener_get_error(t) != json_tokener_success) {
        json_object_put(o);
        o = NULL;
    }
    json_tokener_free(t);
    return o;
}

static char *answer_request(struct json_object *request, rpc_call *call,
                            void *arg)
{
    struct json_object *id = NULL, *method = NULL, *params = NULL;
    struct json_object *result = NULL, *o;
    struct err e = { 0 };
    int has_id = json_object_object_get_ex(request, "id", &id);
    int rc;

    json_object_object_get_ex(request, "method", &method);
    json_object_object_get_ex(request, "params", &params);
    if (!json_object_is_type(method, json_type_string))
        return error_line(id, RPC_INVALID_REQUEST, -EINVAL,
                          "method: want a string");
    rc = call(arg, json_object_get_string(method), params, &result, &e);
    if (!has_id) {
        json_object_put(result);
        return NULL;
    }
    if (rc == -ENOSYS && !e.text[0])
        return error_line(id, RPC_NO_METHOD, rc, "no such method");
    if (rc < 0)
        return error_line(id, rc, rc, e.text);
    o = envelope(id);
    json_object_object_add(o, "result", result);
    return to_line(o);
}

char *rpc_answer(const char *line, size_t line_bytes, rpc_call *call, void *arg)
{
    struct json_object *request = parse(line, line_bytes);
    char *answer;

    if (!request)
        return error_line(NULL, RPC_PARSE_ERROR, -EINVAL, "not JSON");
    if (!json_object_is_type(request, json_type_object))
        answer =
            error_line(NULL, RPC_INVALID_REQUEST, -EINVAL, "want one object");
    else
        answer = answer_request(request, call, arg);
    json_object_put(request);
    return answer;
}

char *rpc_notification(const char *method, struct json_object *params)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "jsonrpc", json_object_new_string("2.0"));
    json_object_object_add(o, "method", json_object_new_string(method));
    json_object_object_add(o, "params", params);
    return to_line(o);
}
