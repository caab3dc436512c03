/* SPDX-License-Identifier: MIT */
/*
 * table.c - rows of text whose columns line up, however long a word is
 */
#include "toolstack/cli/table.h"

#include <assert.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

struct table {
    uint32_t nr_columns, nr_left;
    uint32_t nr_cells, room;
    int width[TABLE_COLUMNS_MAX];
    char **cell;
};

struct table *table_new(uint32_t nr_columns, uint32_t nr_left)
{
    struct table *t = calloc(1, sizeof(*t));

    assert(nr_columns > 0 && nr_columns <= TABLE_COLUMNS_MAX);
    if (t) {
        t->nr_columns = nr_columns;
        t->nr_left = nr_left;
    }
    return t;
}

void table_free(struct table *t)
{
    if (!t)
        return;
    for (uint32_t i = 0; i < t->nr_cells; i++)
        free(t->cell[i]);
    free(t->cell);
    free(t);
}

void table_add(struct table *t, const char *format, ...)
{
    uint32_t column = t->nr_cells % t->nr_columns;
    char *text = NULL, **more;
    va_list args;
    int width;

    if (t->nr_cells == t->room) {
        uint32_t room = t->room ? 2 * t->room : 64;

        more = realloc(t->cell, room * sizeof(*more));
        if (!more)
            return;
        t->cell = more;
        t->room = room;
    }
    va_start(args, format);
    width = vasprintf(&text, format, args);
    va_end(args);
    t->cell[t->nr_cells++] = width < 0 ? NULL : text;
    if (width > t->width[column])
        t->width[column] = width;
}

void table_print(FILE *to, const struct table *t)
{
    for (uint32_t i = 0; i < t->nr_cells; i++) {
        uint32_t column = i % t->nr_columns;
        const char *text = t->cell[i] ? t->cell[i] : "";
        bool last = column == t->nr_columns - 1;

        if (column < t->nr_left)
            fprintf(to, "%-*s", last ? 0 : t->width[column], text);
        else
            fprintf(to, "%*s", t->width[column], text);
        fputs(last ? "\n" : "  ", to);
    }
}
