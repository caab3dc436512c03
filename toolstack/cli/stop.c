/* SPDX-License-Identifier: MIT */
/*
 * stop.c - `freehold shutdown` and `reboot`, of one guest or of all
 *
 * How this works: every guest is asked first, and only then waited for, one
 * after the other: what happens meanwhile waits in the sockets.  A guest that
 * cannot be asked does not keep the others from it; the first error is told.
 */
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

struct stop {
    bool reboot, all, wait;
    struct client **waiting;
    int nr_waiting;
};

/* Read events until its domain is over: the guest gone, kept or restarted. */
static int wait_for(struct client *c, struct err *e)
{
    struct json_object *event, *state;
    bool over = false;
    int rc = 0;

    while (!over && (rc = client_event(c, &event, e)) == 1) {
        if (json_object_object_get_ex(event, "state", &state)) {
            const char *s = json_object_get_string(state);

            over = strcmp(s, "kept") == 0 || strcmp(s, "waiting") == 0;
        }
        json_object_put(event);
    }
    return over ? 0 : rc;
}

/* Takes c: it is waited for later, or closed. */
static int stop_client(struct stop *s, struct client *c, uint16_t domid,
                       struct err *e)
{
    struct json_object *how = json_object_new_object();
    int rc = s->wait ? client_call(c, "subscribe", NULL, NULL, e) : 0;

    json_object_object_add(
        how, "how", json_object_new_string(s->reboot ? "reboot" : "poweroff"));
    if (rc == 0 && domid)
        fprintf(stderr, "%s domain %u\n",
                s->reboot ? "Rebooting" : "Shutting down", domid);
    if (rc == 0)
        rc = client_call(c, "shutdown", how, NULL, e);
    else
        json_object_put(how);
    if (rc == 0 && s->wait)
        s->waiting[s->nr_waiting++] = c;
    else
        client_close(c);
    return rc;
}

static int stop_all(struct stop *s, struct err *e)
{
    struct run_state *list = NULL;
    int nr = rundir_list(RUNDIR_BASE, &list, e), first = 0;

    if (nr < 0)
        return nr;
    s->waiting = calloc(nr + 1, sizeof(struct client *));
    if (!s->waiting)
        first = fail(e, -ENOMEM, "shutdown: no memory");
    for (int i = 0; s->waiting && i < nr; i++) {
        struct client *c;
        int rc;

        if (!list[i].supervised)
            continue; /* nobody to ask; list tells */
        rc = client_open(list[i].name, &c, first ? NULL : e);
        if (rc == 0)
            rc = stop_client(s, c, list[i].domid, first ? NULL : e);
        /* One that went away meanwhile is what we want. */
        if (rc < 0 && rc != -ESRCH && rc != -EPIPE && first == 0)
            first = rc;
    }
    free(list);
    return first;
}

static int stop_one(struct stop *s, const char *word, struct err *e)
{
    struct client *c = NULL;
    struct target t;
    int rc;

    s->waiting = calloc(1, sizeof(struct client *));
    if (!s->waiting)
        return fail(e, -ENOMEM, "shutdown: no memory");
    rc = ask_open(word, &c, &t, e);
    return rc < 0 ? rc
                  : stop_client(s, c, t.has_domain ? t.domain.domid : 0, e);
}

static const struct option long_options[] = {
    { "all", no_argument, NULL, 'a' },
    { "wait", no_argument, NULL, 'w' },
    { NULL, 0, NULL, 0 },
};

static int stop(bool reboot, int argc, char **argv, struct err *e)
{
    struct stop s = { .reboot = reboot };
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "awF", long_options, NULL)) !=
           -1) {
        if (option == '?')
            return EXIT_USAGE;
        s.all |= option == 'a';
        s.wait |= option == 'w';
    }
    if (argc - optind != !s.all)
        return EXIT_USAGE;
    rc = s.all ? stop_all(&s, e) : stop_one(&s, argv[optind], e);
    for (int i = 0; i < s.nr_waiting; i++) {
        int r = wait_for(s.waiting[i], rc ? NULL : e);

        rc = rc ? rc : r;
        client_close(s.waiting[i]);
    }
    free(s.waiting);
    return rc;
}

int cmd_shutdown(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return stop(false, argc, argv, e);
}

int cmd_reboot(struct cmd_context *x, int argc, char **argv, struct err *e)
{
    (void)x;
    return stop(true, argc, argv, e);
}
