/* SPDX-License-Identifier: MIT */
/*
 * receive_resolve.c - another host asks what became of a transfer
 *
 * How this works: a token's file says it for good.  Without one, the guest
 * whose supervisor has that session gets the process that asks, and does what
 * there is to be done.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/jsonget.h"
#include "migrate/tokens.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/receive.h"
#include "toolstack/supervisor/moveproc.h"
#include "toolstack/supervisor/rundir.h"

#define END_MS 120000 /* 30 s for a source that is silent, and more */

static void say_found(struct moveproc *p, const char *found, const char *token)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "order", json_object_new_string("session"));
    json_object_object_add(o, "found", json_object_new_string(found));
    if (token)
        json_object_object_add(o, "token", json_object_new_string(token));
    moveproc_say(p, o);
}

/* DONE or ABORT, in hex; false: there is none. */
static bool find_token(const char *session, char hex[2 * FH_TOKEN_BYTES + 1],
                       const char **end)
{
    int dir = open(TOKENS_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = -1;
    uint8_t id[WIRE_ID_BYTES], token[FH_TOKEN_BYTES];
    struct err e = { 0 };

    if (dir >= 0 && tokens_unhex(id, WIRE_ID_BYTES, session) == 0) {
        *end = "runs";
        rc = tokens_read(dir, id, WIRE_DONE, token, &e);
        if (rc < 0) {
            *end = "poisoned";
            rc = tokens_read(dir, id, WIRE_ABORT, token, &e);
        }
    }
    if (dir >= 0)
        close(dir);
    if (rc == 0)
        tokens_hex(hex, token, FH_TOKEN_BYTES);
    return rc == 0;
}

/* Its info, if that guest comes by this session. */
static bool has_session(const char *name, const char *session)
{
    struct json_object *info = NULL, *m = NULL;
    struct client *c = NULL;
    bool has = false;

    if (client_open(name, &c, NULL) < 0)
        return false;
    if (client_call(c, "info", NULL, &info, NULL) == 0)
        json_object_object_get_ex(info, "migration", &m);
    has = strcmp(jsonget_text(m, "session"), session) == 0 &&
          strcmp(jsonget_text(m, "role"), "destination") == 0;
    json_object_put(info);
    client_close(c);
    return has;
}

static bool find_guest(const char *session, char name[VM_NAME_MAX + 1])
{
    struct run_state *list = NULL;
    int nr = rundir_list(RUNDIR_BASE, &list, NULL);
    bool found = false;

    for (int i = 0; i < nr && !found; i++) {
        found = list[i].supervised && has_session(list[i].name, session);
        if (found)
            snprintf(name, VM_NAME_MAX + 1, "%s", list[i].name);
    }
    free(list);
    return found;
}

/* Until its supervisor tells of an end. */
static int follow(struct client *c, char *end, struct err *e)
{
    char method[CLIENT_METHOD_MAX];
    struct json_object *o;
    int rc;

    while ((rc = client_event_in(c, END_MS, method, &o, e)) == 1) {
        bool over = strcmp(method, "migration-end") == 0;

        if (over)
            snprintf(end, 16, "%s", jsonget_text(o, "end"));
        json_object_put(o);
        if (over)
            return 0;
    }
    return rc < 0 ? rc
                  : fail(e, -EPIPE,
                         "resolve: the guest's supervisor "
                         "ended");
}

static int hand_over(const char *name, struct moveproc *p, char *end,
                     struct err *e)
{
    struct json_object *params = json_object_new_object();
    struct client *c = NULL;
    int rc = client_open(name, &c, e);

    if (rc == 0)
        rc = client_call(c, "subscribe", NULL, NULL, e);
    json_object_object_add(params, "fd", json_object_new_int(moveproc_fd(p)));
    json_object_object_add(params, "pid", json_object_new_int(moveproc_pid(p)));
    if (rc == 0)
        rc = client_call(c, "receive", params, NULL, e);
    else
        json_object_put(params);
    if (rc == 0)
        rc = follow(c, end, e);
    client_close(c);
    return rc;
}

/* It says its end when the other side has what it asked for. */
static int wait_end(struct moveproc *p, struct err *e)
{
    struct json_object *o;
    bool over = false;
    int rc = 0;

    while (!over && (rc = moveproc_wait(p, END_MS, &o, e)) == 0) {
        over = strcmp(jsonget_text(o, "event"), "end") == 0;
        json_object_put(o);
    }
    return rc;
}

int receive_resolve(struct json_object *event, struct moveproc *p, char *end,
                    struct err *e)
{
    const char *session = jsonget_text(event, "session"), *known = NULL;
    char hex[2 * FH_TOKEN_BYTES + 1], name[VM_NAME_MAX + 1];
    uint8_t id[WIRE_ID_BYTES];
    int rc;

    /* A guest whose transfer has no session yet must not be found. */
    if (tokens_unhex(id, WIRE_ID_BYTES, session) < 0)
        return fail(e, -EPROTO,
                    "resolve: session: got %.40s, want %u bytes in "
                    "hex",
                    session, WIRE_ID_BYTES);
    if (find_token(session, hex, &known)) {
        say_found(p, "token", hex);
        rc = wait_end(p, e);
        snprintf(end, 16, "%s", known);
        return rc;
    }
    if (find_guest(session, name))
        return hand_over(name, p, end, e);
    say_found(p, "nothing", NULL);
    wait_end(p, e);
    snprintf(end, 16, "refused");
    return fail(e, -ESRCH,
                "resolve: no guest of this host, and no token, is "
                "of session %s",
                session);
}
