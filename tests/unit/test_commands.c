/* SPDX-License-Identifier: MIT */
/*
 * test_commands.c - the table of commands: all of xl's, and all in the manual
 */
#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/cli/commands.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"
#include "toolstack/supervisor/rundir.h"

int __wrap_rundir_list(const char *base, struct run_state **out, struct err *e);

/* Linked in by --wrap: two guests of ours. */
int __wrap_rundir_list(const char *base, struct run_state **out, struct err *e)
{
    (void)base, (void)e;
    *out = calloc(2, sizeof(**out));
    strcpy((*out)[0].name, "web");
    strcpy((*out)[1].name, "mail");
    return 2;
}

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 17);

    CHECK(f != NULL && text != NULL);
    CHECK(fread(text, 1, (1 << 17) - 1, f) > 0);
    fclose(f);
    return text;
}

TEST(every_command_of_xl_is_in_the_table)
{
    char *text = slurp(XL_COMMANDS), *left = NULL;
    uint32_t nr = 0;

    for (char *w = strtok_r(text, "\n", &left); w;
         w = strtok_r(NULL, "\n", &left)) {
        const struct command *c = command_find(w);

        if (w[0] == '#')
            continue;
        if (!c || strcmp(c->name, w))
            print_error("%s: not in the table\n", w);
        CHECK(c != NULL && strcmp(c->name, w) == 0);
        nr++;
    }
    CHECK_EQ(nr, 95);
    free(text);
}

TEST(every_command_is_there_once_and_is_served_or_says_why)
{
    const struct command *c;

    for (uint32_t i = 0; (c = command_at(i)); i++) {
        CHECK(command_find(c->name) == c);
        CHECK((c->verdict == CMD_SERVED) == (c->run != NULL));
        CHECK(c->text[0] != 0);
    }
}

TEST(what_is_not_served_fails_and_says_why)
{
    struct err e = { 0 };
    const struct command *c = command_find("trigger");

    CHECK_EQ(command_refuse(c, &e), -EOPNOTSUPP);
    CHECK_STR(e.text, "trigger: not served: Xen lets nobody outside inject "
                      "interrupts into a protected guest");
    CHECK_EQ(command_refuse(command_find("save"), &e), -EOPNOTSUPP);
    CHECK_STR(e.text, "save: not yet: saving and restoring is not there yet; "
                      "suspend keeps a guest in memory, migrate moves it");
    CHECK_EQ(exit_code_for(-EOPNOTSUPP)->code, 4);
}

TEST(a_beginning_that_only_one_has_will_do_and_served_ones_come_first)
{
    CHECK_STR(command_find("cr")->name, "create");
    CHECK_STR(command_find("sh")->name, "shutdown"); /* not sharing */
    CHECK_STR(command_find("dest")->name, "destroy");
    CHECK_STR(command_find("migrate")->name, "migrate");
    CHECK_STR(command_find("block-a")->name, "block-attach");
    CHECK(command_find("c") == NULL);
    CHECK(command_find("block-") == NULL);
    CHECK_STR(command_find("network-a")->name, "network-attach");
    CHECK(command_find("nonsense") == NULL);
}

static void is_unknown(const char *word, const char *want)
{
    char *got = NULL;
    size_t got_bytes;
    FILE *f = open_memstream(&got, &got_bytes);

    CHECK(command_find(word) == NULL);
    cmd_print_unknown(f, word);
    fclose(f);
    CHECK_STR(got, want);
    free(got);
}

TEST(a_word_that_is_no_command_is_named_with_what_it_may_have_meant)
{
    is_unknown("nonsense",
               "freehold: nonsense: no such command; see freehold help\n");
    is_unknown("", "freehold: : no such command; see freehold help\n");
    is_unknown("-x", "freehold: -x: no such option; see freehold help\n");
    is_unknown("re", "freehold: re: several commands begin so: reload, "
                     "reboot, resume, rename, resolve\n");
}

TEST(every_exit_code_of_a_command_is_in_the_table_of_codes)
{
    const struct command *c;

    for (uint32_t i = 0; (c = command_at(i)); i++) {
        const char *s = c->exits;
        char *end;

        while (*s) {
            long code = strtol(s, &end, 10);
            uint32_t k = 0;

            while (exit_code_at(k) && exit_code_at(k)->code != code)
                k++;
            CHECK(exit_code_at(k) != NULL && end != s);
            CHECK(command_may_exit(c, code));
            s = end;
        }
    }
    CHECK(!command_may_exit(command_find("save"), 0));
    CHECK(!command_may_exit(command_find("pause"), 15));
}

TEST(every_errno_has_a_code_of_the_table)
{
    CHECK_EQ(exit_code_for(0)->code, 0);
    for (int rc = -1; rc > -133; rc--)
        CHECK(exit_code_for(rc)->code >= 3);
    CHECK_EQ(exit_code_for(-ESRCH)->code, 21);
    CHECK_EQ(exit_code_for(-EEXIST)->code, 15);
    CHECK_EQ(exit_code_for(-ERANGE)->code, 6);
    CHECK_EQ(exit_code_for(-EIO)->code, 3);
}

/* ---- freehold(1) ---- */

static const char *const title[] = {
    [CMD_SERVED] = "\n# COMMANDS\n",
    [CMD_LATER] = "\n# COMMANDS THAT ARE NOT THERE YET\n",
    [CMD_NEVER] = "\n# COMMANDS THAT ARE NOT SERVED\n",
};
_Static_assert(ARRAY_SIZE(title) == CMD_VERDICTS, "title");

/* A section's own text, each run of blanks as one, but for lines. */
static char *section(const char *man, const char *heading)
{
    const char *start = strstr(man, heading), *end;

    if (!start)
        print_error("%s: no such section\n", heading);
    CHECK(start != NULL);
    start += strlen(heading);
    end = strstr(start, "\n# ");
    CHECK(end != NULL);
    return strndup(start, end - start);
}

/* The entry of a command: from its heading to the next; NULL: none. */
static char *entry(const char *text, const char *name)
{
    char word[64];
    const char *at = text, *end;

    snprintf(word, sizeof(word), "*%s*", name);
    while ((at = strstr(at, word))) {
        const char *line = at;

        while (line > text && line[-1] != '\n')
            line--;
        if (*line == '*')
            break;
        at++;
    }
    if (!at)
        return NULL;
    end = strstr(at, "\n\n");
    return end ? strndup(at, end - at) : strdup(at);
}

static void unwrap(char *text)
{
    char *to = text;

    for (char *c = text; *c; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
        if (*c != ' ' || to == text || to[-1] != ' ')
            *to++ = *c;
    }
    *to = 0;
}

static void says(const char *text, const struct command *c)
{
    char *e = entry(text, c->name), word[COMMAND_WORD_MAX], bold[48];
    const char *at = c->synopsis;

    if (!e)
        print_error("%s: not in the manual under its verdict, %s\n", c->name,
                    cmd_verdict_name(c->verdict));
    CHECK(e != NULL);
    unwrap(e);
    if (c->verdict != CMD_SERVED) {
        if (!strstr(e, c->text + 1)) /* its first letter is large */
            print_error("%s: the manual gives another reason: %s\n", c->name,
                        e);
        CHECK_HAS(e, c->text + 1);
    }
    while (c->verdict == CMD_SERVED && command_word(&at, word)) {
        if (*word != '-')
            continue;
        snprintf(bold, sizeof(bold), "*%s*", word);
        if (!strstr(e, bold))
            print_error("%s: the manual lacks %s\n", c->name, word);
        CHECK(strstr(e, bold) != NULL);
    }
    free(e);
}

TEST(the_manual_has_every_command_with_its_options)
{
    char *man = slurp(MAN);
    const struct command *c;

    for (uint32_t v = 0; v < CMD_VERDICTS; v++) {
        char *text = section(man, title[v]);

        for (uint32_t i = 0; (c = command_at(i)); i++)
            if (c->verdict == v)
                says(text, c);
        free(text);
    }
    free(man);
}

static bool has_option(const struct command *c, const char *option)
{
    const char *at = c->synopsis;
    char word[COMMAND_WORD_MAX];

    while (command_word(&at, word))
        if (strcmp(word, option) == 0)
            return true;
    return false;
}

/* Bold words of a heading: its commands, and their options. */
static void check_heading(char *line, enum cmd_verdict v)
{
    const struct command *c = NULL;
    char *left = NULL;

    for (char *w = strtok_r(line, " ,[]|.", &left); w;
         w = strtok_r(NULL, " ,[]|.", &left)) {
        size_t n = strlen(w);

        if (n < 3 || w[0] != '*' || w[n - 1] != '*')
            continue;
        w[n - 1] = 0;
        if (w[1] == '-') {
            if (!c || !has_option(c, w + 1))
                print_error("%s: an option of the manual alone\n", w + 1);
            CHECK(c != NULL && has_option(c, w + 1));
        } else if (islower(w[1]) && !(c && has_option(c, w + 1))) {
            c = command_find(w + 1);
            if (!c || strcmp(c->name, w + 1) || c->verdict != v)
                print_error("%s: in the manual alone\n", w + 1);
            CHECK(c && strcmp(c->name, w + 1) == 0 && c->verdict == v);
        }
    }
}

TEST(the_manual_has_no_command_and_no_option_that_is_not)
{
    char *man = slurp(MAN);

    for (uint32_t v = 0; v < CMD_VERDICTS; v++) {
        char *text = section(man, title[v]), *left = NULL;

        for (char *line = strtok_r(text, "\n", &left); line;
             line = strtok_r(NULL, "\n", &left))
            if (line[0] == '*')
                check_heading(line, v);
        free(text);
    }
    free(man);
}

TEST(the_manual_has_the_table_of_exit_codes)
{
    char *man = slurp(MAN), *text = section(man, "\n# EXIT STATUS\n");
    const struct exit_code *x;
    uint32_t nr = 0;

    for (uint32_t i = 0; (x = exit_code_at(i)); i++, nr++) {
        char row[96];

        snprintf(row, sizeof(row), "\n|  %d\n:  %s\n:  %s\n", x->code, x->name,
                 x->says);
        if (!strstr(text, row))
            print_error("%d: not in the manual so:%s", x->code, row);
        CHECK(strstr(text, row) != NULL);
    }
    for (const char *s = text; (s = strstr(s, "\n|  ")); s++)
        nr--;
    CHECK_EQ(nr, 0);
    free(text);
    free(man);
}

/* ---- amounts ---- */

TEST(memory_is_mib_unless_it_says)
{
    static const struct {
        const char *text;
        uint64_t kib;
    } row[] = {
        { "512", 512 << 10 },    { "512m", 512 << 10 }, { "512M", 512 << 10 },
        { "4096k", 4096 },       { "4096b", 4 },        { "4095b", 3 },
        { "2g", 2 << 20 },       { "1T", 1 << 30 },     { "0", 0 },
        { "4096t", 1ull << 42 },
    };
    static const char *const bad[] = {
        "",
        "m",
        "-1",
        "+1",
        " 1",
        "1mb",
        "1x",
        "1.5g",
        "4097t",
        "18446744073709551615",
        "18446744073709551616",
    };
    uint64_t kib;

    for (uint32_t i = 0; i < ARRAY_SIZE(row); i++) {
        CHECK_EQ(units_kib(row[i].text, &kib, NULL), 0);
        CHECK_EQ(kib, row[i].kib);
    }
    for (uint32_t i = 0; i < ARRAY_SIZE(bad); i++)
        CHECK_EQ(units_kib(bad[i], &kib, NULL), -EINVAL);
}

TEST(a_number_is_digits_within_its_limit)
{
    struct err e = { 0 };
    uint32_t n = 9;

    CHECK_EQ(units_number("vcpu", "0", 3, &n, NULL), 0);
    CHECK_EQ(n, 0);
    CHECK_EQ(units_number("vcpu", "3", 3, &n, NULL), 0);
    CHECK_EQ(units_number("vcpu", "4", 3, &n, NULL), -EINVAL);
    CHECK_EQ(units_number("vcpu", "-1", 3, &n, NULL), -EINVAL);
    CHECK_EQ(units_number("vcpu", "", 3, &n, NULL), -EINVAL);
    CHECK_EQ(units_number("vcpu", "1x", 3, &n, NULL), -EINVAL);
    CHECK_EQ(units_number("vcpu", "4294967296", 3, &n, NULL), -EINVAL);
    CHECK_EQ(units_range("n", "1", 1, 3, &n, NULL), 0);
    CHECK_EQ(n, 1);
    CHECK_EQ(units_range("n", "0", 1, 3, &n, &e), -EINVAL);
    CHECK_STR(e.text, "n: got 0, want 1..3");
}

/* ---- completion ---- */

static void completes(const char *line, const char *want)
{
    char words[64], *argv[8], *left = NULL, *got = NULL;
    size_t got_bytes;
    FILE *f = open_memstream(&got, &got_bytes);
    int argc = 0;

    strcpy(words, line);
    for (char *w = strtok_r(words, " ", &left); w;
         w = strtok_r(NULL, " ", &left))
        argv[argc++] = w;
    if (!*line || line[strlen(line) - 1] == ' ')
        argv[argc++] = (char *)"";
    cmd_complete_words(f, argc, argv);
    fclose(f);
    for (char *c = got; *c; c++)
        if (*c == '\n')
            *c = ' ';
    CHECK_STR(got, want);
    free(got);
}

TEST(completion_knows_commands_options_and_guests)
{
    completes("dest", "destroy ");
    completes("destroy ", "web mail ");
    completes("destroy w", "web ");
    completes("--json destroy m", "mail ");
    completes("vcpu-pin web a", "all ");
    completes("shutdown --w", "--wait ");
    completes("block-detach web --", "--json --force ");
    completes("network-attach -", "--json -m --any-mac ");
    completes("network-detach w", "web ");
    completes("create -",
              "--json -c -p -F -n --dryrun -d -e -q --quiet -V --vncviewer "
              "-A --vncviewer-autopass --ignore-global-affinity-masks -f "
              "--defconfig ");
    completes("migrate --on-timeout ", "abort force ");
    completes("migrate --on-timeout f", "force ");
    completes("migrate --streams 2 w", "web ");
    completes("migrate --unix ", ""); /* a path */
    completes("migrate-receive --name ", "");
    completes("migrate-receive --tcp ", "");
    completes("events -u r", "receiving running ");
    completes("events --until ",
              "building paused launching receiving running suspended ended "
              "kept waiting ending gone ");
    completes("shutdown -T ", "");
    completes("shutdown -w ", "web mail ");
    completes("create ", ""); /* a file: the shell's own */
    completes("help uptimex", "");
    completes("help ver", "version ");
    completes("save ", "");
    completes("--js", "--json ");
    completes("nonsense ", "");
}

RUN_TESTS(
    RULE(every_command_of_xl_is_in_the_table),
    RULE(every_command_is_there_once_and_is_served_or_says_why),
    RULE(what_is_not_served_fails_and_says_why),
    RULE(a_beginning_that_only_one_has_will_do_and_served_ones_come_first),
    RULE(a_word_that_is_no_command_is_named_with_what_it_may_have_meant),
    RULE(every_exit_code_of_a_command_is_in_the_table_of_codes),
    RULE(every_errno_has_a_code_of_the_table),
    RULE(the_manual_has_every_command_with_its_options),
    RULE(the_manual_has_no_command_and_no_option_that_is_not),
    RULE(the_manual_has_the_table_of_exit_codes),
    RULE(memory_is_mib_unless_it_says),
    RULE(a_number_is_digits_within_its_limit),
    RULE(completion_knows_commands_options_and_guests))
