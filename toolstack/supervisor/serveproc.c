/* SPDX-License-Identifier: MIT */
/*
 * serveproc.c - the process that serves one disk, or card, of xl's
 */
#include "toolstack/supervisor/serveproc.h"

#include <errno.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "toolstack/supervisor/serve_priv.h"

struct serveproc {
    uv_poll_t poll;
    int pid_fd;
    bool own; /* else it was there before us */
    serveproc_ended *ended;
    void *arg;
};

extern char **environ;

static void on_ended(uv_poll_t *h, int status, int events);
static void on_closed(uv_handle_t *h);

/* Takes pid_fd. */
static int attend(uv_loop_t *loop, const struct serveproc_order *o, int pid_fd,
                  bool own, struct serveproc **out)
{
    struct serveproc *p = calloc(1, sizeof(*p));

    if (!p) {
        close(pid_fd);
        return -ENOMEM;
    }
    p->pid_fd = pid_fd;
    p->own = own;
    p->ended = o->ended;
    p->arg = o->arg;
    p->poll.data = p;
    uv_poll_init(loop, &p->poll, pid_fd);
    uv_poll_start(&p->poll, UV_READABLE, on_ended);
    *out = p;
    return 0;
}

int serveproc_find(uv_loop_t *loop, const struct serveproc_order *o,
                   struct serveproc **out)
{
    char name[SERVE_NAME_BYTES];
    struct run_state state;
    int pid_fd;

    serve_name(o->what, o->domid, o->devid, name);
    if (rundir_read(o->base, name, &state, NULL) < 0 || !state.supervised)
        return 0;
    pid_fd =
        state.pid > 0 ? (int)syscall(SYS_pidfd_open, state.pid, 0) : -ESRCH;
    if (pid_fd < 0)
        return -EAGAIN;
    return attend(loop, o, pid_fd, false, out) < 0 ? -ENOMEM : 1;
}

static int spawn(const struct serveproc_order *o, pid_t *pid)
{
    char domid[16], devid[16];
    const char *argv[7] = { "freehold" };
    posix_spawn_file_actions_t files;
    posix_spawnattr_t attr;
    sigset_t none, all;
    int nr = 1, r;

    if (log_level() >= LOG_LEVEL_DEBUG)
        argv[nr++] = "-v";
    snprintf(domid, sizeof(domid), "%u", o->domid);
    snprintf(devid, sizeof(devid), "%u", o->devid);
    argv[nr++] = serve_kind_of(o->what)->command;
    if (o->any_mac)
        argv[nr++] = "-m";
    argv[nr++] = domid;
    argv[nr] = devid;
    sigemptyset(&none);
    sigfillset(&all);
    posix_spawn_file_actions_init(&files);
    posix_spawnattr_init(&attr);
    posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGMASK |
                                        POSIX_SPAWN_SETSIGDEF |
                                        POSIX_SPAWN_SETSID);
    posix_spawnattr_setsigmask(&attr, &none);
    posix_spawnattr_setsigdefault(&attr, &all);
    r = posix_spawn_file_actions_addclosefrom_np(&files, 3);
    if (r == 0)
        r = posix_spawn(pid, o->program, &files, &attr, (char **)argv, environ);
    posix_spawnattr_destroy(&attr);
    posix_spawn_file_actions_destroy(&files);
    return -r;
}

int serveproc_start(uv_loop_t *loop, const struct serveproc_order *o,
                    struct serveproc **out)
{
    pid_t pid = 0;
    int pid_fd, rc = spawn(o, &pid);

    if (rc < 0)
        return rc;
    pid_fd = (int)syscall(SYS_pidfd_open, pid, 0);
    if (pid_fd < 0)
        return -errno; /* it serves; it is found by its lock */
    return attend(loop, o, pid_fd, true, out);
}

/* Ours is reaped, and says how it ended; 0: the device is over. */
static bool is_over(const struct serveproc *p)
{
    siginfo_t how = { 0 };

    return p->own && waitid(P_PIDFD, (id_t)p->pid_fd, &how, WEXITED) == 0 &&
           how.si_code == CLD_EXITED && how.si_status == 0;
}

static void on_ended(uv_poll_t *h, int status, int events)
{
    struct serveproc *p = h->data;
    bool over = is_over(p);

    (void)status, (void)events;
    serveproc_let_go(p);
    p->ended(p->arg, over);
}

void serveproc_let_go(struct serveproc *p)
{
    if (p)
        uv_close((uv_handle_t *)&p->poll, on_closed);
}

static void on_closed(uv_handle_t *h)
{
    struct serveproc *p = h->data;

    close(p->pid_fd);
    free(p);
}
