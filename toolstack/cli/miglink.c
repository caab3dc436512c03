/* SPDX-License-Identifier: MIT */
/*
 * miglink.c - the connections of a transfer, made here and handed over
 */
#include "toolstack/cli/miglink.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/cli/migsock.h"

#define BANNER_MS 120000 /* as long as sshd waits for a login */
#define NOISE_BYTES 4096u
#define PIPE_BYTES (1 << 20) /* more than a frame, which is 64 KiB and some */

static void close_fd(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

/* ---- the child ---- */

static void run_child(const struct migopts *o, const int in[2],
                      const int out[2])
{
    char rune[1024];
    sigset_t none;

    signal(SIGINT, SIG_IGN);
    signal(SIGHUP, SIG_IGN);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    if (dup2(in[0], STDIN_FILENO) < 0 || dup2(out[1], STDOUT_FILENO) < 0)
        _exit(126);
    if (o->ssh && !o->ssh[0]) {
        execl("/bin/sh", "sh", "-c", o->host, (char *)NULL);
    } else if (snprintf(rune, sizeof(rune),
                        "exec %s \"$1\" freehold migrate-receive",
                        o->ssh ? o->ssh : "ssh") < (int)sizeof(rune)) {
        execl("/bin/sh", "sh", "-c", rune, "sh", o->host, (char *)NULL);
    }
    _exit(126);
}

static int start_child(struct miglink *l, const struct migopts *o,
                       struct err *e)
{
    int in[2] = { -1, -1 }, out[2] = { -1, -1 }, rc = 0;

    if (pipe2(in, O_CLOEXEC) < 0 || pipe2(out, O_CLOEXEC) < 0)
        rc = fail(e, -errno, "%s: pipe: %s", l->peer, strerror(errno));
    if (rc == 0) {
        fcntl(in[1], F_SETPIPE_SZ, PIPE_BYTES);
        fcntl(out[0], F_SETPIPE_SZ, PIPE_BYTES);
        l->child = fork();
        if (l->child == 0)
            run_child(o, in, out);
        if (l->child < 0) {
            l->child = 0;
            rc = fail(e, -errno, "%s: fork: %s", l->peer, strerror(errno));
        }
    }
    if (rc == 0) {
        l->fd[0][0] = out[0];
        l->fd[0][1] = in[1];
        l->nr = 1;
        out[0] = in[1] = -1;
    }
    for (uint32_t i = 0; i < 2; i++) {
        close_fd(&in[i]);
        close_fd(&out[i]);
    }
    return rc;
}

/* ---- its banner ---- */

/* Readable: 1.  Else why not. */
static int wait_readable(const struct miglink *l, int stop_fd, uint64_t end_ms,
                         struct err *e)
{
    struct pollfd p[2] = { { .fd = l->fd[0][0], .events = POLLIN },
                           { .fd = stop_fd, .events = POLLIN } };

    for (;;) {
        uint64_t now = migsock_now_ms();
        int r = poll(p, 2, now < end_ms ? (int)(end_ms - now) : 0);

        if (r < 0 && errno != EINTR)
            return fail(e, -errno, "%s: wait: %s", l->peer, strerror(errno));
        if (r > 0 && p[1].revents)
            return fail(e, -EINTR, "%s: connect: it was interrupted", l->peer);
        if (r > 0)
            return 1;
        if (now >= end_ms)
            return fail(e, -ETIMEDOUT,
                        "%s: connect: freehold migrate-receive has not "
                        "answered there in %d s",
                        l->peer, BANNER_MS / 1000);
    }
}

static int no_banner(struct miglink *l, struct err *e)
{
    int status = miglink_end(l, 1000);

    if (status == 127)
        return fail(e, -EIO,
                    "%s: connect: ssh, or freehold at the other end, was not "
                    "found",
                    l->peer);
    return fail(e, -EIO,
                "%s: connect: ssh ended with %d before freehold "
                "migrate-receive was there",
                l->peer, status);
}

/* Byte by byte: what is behind it is not ours. */
static int read_banner(struct miglink *l, int stop_fd, struct err *e)
{
    static const char want[] = MIGLINK_BANNER;
    uint64_t end_ms = migsock_now_ms() + BANNER_MS;
    bool line_begins = true;
    uint32_t have = 0;

    for (uint32_t nr = 0; nr < NOISE_BYTES; nr++) {
        int rc = wait_readable(l, stop_fd, end_ms, e);
        ssize_t r;
        char c;

        if (rc < 0)
            return rc;
        r = read(l->fd[0][0], &c, 1);
        if (r <= 0)
            return no_banner(l, e);
        if (line_begins)
            have = 0;
        line_begins = c == '\n';
        /* UINT32_MAX: this line is another. */
        have =
            have < sizeof(want) - 1 && c == want[have] ? have + 1 : UINT32_MAX;
        if (have == sizeof(want) - 1)
            return 0;
    }
    return fail(e, -EIO,
                "%s: connect: the other end says anything but \"%.*s\"",
                l->peer, (int)sizeof(want) - 2, want);
}

/* ---- all of it ---- */

static int open_sockets(struct miglink *l, const struct migopts *o, int stop_fd,
                        struct err *e)
{
    int rc = 0;

    while (rc == 0 && l->nr < o->nr_streams) {
        rc =
            o->tcp ? migsock_tcp(o->tcp, stop_fd, e) : migsock_unix(o->path, e);
        if (rc < 0)
            return rc;
        l->fd[l->nr][0] = l->fd[l->nr][1] = rc;
        l->nr++;
        rc = 0;
    }
    return rc;
}

int miglink_open(struct miglink *l, const struct migopts *o, int stop_fd,
                 struct err *e)
{
    int rc = 0;

    *l = (struct miglink){ .peer = migopts_peer(o) };
    if (o->host) {
        rc = start_child(l, o, e);
        if (rc == 0)
            rc = read_banner(l, stop_fd, e);
    } else if (o->tcp || o->path) {
        rc = open_sockets(l, o, stop_fd, e);
    }
    if (rc < 0)
        miglink_close(l);
    return rc;
}

void miglink_let_go(struct miglink *l)
{
    for (uint32_t i = 0; i < l->nr; i++) {
        if (l->fd[i][1] != l->fd[i][0])
            close(l->fd[i][1]);
        close(l->fd[i][0]);
    }
    l->nr = 0;
}

/* 1: it ended, and *status has how.  0: not in time. */
static int await_child(const struct miglink *l, int timeout_ms, int *status)
{
    int fd = pidfd_open(l->child, 0), r = 1;
    struct pollfd p = { .fd = fd, .events = POLLIN };

    if (fd >= 0) {
        do
            r = poll(&p, 1, timeout_ms);
        while (r < 0 && errno == EINTR);
        close(fd);
    }
    if (r == 0)
        return 0;
    while (waitpid(l->child, status, 0) < 0 && errno == EINTR)
        ;
    return 1;
}

int miglink_end(struct miglink *l, int timeout_ms)
{
    int status = 0;

    miglink_let_go(l);
    if (l->child <= 0)
        return 0;
    if (!await_child(l, timeout_ms, &status)) {
        kill(l->child, SIGTERM);
        if (!await_child(l, 1000, &status)) {
            kill(l->child, SIGKILL);
            await_child(l, -1, &status);
        }
    }
    l->child = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

void miglink_leave(struct miglink *l)
{
    miglink_let_go(l);
    l->child = 0;
}

void miglink_close(struct miglink *l)
{
    miglink_end(l, 0);
}
