/* SPDX-License-Identifier: MIT */
/* report.c - one line per row as it comes, or one JSON array at the end */
#include "report.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

struct report {
    struct json_object *rows; /* NULL: text */
    unsigned nr[V_VERDICTS];
    unsigned nr_lines;
    int judged;
};

static const struct {
    uint32_t stage;
    const char *name;
} stages[] = {
    { STAGE_NEWBORN, "newborn" }, { STAGE_RUNNING, "running" },
    { STAGE_LAST, "last" },       { STAGE_FREED, "freed" },
    { STAGE_HOST, "host" },       { STAGE_GONE, "gone" },
    { STAGE_SERIAL, "serial" },
};
#define NR_STAGES (sizeof(stages) / sizeof(stages[0]))

const char *stage_name(uint32_t stage)
{
    for (unsigned i = 0; i < NR_STAGES; i++)
        if (stages[i].stage == stage)
            return stages[i].name;
    return "?";
}

uint32_t stage_of_name(const char *name)
{
    for (unsigned i = 0; i < NR_STAGES; i++)
        if (!strcmp(stages[i].name, name))
            return stages[i].stage;
    return 0;
}

struct report *report_begin(int json)
{
    struct report *r = calloc(1, sizeof(*r));

    if (r && json)
        r->rows = json_object_new_array();
    return r;
}

static void put(struct json_object *o, const char *key, const char *value)
{
    json_object_object_add(o, key, json_object_new_string(value));
}

static struct json_object *describe(const struct row *row, uint32_t stage)
{
    struct json_object *o = json_object_new_object();

    put(o, "id", row->id);
    put(o, "audit", row->audit);
    put(o, "way", row->way);
    put(o, "choke", row->choke);
    put(o, "stage", stage_name(stage));
    return o;
}

void report_attempt(struct report *r, const struct row *row, uint32_t stage,
                    const struct outcome *o)
{
    char text[128];

    out_format(o, text, sizeof(text));
    if (r->rows) {
        struct json_object *j = describe(row, stage);

        put(j, "outcome", text);
        json_object_array_add(r->rows, j);
        return;
    }
    if (r->nr_lines++ == 0)
        printf("%-36s %-5s %-44s %s\n", "row", "audit", "way in", "outcome");
    printf("%-36s %-5s %-44s %s\n", row->id, row->audit, row->way, text);
}

void report_verdict(struct report *r, const struct row *row, uint32_t stage,
                    const struct outcome *control, const struct outcome *target,
                    enum verdict v, const char *why)
{
    char ordinary[128], protected[128];

    r->judged = 1;
    r->nr[v]++;
    out_format(control, ordinary, sizeof(ordinary));
    out_format(target, protected, sizeof(protected));
    if (r->rows) {
        struct json_object *j = describe(row, stage);

        put(j, "ordinary", ordinary);
        put(j, "protected", protected);
        put(j, "verdict", verdict_name(v));
        put(j, "why", why);
        json_object_array_add(r->rows, j);
        return;
    }
    if (r->nr_lines++ == 0)
        printf("%-36s %-5s %-44s %-20s %-20s %s\n", "row", "audit", "way in",
               "ordinary guest", "protected guest", "verdict");
    printf("%-36s %-5s %-44s %-20.20s %-20.20s %s%s%s\n", row->id, row->audit,
           row->way, ordinary, protected, verdict_name(v), why[0] ? ": " : "",
           why);
    fflush(stdout);
}

void report_end(struct report *r, unsigned nr[V_VERDICTS])
{
    memcpy(nr, r->nr, sizeof(r->nr));
    if (r->rows) {
        printf("%s\n", json_object_to_json_string_ext(r->rows,
                                                      JSON_C_TO_STRING_PRETTY));
        json_object_put(r->rows);
    } else if (r->judged) {
        printf(
            "%u passed, %u failed, %u open, %u moot, %u absent, %u in error\n",
            nr[V_PASS], nr[V_FAIL], nr[V_OPEN], nr[V_MOOT], nr[V_ABSENT],
            nr[V_ERROR]);
    }
    free(r);
}
