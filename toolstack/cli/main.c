/* SPDX-License-Identifier: MIT */
/*
 * main.c - the `freehold` command: find the subcommand, run it, say how it went
 */
#include <errno.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/cli/commands.h"
#include "toolstack/cli/exitcode.h"

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

/* xl's options in front of the command. */
static bool take_global(struct cmd_context *x, const char *word)
{
    if (word[0] != '-' || !word[1] || word[1 + strspn(word + 1, "vNftT")])
        return false;
    for (const char *c = word + 1; *c; c++) {
        if (*c == 'v')
            log_set_level(LOG_LEVEL_DEBUG);
        else if (*c == 'N')
            x->dry = true;
        /* -f: no lock is in the way; -t, -T: how xl logs */
    }
    return true;
}

static bool is_help(const char *word)
{
    return strcmp(word, "--help") == 0 || strcmp(word, "-h") == 0;
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
    if (argc < 2 || strcmp(argv[1], "complete"))
        argc = take_flags(&x, argc, argv);
    argc--, argv++;
    while (argc > 0 && take_global(&x, argv[0]))
        argc--, argv++;
    if (argc > 0 && strcmp(argv[0], "--version") == 0)
        argv[0] = (char *)"version";
    if (argc > 0 && is_help(argv[0]))
        argv[0] = (char *)"help";
    c = argc > 0 ? command_find(argv[0]) : NULL;
    if (!c) {
        if (argc > 0)
            cmd_print_unknown(stderr, argv[0]);
        else
            cmd_help(&x, 0, NULL, &e);
        return EXIT_USAGE;
    }
    if (argc == 2 && is_help(argv[1])) {
        cmd_print_usage(stdout, c);
        return 0;
    }
    if (x.dry && c->run && c->run != cmd_create)
        rc = fail(&e, -EOPNOTSUPP,
                  "%s: -N: only create can be tried without being done",
                  c->name);
    else
        rc = c->run ? c->run(&x, argc, argv, &e) : command_refuse(c, &e);
    if (rc == EXIT_USAGE)
        cmd_print_usage(stderr, c);
    else if (rc < 0)
        cmd_print_error(&x, &e);
    else if (rc == 0 && x.json && c->quiet)
        cmd_print_done();
    return rc < 0 ? exit_code_for(rc)->code : rc;
}
