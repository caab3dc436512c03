/* SPDX-License-Identifier: MIT */
/*
 * words.c - the JSON of ANSWER, END and PLAN, made and checked
 */
#include "migrate/words.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"

#define DEPTH_MAX 16

struct json_object *words_object(const void *p, uint32_t len_bytes,
                                 const char *what, struct err *e)
{
    struct json_tokener *t = json_tokener_new_ex(DEPTH_MAX);
    struct json_object *o = NULL;

    if (!t) {
        fail(e, -ENOMEM, "%s: no memory", what);
        return NULL;
    }
    json_tokener_set_flags(t, JSON_TOKENER_STRICT | JSON_TOKENER_VALIDATE_UTF8);
    o = json_tokener_parse_ex(t, p, (int)len_bytes);
    if (!o || json_tokener_get_error(t) != json_tokener_success ||
        json_tokener_get_parse_end(t) != len_bytes ||
        !json_object_is_type(o, json_type_object)) {
        fail(e, -EPROTO, "%s: %s, want one JSON object", what,
             o && json_tokener_get_error(t) == json_tokener_success
                 ? "something else"
                 : json_tokener_error_desc(json_tokener_get_error(t)));
        json_object_put(o);
        o = NULL;
    }
    json_tokener_free(t);
    return o;
}

/* Onto the end of what is there, as far as there is room. */
static void append(char why[WORDS_BYTES], const char *text)
{
    size_t used = strlen(why);

    snprintf(why + used, WORDS_BYTES - used, "%s%s", used ? "; " : "", text);
    for (char *c = why + used; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

int words_answer(const void *p, uint32_t len_bytes, bool *ok,
                 char why[WORDS_BYTES], struct err *e)
{
    struct json_object *o = words_object(p, len_bytes, "ANSWER", e);
    struct json_object *is_ok, *missing = NULL;
    int rc = 0;

    why[0] = 0;
    if (!o)
        return e->rc;
    if (!json_object_object_get_ex(o, "ok", &is_ok) ||
        !json_object_is_type(is_ok, json_type_boolean) ||
        (json_object_object_get_ex(o, "missing", &missing) &&
         !json_object_is_type(missing, json_type_array))) {
        rc = fail(e, -EPROTO,
                  "ANSWER: want ok, true or false, and missing, a "
                  "list");
        goto out;
    }
    for (size_t i = 0; missing && i < json_object_array_length(missing); i++) {
        struct json_object *m = json_object_array_get_idx(missing, i);

        if (!json_object_is_type(m, json_type_string)) {
            rc = fail(e, -EPROTO, "ANSWER: missing: something else than words");
            goto out;
        }
        append(why, json_object_get_string(m));
    }
    *ok = json_object_get_boolean(is_ok) && why[0] == 0;
    if (!*ok && why[0] == 0)
        append(why, "it does not say why");
out:
    json_object_put(o);
    return rc;
}

void words_end(const void *p, uint32_t len_bytes, char why[WORDS_BYTES])
{
    struct err e = { 0 };
    struct json_object *o = words_object(p, len_bytes, "END", &e), *w;

    why[0] = 0;
    if (o && json_object_object_get_ex(o, "why", &w) &&
        json_object_is_type(w, json_type_string))
        append(why, json_object_get_string(w));
    if (why[0] == 0)
        append(why, "no reason was given");
    json_object_put(o);
}

int words_plan(const void *p, uint32_t len_bytes, struct err *e)
{
    struct json_object *o = words_object(p, len_bytes, "PLAN", e), *name;
    int rc = 0;

    if (!o)
        return e->rc;
    if (!json_object_object_get_ex(o, "name", &name) ||
        !json_object_is_type(name, json_type_string) ||
        json_object_get_string_len(name) == 0)
        rc = fail(e, -EPROTO, "PLAN: name: there is none");
    json_object_put(o);
    return rc;
}

uint32_t words_make_end(char out[WIRE_END_MAX], const char *why)
{
    char text[WORDS_BYTES] = "";
    struct json_object *o = json_object_new_object();

    append(text, why);
    json_object_object_add(o, "why", json_object_new_string(text));
    snprintf(out, WIRE_END_MAX, "%s",
             json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
    return (uint32_t)strlen(out);
}
