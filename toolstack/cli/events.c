/* SPDX-License-Identifier: MIT */
/*
 * events.c - `freehold events`: what happens to guests, a line each
 *
 * How this works: watch.c follows the guests; here its events are printed, at
 * once, and counted.  It begins with how every guest is, so that nothing falls
 * between `list` and the first event.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/devinfo.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"
#include "toolstack/cli/watch.h"
#include "toolstack/supervisor/guest.h"
#include "toolstack/supervisor/rundir.h"

#define TIMEOUT_S_MAX 1000000u

struct events {
    bool json;
    const char *until; /* NULL: for ever */
    uint32_t left;     /* 0: for ever */
    int nr_names;
    char **names;
    bool *reached; /* one for each of the names */
};

static uint64_t time_us(struct json_object *detail)
{
    struct json_object *value;
    struct timespec t;

    if (detail && json_object_object_get_ex(detail, "time_us", &value))
        return (uint64_t)json_object_get_int64(value);
    clock_gettime(CLOCK_REALTIME, &t);
    return t.tv_sec * 1000000ull + t.tv_nsec / 1000;
}

static const char *text_of(struct json_object *detail, const char *key)
{
    struct json_object *value;

    if (!detail || !json_object_object_get_ex(detail, key, &value))
        return "";
    return json_object_get_string(value);
}

/* Is it there, and not a whole guest's info, which `info` tells? */
static bool is_snapshot(const struct watch_event *v)
{
    return strcmp(v->what, "is") == 0 || strcmp(v->what, "appears") == 0;
}

/* What is behind the columns. */
static void print_detail(const struct watch_event *v)
{
    struct json_object *rest;

    if (!v->detail)
        return;
    if (strcmp(v->what, "restart") == 0) {
        printf("number %s, in %s ms", text_of(v->detail, "restarts"),
               text_of(v->detail, "wait_ms"));
    } else if (strcmp(v->what, "rename") == 0) {
        printf("%s is now %s", text_of(v->detail, "from"),
               text_of(v->detail, "to"));
    } else if (strcmp(v->what, "block") == 0) {
        const char *why = text_of(v->detail, "why");

        printf("%s%s%s", text_of(v->detail, "vdev"), *why ? ": " : "", why);
    } else if (strcmp(v->what, "network") == 0) {
        const char *why = text_of(v->detail, "why");

        printf("vif %s%s%s", text_of(v->detail, "devid"), *why ? ": " : "",
               why);
    } else if (strcmp(v->what, "migration") == 0) {
        printf("%s, epoch %s, %s of %s pages", text_of(v->detail, "role"),
               text_of(v->detail, "epoch"), text_of(v->detail, "sent_pages"),
               text_of(v->detail, "ram_pages"));
    } else if (strcmp(v->what, "migration-end") == 0) {
        const char *why = text_of(v->detail, "why");

        printf("%s%s%s", text_of(v->detail, "end"), *why ? ": " : "", why);
    } else if (json_object_object_get_ex(v->detail, "asked", &rest)) {
        fputs(json_object_to_json_string_ext(rest, JSON_C_TO_STRING_PLAIN),
              stdout);
    } else {
        fputs(text_of(v->detail, "why"), stdout);
        fputs(text_of(v->detail, "how"), stdout);
    }
}

static void print_text(const struct watch_event *v)
{
    uint64_t us = time_us(v->detail);
    time_t s = (time_t)(us / 1000000);
    char text[24];
    struct tm tm;

    localtime_r(&s, &tm);
    strftime(text, sizeof(text), "%Y-%m-%d %H:%M:%S", &tm);
    printf("%s.%03u %-20s %-9s %-9s ", text, (uint32_t)(us / 1000 % 1000),
           v->name, v->what, v->detail ? text_of(v->detail, "state") : "");
    print_detail(v);
    putchar('\n');
}

static void print_json(const struct watch_event *v)
{
    static const char *const kept[] = { "domid", "state", "why", "since_us",
                                        "restarts" };
    struct json_object *o = json_object_new_object(), *value;

    json_object_object_add(o, "time_us",
                           json_object_new_uint64(time_us(v->detail)));
    json_object_object_add(o, "name", json_object_new_string(v->name));
    json_object_object_add(o, "event", json_object_new_string(v->what));
    for (uint32_t i = 0; is_snapshot(v) && i < ARRAY_SIZE(kept); i++)
        if (json_object_object_get_ex(v->detail, kept[i], &value))
            json_object_object_add(o, kept[i], json_object_get(value));
    if (v->detail && !is_snapshot(v)) {
        json_object_object_foreach(v->detail, key, part)
            json_object_object_add(o, key, json_object_get(part));
    }
    puts(json_object_to_json_string_ext(o, JSON_C_TO_STRING_PLAIN |
                                               JSON_C_TO_STRING_NOSLASHESCAPE));
    json_object_put(o);
}

/* Is the state wanted reached: by each of the names, or by any guest? */
static bool is_reached(struct events *x, const struct watch_event *v)
{
    const char *state = text_of(v->detail, "state");
    bool all = true;

    if (strcmp(v->what, "absent") == 0 || strcmp(v->what, "gone") == 0)
        state = "gone";
    if (!x->until || strcmp(state, x->until) || devinfo_event(v->what))
        return false;
    for (int i = 0; i < x->nr_names; i++) {
        x->reached[i] |= strcmp(x->names[i], v->name) == 0;
        all &= x->reached[i];
    }
    return all;
}

static bool on_event(void *arg, const struct watch_event *v)
{
    struct events *x = arg;
    bool counts = strcmp(v->what, "is") && strcmp(v->what, "absent");

    if (x->json)
        print_json(v);
    else
        print_text(v);
    fflush(stdout);
    if (is_reached(x, v))
        return false;
    return !(counts && x->left > 0 && --x->left == 0);
}

static int check_state(const char *state, struct err *e)
{
    for (int i = 0; i < GUEST_STATES; i++)
        if (strcmp(state, guest_state_name(i)) == 0)
            return 0;
    return fail(e, -EINVAL,
                "events: --until: got %.32s, want a state: building, paused, "
                "launching, receiving, running, suspended, ended, kept, "
                "waiting, ending or gone",
                state);
}

static int parse(struct events *x, uint32_t *timeout_s, int argc, char **argv,
                 struct err *e)
{
    static const struct option long_options[] = {
        { "count", required_argument, NULL, 'n' },
        { "until", required_argument, NULL, 'u' },
        { "timeout", required_argument, NULL, 't' },
        { NULL, 0, NULL, 0 },
    };
    int option, rc = 0;

    optind = 0;
    while (rc == 0 && (option = getopt_long(argc, argv, "n:u:t:", long_options,
                                            NULL)) != -1) {
        if (option == '?')
            return EXIT_USAGE;
        if (option == 'n')
            rc = units_number("events: -n", optarg, UINT32_MAX, &x->left, e);
        else if (option == 't')
            rc =
                units_number("events: -t", optarg, TIMEOUT_S_MAX, timeout_s, e);
        else
            rc = check_state(x->until = optarg, e);
    }
    x->nr_names = argc - optind;
    x->names = argv + optind;
    for (int i = 0; rc == 0 && i < x->nr_names; i++)
        rc = vmcfg_check_name(x->names[i], e);
    return rc;
}

int cmd_events(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct events v = { .json = x->json };
    uint32_t timeout_s = UINT32_MAX;
    struct watch_options o = {
        .base = RUNDIR_BASE,
        .timeout_ms = -1,
        .peer_fd = STDOUT_FILENO,
        .happened = on_event,
        .arg = &v,
    };
    int rc = parse(&v, &timeout_s, argc, argv, e);

    if (rc)
        return rc;
    v.reached = calloc(v.nr_names + 1, sizeof(*v.reached));
    if (!v.reached)
        return fail(e, -ENOMEM, "events: no memory");
    o.nr_names = v.nr_names;
    o.names = v.names;
    if (timeout_s != UINT32_MAX)
        o.timeout_ms = (int)timeout_s * 1000;
    rc = watch_guests(&o, e);
    free(v.reached);
    if (rc == -ETIMEDOUT)
        return fail(e, rc, "events: wait: %u s are over", timeout_s);
    return rc;
}
