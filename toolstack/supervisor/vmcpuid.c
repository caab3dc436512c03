/* SPDX-License-Identifier: MIT */
/*
 * vmcpuid.c - one word of cpuid=, checked for its shape
 */
#include "toolstack/supervisor/vmcpuid.h"

#include <ctype.h>
#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

#define POLICY_LETTERS 32u /* one a bit, the highest first */

/* 0, 1, x, k or s; or a number, for what is more than a bit. */
static bool good_value(const char *v)
{
    char *end;

    if (v[0] && !v[1] && strchr("01xks", v[0]))
        return true;
    if (!isdigit((unsigned char)v[0]))
        return false;
    strtoul(v, &end, 0);
    return *end == 0;
}

int vmcpuid_check_text(const char *text, struct err *e)
{
    char *words = strdup(text), *left = NULL, *w;
    int rc = 0;

    if (!words)
        return fail(e, -ENOMEM, "cpuid: no memory");
    w = strtok_r(words, ",", &left);
    if (w && strcmp(w, "host"))
        rc = fail(e, -EINVAL, "got \"%.40s\" in front, want host", w);
    while (rc == 0 && w && (w = strtok_r(NULL, ",", &left))) {
        const char *value = strchr(w, '=');

        if (!value || value == w || !good_value(value + 1))
            rc = fail(e, -EINVAL,
                      "got \"%.40s\", want name=0, 1, x, k, s or a number", w);
    }
    free(words);
    return rc;
}

static bool number(const char **s)
{
    char *end;

    if (!isdigit((unsigned char)**s))
        return false;
    strtoul(*s, &end, 0);
    *s = end;
    return true;
}

static bool good_registers(const char *s)
{
    for (;;) {
        if (s[0] != 'e' || s[1] < 'a' || s[1] > 'd' || s[2] != 'x' ||
            s[3] != '=')
            return false;
        s += 4;
        if (strspn(s, "01xks") != POLICY_LETTERS)
            return false;
        s += POLICY_LETTERS;
        if (*s == 0)
            return true;
        if (*s++ != ',')
            return false;
        s += strspn(s, " \n");
    }
}

int vmcpuid_check_leaf(const char *text, struct err *e)
{
    const char *s = text;
    bool good = number(&s);

    if (good && *s == ',') {
        s++;
        good = number(&s);
    }
    if (!good || *s++ != ':' || (*s && !good_registers(s)))
        return fail(e, -EINVAL,
                    "got \"%.60s\", want LEAF[,SUBLEAF]:e[abcd]x= and 32 of "
                    "0 1 x k s",
                    text);
    return 0;
}
