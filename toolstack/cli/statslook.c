/* SPDX-License-Identifier: MIT */
/*
 * statslook.c - one look at what guests' devices did
 */
#include "toolstack/cli/statslook.h"

#include <json-c/json.h>

#include "toolstack/cli/cards.h"
#include "toolstack/cli/disks.h"

struct json_object *statslook_object(const struct stats_look *now)
{
    struct json_object *all = json_object_new_array(), *o;

    for (uint32_t i = 0; i < now->nr; i++) {
        const struct stats_guest *g = &now->guests[i];

        o = json_object_new_object();
        json_object_object_add(o, "name", json_object_new_string(g->name));
        json_object_object_add(o, "up",
                               json_object_new_boolean(g->info != NULL));
        json_object_object_add(o, "disks", disks_array(g->info));
        json_object_object_add(o, "vifs", cards_array(g->info));
        json_object_array_add(all, o);
    }
    return all;
}
