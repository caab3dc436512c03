/* SPDX-License-Identifier: MIT */
/*
 * help.c - `freehold help`, `complete` and `version`: the table, told
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/commands.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/rundir.h"

void cmd_print_usage(FILE *to, const struct command *c)
{
    fprintf(to, "usage: freehold %s %s\n       %s%s\n", c->name, c->synopsis,
            c->verdict == CMD_SERVED ? "" : "not served: ", c->text);
}

void cmd_print_unknown(FILE *to, const char *word)
{
    const struct command *c;
    uint32_t nr = 0;

    fprintf(to, "freehold: %s: ", word);
    for (uint32_t i = 0; *word && (c = command_at(i)); i++)
        if (c->verdict == CMD_SERVED &&
            strncmp(c->name, word, strlen(word)) == 0)
            fprintf(to, "%s%s",
                    nr++ ? ", " : "several commands begin so: ", c->name);
    if (nr)
        fprintf(to, "\n");
    else
        fprintf(to, "no such %s; see freehold help\n",
                *word == '-' ? "option" : "command");
}

static void print_exits(const struct command *c)
{
    const struct exit_code *x;

    printf("exit codes:\n");
    for (uint32_t i = 0; (x = exit_code_at(i)); i++)
        if (command_may_exit(c, x->code))
            printf("  %2d  %-15s %s\n", x->code, x->name, x->says);
}

bool command_may_exit(const struct command *c, int code)
{
    const char *s = c->exits;
    char *end;

    if (code == 0)
        return c->verdict == CMD_SERVED;
    if (code == EXIT_USAGE || code == 3)
        return c->verdict == CMD_SERVED;
    while (*s) {
        if (strtol(s, &end, 10) == code)
            return true;
        s = end;
    }
    return false;
}

static struct json_object *command_object(const struct command *c)
{
    struct json_object *o = json_object_new_object();
    struct json_object *exits = json_object_new_array();
    const struct exit_code *x;

    json_object_object_add(o, "name", json_object_new_string(c->name));
    json_object_object_add(
        o, "verdict", json_object_new_string(cmd_verdict_name(c->verdict)));
    json_object_object_add(o, "synopsis", json_object_new_string(c->synopsis));
    json_object_object_add(o, c->verdict == CMD_SERVED ? "does" : "why",
                           json_object_new_string(c->text));
    for (uint32_t i = 0; (x = exit_code_at(i)); i++)
        if (command_may_exit(c, x->code))
            json_object_array_add(exits, json_object_new_int(x->code));
    json_object_object_add(o, "exits", exits);
    return o;
}

static void help_all(const struct cmd_context *x)
{
    struct json_object *array = x->json ? json_object_new_array() : NULL;
    const struct command *c;

    if (!array)
        printf("usage: freehold [--json] [--strict] [-vNftT] COMMAND ...\n\n");
    for (uint32_t i = 0; (c = command_at(i)); i++) {
        if (array)
            json_object_array_add(array, command_object(c));
        else if (c->verdict == CMD_SERVED)
            printf("  %-12s %-34s %s\n", c->name, c->synopsis, c->text);
    }
    if (array) {
        cmd_print_json(array);
        return;
    }
    for (int v = CMD_LATER; v < CMD_VERDICTS; v++) {
        printf("\n%s", v == CMD_LATER ? "not yet:" : "not served:");
        for (uint32_t i = 0; (c = command_at(i)); i++)
            if ((int)c->verdict == v)
                printf(" %s", c->name);
        putchar('\n');
    }
}

int cmd_help(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    const struct command *c = argc > 1 ? command_find(argv[1]) : NULL;

    (void)e;
    if (argc == 2 && !c)
        cmd_print_unknown(stderr, argv[1]);
    if (argc > 2 || (argc == 2 && !c))
        return EXIT_USAGE;
    if (!c) {
        help_all(x);
    } else if (x->json) {
        cmd_print_json(command_object(c));
    } else {
        cmd_print_usage(stdout, c);
        print_exits(c);
    }
    return 0;
}

int cmd_version(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct json_object *o;

    (void)argv, (void)e;
    if (argc != 1)
        return EXIT_USAGE;
    if (!x->json) {
        printf("freehold " FREEHOLD_VERSION "\n");
        return 0;
    }
    o = json_object_new_object();
    json_object_object_add(o, "version",
                           json_object_new_string(FREEHOLD_VERSION));
    cmd_print_json(o);
    return 0;
}

/* ---- completion ---- */

static void offer(FILE *to, const char *word, const char *begun)
{
    if (strncmp(word, begun, strlen(begun)) == 0)
        fprintf(to, "%s\n", word);
}

static void offer_guests(FILE *to, const char *begun)
{
    struct run_state *list = NULL;
    int nr = rundir_list(RUNDIR_BASE, &list, NULL);

    for (int i = 0; i < nr; i++)
        offer(to, list[i].name, begun);
    free(list);
}

static void offer_commands(FILE *to, const char *begun)
{
    const struct command *c;

    for (uint32_t i = 0; (c = command_at(i)); i++)
        if (c->verdict == CMD_SERVED)
            offer(to, c->name, begun);
}

/* Files are the shell's own business: it has no word of ours, and looks. */
static void offer_operands(FILE *to, const struct command *c, const char *begun)
{
    const char *at = c->synopsis, *w;
    char word[COMMAND_WORD_MAX];

    while ((w = command_word(&at, word))) {
        if (strcmp(w, "NAME") == 0)
            offer_guests(to, begun);
        else if (strcmp(w, "COMMAND") == 0)
            offer_commands(to, begun);
        else if (strcmp(w, "all") == 0)
            offer(to, w, begun);
    }
}

/* What an option wants behind it, in the synopsis; NULL: nothing. */
static const char *argument_of(const struct command *c, const char *option)
{
    const char *at = c->synopsis, *w;
    char word[COMMAND_WORD_MAX];

    while ((w = command_word(&at, word))) {
        if (*w != '-' || strcmp(w, option))
            continue;
        while (at[0] == '|' && at[1] == '-') /* its long form */
            command_word(&at, word);
        return *at == ' ' ? at + 1 : NULL;
    }
    return NULL;
}

/* Words in small letters are meant as they are. */
static void offer_argument(FILE *to, const char *at, const char *begun)
{
    char word[COMMAND_WORD_MAX];
    size_t len = strcspn(at, "] "), n;

    if (len == 5 && strncmp(at, "STATE", len) == 0) {
        for (int i = GUEST_NEW + 1; i < GUEST_STATES; i++)
            offer(to, guest_state_name((enum guest_state)i), begun);
        return;
    }
    for (; len > 0 && *at >= 'a' && *at <= 'z'; at += n, len -= n) {
        n = strcspn(at, "|] ");
        snprintf(word, sizeof(word), "%.*s", (int)n, at);
        offer(to, word, begun);
        n += at[n] == '|';
    }
}

void cmd_complete_words(FILE *to, int nr, char **words)
{
    static const char *const global[] = { "--json", "--strict", "-v", "-N",
                                          "-f",     "-t",       "-T" };
    const char *begun = nr > 0 ? words[nr - 1] : "", *at, *w;
    char word[COMMAND_WORD_MAX];
    const struct command *c;
    int first = 0;

    while (first < nr - 1 && words[first][0] == '-')
        first++;
    if (first >= nr - 1) {
        offer_commands(to, begun);
        for (uint32_t i = 0; *begun == '-' && i < ARRAY_SIZE(global); i++)
            offer(to, global[i], begun);
        return;
    }
    c = command_find(words[first]);
    if (!c || c->verdict != CMD_SERVED)
        return;
    at = nr - 2 > first && words[nr - 2][0] == '-'
             ? argument_of(c, words[nr - 2])
             : NULL;
    if (at) {
        offer_argument(to, at, begun);
        return;
    }
    if (*begun != '-') {
        offer_operands(to, c, begun);
        return;
    }
    offer(to, global[0], begun);
    for (at = c->synopsis; (w = command_word(&at, word));)
        if (*w == '-')
            offer(to, w, begun);
}

int cmd_complete(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x, (void)e;
    cmd_complete_words(stdout, argc - 1, argv + 1);
    return 0;
}
