/* SPDX-License-Identifier: MIT */
/*
 * checklist.c - rows of what was looked at: as a table, or as JSON
 *
 * The rows are kept as the JSON that --json prints, and the table is made of
 * those: one cannot say what the other does not.
 */
#include "toolstack/cli/checklist.h"

#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "toolstack/cli/table.h"

static const char *const column[] = { "result", "check", "state", "why",
                                      "remedy" };
static const char *const head[] = { "", "CHECK", "STATE", "WHY IT MATTERS",
                                    "REMEDY" };
static const char *const word[] = { "ok", "note", "FAIL" };

struct checklist {
    struct json_object *rows;
    uint32_t nr_failed;
};

struct checklist *checklist_new(void)
{
    struct checklist *l = calloc(1, sizeof(*l));

    if (l)
        l->rows = json_object_new_array();
    return l;
}

void checklist_free(struct checklist *l)
{
    if (!l)
        return;
    json_object_put(l->rows);
    free(l);
}

void checklist_add(struct checklist *l, enum verdict v, const char *what,
                   const char *state, const char *why, const char *remedy)
{
    const char *const value[] = { word[v], what, state, why, remedy };
    struct json_object *row = json_object_new_object();

    l->nr_failed += v == CHECK_FAIL;
    for (uint32_t i = 0; i < ARRAY_SIZE(value); i++)
        json_object_object_add(row, column[i],
                               json_object_new_string(value[i]));
    json_object_array_add(l->rows, row);
}

uint32_t checklist_nr_failed(const struct checklist *l)
{
    return l->nr_failed;
}

void checklist_print(FILE *to, const struct checklist *l)
{
    struct table *t = table_new(ARRAY_SIZE(column), ARRAY_SIZE(column));
    size_t nr = json_object_array_length(l->rows);

    if (!t)
        return;
    for (uint32_t i = 0; i < ARRAY_SIZE(head); i++)
        table_add(t, "%s", head[i]);
    for (size_t r = 0; r < nr; r++)
        for (uint32_t i = 0; i < ARRAY_SIZE(column); i++) {
            struct json_object *row = json_object_array_get_idx(l->rows, r);

            table_add(
                t, "%s",
                json_object_get_string(json_object_object_get(row, column[i])));
        }
    table_print(to, t);
    table_free(t);
}

struct json_object *checklist_json(const struct checklist *l)
{
    return json_object_get(l->rows);
}
