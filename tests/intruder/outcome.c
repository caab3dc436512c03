/* SPDX-License-Identifier: MIT */
/* outcome.c - make outcomes and put them into words */
#include "outcome.h"

#include <stdio.h>
#include <string.h>

struct outcome out_of_rc(long rc)
{
    struct outcome o = { .kind = OUT_SUCCEEDED };

    if (rc < 0)
        o = (struct outcome){ .kind = OUT_REFUSED, .err = (int)-rc };
    return o;
}

struct outcome out_of_extents(long rc)
{
    if (rc == 0)
        return (struct outcome){ .kind = OUT_REFUSED };
    return out_of_rc(rc);
}

struct outcome out_canary(void)
{
    return (struct outcome){ .kind = OUT_CANARY };
}

static struct outcome out_text(enum outcome_kind kind, const char *text)
{
    struct outcome o = { .kind = kind };

    snprintf(o.text, sizeof(o.text), "%s", text);
    return o;
}

struct outcome out_silent(const char *text)
{
    return out_text(OUT_SILENT, text);
}

struct outcome out_na(const char *text)
{
    return out_text(OUT_NA, text);
}

struct outcome out_error(const char *text, int err)
{
    struct outcome o = { .kind = OUT_ERROR };

    if (err)
        snprintf(o.text, sizeof(o.text), "%.60s: %s", text,
                 strerrorname_np(err));
    else
        snprintf(o.text, sizeof(o.text), "%s", text);
    return o;
}

void out_format(const struct outcome *o, char *text, size_t len_bytes)
{
    const char *name;

    switch (o->kind) {
    case OUT_REFUSED:
        name = strerrorname_np(o->err);
        if (o->err == 0)
            snprintf(text, len_bytes, "refused:0-extents");
        else if (name)
            snprintf(text, len_bytes, "refused:%s", name);
        else
            snprintf(text, len_bytes, "refused:%d", o->err);
        return;
    case OUT_CANARY:
        snprintf(text, len_bytes, "read-canary");
        return;
    case OUT_SUCCEEDED:
        snprintf(text, len_bytes, "succeeded");
        return;
    case OUT_SILENT:
        snprintf(text, len_bytes, "silent:%s", o->text);
        return;
    case OUT_NA:
        snprintf(text, len_bytes, "not-applicable:%s", o->text);
        return;
    case OUT_ERROR:
    case OUT_KINDS:
        break;
    }
    snprintf(text, len_bytes, "error:%s", o->text);
}

int out_is_open(const struct outcome *o)
{
    return o->kind == OUT_SUCCEEDED || o->kind == OUT_CANARY;
}
