/* SPDX-License-Identifier: MIT */
/*
 * blocklist.c - `freehold block-list`: the disks of guests, in xl's columns
 *
 * Which disks there are is the supervisor's answer; where the guest stands with
 * each is what it wrote into xenstore.
 */
#include <stdio.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/store.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/blocklook.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/disks.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/supervisor/xenbus.h"

static void add_to(struct json_object *disk, const struct columns_block *b)
{
    json_object_object_add(disk, "frontend_state",
                           json_object_new_int(b->state));
    json_object_object_add(disk, "event_channel", json_object_new_int(b->port));
    json_object_object_add(disk, "ring_ref", json_object_new_int(b->ring));
    json_object_object_add(disk, "backend", json_object_new_string(b->backend));
}

/* all: where JSON goes; NULL: print. */
static int list(struct store *s, const char *word, struct json_object *all,
                struct err *e)
{
    struct json_object *info = NULL, *disks, *o;
    struct target t;
    uint32_t nr;
    int rc = ask_info(word, &t, &info, e);

    if (rc < 0)
        return rc;
    disks = disks_array(info);
    nr = t.has_domain ? disks_count(info) : 0; /* or between two domains */
    for (uint32_t i = 0; i < nr; i++) {
        struct columns_block b;
        struct disk d;

        disks_get(info, i, &d);
        b.devid = d.devid;
        block_look(s, t.domain.domid, &b);
        if (all)
            add_to(json_object_array_get_idx(disks, i), &b);
        else
            columns_block(stdout, &b);
    }
    if (all) {
        o = json_object_new_object();
        json_object_object_add(o, "name", json_object_new_string(t.name));
        json_object_object_add(o, "disks", json_object_get(disks));
        json_object_array_add(all, o);
    }
    json_object_put(disks);
    json_object_put(info);
    return 0;
}

int cmd_block_list(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *all;
    struct store *s = NULL;
    int rc;

    if (argc < 2 || argv[1][0] == '-')
        return EXIT_USAGE;
    rc = xenbus_connect(&s, e);
    if (rc < 0)
        return rc;
    all = x->json ? json_object_new_array() : NULL;
    if (!all)
        columns_block_head(stdout);
    for (int i = 1; rc == 0 && i < argc; i++)
        rc = list(s, argv[i], all, e);
    if (rc == 0 && all)
        cmd_print_json(json_object_get(all));
    json_object_put(all);
    store_close(s);
    return rc;
}
