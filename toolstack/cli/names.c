/* SPDX-License-Identifier: MIT */
/*
 * names.c - `freehold domid`, `domname` and `vm-list`
 */
#include <stdio.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/columns.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/host.h"

static struct json_object *name_object(const struct target *t)
{
    struct json_object *o = json_object_new_object();
    char uuid[VM_UUID_TEXT];

    vmcfg_uuid_text(t->domain.uuid, uuid);
    json_object_object_add(o, "name", json_object_new_string(t->name));
    json_object_object_add(o, "domid", json_object_new_int(t->domain.domid));
    json_object_object_add(o, "uuid", json_object_new_string(uuid));
    return o;
}

static int tell_one(struct cmd_context *x, int argc, char **argv, bool domid,
                    struct err *e)
{
    struct host h;
    int rc;

    if (argc != 2)
        return EXIT_USAGE;
    rc = host_open(&h, 1, argv + 1, false, e);
    if (rc == 0 && x->json)
        cmd_print_json(name_object(&h.list[0]));
    else if (rc == 0 && domid)
        printf("%u\n", h.list[0].domain.domid);
    else if (rc == 0)
        printf("%s\n", h.list[0].name);
    host_close(&h);
    return rc;
}

int cmd_domid(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    return tell_one(x, argc, argv, true, e);
}

int cmd_domname(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    return tell_one(x, argc, argv, false, e);
}

int cmd_vm_list(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *array;
    struct host h;
    int rc;

    (void)argv;
    if (argc != 1)
        return EXIT_USAGE;
    rc = host_open(&h, 0, NULL, false, e);
    if (rc == 0 && x->json) {
        array = json_object_new_array();
        for (int i = 0; i < h.nr; i++)
            json_object_array_add(array, name_object(&h.list[i]));
        cmd_print_json(array);
    } else if (rc == 0) {
        columns_vm_head(stdout);
        for (int i = 0; i < h.nr; i++)
            columns_vm(stdout, &h.list[i]);
    }
    host_close(&h);
    return rc;
}
