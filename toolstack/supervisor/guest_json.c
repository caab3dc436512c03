/* SPDX-License-Identifier: MIT */
/*
 * guest_json.c - what a guest's API is asked and answers
 */
#include "toolstack/supervisor/guest_json.h"

#include <errno.h>

#include <json-c/json.h>

#include "toolstack/supervisor/guest_priv.h"
#include "toolstack/supervisor/vmcfg.h"

void guest_json_text(struct json_object *o, const char *key, const char *text)
{
    json_object_object_add(o, key, json_object_new_string(text ? text : ""));
}

void guest_json_number(struct json_object *o, const char *key, uint64_t n)
{
    json_object_object_add(o, key, json_object_new_uint64(n));
}

void guest_json_bool(struct json_object *o, const char *key, bool is)
{
    json_object_object_add(o, key, json_object_new_boolean(is));
}

int guest_json_get_text(struct json_object *params, const char *key,
                        const char **out, struct err *e)
{
    struct json_object *value = NULL;

    if (!params || !json_object_object_get_ex(params, key, &value) || !value)
        return 0;
    if (!json_object_is_type(value, json_type_string))
        return fail(e, -EINVAL, "%s: want a string", key);
    *out = json_object_get_string(value);
    return 1;
}

bool guest_json_is(struct json_object *params, const char *key)
{
    struct json_object *value = NULL;

    return params && json_object_object_get_ex(params, key, &value) &&
           json_object_get_boolean(value);
}

int guest_json_want_running(struct guest *g, const char *what, struct err *e)
{
    if (g->state == GUEST_RUNNING)
        return guest_store_want(g, what, e);
    return fail(e, -EBUSY, "guest %s: %s: it is %s, want running", g->cfg->name,
                what, guest_state_name(g->state));
}
