/* SPDX-License-Identifier: MIT */
/*
 * migask.c - have a supervisor begin a transfer, and hear what comes of it
 */
#include "toolstack/cli/migask.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/devinfo.h"
#include "toolstack/cli/migsock.h"

static const char *const end_name[] = {
    [MIGASK_MOVED] = "moved",     [MIGASK_STAYED] = "stayed",
    [MIGASK_CHECKED] = "checked", [MIGASK_FENCED] = "fenced",
    [MIGASK_STUCK] = "stuck",     [MIGASK_RUNS] = "runs",
    [MIGASK_READY] = "ready",     [MIGASK_POISONED] = "poisoned",
    [MIGASK_REFUSED] = "refused",
};
_Static_assert(ARRAY_SIZE(end_name) == MIGASK_ENDS, "end_name");

const char *migask_end_name(enum migask_end end)
{
    return end_name[end];
}

/* ---- what is asked ---- */

static void add_number(struct json_object *o, const char *key, uint64_t n)
{
    json_object_object_add(o, key, json_object_new_uint64(n));
}

static void add_flag(struct json_object *o, const char *key, bool on)
{
    json_object_object_add(o, key, json_object_new_boolean(on));
}

/* Numbers of our own descriptors: the supervisor takes them from us. */
static void add_fds(struct json_object *o, const struct miglink *l)
{
    struct json_object *list = json_object_new_array();

    for (uint32_t i = 0; i < l->nr; i++) {
        struct json_object *pair = json_object_new_array();

        for (uint32_t k = 0; k < 2; k++)
            json_object_array_add(pair, json_object_new_int(l->fd[i][k]));
        json_object_array_add(list, pair);
    }
    json_object_object_add(o, "fds", list);
}

struct json_object *migask_migrate(const struct migopts *o,
                                   const struct miglink *l)
{
    struct json_object *p = json_object_new_object();

    json_object_object_add(
        p, "purpose", json_object_new_string(o->check ? "check" : "migrate"));
    add_fds(p, l);
    add_flag(p, "live", o->live);
    if (o->max_downtime_ms)
        add_number(p, "max_downtime_ms", o->max_downtime_ms);
    add_number(p, "timeout_ms", o->timeout_s * 1000ull);
    add_flag(p, "force", o->force);
    add_number(p, "bytes_per_s", o->bytes_per_s);
    return p;
}

struct json_object *migask_resolve(const struct migopts *o,
                                   const struct miglink *l)
{
    struct json_object *p = json_object_new_object();

    add_fds(p, l);
    add_flag(p, "abort", o->abort);
    return p;
}

static int listen_to(struct migask *a, struct json_object **info, struct err *e)
{
    int rc = client_open_at(a->base, a->name, &a->events, e);

    return rc < 0 ? rc : client_call(a->events, "subscribe", NULL, info, e);
}

int migask_begin(struct migask *a, const char *method,
                 struct json_object *params, struct err *e)
{
    int rc = listen_to(a, NULL, e);

    if (rc < 0) {
        json_object_put(params);
        return rc;
    }
    return client_call(a->events, method, params, NULL, e);
}

/* By another connection: its answer comes behind events that count. */
static int ask_cancel(const struct migask *a, struct err *e)
{
    struct client *c = NULL;
    int rc = client_open_at(a->base, a->name, &c, e);

    if (rc == 0)
        rc = client_call(c, "migrate_cancel", NULL, NULL, e);
    client_close(c);
    return rc;
}

int migask_cancel(struct migask *a, struct err *e)
{
    int rc = listen_to(a, NULL, e);

    return rc < 0 ? rc : ask_cancel(a, e);
}

void migask_close(struct migask *a)
{
    client_close(a->events);
    a->events = NULL;
}

/* ---- what is heard ---- */

static int read_end(struct json_object *o, const char *name,
                    struct migask_result *out, struct err *e)
{
    const char *end = devinfo_text(o, "end"), *why = devinfo_text(o, "why");
    const char *session = devinfo_text(o, "session");

    *out = (struct migask_result){ .end = MIGASK_ENDS };
    for (uint32_t i = 0; end && i < MIGASK_ENDS; i++)
        if (strcmp(end, end_name[i]) == 0)
            out->end = (enum migask_end)i;
    if (out->end == MIGASK_ENDS)
        return fail(e, -EPROTO,
                    "guest %s: its supervisor says that the transfer ended "
                    "by \"%.32s\", which this freehold does not know",
                    name, end ? end : "");
    snprintf(out->why, sizeof(out->why), "%s", why ? why : "");
    snprintf(out->session, sizeof(out->session), "%s", session ? session : "");
    out->total_ms = devinfo_number(o, "total_ms");
    out->downtime_ms = devinfo_number(o, "downtime_ms");
    out->bytes = devinfo_number(o, "bytes");
    out->epochs = devinfo_number(o, "epochs");
    return 0;
}

/* One object of the supervisor's: 1 at the end. */
static int hear(struct migask *a, struct json_object *o,
                struct migask_result *out, struct err *e)
{
    const char *method = devinfo_text(o, "method");
    struct json_object *params;
    int rc;

    if (!method || !json_object_object_get_ex(o, "params", &params) ||
        (strcmp(method, "migration") && strcmp(method, "migration-end")))
        return 0;
    a->told(a->arg, method, params);
    if (strcmp(method, "migration") == 0)
        return 0;
    rc = read_end(params, a->name, out, e);
    return rc < 0 ? rc : 1;
}

/* Of a transfer that stands still until somebody resolves it, as info has it.
 */
static bool is_cut(struct json_object *m)
{
    const char *state = devinfo_text(m, "state");

    return state &&
           (strcmp(state, "fenced") == 0 || strcmp(state, "ready") == 0 ||
            strcmp(state, "stuck") == 0);
}

/* Hung up on: by one that is replaced, or because we read too slowly. */
static int again(struct migask *a, struct err *e)
{
    struct json_object *info = NULL, *m = NULL;
    bool goes_on = false;
    int rc;

    migask_close(a);
    rc = listen_to(a, &info, NULL);
    if (rc == 0 && json_object_object_get_ex(info, "migration", &m) && m) {
        goes_on = !is_cut(m);
        a->told(a->arg, "migration", m);
    }
    json_object_put(info);
    if (goes_on)
        return 0;
    return fail(e, -EINPROGRESS,
                "guest %s: its supervisor went away before it said how the "
                "transfer ended; freehold info %s tells how it is, and "
                "freehold resolve settles what is fenced",
                a->name, a->name);
}

/* Asked for once: cancel.  Twice: leave. */
static int stop(struct migask *a, bool *stopping, struct err *e)
{
    struct err why = { 0 };
    char dropped[128]; /* a signalfd_siginfo, or a test's byte */
    int rc;

    if (read(a->stop_fd, dropped, sizeof(dropped)) <= 0)
        a->stop_fd = -1;
    if (*stopping)
        return fail(e, -EINTR,
                    "guest %s: nobody waits for the transfer's end any more; "
                    "freehold info %s tells how it is",
                    a->name, a->name);
    *stopping = true;
    rc = ask_cancel(a, &why);
    a->cancelling(a->arg, rc < 0 ? &why : NULL);
    return 0; /* it may have ended in this moment, which is told */
}

/* Until the supervisor says more. */
static int await_more(struct migask *a, uint64_t end_ms, bool *stopping,
                      struct err *e)
{
    struct pollfd p[2] = { { .fd = client_fd(a->events), .events = POLLIN },
                           { .fd = a->stop_fd, .events = POLLIN } };
    uint64_t now = migsock_now_ms();
    int left_ms = end_ms == UINT64_MAX ? -1
                  : now < end_ms       ? (int)(end_ms - now)
                                       : 0;
    int r = poll(p, 2, left_ms);

    if (r < 0 && errno != EINTR)
        return fail(e, -errno, "guest %s: wait: %s", a->name, strerror(errno));
    if (r == 0)
        return fail(e, -ETIMEDOUT,
                    "guest %s: the transfer has not ended in time; it goes on",
                    a->name);
    return r > 0 && p[1].revents ? stop(a, stopping, e) : 0;
}

int migask_follow(struct migask *a, int timeout_ms, struct migask_result *out,
                  struct err *e)
{
    uint64_t end_ms =
        timeout_ms < 0 ? UINT64_MAX : migsock_now_ms() + (uint64_t)timeout_ms;
    struct json_object *o;
    bool stopping = false;
    int rc = 0;

    while (rc == 0) {
        rc = client_take(a->events, &o, e);
        if (rc == 1) {
            rc = hear(a, o, out, e);
            json_object_put(o);
        } else if (rc == 0) {
            rc = again(a, e);
        } else if (rc == -EAGAIN) {
            rc = await_more(a, end_ms, &stopping, e);
        }
    }
    return rc < 0 ? rc : 0;
}
