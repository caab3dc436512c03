/* SPDX-License-Identifier: MIT */
/*
 * blkproc.c - one freehold-blk, and the connection to it
 */
#include "toolstack/supervisor/blkproc.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/fdpass.h"
#include "common/log.h"

#define PROGRAM FREEHOLD_LIBEXECDIR "/freehold-blk"
#define BACKLOG 4
#define MESSAGES_A_TURN 16u
#define MESSAGES_A_SECOND_MAX 256u

struct blkproc {
    uv_poll_t heard, ended;
    uint32_t nr_handles; /* not yet closed; the last one frees us */
    int conn_fd, pid_fd; /* -1: closed; not known */
    struct blkproc_id id;
    struct blkproc_events events;
    bool closing;
    const char *why; /* it was killed; NULL: it was not */
    uint64_t second_ms;
    uint32_t nr_messages; /* in this second */
};

extern char **environ;

static void on_heard(uv_poll_t *h, int status, int events);
static void on_ended(uv_poll_t *h, int status, int events);
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
static int find_process(const struct blkproc_id *id)
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

void blkproc_kill_left(const struct blkproc_id *id)
{
    int fd = find_process(id);

    if (fd < 0)
        return;
    kill_process(fd);
    close(fd);
}

struct blkproc_id blkproc_id(const struct blkproc *p)
{
    return p->id;
}

/* ---- start ---- */

static int put_address(const char *base, const char *suffix,
                       struct sockaddr_un *out, struct err *e)
{
    *out = (struct sockaddr_un){ .sun_family = AF_UNIX };
    if (snprintf(out->sun_path, sizeof(out->sun_path), "%s%s", base, suffix) >=
        (int)sizeof(out->sun_path))
        return fail(e, -ENAMETOOLONG, "%s%s: the path is too long", base,
                    suffix);
    return 0;
}

/* Its name appears when it listens. */
static int make_listener(const char *base, struct err *e)
{
    struct sockaddr_un new, where;
    int fd, rc = put_address(base, ".sock", &where, e);

    if (rc == 0)
        rc = put_address(base, ".sock.new", &new, e);
    if (rc < 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0)
        return fail(e, -errno, "%s: socket: %s", where.sun_path,
                    strerror(errno));
    unlink(new.sun_path);
    if (bind(fd, (struct sockaddr *)&new, sizeof(new)) == 0 &&
        listen(fd, BACKLOG) == 0 && rename(new.sun_path, where.sun_path) == 0)
        return fd;
    rc = fail(e, -errno, "%s: listen: %s", where.sun_path, strerror(errno));
    close(fd);
    return rc;
}

static int open_journal(const char *base, struct err *e)
{
    char path[BLK_BASE_BYTES + 16];
    int fd;

    snprintf(path, sizeof(path), "%s.journal", base);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? fail(e, -errno, "%s: open: %s", path, strerror(errno)) : fd;
}

static int connect_to(const char *base, struct err *e)
{
    struct sockaddr_un where;
    int fd, rc = put_address(base, ".sock", &where, e);

    if (rc < 0)
        return rc;
    fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&where, sizeof(where)) == 0)
        return fd;
    rc = fail(e, -errno, "%s: connect: %s", where.sun_path, strerror(errno));
    if (fd >= 0)
        close(fd);
    return rc;
}

/* Exactly 0 to 4; its own group, so that a terminal's signals miss it. */
static int spawn_with(const char *program, char **argv, int listen_fd,
                      int journal_fd, pid_t *pid)
{
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none;
    int r;

    sigemptyset(&none);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr,
                             POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETPGROUP);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setpgroup(&attr, 0);
    r = posix_spawn_file_actions_addopen(&files, 0, "/dev/null", O_RDONLY, 0);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&files, listen_fd, BLK_FD_LISTEN);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&files, journal_fd,
                                             BLK_FD_JOURNAL);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(&files,
                                                     BLK_FD_JOURNAL + 1);
    if (r == 0)
        r = posix_spawn(pid, program, &files, &attr, argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -r;
}

/* Out of the way of those that the child gets. */
static int move_up(int fd)
{
    int moved = fd < 0 ? -1 : fcntl(fd, F_DUPFD_CLOEXEC, 10);

    if (fd >= 0)
        close(fd);
    return moved;
}

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

static int spawn(const char *program, const char *name, const char *base,
                 pid_t *pid, struct err *e)
{
    const char *argv[4] = { "freehold-blk" };
    int listen_fd = -1, journal_fd, nr = 1, rc;

    if (log_level() >= LOG_LEVEL_DEBUG)
        argv[nr++] = "-v";
    argv[nr] = name;
    rc = journal_fd = move_up(open_journal(base, e));
    if (rc >= 0)
        rc = listen_fd = move_up(make_listener(base, e));
    if (rc >= 0) {
        rc = spawn_with(program, (char **)argv, listen_fd, journal_fd, pid);
        if (rc < 0)
            fail(e, rc, "disk %s: start %s: %s", name, program, strerror(-rc));
    } else if (!e || !e->rc) {
        rc = fail(e, -EMFILE, "disk %s: no descriptor is left", name);
    } else {
        rc = e->rc;
    }
    /* Ours would keep the journal locked, and the socket alive. */
    close_fd(&listen_fd);
    close_fd(&journal_fd);
    return rc;
}

/* ---- the object ---- */

static int watch(struct blkproc *p, uv_loop_t *loop, struct err *e)
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
static int make(uv_loop_t *loop, int conn_fd, int pid_fd,
                const struct blkproc_id *id,
                const struct blkproc_events *events, struct blkproc **out,
                struct err *e)
{
    struct blkproc *p = calloc(1, sizeof(*p));
    int rc;

    if (!p) {
        close_fd(&conn_fd);
        close_fd(&pid_fd);
        return fail(e, -ENOMEM, "backend %d: no memory", id->pid);
    }
    p->conn_fd = conn_fd;
    p->pid_fd = pid_fd;
    p->id = *id;
    p->events = *events;
    p->heard.data = p->ended.data = p;
    rc = watch(p, loop, e);
    if (rc < 0) {
        blkproc_close(p);
        return rc;
    }
    *out = p;
    return 0;
}

int blkproc_start(uv_loop_t *loop, const char *program, const char *name,
                  const char *base, const struct blkproc_events *events,
                  struct blkproc **out, struct err *e)
{
    struct blkproc_id id = { 0 };
    struct err own = { 0 };
    int conn_fd, pid_fd, rc;
    pid_t pid = 0;

    rc = spawn(program ? program : PROGRAM, name, base, &pid, &own);
    if (rc < 0)
        return fail(e, rc, "%s", own.text);
    id.pid = pid;
    id.start_ticks = start_ticks(pid);
    pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    conn_fd = pid_fd < 0 ? -1 : connect_to(base, &own);
    if (pid_fd < 0)
        rc = fail(e, -EMFILE, "disk %s: no descriptor is left", name);
    else if (conn_fd < 0)
        rc = fail(e, conn_fd, "%s", own.text);
    else
        rc = make(loop, conn_fd, pid_fd, &id, events, out, e);
    if (rc < 0) {
        kill(pid, SIGKILL);
        waitpid(pid, NULL, 0);
        if (conn_fd < 0)
            close_fd(&pid_fd);
    }
    return rc;
}

int blkproc_adopt(uv_loop_t *loop, const char *base,
                  const struct blkproc_id *id,
                  const struct blkproc_events *events, struct blkproc **out,
                  struct err *e)
{
    static const struct blkproc_id unknown;
    int pid_fd = find_process(id), conn_fd, rc;
    struct err own = { 0 };

    conn_fd = connect_to(base, &own);
    if (conn_fd < 0) {
        if (pid_fd >= 0) { /* it does not listen: nobody can use it */
            kill_process(pid_fd);
            close_fd(&pid_fd);
        }
        return fail(e, -ESRCH, "%s: its backend is gone", base);
    }
    rc =
        make(loop, conn_fd, pid_fd, pid_fd < 0 ? &unknown : id, events, out, e);
    return rc;
}

void blkproc_close(struct blkproc *p)
{
    if (!p || p->closing)
        return;
    p->closing = true;
    p->events = (struct blkproc_events){ 0 };
    if (p->nr_handles > 0)
        uv_close((uv_handle_t *)&p->heard, on_handle_closed);
    if (p->nr_handles > 1)
        uv_close((uv_handle_t *)&p->ended, on_handle_closed);
    if (p->nr_handles == 0) {
        p->nr_handles = 1;
        on_handle_closed((uv_handle_t *)&p->heard);
    }
}

static void on_handle_closed(uv_handle_t *h)
{
    struct blkproc *p = h->data;

    if (--p->nr_handles)
        return;
    close_fd(&p->conn_fd);
    close_fd(&p->pid_fd);
    free(p);
}

/* ---- while it runs ---- */

void blkproc_kill(struct blkproc *p, const char *why)
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

void blkproc_send(struct blkproc *p, const struct blk_ctl *m, int fd)
{
    int rc;

    if (p->closing || p->why)
        return;
    rc = fdpass_send(p->conn_fd, m, sizeof(*m), fd);
    if (rc == -EAGAIN)
        blkproc_kill(p, "it does not read what it is told");
    /* Any other error is its end, which is heard of. */
}

static bool is_sound(const struct blkproc *p, struct blk_ctl *m, int nr)
{
    if (nr != (int)sizeof(*m) || m->type < BLK_CTL_HELLO ||
        m->type >= BLK_CTL_TYPES)
        return false;
    if (m->type == BLK_CTL_HELLO) {
        m->u.hello.build[sizeof(m->u.hello.build) - 1] = 0;
        return p->id.pid == 0 || m->u.hello.pid == (uint32_t)p->id.pid;
    }
    if (m->type == BLK_CTL_BROKEN || m->type == BLK_CTL_FAILED)
        m->u.text[BLK_TEXT - 1] = 0;
    return true;
}

static bool says_too_much(struct blkproc *p)
{
    uint64_t now_ms = uv_now(p->heard.loop);

    if (now_ms - p->second_ms >= 1000) {
        p->second_ms = now_ms;
        p->nr_messages = 0;
    }
    return ++p->nr_messages > MESSAGES_A_SECOND_MAX;
}

/* Returns false when there is no more to read. */
static bool hear_one(struct blkproc *p)
{
    struct {
        struct blk_ctl m;
        char more; /* room to see that a message is too long */
    } in;
    int fd, nr = fdpass_receive(p->conn_fd, &in, sizeof(in), &fd);
    bool has_fd = fd >= 0;

    close_fd(&fd);
    if (nr == -EAGAIN)
        return false;
    if (nr <= 0)
        blkproc_kill(p, "it hung up");
    else if (has_fd || !is_sound(p, &in.m, nr))
        blkproc_kill(p, "it sent what is no message");
    else if (says_too_much(p))
        blkproc_kill(p, "it says too much");
    else
        p->events.message(p->events.arg, &in.m);
    return true;
}

static void on_heard(uv_poll_t *h, int status, int events)
{
    struct blkproc *p = h->data;

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
    struct blkproc *p = h->data;
    const char *why = p->why ? p->why : "it ended";
    siginfo_t info;

    (void)status, (void)events;
    uv_poll_stop(&p->ended);
    waitid(P_PIDFD, (id_t)p->pid_fd, &info, WEXITED | WNOHANG);
    /* What it said last: why it ended, perhaps. */
    for (uint32_t i = 0; i < MESSAGES_A_TURN && !p->closing && !p->why; i++)
        if (!hear_one(p))
            break;
    if (p->closing)
        return;
    uv_poll_stop(&p->heard);
    p->events.ended(p->events.arg, why);
}
