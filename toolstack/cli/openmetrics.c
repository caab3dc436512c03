/* SPDX-License-Identifier: MIT */
/*
 * openmetrics.c - write figures as OpenMetrics 1.0 text
 */
#include "toolstack/cli/openmetrics.h"

#include <string.h>

#define WHOLE_MAX 9007199254740992.0 /* 2^53: beyond, doubles skip some */

/* Texts are ours or come from configurations: what is not ASCII is masked. */
static void put_escaped(FILE *to, const char *s)
{
    for (; *s; s++) {
        if (*s == '\n')
            fputs("\\n", to);
        else if (*s == '\\' || *s == '"')
            fprintf(to, "\\%c", *s);
        else
            fputc((unsigned char)*s < 0x80 ? *s : '?', to);
    }
}

void om_head(FILE *to, const struct om_family *f)
{
    fprintf(to, "# TYPE %s %s\n", f->name, f->type);
    if (f->unit)
        fprintf(to, "# UNIT %s %s\n", f->name, f->unit);
    fprintf(to, "# HELP %s ", f->name);
    put_escaped(to, f->help);
    fputc('\n', to);
}

static void put_number(FILE *to, double value)
{
    if (value >= 0 && value <= WHOLE_MAX && value == (double)(uint64_t)value)
        fprintf(to, "%.0f", value);
    else
        fprintf(to, "%.6f", value);
}

void om_sample(FILE *to, const struct om_family *f,
               const struct om_label *labels, uint32_t nr_labels, double value)
{
    fprintf(to, "%s%s", f->name, strcmp(f->type, "counter") ? "" : "_total");
    for (uint32_t i = 0; i < nr_labels; i++) {
        fprintf(to, "%c%s=\"", i == 0 ? '{' : ',', labels[i].key);
        put_escaped(to, labels[i].value);
        fputc('"', to);
    }
    fputs(nr_labels ? "} " : " ", to);
    put_number(to, value);
    fputc('\n', to);
}

void om_end(FILE *to)
{
    fputs("# EOF\n", to);
}
