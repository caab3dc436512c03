/* SPDX-License-Identifier: MIT */
/*
 * vmget.c - reading settings as xl does, and telling people about them
 */
#include "toolstack/supervisor/vmget.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "common/err.h"

#define TEXT_BYTES 512u

static void compose(char *out, const struct cfg_place *at, const char *fmt,
                    va_list ap)
{
    int used = 0;

    if (at)
        used = snprintf(out, TEXT_BYTES, "%s:%u:%u: ", at->file, at->line,
                        at->col);
    if (used < 0 || used >= (int)TEXT_BYTES)
        used = 0;
    vsnprintf(out + used, TEXT_BYTES - used, fmt, ap);
}

static void tell(const struct vmget *g, const char *text)
{
    struct err clean; /* fail() also takes out what could steer a terminal */

    fail(&clean, -EINVAL, "%s", text);
    if (g->warn)
        g->warn(g->arg, clean.text);
}

void vmget_note(const struct vmget *g, const struct cfg_place *at,
                const char *fmt, ...)
{
    char text[TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    compose(text, at, fmt, ap);
    va_end(ap);
    tell(g, text);
}

int vmget_mistake(const struct vmget *g, const struct cfg_place *at,
                  const char *fmt, ...)
{
    char text[TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    compose(text, at, fmt, ap);
    va_end(ap);
    if (g->strict)
        return fail(g->e, -EINVAL, "%s", text);
    tell(g, text);
    return 0;
}

int vmget_bad(const struct vmget *g, const struct cfg_place *at, int rc,
              const char *fmt, ...)
{
    char text[TEXT_BYTES];
    va_list ap;

    va_start(ap, fmt);
    compose(text, at, fmt, ap);
    va_end(ap);
    return fail(g->e, rc, "%s", text);
}

int vmget_missing(const struct vmget *g, const char *key, const char *want)
{
    const char *file = cfg_first_file(g->cfg);

    return fail(g->e, -EINVAL, "%s: %s: got nothing, want %s",
                file ? file : "configuration", key, want);
}

const struct cfg_place *vmget_place(const struct vmget *g, const char *key)
{
    const struct cfg_setting *s = cfg_find(g->cfg, key);

    return s ? &s->value->at : NULL;
}

int vmget_text(const struct vmget *g, const char *key, const char **out)
{
    const struct cfg_setting *s = cfg_find(g->cfg, key);

    if (!s)
        return 0;
    if (s->value->type == CFG_LIST)
        return vmget_mistake(g, &s->value->at,
                             "%s: no effect: got a list, want a single value",
                             key);
    *out = s->value->text;
    return 1;
}

int vmget_number(const struct vmget *g, const char *key, long *out)
{
    const struct cfg_setting *s = cfg_find(g->cfg, key);
    int rc;

    if (!s)
        return 0;
    if (s->value->type == CFG_LIST)
        return vmget_mistake(g, &s->value->at,
                             "%s: no effect: got a list, want a number", key);
    if (s->grown)
        return vmget_mistake(
            g, &s->at, "%s: no effect: got +=, which makes no number", key);
    rc = cfg_number(s->value, out);
    if (rc < 0)
        return vmget_mistake(
            g, &s->value->at, "%s: no effect: got %.80s, want a number%s", key,
            s->value->text, rc == -ERANGE ? " of 64 bits" : "");
    return 1;
}

int vmget_bool(const struct vmget *g, const char *key, bool *out)
{
    long number = 0;
    int rc = vmget_number(g, key, &number);

    if (rc == 1)
        *out = number != 0;
    return rc;
}

int vmget_list(const struct vmget *g, const char *key,
               const struct cfg_value **first)
{
    const struct cfg_setting *s = cfg_find(g->cfg, key);

    if (!s)
        return 0;
    if (s->value->type != CFG_LIST)
        return vmget_mistake(g, &s->value->at,
                             "%s: no effect: got a single value, want a list",
                             key);
    *first = s->value->first;
    return 1;
}

int vmget_within(const struct vmget *g, const char *key, uint64_t min,
                 uint64_t max, uint64_t *out)
{
    long number;
    int rc = vmget_number(g, key, &number);

    if (rc <= 0)
        return rc;
    if (number < 0 || (uint64_t)number < min || (uint64_t)number > max)
        return vmget_bad(g, vmget_place(g, key), -EINVAL,
                         "%s: got %ld, want %llu..%llu", key, number,
                         (unsigned long long)min, (unsigned long long)max);
    *out = (uint64_t)number;
    return 1;
}

int vmget_one_of(const struct vmget *g, const char *key,
                 const char *const *names, uint32_t nr, const char *want,
                 uint32_t *out)
{
    const char *text = NULL;
    int rc = vmget_text(g, key, &text);

    if (rc <= 0)
        return rc;
    for (uint32_t i = 0; i < nr; i++)
        if (strcmp(text, names[i]) == 0) {
            *out = i;
            return 1;
        }
    return vmget_bad(g, vmget_place(g, key), -EINVAL,
                     "%s: got \"%.80s\", want %s", key, text, want);
}
