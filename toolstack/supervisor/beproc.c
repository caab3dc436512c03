/* SPDX-License-Identifier: MIT */
/*
 * beproc.c - one backend's process, and the connection to it
 */
#include "toolstack/supervisor/beproc.h"

#include <assert.h>
#include <errno.h>
#include <signal.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/fdpass.h"
#include "common/log.h"
#include "toolstack/supervisor/bespawn.h"

#define MESSAGES_A_TURN 16u
#define MESSAGES_A_SECOND_MAX 256u
#define REAP_MS 30000u /* a process in the kernel's hands may take long */

struct beproc {
    const struct beproc_kind *kind;
    uv_poll_t heard, ended;
    uv_timer_t reap;     /* how long a killed one is waited for */
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    int conn_fd, pid_fd; /* -1: closed; not known */
    struct beproc_id id;
    struct beproc_events events;
    bool closing, reaped;
    const char *why; /* it was killed; NULL: it was not */
    uint64_t second_ms;
    uint32_t nr_messages; /* in this second */
};

static void on_heard(uv_poll_t *h, int status, int events);
static void on_ended(uv_poll_t *h, int status, int events);
static void on_reap_late(uv_timer_t *t);
static void on_handle_closed(uv_handle_t *h);

/* ---- who it is ---- */

/* Field 22 of /proc/PID/stat; a name may hold blanks and brackets. */
static uint64_t start_ticks(int32_t pid)
{
    char path[32], text[1024], *at;
    unsigned long long ticks = 0;
    size_t nr;
    FILE *f;

    snprintf(path, sizeof(path), "/proc/%d/stat", pid);
    f = fopen(path, "re");
    if (!f)
        return 0;
    nr = fread(text, 1, sizeof(text) - 1, f);
    fclose(f);
    text[nr] = 0;
    at = strrchr(text, ')');
    for (uint32_t field = 2; at && field < 22; field++)
        at = strchr(at + 1, ' ');
    if (at)
        sscanf(at, "%llu", &ticks);
    return ticks;
}

/* Its pidfd, or -1 when that process is gone. */
static int find_process(const struct beproc_id *id)
{
    int fd;

    if (id->pid <= 0)
        return -1;
    fd = (int)syscall(SYS_pidfd_open, id->pid, 0);
    if (fd >= 0 && start_ticks(id->pid) != id->start_ticks) {
        close(fd);
        return -1; /* another one has its number */
    }
    return fd;
}

static void kill_process(int pid_fd)
{
    syscall(SYS_pidfd_send_signal, pid_fd, SIGKILL, NULL, 0);
}

void beproc_kill_left(const struct beproc_id *id)
{
    int fd = find_process(id);

    if (fd < 0)
        return;
    kill_process(fd);
    close(fd);
}

struct beproc_id beproc_id(const struct beproc *p)
{
    return p->id;
}

/* ---- the object ---- */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int watch(struct beproc *p, uv_loop_t *loop, struct err *e)
{
    int r = uv_poll_init(loop, &p->heard, p->conn_fd);

    if (r == 0) {
        p->nr_handles++;
        r = uv_poll_start(&p->heard, UV_READABLE, on_heard);
    }
    if (r == 0 && p->pid_fd >= 0) {
        r = uv_poll_init(loop, &p->ended, p->pid_fd);
        if (r == 0) {
            p->nr_handles++;
            r = uv_poll_start(&p->ended, UV_READABLE, on_ended);
        }
    }
    return r == 0 ? 0
                  : fail(e, r, "backend %d: watch it: %s", p->id.pid,
                         uv_strerror(r));
}

/* Takes the descriptors, also after an error. */
static int make(uv_loop_t *loop, const struct beproc_kind *kind, int conn_fd,
                int pid_fd, const struct beproc_id *id,
                const struct beproc_events *events, struct beproc **out,
                struct err *e)
{
    struct beproc *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        close_fd(&conn_fd);
        close_fd(&pid_fd);
        return fail(e, -ENOMEM, "backend %d: no memory", id->pid);
    }
    assert(kind->message_bytes <= BE_MESSAGE_BYTES_MAX);
    p->kind = kind;
    p->conn_fd = conn_fd;
    p->pid_fd = pid_fd;
    p->id = *id;
    p->events = *events;
    p->heard.data = p->ended.data = p->reap.data = p;
    rc = watch(p, loop, e);
    if (rc < 0) {
        beproc_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

int beproc_start(uv_loop_t *loop, const struct beproc_kind *kind,
                 const char *program, const char *name, const char *base,
                 const struct beproc_events *events, struct beproc **out,
                 struct err *e)
{
    struct beproc_id id = { 0 };
    struct err own = { 0 };
    int conn_fd, pid_fd, rc;
    pid_t pid = 0;

    rc = bespawn(kind, program ? program : kind->program, name, base, &pid,
                 &own);
    if (rc < 0)
        return fail(e, rc, "%s", own.text);
    id.pid = pid;
    id.start_ticks = start_ticks(pid);
    pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    conn_fd = pid_fd < 0 ? -1 : bespawn_connect(base, &own);
    if (pid_fd < 0)
        rc = fail(e, -EMFILE, "%s %s: no descriptor is left", kind->what, name);
    else if (conn_fd < 0)
        rc = fail(e, conn_fd, "%s", own.text);
    else
        rc = make(loop, kind, conn_fd, pid_fd, &id, events, out, e);
    if (rc < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (conn_fd < 0)
            close_fd(&pid_fd);
    }
    return rc;
}

int beproc_adopt(uv_loop_t *loop, const struct beproc_kind *kind,
                 const char *base, const struct beproc_id *id,
                 const struct beproc_events *events, struct beproc **out,
                 struct err *e)
{
    static const struct beproc_id unknown;
    int pid_fd = find_process(id), conn_fd;
    struct err own = { 0 };

    conn_fd = bespawn_connect(base, &own);
    if (conn_fd < 0) {
        if (pid_fd >= 0) { /* it does not listen: nobody can use it */
            kill_process(pid_fd);
            close_fd(&pid_fd);
        }
        return fail(e, -ESRCH, "%s: its backend is gone", base);
    }
    return make(loop, kind, conn_fd, pid_fd, pid_fd < 0 ? &unknown : id, events,
                out, e);
}

static void close_handles(struct beproc *p)
{
    if (p->nr_handles > 0)
        uv_close((uv_handle_t *)&p->heard, on_handle_closed);
    if (p->nr_handles > 1)
        uv_close((uv_handle_t *)&p->ended, on_handle_closed);
    if (p->nr_handles > 2)
        uv_close((uv_handle_t *)&p->reap, on_handle_closed);
    if (p->nr_handles == 0) {
        p->nr_handles = 1;
        on_handle_closed((uv_handle_t *)&p->heard);
    }
}

void beproc_close(struct beproc *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    p->events = (struct beproc_events){ 0 };
    if (!p->why || p->pid_fd < 0 || p->reaped) {
        close_handles(p);
        return;
    }
    uv_poll_stop(&p->heard);
    uv_timer_init(p->heard.loop, &p->reap);
    p->nr_handles++;
    uv_timer_start(&p->reap, on_reap_late, REAP_MS, 0);
}

static void on_reap_late(uv_timer_t *t)
{
    struct beproc *p = t->data;

    log_err("%s backend %d: it was killed (%s) and does not end; it is left "
            "alone",
            p->kind->what, p->id.pid, p->why);
    close_handles(p);
}

static void on_handle_closed(uv_handle_t *h)
{
    struct beproc *p = h->data;

    if (--p->nr_handles)
        return;
    close_fd(&p->conn_fd);
    close_fd(&p->pid_fd);
    free(p);
}

/* ---- while it runs ---- */

void beproc_kill(struct beproc *p, const char *why)
{
    if (p->closing)
        return;
    if (!p->why)
        p->why = why;
    if (p->pid_fd >= 0) {
        uv_poll_stop(&p->heard);
        kill_process(p->pid_fd);
    } else { /* it is hung up on, which on_heard() sees */
        shutdown(p->conn_fd, SHUT_RDWR);
    }
}

void beproc_send(struct beproc *p, const void *message, int fd)
{
    int rc;

    if (p->closing || p->why)
        return;
    rc = fdpass_send(p->conn_fd, message, p->kind->message_bytes, fd);
    if (rc == -EAGAIN)
        beproc_kill(p, "it does not read what it is told");
    /* Any other error is its end, which is heard of. */
}

void be_clean(char *text, uint32_t text_bytes)
{
    text[text_bytes - 1] = 0;
    for (char *c = text; *c; c++)
        if (*c < ' ' || *c > '~')
            *c = '?';
}

static bool read_word(const struct beproc *p, void *message, int nr,
                      struct be_word *out)
{
    *out = (struct be_word){ .what = BE_OTHER };
    if (nr != (int)p->kind->message_bytes || !p->kind->read(message, out))
        return false;
    return out->what != BE_HELLO || p->id.pid == 0 ||
           out->hello.pid == (uint32_t)p->id.pid;
}

static bool says_too_much(struct beproc *p)
{
    uint64_t now_ms = uv_now(p->heard.loop);

    if (now_ms - p->second_ms >= 1000) {
        p->second_ms = now_ms;
        p->nr_messages = 0;
    }
    return ++p->nr_messages > MESSAGES_A_SECOND_MAX;
}

/* Returns false when there is no more to read. */
static bool hear_one(struct beproc *p)
{
    /* One byte more, to see that a message is too long. */
    _Alignas(max_align_t) char in[BE_MESSAGE_BYTES_MAX + 1] = { 0 };
    int fd,
        nr = fdpass_receive(p->conn_fd, in, p->kind->message_bytes + 1, &fd);
    bool has_fd = fd >= 0;
    struct be_word w;

    close_fd(&fd);
    if (nr == -EAGAIN)
        return false;
    if (nr <= 0)
        beproc_kill(p, "it hung up");
    else if (has_fd || !read_word(p, in, nr, &w))
        beproc_kill(p, "it sent what is no message");
    else if (says_too_much(p))
        beproc_kill(p, "it says too much");
    else
        p->events.message(p->events.arg, &w, in);
    return true;
}

static void on_heard(uv_poll_t *h, int status, int events)
{
    struct beproc *p = h->data;

    (void)status, (void)events;
    for (uint32_t i = 0; i < MESSAGES_A_TURN && !p->closing && !p->why; i++)
        if (!hear_one(p))
            return;
    if (!p->closing && p->why && p->pid_fd < 0) {
        uv_poll_stop(&p->heard);
        p->events.ended(p->events.arg, p->why);
    }
}

static void on_ended(uv_poll_t *h, int status, int events)
{
    struct beproc *p = h->data;
    const char *why = p->why ? p->why : "it ended";
    siginfo_t info;

    (void)status, (void)events;
    uv_poll_stop(&p->ended);
    waitid(P_PIDFD, (id_t)p->pid_fd, &info, WEXITED | WNOHANG);
    p->reaped = true;
    if (p->closing) { /* it was waited for, and nobody else does */
        close_handles(p);
        return;
    }
    /* What it said last: why it ended, perhaps. */
    for (uint32_t i = 0; i < MESSAGES_A_TURN && !p->closing && !p->why; i++)
        if (!hear_one(p))
            break;
    if (p->closing)
        return;
    uv_poll_stop(&p->heard);
    p->events.ended(p->events.arg, why);
}
