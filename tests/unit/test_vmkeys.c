/* SPDX-License-Identifier: MIT */
/*
 * test_vmkeys.c - the table of keys: all of xl's, and all in the manual
 */
#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/checked.h"
#include "common/err.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/vmkeys.h"

static char *slurp(const char *path)
{
    FILE *f = fopen(path, "r");
    char *text = calloc(1, 1 << 17);

    CHECK(f != NULL && text != NULL);
    CHECK(fread(text, 1, (1 << 17) - 1, f) > 0);
    fclose(f);
    return text;
}

/* tests/xlcfg/keys: each name that xl 4.20 asks its configuration for. */
TEST(every_key_of_xl_is_in_the_table)
{
    char *text = slurp(XL_KEYS), *left = NULL;
    uint32_t nr = 0;

    for (char *w = strtok_r(text, "\n", &left); w;
         w = strtok_r(NULL, "\n", &left)) {
        if (w[0] == '#')
            continue;
        if (!vm_key_find(w))
            print_error("%s: not in the table\n", w);
        CHECK(vm_key_find(w) != NULL);
        nr++;
    }
    CHECK(nr > 150);
    free(text);
}

TEST(every_key_is_there_once_and_says_why)
{
    for (uint32_t i = 0; vm_key_at(i); i++) {
        const struct vm_key *k = vm_key_at(i);

        CHECK((k->verdict == VM_KEY_USED) != (k->why != NULL));
        CHECK(vm_key_find(k->name) == k);
    }
}

/* ---- freehold.cfg(5) ---- */

static const char *const title[] = {
    [VM_KEY_USED] = "\n# KEYS THAT TAKE EFFECT\n",
    [VM_KEY_STORED] = "\n# KEYS THAT ARE KEPT\n",
    [VM_KEY_UNUSED] = "\n# KEYS WITHOUT EFFECT\n",
    [VM_KEY_REFUSED] = "\n# KEYS THAT ARE REFUSED\n",
};
_Static_assert(ARRAY_SIZE(title) == VM_KEY_VERDICTS, "title");

/* A section's own text, newlines and tabs as blanks; to be freed. */
static char *section(const char *man, enum vm_key_verdict v)
{
    const char *start = strstr(man, title[v]), *end;
    char *text;

    CHECK(start != NULL);
    start += strlen(title[v]);
    end = strstr(start, "\n# ");
    CHECK(end != NULL);
    text = strndup(start, end - start);
    for (char *c = text; *c; c++)
        if (*c == '\t')
            *c = ' ';
    return text;
}

static void says(const char *text, const struct vm_key *k)
{
    char word[80];
    const char *at, *why;

    snprintf(word, sizeof(word), "*%s*", k->name);
    at = strstr(text, word);
    if (!at)
        print_error("%s: not in the manual under its verdict, %s\n", k->name,
                    vm_key_verdict_name(k->verdict));
    CHECK(at != NULL);
    if (!k->why)
        return;
    at = strstr(at, "\n ");
    why = at ? strstr(at, k->why + 1) : NULL; /* its first letter is large */
    if (!why || strchr(at + 2, '\n') < why)
        print_error("%s: the manual gives another reason\n", k->name);
    CHECK(why != NULL && why < strchr(at + 2, '\n'));
}

TEST(the_manual_has_every_key_under_its_verdict)
{
    char *man = slurp(MAN);

    for (uint32_t v = 0; v < VM_KEY_VERDICTS; v++) {
        char *text = section(man, v);

        for (uint32_t i = 0; vm_key_at(i); i++)
            if (vm_key_at(i)->verdict == v)
                says(text, vm_key_at(i));
        free(text);
    }
    free(man);
}

/* At the beginning of a line, in bold: a key, unless a (5) follows. */
TEST(the_manual_has_no_key_that_is_not)
{
    char *man = slurp(MAN);

    for (uint32_t v = 0; v < VM_KEY_VERDICTS; v++) {
        char *text = section(man, v), *left = NULL;

        for (char *w = strtok_r(text, "\n", &left); w;
             w = strtok_r(NULL, "\n", &left)) {
            size_t n = strcspn(w + 1, "*");

            if (w[0] != '*' ||
                strspn(w + 1, "abcdefghijklmnopqrstuvwxyz"
                              "0123456789_") != n ||
                strncmp(w + 1 + n, "*(", 2) == 0)
                continue;
            w[1 + n] = 0;
            if (!vm_key_find(w + 1))
                print_error("%s: in the manual alone\n", w + 1);
            CHECK(vm_key_find(w + 1) != NULL);
        }
        free(text);
    }
    free(man);
}

TEST(the_nearest_key_is_at_most_two_letters_away)
{
    CHECK_STR(vm_key_nearest("memry"), "memory");
    CHECK_STR(vm_key_nearest("vcpu"), "vcpus");
    CHECK_STR(vm_key_nearest("on_chrash"), "on_crash");
    CHECK_STR(vm_key_nearest("cpu_cap"), "cap");
    CHECK(vm_key_nearest("zzzzzz") == NULL);
    CHECK(vm_key_nearest("a") == NULL);
    CHECK(vm_key_nearest("an_endless_key_that_no_table_has_room_for_at_all") ==
          NULL);
}

RUN_TESTS(RULE(every_key_of_xl_is_in_the_table),
          RULE(every_key_is_there_once_and_says_why),
          RULE(the_manual_has_every_key_under_its_verdict),
          RULE(the_manual_has_no_key_that_is_not),
          RULE(the_nearest_key_is_at_most_two_letters_away))
