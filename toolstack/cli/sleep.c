/* SPDX-License-Identifier: MIT */
/*
 * sleep.c - `freehold suspend` and `resume`
 */
#include <errno.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

static const char *text_of(struct json_object *o, const char *key)
{
    struct json_object *v = NULL;

    json_object_object_get_ex(o, key, &v);
    return v ? json_object_get_string(v) : "";
}

/* Returns 1 once it sleeps, 0 when this says nothing, or why it never will. */
static int judge(const char *name, const char *method, struct json_object *o,
                 struct err *e)
{
    const char *state = text_of(o, "state");

    if (strcmp(method, "unsuspended") == 0)
        return fail(e, -ETIMEDOUT, "guest %s: suspend: %.128s", name,
                    text_of(o, "why"));
    if (strcmp(method, "state") || strcmp(state, "running") == 0)
        return 0;
    if (strcmp(state, "suspended") == 0)
        return 1;
    return fail(e, -ECANCELED, "guest %s: suspend: it is %.16s meanwhile", name,
                state);
}

/* The supervisor has an answer within a minute, whatever the guest does. */
static int wait_asleep(struct client *c, const char *name, struct err *e)
{
    char method[CLIENT_METHOD_MAX];
    struct json_object *o;
    int rc, verdict = 0;

    while (verdict == 0) {
        rc = client_event_in(c, -1, method, &o, e);
        if (rc == 0)
            return fail(e, -EPIPE, "guest %s: suspend: its supervisor ended",
                        name);
        if (rc < 0)
            return rc;
        verdict = judge(name, method, o, e);
        json_object_put(o);
    }
    return verdict < 0 ? verdict : 0;
}

int cmd_suspend(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    struct client *c = NULL;
    struct target t;
    int rc;

    (void)x;
    if (argc != 2)
        return EXIT_USAGE;
    rc = ask_open(argv[1], &c, &t, e);
    if (rc == 0)
        rc = client_call(c, "subscribe", NULL, NULL, e);
    if (rc == 0)
        rc = client_call(c, "suspend", NULL, NULL, e);
    if (rc == 0)
        rc = wait_asleep(c, t.name, e);
    client_close(c);
    return rc;
}

int cmd_resume(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return argc == 2 ? ask(argv[1], "resume", NULL, e) : EXIT_USAGE;
}
