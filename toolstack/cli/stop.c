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
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/cli/ask.h"
#include "toolstack/cli/await.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/cmd.h"
#include "toolstack/cli/devinfo.h"
#include "toolstack/cli/exitcode.h"
#include "toolstack/cli/units.h"

struct waiting {
    struct client *client;
    char name[VM_NAME_MAX + 1];
    int64_t domid; /* 0: not known */
};

struct stop {
    bool reboot, all, wait;
    uint64_t end_ms; /* CLOCK_MONOTONIC; 0: wait for ever */
    struct waiting *waiting;
    int nr_waiting;
};

static uint64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

/* Its domain is over when the guest is kept, restarted or gone. */
static bool is_over(struct json_object *event, struct waiting *w)
{
    struct json_object *state, *seconds, *to, *domid;
    const char *s;

    if (json_object_object_get_ex(event, "to", &to)) /* it was renamed */
        snprintf(w->name, sizeof(w->name), "%s", json_object_get_string(to));
    if (json_object_object_get_ex(event, "domid", &domid)) {
        if (w->domid && w->domid != json_object_get_int64(domid))
            return true; /* another one already */
        w->domid = json_object_get_int64(domid);
    }

    if (json_object_object_get_ex(event, "unanswered_s", &seconds))
        fprintf(stderr,
                "freehold: guest %s: its kernel has not answered in %d s; "
                "freehold destroy %s ends it all the same\n",
                w->name, json_object_get_int(seconds), w->name);
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
        rc = await_member(fd, w->name, "api", AWAIT_TAKE_OVER_MS, e);
    close(fd);
    if (rc == -ENOENT)
        return 1;
    if (rc == 0 && !w->client)
        rc = client_open(w->name, &w->client, e);
    if (rc == 0)
        rc = client_call(w->client, "subscribe", NULL, &info, e);
    if (rc == 0)
        rc = is_over(info, w);
    json_object_put(info);
    return rc;
}

/* What is left of the time, for poll(); -1: no end. */
static int left_ms(const struct stop *s)
{
    uint64_t now = now_ms();

    if (!s->end_ms)
        return -1;
    return now >= s->end_ms ? 0 : (int)MIN_OF(s->end_ms - now, INT_MAX);
}

/* Read events until its domain is over, or the time is: then destroy it. */
static int wait_for(struct stop *s, struct waiting *w, struct err *e)
{
    char method[CLIENT_METHOD_MAX];
    struct json_object *event;
    bool destroyed = false;
    int rc = 0;

    while (rc == 0) {
        rc = client_event_in(w->client, destroyed ? -1 : left_ms(s), method,
                             &event, e);
        if (rc == -ETIMEDOUT) {
            fprintf(stderr,
                    "freehold: guest %s: it did not stop in time: it "
                    "is destroyed\n",
                    w->name);
            destroyed = true;
            rc = client_call(w->client, "destroy", NULL, NULL, e);
        } else if (rc == 0) {
            rc = again(w, e);
        } else if (rc == 1) {
            /* Of a device, which may wait for a guest that goes on. */
            rc = devinfo_event(method) ? 0 : is_over(event, w);
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
    w->domid = domid;
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
    { "timeout", required_argument, NULL, 'T' },
    { NULL, 0, NULL, 0 },
};

static int stop(bool reboot, int argc, char **argv, struct err *e)
{
    struct stop s = { .reboot = reboot };
    uint32_t seconds;
    int option, rc;

    optind = 0;
    while ((option = getopt_long(argc, argv, "awFT:", long_options, NULL)) !=
           -1) {
        if (option == '?')
            return EXIT_USAGE;
        if (option == 'T') {
            rc = units_number("--timeout", optarg, INT_MAX / 1000, &seconds, e);
            if (rc < 0)
                return rc;
            s.end_ms = now_ms() + 1000ull * seconds;
            s.wait = true;
        }
        s.all |= option == 'a';
        s.wait |= option == 'w';
    }
    if (argc - optind != !s.all)
        return EXIT_USAGE;
    rc = s.all ? stop_all(&s, e) : stop_one(&s, argv[optind], e);
    for (int i = 0; i < s.nr_waiting; i++) {
        int r = wait_for(&s, &s.waiting[i], rc ? NULL : e);

        if (r == 0)
            fprintf(stderr, "guest %s: stopped\n", s.waiting[i].name);
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
