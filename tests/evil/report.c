/* SPDX-License-Identifier: MIT */
/*
 * report.c - say what a case did, to people or to programs
 */
#include "tests/evil/report.h"

#include <stdio.h>
#include <string.h>

#include <json-c/json.h>

#include "tests/evil/cases.h"

#define HEX_BYTES (2 * EVIL_MEASUREMENT_BYTES + 1)

static void hex(const uint8_t *bytes, char out[HEX_BYTES])
{
    for (uint32_t i = 0; i < EVIL_MEASUREMENT_BYTES; i++)
        snprintf(out + 2 * i, 3, "%02x", bytes[i]);
}

static const char *match_name(enum evil_match m)
{
    static const char *const name[] = {
        [EVIL_ANY] = "as granted",
        [EVIL_SAME] = "as predicted",
        [EVIL_OTHER] = "not as predicted",
    };

    return name[m];
}

static void print_want(const struct evil_want *w)
{
    printf("%s", judge_end_name[w->end]);
    if (w->end == EVIL_RUNNING)
        printf(", measured %s", match_name(w->match));
    if (w->end == EVIL_FAILED)
        printf(", %s%s%s%s", judge_error_name(w->error), w->words ? " /" : "",
               w->words ? w->words : "", w->words ? "/" : "");
}

void report_list(void)
{
    for (uint32_t i = 0; cases_at(i); i++) {
        const struct evil_case *c = cases_at(i);

        printf("%s\t", c->name);
        print_want(&c->want);
        printf("\t%s\n", c->lie);
    }
}

void report_text(const struct evil *v, const struct verdict *j)
{
    printf("%s: %s: %s", v->c->name, j->ok ? "ok" : "NOT OK",
           judge_end_name[v->end]);
    if (v->end == EVIL_FAILED)
        printf(": %s: %.256s", judge_error_name(v->seen.error), v->seen.text);
    if (v->end == EVIL_RUNNING) {
        char measured[HEX_BYTES];

        hex(v->seen.measurement, measured);
        printf(", measured %s", measured);
    }
    printf("\n");
    if (!j->ok)
        printf("%s: %s\n", v->c->name, j->why);
}

static void add_text(struct json_object *o, const char *key, const char *text)
{
    json_object_object_add(o, key, json_object_new_string(text));
}

static void add_hex(struct json_object *o, const char *key,
                    const uint8_t *bytes)
{
    char text[HEX_BYTES];

    hex(bytes, text);
    add_text(o, key, text);
}

void report_json(const struct evil *v, const struct verdict *j)
{
    struct json_object *o = json_object_new_object();
    char text[sizeof(v->seen.text) + 1] = { 0 };

    add_text(o, "case", v->c->name);
    json_object_object_add(o, "ok", json_object_new_boolean(j->ok));
    add_text(o, "want", judge_end_name[v->c->want.end]);
    add_text(o, "got", judge_end_name[v->end]);
    if (!j->ok)
        add_text(o, "why", j->why);
    if (v->end == EVIL_FAILED) {
        memcpy(text, v->seen.text, sizeof(v->seen.text));
        add_text(o, "error", judge_error_name(v->seen.error));
        add_text(o, "text", text);
    }
    if (v->end == EVIL_RUNNING) {
        add_hex(o, "measured", v->seen.measurement);
        add_hex(o, "granted", j->granted);
        add_hex(o, "predicted", j->predicted);
    }
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN));
    json_object_put(o);
}
