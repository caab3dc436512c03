/* SPDX-License-Identifier: MIT */
/*
 * watch.c - follow what happens to guests: those there are, and those to come
 *
 * How this works: inotify tells which directories come and go below base, and
 * when a supervisor's socket appears in one.  It listens by then (listen.c),
 * so it is connected to, and `subscribe` answers how the guest is and tells
 * what follows: nothing falls in between.  Nobody is waited for, so one that
 * hangs holds up nobody.
 *
 * A supervisor that hangs up has ended, and its directory is gone before; or
 * it found us too slow, and takes us again; or it is dying, and its pidfd says
 * when it is dead.
 */
#include "toolstack/cli/watch.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/cli/watch_priv.h"
#include "toolstack/supervisor/rundir.h"

/* ---- inotify ---- */

static void on_moved(struct watch *w, struct seen *s, const char *to)
{
    struct seen *there = watch_find(w, to);

    if (there && there->client)
        there->deleted = true;
    else if (there)
        watch_forget(w, there);
    snprintf(s->name, sizeof(s->name), "%s", to);
    if (!s->client)
        watch_connect(w, s);
}

static void on_base(struct watch *w, const struct inotify_event *v,
                    const struct inotify_event *next)
{
    struct seen *s;

    if (v->len == 0 || !(v->mask & IN_ISDIR) ||
        vmcfg_check_name(v->name, NULL) < 0)
        return;
    s = watch_find(w, v->name);
    if (v->mask & IN_MOVED_FROM && s && next && next->mask & IN_MOVED_TO &&
        next->cookie == v->cookie && next->len > 0 &&
        vmcfg_check_name(next->name, NULL) == 0) {
        on_moved(w, s, next->name);
        snprintf(w->moved_to, sizeof(w->moved_to), "%s", next->name);
    } else if (v->mask & (IN_DELETE | IN_MOVED_FROM) && s) {
        watch_end(w, s);
    } else if (v->mask & IN_MOVED_TO && strcmp(v->name, w->moved_to) == 0) {
        w->moved_to[0] = 0;
    } else if (v->mask & (IN_CREATE | IN_MOVED_TO) && watch_wants(w, v->name)) {
        watch_begin(w, v->name, true);
    }
}

static void on_guest(struct watch *w, const struct inotify_event *v)
{
    for (int i = 0; i < w->nr; i++) {
        struct seen *s = w->list[i];

        if (s->wd != v->wd)
            continue;
        if (v->mask & IN_IGNORED)
            s->wd = -1;
        else if (v->len > 0 && strcmp(v->name, "api") == 0 && !s->client)
            watch_connect(w, s);
        return;
    }
}

/* More happened than the kernel keeps: see what there is. */
static void look_again(struct watch *w)
{
    struct run_state *list = NULL;
    int nr = rundir_list(w->o->base, &list, NULL);

    for (int i = w->nr - 1; i >= 0; i--)
        if (!watch_is_there(w, w->list[i]))
            watch_end(w, w->list[i]);
    for (int i = 0; i < nr; i++)
        if (watch_wants(w, list[i].name) && !watch_find(w, list[i].name))
            watch_begin(w, list[i].name, true);
    free(list);
}

void watch_inotify(struct watch *w)
{
    char buf[16384] __attribute__((aligned(8)));
    ssize_t nr = read(w->inotify, buf, sizeof(buf));

    for (ssize_t at = 0; at < nr;) {
        const struct inotify_event *v = (void *)(buf + at), *next;

        at += (ssize_t)(sizeof(*v) + v->len);
        next = at < nr ? (void *)(buf + at) : NULL;
        if (v->mask & IN_Q_OVERFLOW)
            look_again(w);
        else if (v->wd == w->base_wd)
            on_base(w, v, next);
        else
            on_guest(w, v);
    }
}

/* ---- all of them ---- */

/* Milliseconds until something is due; -1: nothing is. */
static int patience_ms(const struct watch *w)
{
    uint64_t due = w->end_ms, now = watch_now_ms();

    for (int i = 0; i < w->nr; i++)
        if (w->list[i]->due_ms && (!due || w->list[i]->due_ms < due))
            due = w->list[i]->due_ms;
    if (!due)
        return -1;
    return due <= now ? 0 : due - now > INT_MAX ? INT_MAX : (int)(due - now);
}

static int fill_polled(struct watch *w)
{
    struct pollfd *p = w->polled;

    *p++ = (struct pollfd){ .fd = w->inotify, .events = POLLIN };
    *p++ = (struct pollfd){ .fd = w->o->peer_fd };
    for (int i = 0; i < w->nr; i++) {
        struct seen *s = w->list[i];

        *p++ = (struct pollfd){ .fd = s->client ? client_fd(s->client) : -1,
                                .events = POLLIN };
        *p++ = (struct pollfd){ .fd = s->pid_fd, .events = POLLIN };
    }
    return (int)(p - w->polled);
}

/* One guest a turn, and each in its turn: what it says may change the list. */
static void on_guests(struct watch *w)
{
    uint64_t now = watch_now_ms();

    for (int k = 0; k < w->nr; k++) {
        int i = (w->first + k) % w->nr;
        struct seen *s = w->list[i];

        if (w->polled[2 + 2 * i].revents)
            watch_input(w, s);
        else if (w->polled[3 + 2 * i].revents)
            watch_dead(w, s);
        else if (s->due_ms && s->due_ms <= now)
            watch_due(w, s);
        else
            continue;
        w->first = i + 1;
        return;
    }
}

static int turn(struct watch *w)
{
    int nr = poll(w->polled, fill_polled(w), patience_ms(w));

    if (nr < 0 && errno != EINTR)
        return fail(w->e, -errno, "events: wait: %s", strerror(errno));
    if (nr > 0 && w->polled[1].revents)
        w->over = true;
    if (nr > 0 && w->polled[0].revents)
        watch_inotify(w);
    else if (nr >= 0)
        on_guests(w);
    if (!w->over && w->end_ms && watch_now_ms() >= w->end_ms)
        return -ETIMEDOUT;
    return 0;
}

static int start(struct watch *w)
{
    const char *base = w->o->base;
    struct run_state *list = NULL;
    int nr;

    w->polled = calloc(2, sizeof(*w->polled));
    w->inotify = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
    if (!w->polled || w->inotify < 0)
        return fail(w->e, -ENOMEM, "events: inotify: %s", strerror(errno));
    if (mkdir(base, 0700) && errno != EEXIST)
        return fail(w->e, -errno, "%s: make it: %s", base, strerror(errno));
    w->base_wd = inotify_add_watch(w->inotify, base,
                                   IN_CREATE | IN_DELETE | IN_MOVED_FROM |
                                       IN_MOVED_TO | IN_ONLYDIR);
    if (w->base_wd < 0)
        return fail(w->e, -errno, "%s: watch it: %s", base, strerror(errno));
    nr = rundir_list(base, &list, w->e);
    for (int i = 0; i < nr; i++)
        if (watch_wants(w, list[i].name))
            watch_begin(w, list[i].name, false);
    free(list);
    for (int i = 0; nr >= 0 && i < w->o->nr_names && !w->over; i++) {
        struct watch_event v = { w->o->names[i], "absent", NULL };

        if (!watch_find(w, v.name))
            w->over = !w->o->happened(w->o->arg, &v);
    }
    return nr < 0 ? nr : 0;
}

int watch_guests(const struct watch_options *o, struct err *e)
{
    struct watch w = { .o = o, .inotify = -1, .e = e };
    int rc;

    if (o->timeout_ms >= 0)
        w.end_ms = watch_now_ms() + (uint64_t)o->timeout_ms;
    rc = start(&w);
    while (rc == 0 && !w.over)
        rc = turn(&w);
    while (w.nr > 0)
        watch_forget(&w, w.list[0]);
    free(w.list);
    free(w.polled);
    if (w.inotify >= 0)
        close(w.inotify);
    return rc;
}
