/* SPDX-License-Identifier: MIT */
/*
 * watch_guest.c - one guest that is followed, and the list of them
 */
#include "toolstack/cli/watch_priv.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/supervisor/rundir.h"

#define ANSWER_MS 2000 /* then it is silent; and when to try again */

uint64_t watch_now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * 1000ull + t.tv_nsec / 1000000;
}

static void tell(struct watch *w, struct seen *s, const char *what,
                 struct json_object *detail)
{
    struct watch_event v = { s->name, what, detail };

    s->told = true;
    if (!w->over)
        w->over = !w->o->happened(w->o->arg, &v);
}

/* ---- the list ---- */

bool watch_wants(const struct watch *w, const char *name)
{
    for (int i = 0; i < w->o->nr_names; i++)
        if (strcmp(w->o->names[i], name) == 0)
            return true;
    return w->o->nr_names == 0;
}

struct seen *watch_find(const struct watch *w, const char *name)
{
    for (int i = 0; i < w->nr; i++)
        if (strcmp(w->list[i]->name, name) == 0)
            return w->list[i];
    return NULL;
}

static void hang_up(struct seen *s)
{
    client_close(s->client);
    s->client = NULL;
    s->due_ms = 0;
    if (s->pid_fd >= 0)
        close(s->pid_fd);
    s->pid_fd = -1;
}

void watch_forget(struct watch *w, struct seen *s)
{
    int i = 0;

    while (w->list[i] != s)
        i++;
    w->list[i] = w->list[--w->nr];
    hang_up(s);
    if (s->wd >= 0)
        inotify_rm_watch(w->inotify, s->wd);
    free(s);
}

static struct seen *append(struct watch *w, const char *name)
{
    struct seen *s = calloc(1, sizeof(*s)), **list;
    struct pollfd *polled;

    list = realloc(w->list, (w->nr + 1) * sizeof(struct seen *));
    if (list)
        w->list = list;
    polled = realloc(w->polled, (2 * w->nr + 4) * sizeof(*polled));
    if (polled)
        w->polled = polled;
    if (!s || !list || !polled) {
        free(s);
        return NULL;
    }
    snprintf(s->name, sizeof(s->name), "%s", name);
    s->wd = s->pid_fd = -1;
    w->list[w->nr++] = s;
    return s;
}

/* ---- one guest ---- */

/* Its state is written before its domain is made: without, it only begins. */
static bool is_lost(struct watch *w, const struct seen *s)
{
    static const uint8_t none[16];
    struct run_state state;

    return rundir_read(w->o->base, s->name, &state, NULL) == 0 &&
           !state.supervised && memcmp(state.uuid, none, sizeof(none));
}

bool watch_is_there(struct watch *w, const struct seen *s)
{
    struct run_state state;

    return rundir_read(w->o->base, s->name, &state, NULL) == 0;
}

static void judge_lost(struct watch *w, struct seen *s)
{
    if (s->lost || !is_lost(w, s))
        return;
    s->lost = true;
    tell(w, s, "lost", NULL);
}

void watch_connect(struct watch *w, struct seen *s)
{
    struct ucred peer;
    socklen_t peer_bytes = sizeof(peer);
    int rc;

    s->answered = false;
    rc = client_begin(w->o->base, s->name, "subscribe", &s->client, NULL);
    if (rc < 0) {
        s->client = NULL;
        if (rc == -ETIMEDOUT) /* it hangs, and its backlog is full */
            s->due_ms = watch_now_ms() + ANSWER_MS;
        else
            judge_lost(w, s);
        return;
    }
    s->lost = false;
    s->due_ms = watch_now_ms() + ANSWER_MS;
    if (getsockopt(client_fd(s->client), SOL_SOCKET, SO_PEERCRED, &peer,
                   &peer_bytes) == 0)
        s->pid = peer.pid;
}

void watch_begin(struct watch *w, const char *name, bool is_new)
{
    char path[PATH_MAX];
    struct seen *s = watch_find(w, name);

    if (s && s->client)
        return;
    s = s ? s : append(w, name);
    if (!s)
        return; /* no memory; the next look may have it */
    s->is_new = is_new;
    snprintf(path, sizeof(path), "%s/%s", w->o->base, name);
    s->wd = inotify_add_watch(w->inotify, path,
                              IN_CREATE | IN_MOVED_TO | IN_ONLYDIR);
    if (s->wd < 0)
        watch_forget(w, s); /* gone again */
    else
        watch_connect(w, s);
}

/* Its directory is gone, or has another name. */
void watch_end(struct watch *w, struct seen *s)
{
    if (s->client) {
        s->deleted = true; /* it may have more to say */
        return;
    }
    if (s->told)
        tell(w, s, "gone", NULL);
    watch_forget(w, s);
}

/* ---- what a supervisor says ---- */

/* Whoever has a client stays in the list. */
static void on_object(struct watch *w, struct seen *s, struct json_object *o)
{
    struct json_object *part, *method;

    if (json_object_object_get_ex(o, "result", &part)) {
        s->answered = true;
        s->due_ms = 0;
        tell(w, s, s->is_new ? "appears" : "is", part);
        s->is_new = false;
        return;
    }
    watch_inotify(w); /* it has a new name by now, if that came before */
    if (json_object_object_get_ex(o, "params", &part) &&
        json_object_object_get_ex(o, "method", &method)) {
        tell(w, s, json_object_get_string(method), part);
    }
}

static void on_hung_up(struct watch *w, struct seen *s)
{
    bool answered = s->answered;

    watch_inotify(w); /* its directory went before */
    hang_up(s);
    if (s->deleted) {
        char name[sizeof(s->name)];

        strcpy(name, s->name);
        watch_end(w, s);
        if (watch_wants(w, name))
            watch_begin(w, name, true); /* whoever has the name by now */
        return;
    }
    if (answered)
        watch_connect(w, s);
    if (s->client || s->lost)
        return;
    s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (s->pid_fd < 0)
        judge_lost(w, s);
    if (!answered) /* it has no room for us */
        s->due_ms = watch_now_ms() + ANSWER_MS;
}

void watch_input(struct watch *w, struct seen *s)
{
    struct json_object *o;
    int rc;

    while (!w->over && (rc = client_take(s->client, &o, NULL)) == 1) {
        on_object(w, s, o);
        json_object_put(o);
    }
    if (!w->over && rc != -EAGAIN)
        on_hung_up(w, s);
}

void watch_dead(struct watch *w, struct seen *s)
{
    close(s->pid_fd);
    s->pid_fd = -1;
    judge_lost(w, s);
}

void watch_due(struct watch *w, struct seen *s)
{
    s->due_ms = 0;
    if (s->client || s->pid == 0)
        tell(w, s, "silent", NULL);
    if (!s->client)
        watch_connect(w, s);
}
