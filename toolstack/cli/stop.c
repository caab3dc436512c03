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
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/await.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/exitcode.h"

#define TAKE_OVER_MS 60000

struct waiting {
    struct client *client;
    char name[VM_NAME_MAX + 1];
};

struct stop {
    bool reboot, all, wait;
    struct waiting *waiting;
    int nr_waiting;
};

/* Its domain is over when the guest is kept, restarted or gone. */
static bool is_over(struct json_object *event, const char *name)
{
    struct json_object *state, *seconds;
    const char *s;

    if (json_object_object_get_ex(event, "unanswered_s", &seconds))
        fprintf(stderr,
                "freehold: guest %s: its kernel has not answered in %d s; "
                "freehold destroy %s ends it all the same\n",
                name, json_object_get_int(seconds), name);
    if (!json_object_object_get_ex(event, "state", &state))
        return false;
    s = json_object_get_string(state);
    return strcmp(s, "kept") == 0 || strcmp(s, "waiting") == 0;
}

/*
 * The supervisor hung up, and the name is still held: another one takes over,
 * or somebody has to.  Returns 1 when the domain is over.
 */
static int again(struct waiting *w, struct err *e)
{
    struct json_object *info = NULL;
    struct run_state state;
    int fd, rc;

    client_close(w->client);
    w->client = NULL;
    rc = await_open(w->name, &fd, NULL);
    if (rc < 0 || rundir_read(RUNDIR_BASE, w->name, &state, NULL) == -ENOENT) {
        if (rc == 0)
            close(fd);
        return 1; /* it is gone */
    }
    rc = client_open(w->name, &w->client, NULL);
    if (rc < 0)
        rc = await_member(fd, w->name, "api", TAKE_OVER_MS, e);
    close(fd);
    if (rc == -ENOENT)
        return 1;
    if (rc == 0 && !w->client)
        rc = client_open(w->name, &w->client, e);
    if (rc == 0)
        rc = client_call(w->client, "subscribe", NULL, &info, e);
    if (rc == 0)
        rc = is_over(info, w->name);
    json_object_put(info);
    return rc;
}

/* Read events until its domain is over. */
static int wait_for(struct waiting *w, struct err *e)
{
    struct json_object *event;
    int rc = 0;

    while (rc == 0) {
        rc = client_event(w->client, &event, e);
        if (rc == 0) {
            rc = again(w, e);
        } else if (rc == 1) {
            rc = is_over(event, w->name);
            json_object_put(event);
        }
    }
    return rc < 0 ? rc : 0;
}

/* Takes c: it is waited for later, or closed. */
static int stop_client(struct stop *s, struct client *c, const char *name,
                       uint16_t domid, struct err *e)
{
    struct json_object *how = json_object_new_object();
    struct waiting *w;
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
    if (rc < 0 || !s->wait) {
        client_close(c);
        return rc;
    }
    w = &s->waiting[s->nr_waiting++];
    w->client = c;
    snprintf(w->name, sizeof(w->name), "%s", name);
    return 0;
}

static int stop_all(struct stop *s, struct err *e)
{
    struct run_state *list = NULL;
    int nr = rundir_list(RUNDIR_BASE, &list, e), first = 0;

    if (nr < 0)
        return nr;
    s->waiting = calloc(nr + 1, sizeof(*s->waiting));
    if (!s->waiting)
        first = fail(e, -ENOMEM, "shutdown: no memory");
    for (int i = 0; s->waiting && i < nr; i++) {
        struct client *c;
        int rc;

        if (!list[i].supervised)
            continue; /* nobody to ask; list tells */
        rc = client_open(list[i].name, &c, first ? NULL : e);
        if (rc == 0)
            rc = stop_client(s, c, list[i].name, list[i].domid,
                             first ? NULL : e);
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

    s->waiting = calloc(1, sizeof(*s->waiting));
    if (!s->waiting)
        return fail(e, -ENOMEM, "shutdown: no memory");
    rc = ask_open(word, &c, &t, e);
    return rc < 0 ? rc
                  : stop_client(s, c, t.name, t.has_domain ? t.domain.domid : 0,
                                e);
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
        int r = wait_for(&s.waiting[i], rc ? NULL : e);

        rc = rc ? rc : r;
        client_close(s.waiting[i].client);
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
