/* SPDX-License-Identifier: MIT */
/*
 * lifescript.c - a life as life.h's, by a script: what is told, what is done
 */
#include "tests/unit/lifescript.h"

#include <stdio.h>
#include <stdlib.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/log.h"
#include "tests/fakes/fake.h"
#include "tests/unit/test.h"
#include "toolstack/supervisor/api.h"
#include "toolstack/supervisor/guest_priv.h"

#define PATIENCE_MS 30000u /* the longest life is over in a few hundred */

void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params);

struct script script;

/* What the test does when this is told; in turn. */
static struct {
    const char *when;
    void (*then)(void);
} step[12];
static uint32_t at, ran; /* two may be told in one turn of the loop */
static uv_timer_t soon, later, patience;
static bool (*waits_for)(void); /* script_when(); NULL: for nothing */
static void (*goes_on)(void);

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v;

    return o && json_object_object_get_ex(o, key, &v)
               ? json_object_get_string(v)
               : "";
}

static void describe(char *line, size_t line_bytes, const char *method,
                     struct json_object *params)
{
    const char *word = strcmp(method, "migration-end")
                           ? text_of(params, "state")
                           : text_of(params, "end");

    if (strcmp(method, "steward") == 0)
        snprintf(line, line_bytes, "steward %s %s %s", text_of(params, "op"),
                 text_of(params, "transfer"), text_of(params, "why"));
    else
        snprintf(line, line_bytes, "%s%s%s", method, *word ? " " : "", word);
}

static void on_soon(uv_timer_t *t)
{
    (void)t;
    while (ran < at)
        step[ran++].then();
}

/* Linked in by --wrap: what every subscriber would be sent. */
void __wrap_api_event(struct api *a, const char *method,
                      struct json_object *params)
{
    size_t used = strlen(script.told);
    char line[256];

    (void)a;
    describe(line, sizeof(line), method, params);
    snprintf(script.told + used, sizeof(script.told) - used, "%s, ", line);
    if (strcmp(method, "migration-end") == 0)
        snprintf(
            script.last_end, sizeof(script.last_end), "%s",
            json_object_to_json_string_ext(params, JSON_C_TO_STRING_PLAIN));
    if (step[at].when && strcmp(step[at].when, line) == 0) {
        at++;
        uv_timer_start(&soon, on_soon, 0, 0);
    }
    json_object_put(params);
}

void script_fresh(void)
{
    life_fresh();
    memset(&script, 0, sizeof(script));
    memset(step, 0, sizeof(step));
    at = ran = 0;
    waits_for = NULL;
    log_set_level(getenv("LOUD") ? LOG_LEVEL_DEBUG : LOG_LEVEL_NONE);
}

void script_add(const char *when, void (*then)(void))
{
    uint32_t i = 0;

    while (step[i].when)
        i++;
    step[i].when = when;
    step[i].then = then;
}

static void on_later(uv_timer_t *t)
{
    if (!waits_for()) {
        uv_timer_start(t, on_later, 1, 0);
        return;
    }
    waits_for = NULL;
    goes_on();
}

void script_when(bool (*is_so)(void), void (*then)(void))
{
    waits_for = is_so;
    goes_on = then;
    uv_timer_start(&later, on_later, 1, 0);
}

static void check_none_waits(void)
{
    if (step[at].when || waits_for)
        print_error("waits for `%s`%s, was told: %s\n",
                    step[at].when ? step[at].when : "",
                    waits_for ? " and for what is to become so" : "",
                    script.told);
    assert_null(step[at].when);
    assert_null(waits_for);
}

/* A life that does not end: one that waits is the likely cause. */
static void on_patience(uv_timer_t *t)
{
    (void)t;
    check_none_waits();
    print_error("it does not end, and was told: %s\n", script.told);
    CHECK(false);
}

void script_open(const struct guest_options *more)
{
    uv_timer_t *const own[] = { &soon, &later, &patience };

    CHECK_EQ(life_open(more), 0);
    for (uint32_t i = 0; i < ARRAY_SIZE(own); i++) {
        uv_timer_init(&life.loop, own[i]);
        uv_unref((uv_handle_t *)own[i]);
    }
    uv_timer_start(&patience, on_patience, PATIENCE_MS, 0);
}

void script_finish(void)
{
    uv_run(&life.loop, UV_RUN_DEFAULT);
    uv_close((uv_handle_t *)&soon, NULL);
    uv_close((uv_handle_t *)&later, NULL);
    uv_close((uv_handle_t *)&patience, NULL);
    life_finish();
    check_none_waits();
}

int script_call(const char *method, const char *params)
{
    struct json_object *p = params ? json_tokener_parse(params) : NULL;
    struct json_object *result = NULL;
    int rc;

    script.err = (struct err){ 0 };
    rc = guest_call(life.guest, method, p, &result, &script.err);
    json_object_put(p);
    json_object_put(result);
    return rc;
}

struct fake_domain *script_domain(void)
{
    return fake_find(guest_domid(life.guest));
}

const char *script_asked(void)
{
    char path[64];
    const char *v;

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
             guest_domid(life.guest));
    v = fake_xs_value(path);
    return v ? v : "";
}

void script_acknowledges(void)
{
    char path[64];

    snprintf(path, sizeof(path), "/local/domain/%u/control/shutdown",
             guest_domid(life.guest));
    fake_xs_set(path, "");
}

void script_suspends(void)
{
    script_acknowledges();
    fake_shutdown(script_domain(), HYP_SUSPEND);
}

void script_ends(void)
{
    fake_shutdown(script_domain(), HYP_POWEROFF);
}
