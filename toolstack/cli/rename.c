/* SPDX-License-Identifier: MIT */
/*
 * rename.c - `freehold rename`
 */
#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

int cmd_rename(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *params;

    (void)x;
    if (argc != 3)
        return EXIT_USAGE;
    params = json_object_new_object();
    json_object_object_add(params, "name", json_object_new_string(argv[2]));
    return ask(argv[1], "rename", params, e);
}
