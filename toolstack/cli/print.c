/* SPDX-License-Identifier: MIT */
/*
 * print.c - what every command prints alike: JSON, errors
 */
#include <stdio.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

void cmd_print_json(struct json_object *o)
{
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
                                               JSON_C_TO_STRING_SPACED |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

void cmd_print_error(const struct cmd_context *x, const struct err *e)
{
    const struct exit_code *code = exit_code_for(e->rc);
    struct json_object *o, *error;

    if (!x->json) {
        fprintf(stderr, "freehold: %s\n", e->text);
        return;
    }
    o = json_object_new_object();
    error = json_object_new_object();
    json_object_object_add(error, "code", json_object_new_int(code->code));
    json_object_object_add(error, "name", json_object_new_string(code->name));
    json_object_object_add(error, "message", json_object_new_string(e->text));
    json_object_object_add(o, "error", error);
    cmd_print_json(o);
}

void cmd_print_done(void)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "ok", json_object_new_boolean(true));
    cmd_print_json(o);
}
