/* SPDX-License-Identifier: MIT */
/*
 * devinfo.c - the devices in a supervisor's `info`, of any kind
 */
#include "toolstack/cli/devinfo.h"

#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"

/* NULL: there is no such array. */
static struct json_object *array_of(struct json_object *info, const char *list)
{
    struct json_object *a;

    if (!info || !json_object_object_get_ex(info, list, &a) ||
        !json_object_is_type(a, json_type_array))
        return NULL;
    return a;
}

uint32_t devinfo_count(struct json_object *info, const char *list)
{
    struct json_object *a = array_of(info, list);

    return a ? (uint32_t)json_object_array_length(a) : 0;
}

struct json_object *devinfo_at(struct json_object *info, const char *list,
                               uint32_t i)
{
    return json_object_array_get_idx(array_of(info, list), i);
}

struct json_object *devinfo_array(struct json_object *info, const char *list)
{
    struct json_object *a = array_of(info, list);

    return a ? json_object_get(a) : json_object_new_array();
}

const char *devinfo_text(struct json_object *o, const char *key)
{
    struct json_object *v;

    if (!json_object_object_get_ex(o, key, &v) ||
        !json_object_is_type(v, json_type_string))
        return NULL;
    return json_object_get_string(v);
}

uint64_t devinfo_number(struct json_object *o, const char *key)
{
    struct json_object *v;

    if (!json_object_object_get_ex(o, key, &v))
        return 0;
    return json_object_get_uint64(v);
}

bool devinfo_event(const char *method)
{
    static const char *const other[] = { "block", "network", "migration",
                                         "migration-end" };

    for (uint32_t i = 0; i < ARRAY_SIZE(other); i++)
        if (strcmp(method, other[i]) == 0)
            return true;
    return false;
}

const char *devinfo_state_at(int i)
{
    static const char *const state[] = { "starting",  "waiting", "connecting",
                                         "connected", "closing", "closed",
                                         "failed" };

    return i >= 0 && i < (int)ARRAY_SIZE(state) ? state[i] : NULL;
}
