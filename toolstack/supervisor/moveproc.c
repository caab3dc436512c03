/* SPDX-License-Identifier: MIT */
/*
 * moveproc.c - a transfer's process, freehold-migrate, and the line to it
 */
#include "toolstack/supervisor/moveproc.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <json-c/json.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/spawn.h"

#define PROGRAM FREEHOLD_LIBEXECDIR "/freehold-migrate"
#define FDS_MAX (2 * MOVEPROC_CONNECTIONS_MAX + 2)
#define LINE_BYTES_MAX (4u << 20) /* a PLAN, its quotes escaped, and more */
#define READ_BYTES 65536u
#define SAY_S 5 /* for a process that does not read its first line */

struct moveproc {
    uv_poll_t heard, ended;
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    int fd, pid_fd;      /* -1: closed */
    int32_t pid;
    char *in;
    size_t used_bytes, room_bytes;
    struct moveproc_events events;
    bool closing;
};

static void on_heard(uv_poll_t *h, int status, int events);
static void on_ended(uv_poll_t *h, int status, int events);
static void on_handle_closed(uv_handle_t *h);

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- start ---- */

struct gift { /* descriptors that it gets: from[i] as SPAWN_FIRST + i */
    int from[FDS_MAX];
    uint32_t nr;
};

/* Out of the way of those that the child gets; its number there. */
static int give(struct gift *g, int fd, struct err *e)
{
    int moved = fcntl(fd, F_DUPFD_CLOEXEC, SPAWN_FIRST + FDS_MAX);

    if (moved < 0)
        return fail(e, -errno, "freehold-migrate: descriptor %d: %s", fd,
                    strerror(errno));
    g->from[g->nr] = moved;
    return SPAWN_FIRST + (int)g->nr++;
}

static int give_pair(struct gift *g, const int fd[2], struct json_object *list,
                     struct err *e)
{
    struct json_object *pair;
    int in = give(g, fd[0], e), out = in;

    if (in >= 0 && fd[1] != fd[0])
        out = give(g, fd[1], e);
    if (in < 0 || out < 0)
        return in < 0 ? in : out;
    pair = json_object_new_array();
    json_object_array_add(pair, json_object_new_int(in));
    json_object_array_add(pair, json_object_new_int(out));
    json_object_array_add(list, pair);
    return 0;
}

static int give_all(struct gift *g, const struct moveproc_fds *fds,
                    struct json_object *first, struct err *e)
{
    struct json_object *list = json_object_new_array();
    int rc = 0;

    json_object_object_add(first, "connections", list);
    for (uint32_t i = 0; i < fds->nr && rc == 0; i++)
        rc = give_pair(g, fds->fd[i], list, e);
    if (rc == 0 && fds->listen_fd >= 0) {
        rc = give(g, fds->listen_fd, e);
        if (rc >= 0)
            json_object_object_add(first, "listen", json_object_new_int(rc));
    }
    return rc < 0 ? rc : 0;
}

/* Takes fd, also after an error. */
static int make(int fd, int32_t pid, struct moveproc **out, struct err *e)
{
    struct moveproc *p = calloc(1, sizeof(*p));

    if (!p) {
        close(fd);
        return fail(e, -ENOMEM, "freehold-migrate %d: no memory", pid);
    }
    p->fd = fd;
    p->pid = pid;
    p->pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (p->pid_fd < 0) {
        int rc =
            fail(e, -errno, "freehold-migrate %d: %s", pid, strerror(errno));

        moveproc_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

int moveproc_take(int fd, int32_t pid, struct moveproc **out, struct err *e)
{
    return make(fd, pid, out, e);
}

static int start(const char *program, const struct gift *g, int fd,
                 struct moveproc **out, struct err *e)
{
    char *argv[] = { (char *)"freehold-migrate",
                     log_level() >= LOG_LEVEL_DEBUG ? (char *)"-v" : NULL,
                     NULL };
    pid_t pid = 0;
    int rc = spawn_with(program, argv, STDERR_FILENO, g->from, g->nr, &pid);

    if (rc < 0) {
        close(fd);
        return fail(e, rc, "%s: start it: %s", program, strerror(-rc));
    }
    rc = make(fd, pid, out, e);
    if (rc < 0)
        kill(pid, SIGKILL);
    return rc;
}

int moveproc_start(const char *program, struct json_object *first,
                   const struct moveproc_fds *fds, struct moveproc **out,
                   struct err *e)
{
    struct timeval patience = { .tv_sec = SAY_S };
    struct gift g = { .nr = 0 };
    int line[2], rc;

    if (fds->nr < 1 || fds->nr > MOVEPROC_CONNECTIONS_MAX)
        return fail(e, -EINVAL, "connections: got %u, want 1 to %u", fds->nr,
                    MOVEPROC_CONNECTIONS_MAX);
    if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, line))
        return fail(e, -errno, "freehold-migrate: socket: %s", strerror(errno));
    setsockopt(line[0], SOL_SOCKET, SO_SNDTIMEO, &patience, sizeof(patience));
    rc = give(&g, line[1], e);
    close(line[1]);
    if (rc >= 0)
        rc = give_all(&g, fds, first, e);
    if (rc == 0)
        rc = start(program ? program : PROGRAM, &g, line[0], out, e);
    else
        close(line[0]);
    for (uint32_t i = 0; i < g.nr; i++)
        close(g.from[i]);
    if (rc == 0)
        moveproc_say(*out, json_object_get(first));
    return rc;
}

/* ---- what we say ---- */

static bool send_all(int fd, const char *text, size_t bytes)
{
    while (bytes > 0) {
        ssize_t r = send(fd, text, bytes, MSG_NOSIGNAL);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            return false;
        text += r;
        bytes -= (size_t)r;
    }
    return true;
}

void moveproc_say(struct moveproc *p, struct json_object *order)
{
    const char *text =
        json_object_to_json_string_ext(order, JSON_C_TO_STRING_PLAIN);

    if (p->fd >= 0 &&
        (!send_all(p->fd, text, strlen(text)) || !send_all(p->fd, "\n", 1)) &&
        errno != EPIPE) {
        log_err("freehold-migrate %d: it does not listen: %s", p->pid,
                strerror(errno));
        moveproc_kill(p);
    }
    json_object_put(order);
}

void moveproc_order(struct moveproc *p, const char *name)
{
    struct json_object *o = json_object_new_object();

    json_object_object_add(o, "order", json_object_new_string(name));
    moveproc_say(p, o);
}

void moveproc_kill(struct moveproc *p)
{
    if (p->pid_fd >= 0)
        syscall(SYS_pidfd_send_signal, p->pid_fd, SIGKILL, NULL, 0);
}

/* ---- what it says ---- */

static bool make_room(struct moveproc *p)
{
    char *more;

    if (p->room_bytes - p->used_bytes >= READ_BYTES)
        return true;
    if (p->room_bytes >= LINE_BYTES_MAX)
        return p->room_bytes > p->used_bytes;
    more = realloc(p->in, p->room_bytes + 4 * READ_BYTES);
    if (!more)
        return false;
    p->in = more;
    p->room_bytes += 4 * READ_BYTES;
    return true;
}

/* What is there: its bytes, 0 at the end of it, or a negative errno. */
static ssize_t take_bytes(struct moveproc *p)
{
    ssize_t r;

    if (!make_room(p)) {
        log_err("freehold-migrate %d: it says a line without an end", p->pid);
        return 0;
    }
    do
        r = recv(p->fd, p->in + p->used_bytes, p->room_bytes - p->used_bytes,
                 MSG_DONTWAIT);
    while (r < 0 && errno == EINTR);
    if (r > 0)
        p->used_bytes += (size_t)r;
    return r < 0 ? -errno : r;
}

/* 1 and an event of its own, 0: no whole line is there; -EPROTO. */
static int take_line(struct moveproc *p, struct json_object **out)
{
    char *end = p->in ? memchr(p->in, '\n', p->used_bytes) : NULL;
    struct json_object *name;

    if (!end)
        return 0;
    *end = 0;
    *out = json_tokener_parse(p->in);
    p->used_bytes -= (size_t)(end + 1 - p->in);
    memmove(p->in, end + 1, p->used_bytes);
    if (json_object_is_type(*out, json_type_object) &&
        json_object_object_get_ex(*out, "event", &name) &&
        json_object_is_type(name, json_type_string))
        return 1;
    log_err("freehold-migrate %d: it says what is no event", p->pid);
    json_object_put(*out);
    *out = NULL;
    return -EPROTO;
}

static int64_t now_ms(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (int64_t)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

int moveproc_wait(struct moveproc *p, int timeout_ms, struct json_object **out,
                  struct err *e)
{
    int64_t until_ms = now_ms() + timeout_ms;
    int rc;

    while ((rc = take_line(p, out)) == 0) {
        struct pollfd in = { .fd = p->fd, .events = POLLIN };
        int64_t left_ms = until_ms - now_ms();
        ssize_t r = -EAGAIN;

        if (left_ms <= 0)
            return fail(e, -ETIMEDOUT, "freehold-migrate: it says nothing");
        if (poll(&in, 1, (int)left_ms) == 1)
            r = take_bytes(p);
        if (r == 0 || (r < 0 && r != -EAGAIN))
            return fail(e, -EPIPE, "freehold-migrate: it ended");
    }
    return rc == 1 ? 0 : fail(e, rc, "freehold-migrate: it says no event");
}

/* True: it goes on. */
static bool tell_all(struct moveproc *p)
{
    struct json_object *o, *name;
    int rc = 0;

    while (!p->closing && (rc = take_line(p, &o)) == 1) {
        json_object_object_get_ex(o, "event", &name);
        p->events.event(p->events.arg, json_object_get_string(name), o);
        json_object_put(o);
    }
    return rc == 0;
}

static void on_heard(uv_poll_t *h, int status, int events)
{
    struct moveproc *p = h->data;
    ssize_t r = take_bytes(p);

    (void)status, (void)events;
    if (r > 0 && tell_all(p))
        return;
    if (r == -EAGAIN || p->closing)
        return;
    uv_poll_stop(h); /* its end is what follows */
    moveproc_kill(p);
}

/* What it said before is told first. */
static void on_ended(uv_poll_t *h, int status, int events)
{
    struct moveproc *p = h->data;
    siginfo_t info;

    (void)status, (void)events;
    uv_poll_stop(h);
    waitid(P_PIDFD, (id_t)p->pid_fd, &info, WEXITED | WNOHANG);
    while (!p->closing && take_bytes(p) > 0 && tell_all(p))
        ;
    if (!p->closing)
        p->events.ended(p->events.arg);
}

int moveproc_watch(struct moveproc *p, uv_loop_t *loop,
                   const struct moveproc_events *events, struct err *e)
{
    int r = uv_poll_init(loop, &p->heard, p->fd);

    p->events = *events;
    p->heard.data = p->ended.data = p;
    if (r == 0) {
        p->nr_handles++;
        r = uv_poll_init(loop, &p->ended, p->pid_fd);
    }
    if (r == 0) {
        p->nr_handles++;
        uv_poll_start(&p->heard, UV_READABLE, on_heard);
        uv_poll_start(&p->ended, UV_READABLE, on_ended);
    }
    return r == 0 ? 0
                  : fail(e, r, "freehold-migrate %d: watch it: %s", p->pid,
                         uv_strerror(r));
}

/* ---- the object ---- */

int32_t moveproc_pid(const struct moveproc *p)
{
    return p->pid;
}

int moveproc_fd(const struct moveproc *p)
{
    return p->fd;
}

static void drop(struct moveproc *p)
{
    close_fd(&p->fd);
    close_fd(&p->pid_fd);
    free(p->in);
    free(p);
}

void moveproc_close(struct moveproc *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    if (p->nr_handles == 0) {
        drop(p);
        return;
    }
    if (p->fd >= 0)
        shutdown(p->fd, SHUT_RDWR);
    if (p->nr_handles > 1)
        uv_close((uv_handle_t *)&p->ended, on_handle_closed);
    uv_close((uv_handle_t *)&p->heard, on_handle_closed);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct moveproc *p = h->data;

    if (--p->nr_handles == 0)
        drop(p);
}
