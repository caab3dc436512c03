/* SPDX-License-Identifier: MIT */
/*
 * main.c - the `freehold` command: find the subcommand, run it, say how it went
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

struct command {
    const char *name, *usage, *does;
    cmd_function *run;
};

static int cmd_help(struct cmd_context *x, int argc, char **argv,
                    struct err *e);
static int cmd_version(struct cmd_context *x, int argc, char **argv,
                       struct err *e);

/* clang-format off */
static const struct command commands[] = {
    { "create", "[-c] [-p] [-F] [-n] FILE [key=value ...]",
      "make a guest and its supervisor; -c: attach to its console, "
      "-p: do not start it yet, -F: stay in the foreground, -n: only print "
      "the checked configuration", cmd_create },
    { "run", "NAME|FILE",
      "supervise a guest in the foreground, as a service does; takes over "
      "one that runs without a supervisor", cmd_run },
    { "list", "[NAME|DOMID]", "the domains of this host", cmd_list },
    { "info", "NAME|DOMID",
      "one guest: state, measurement, identity, times", cmd_info },
    { "console", "[-d] NAME",
      "attach to a guest's console, ^] detaches; -d: print what it said so "
      "far", cmd_console },
    { "shutdown", "[-w] NAME", "ask a guest to power off; -w: wait for it",
      cmd_shutdown },
    { "reboot", "NAME", "ask a guest to reboot", cmd_reboot },
    { "pause", "NAME", "stop a guest's vCPUs", cmd_pause },
    { "unpause", "NAME", "let them run; starts a guest made with -p",
      cmd_unpause },
    { "destroy", "NAME|DOMID", "remove a guest and every trace of it at once",
      cmd_destroy },
    { "measure", "FILE [key=value ...]",
      "predict a guest's launch measurement", cmd_measure },
    { "check", "[FILE [key=value ...]]",
      "can this host run protected guests? with FILE: is it a good "
      "configuration?", cmd_check },
    { "help", "[COMMAND]", "this text", cmd_help },
    { "version", "", "the version", cmd_version },
};
/* clang-format on */

/* By name, or by a beginning that only one has.  NULL: none, or several. */
static const struct command *find(const char *word)
{
    const struct command *found = NULL;

    for (uint32_t i = 0; i < ARRAY_SIZE(commands); i++) {
        if (strcmp(commands[i].name, word) == 0)
            return &commands[i];
        if (strncmp(commands[i].name, word, strlen(word)) == 0) {
            if (found)
                return NULL;
            found = &commands[i];
        }
    }
    return found;
}

static void usage_of(FILE *to, const struct command *c)
{
    fprintf(to, "usage: freehold %s %s\n       %s\n", c->name, c->usage,
            c->does);
}

static int cmd_help(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    const struct command *c = argc > 1 ? find(argv[1]) : NULL;

    (void)x, (void)e;
    if (argc > 1 && !c)
        return EXIT_USAGE;
    if (c) {
        usage_of(stdout, c);
        return 0;
    }
    printf("usage: freehold [--json] [--strict] [-v] COMMAND ...\n\n");
    for (uint32_t i = 0; i < ARRAY_SIZE(commands); i++)
        printf("  %-9s %-38s %s\n", commands[i].name, commands[i].usage,
               commands[i].does);
    return 0;
}

static int cmd_version(struct cmd_context *x, int argc, char **argv,
                       struct err *e)
{
    (void)x, (void)argc, (void)argv, (void)e;
    printf("freehold " FREEHOLD_VERSION "\n");
    return 0;
}

void cmd_print_json(struct json_object *o)
{
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PRETTY |
                                               JSON_C_TO_STRING_SPACED |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

static void print_error(const struct cmd_context *x, const struct err *e)
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

/* Take --json and --strict out of the words, wherever they stand. */
static int take_flags(struct cmd_context *x, int argc, char **argv)
{
    int kept = 0;

    for (int i = 0; i < argc; i++) {
        if (strcmp(argv[i], "--json") == 0)
            x->json = true;
        else if (strcmp(argv[i], "--strict") == 0)
            x->strict = true;
        else
            argv[kept++] = argv[i];
    }
    argv[kept] = NULL;
    return kept;
}

int main(int argc, char **argv)
{
    struct cmd_context x = { 0 };
    const struct command *c;
    struct timespec now;
    struct err e = { 0 };
    int rc;

    clock_gettime(CLOCK_MONOTONIC, &now);
    x.start_us = now.tv_sec * 1000000ull + now.tv_nsec / 1000;
    argc = take_flags(&x, argc, argv);
    argc--, argv++;
    while (argc > 0 && strcmp(argv[0], "-v") == 0) {
        log_set_level(LOG_LEVEL_DEBUG);
        argc--, argv++;
    }
    if (argc > 0 && strcmp(argv[0], "--version") == 0)
        argv[0] = (char *)"version";
    if (argc > 0 && strcmp(argv[0], "--help") == 0)
        argv[0] = (char *)"help";
    c = argc > 0 ? find(argv[0]) : NULL;
    if (!c) {
        if (argc > 0)
            fprintf(stderr,
                    "freehold: %s: no such command; see freehold "
                    "help\n",
                    argv[0]);
        else
            cmd_help(&x, 0, NULL, &e);
        return EXIT_USAGE;
    }
    rc = c->run(&x, argc, argv, &e);
    if (rc == EXIT_USAGE)
        usage_of(stderr, c);
    else if (rc < 0)
        print_error(&x, &e);
    return rc < 0 ? exit_code_for(rc)->code : rc;
}
