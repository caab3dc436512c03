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
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "toolstack/cli/client.h"
#include "toolstack/supervisor/rundir.h"

#define ANSWER_MS 2000 /* then it is silent; and when to try again */

struct seen { /* a guest */
    char name[VM_NAME_MAX + 1];
    int wd;                /* the watch on its directory; -1: none */
    int pid_fd;            /* of the supervisor that hung up; -1: none */
    pid_t pid;             /* of the last one; 0: none yet */
    struct client *client; /* NULL: nobody listens */
    uint64_t due_ms;       /* answer by, or try again at; 0: neither */
    bool is_new;           /* it came after the start */
    bool answered;         /* this client's `subscribe` */
    bool told;             /* it was ever told of */
    bool lost, deleted;
};

struct watch {
    const struct watch_options *o;
    int inotify, base_wd;
    char moved_to[NAME_MAX + 1]; /* a move's second half, told with its first */
    struct seen **list;
    int nr, first; /* who is looked at first */
    struct pollfd *polled;
    uint64_t end_ms; /* 0: never */
    bool over;
    struct err *e;
};

static uint64_t now_ms(void)
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

static bool is_wanted(const struct watch *w, const char *name)
{
    for (int i = 0; i < w->o->nr_names; i++)
        if (strcmp(w->o->names[i], name) == 0)
            return true;
    return w->o->nr_names == 0;
}

static struct seen *find(const struct watch *w, const char *name)
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

static void forget(struct watch *w, struct seen *s)
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

static bool is_there(struct watch *w, const struct seen *s)
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

static void connect_to(struct watch *w, struct seen *s)
{
    struct ucred peer;
    socklen_t peer_bytes = sizeof(peer);
    int rc;

    s->answered = false;
    rc = client_begin(w->o->base, s->name, "subscribe", &s->client, NULL);
    if (rc < 0) {
        s->client = NULL;
        if (rc == -ETIMEDOUT) /* it hangs, and its backlog is full */
            s->due_ms = now_ms() + ANSWER_MS;
        else
            judge_lost(w, s);
        return;
    }
    s->lost = false;
    s->due_ms = now_ms() + ANSWER_MS;
    if (getsockopt(client_fd(s->client), SOL_SOCKET, SO_PEERCRED, &peer,
                   &peer_bytes) == 0)
        s->pid = peer.pid;
}

static void begin(struct watch *w, const char *name, bool is_new)
{
    char path[PATH_MAX];
    struct seen *s = find(w, name);

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
        forget(w, s); /* gone again */
    else
        connect_to(w, s);
}

/* Its directory is gone, or has another name. */
static void end(struct watch *w, struct seen *s)
{
    if (s->client) {
        s->deleted = true; /* it may have more to say */
        return;
    }
    if (s->told)
        tell(w, s, "gone", NULL);
    forget(w, s);
}

/* ---- inotify ---- */

static void on_moved(struct watch *w, struct seen *s, const char *to)
{
    struct seen *there = find(w, to);

    if (there && there->client)
        there->deleted = true;
    else if (there)
        forget(w, there);
    snprintf(s->name, sizeof(s->name), "%s", to);
    if (!s->client)
        connect_to(w, s);
}

static void on_base(struct watch *w, const struct inotify_event *v,
                    const struct inotify_event *next)
{
    struct seen *s;

    if (v->len == 0 || !(v->mask & IN_ISDIR) ||
        vmcfg_check_name(v->name, NULL) < 0)
        return;
    s = find(w, v->name);
    if (v->mask & IN_MOVED_FROM && s && next && next->mask & IN_MOVED_TO &&
        next->cookie == v->cookie && next->len > 0 &&
        vmcfg_check_name(next->name, NULL) == 0) {
        on_moved(w, s, next->name);
        snprintf(w->moved_to, sizeof(w->moved_to), "%s", next->name);
    } else if (v->mask & (IN_DELETE | IN_MOVED_FROM) && s) {
        end(w, s);
    } else if (v->mask & IN_MOVED_TO && strcmp(v->name, w->moved_to) == 0) {
        w->moved_to[0] = 0;
    } else if (v->mask & (IN_CREATE | IN_MOVED_TO) && is_wanted(w, v->name)) {
        begin(w, v->name, true);
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
            connect_to(w, s);
        return;
    }
}

/* More happened than the kernel keeps: see what there is. */
static void look_again(struct watch *w)
{
    struct run_state *list = NULL;
    int nr = rundir_list(w->o->base, &list, NULL);

    for (int i = w->nr - 1; i >= 0; i--)
        if (!is_there(w, w->list[i]))
            end(w, w->list[i]);
    for (int i = 0; i < nr; i++)
        if (is_wanted(w, list[i].name) && !find(w, list[i].name))
            begin(w, list[i].name, true);
    free(list);
}

static void on_inotify(struct watch *w)
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
    on_inotify(w); /* it has a new name by now, if that came before */
    if (json_object_object_get_ex(o, "params", &part) &&
        json_object_object_get_ex(o, "method", &method)) {
        tell(w, s, json_object_get_string(method), part);
    }
}

static void on_hung_up(struct watch *w, struct seen *s)
{
    bool answered = s->answered;

    on_inotify(w); /* its directory went before */
    hang_up(s);
    if (s->deleted) {
        char name[sizeof(s->name)];

        strcpy(name, s->name);
        end(w, s);
        if (is_wanted(w, name))
            begin(w, name, true); /* whoever has the name by now */
        return;
    }
    if (answered)
        connect_to(w, s);
    if (s->client || s->lost)
        return;
    s->pid_fd = (int)syscall(SYS_pidfd_open, s->pid, 0);
    if (s->pid_fd < 0)
        judge_lost(w, s);
    if (!answered) /* it has no room for us */
        s->due_ms = now_ms() + ANSWER_MS;
}

static void on_input(struct watch *w, struct seen *s)
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

static void on_dead(struct watch *w, struct seen *s)
{
    close(s->pid_fd);
    s->pid_fd = -1;
    judge_lost(w, s);
}

static void on_due(struct watch *w, struct seen *s)
{
    s->due_ms = 0;
    if (s->client || s->pid == 0)
        tell(w, s, "silent", NULL);
    if (!s->client)
        connect_to(w, s);
}

/* ---- all of them ---- */

/* Milliseconds until something is due; -1: nothing is. */
static int patience_ms(const struct watch *w)
{
    uint64_t due = w->end_ms, now = now_ms();

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
    uint64_t now = now_ms();

    for (int k = 0; k < w->nr; k++) {
        int i = (w->first + k) % w->nr;
        struct seen *s = w->list[i];

        if (w->polled[2 + 2 * i].revents)
            on_input(w, s);
        else if (w->polled[3 + 2 * i].revents)
            on_dead(w, s);
        else if (s->due_ms && s->due_ms <= now)
            on_due(w, s);
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
        on_inotify(w);
    else if (nr >= 0)
        on_guests(w);
    if (!w->over && w->end_ms && now_ms() >= w->end_ms)
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
        if (is_wanted(w, list[i].name))
            begin(w, list[i].name, false);
    free(list);
    for (int i = 0; nr >= 0 && i < w->o->nr_names && !w->over; i++) {
        struct watch_event v = { w->o->names[i], "absent", NULL };

        if (!find(w, v.name))
            w->over = !w->o->happened(w->o->arg, &v);
    }
    return nr < 0 ? nr : 0;
}

int watch_guests(const struct watch_options *o, struct err *e)
{
    struct watch w = { .o = o, .inotify = -1, .e = e };
    int rc;

    if (o->timeout_ms >= 0)
        w.end_ms = now_ms() + (uint64_t)o->timeout_ms;
    rc = start(&w);
    while (rc == 0 && !w.over)
        rc = turn(&w);
    while (w.nr > 0)
        forget(&w, w.list[0]);
    free(w.list);
    free(w.polled);
    if (w.inotify >= 0)
        close(w.inotify);
    return rc;
}
