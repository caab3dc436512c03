/* SPDX-License-Identifier: MIT */
/*
 * jsonget.h - a member of a JSON object, or what stands for it when it is not
 * there
 *
 * For objects whose maker is known; guest_json.h is for anybody's.
 */
#ifndef JSONGET_H
#define JSONGET_H

#include <stdint.h>

#include <json-c/json.h>

/* The object's text; "": it has no such member, or that is no text. */
static inline const char *jsonget_text(struct json_object *o, const char *key)
{
    struct json_object *v;

    return json_object_object_get_ex(o, key, &v) &&
                   json_object_is_type(v, json_type_string)
               ? json_object_get_string(v)
               : "";
}

static inline uint64_t jsonget_number(struct json_object *o, const char *key,
                                      uint64_t other)
{
    struct json_object *v = NULL;

    json_object_object_get_ex(o, key, &v);
    return v ? json_object_get_uint64(v) : other;
}

#endif
