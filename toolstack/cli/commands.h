/* SPDX-License-Identifier: MIT */
/*
 * commands.h - every command: what it is called, takes, does and may answer
 *
 * The one table: main.c dispatches by it, help and completion are made from
 * it, freehold(1) is tested against it.  All of xl's are in it; those that we
 * do not serve say why.
 */
#ifndef COMMANDS_H
#define COMMANDS_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "toolstack/cli/cmd.h"

enum cmd_verdict {
    CMD_SERVED,
    CMD_LATER, /* why says which part is not there yet */
    CMD_NEVER, /* why says why not for a protected guest */
    CMD_VERDICTS
};

struct command {
    const char *name;
    enum cmd_verdict verdict;
    const char *synopsis; /* all of its options, then its operands */
    const char *text;     /* served: what it does; else why it does not */
    const char *exits;    /* its exit codes, but for 0, 2 and 3 */
    cmd_function *run;    /* NULL: not served */
    bool quiet;           /* prints nothing; --json then says so */
};

const struct command *command_at(uint32_t i); /* NULL: no more */

/*
 * By name, or by a beginning that only one has; one that is served comes
 * before those that are not.  NULL: none, or several.
 */
const struct command *command_find(const char *word);

/*
 * The word of the synopsis that follows *at, which begins as c->synopsis: an
 * option with its dashes, or an operand, without brackets.  NULL: no more.
 */
#define COMMAND_WORD_MAX 40u
const char *command_word(const char **at, char word[COMMAND_WORD_MAX]);

const char *cmd_verdict_name(enum cmd_verdict v);

/* help.c: may it end so? */
bool command_may_exit(const struct command *c, int code);
void cmd_print_usage(FILE *to, const struct command *c);
/* That command_find() knows no such word, and what it is like. */
void cmd_print_unknown(FILE *to, const char *word);
/* What may stand in place of the last of these words, a line each. */
void cmd_complete_words(FILE *to, int nr, char **words);

/* Say why it is not served: fills *e and returns -EOPNOTSUPP. */
int command_refuse(const struct command *c, struct err *e);

#endif
