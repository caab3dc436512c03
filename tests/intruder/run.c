/* SPDX-License-Identifier: MIT */
/* run.c - fork, attempt, and report through a pipe */
#include "run.h"

#include "accomplice.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static void attempt(const struct attack *a, int fd, int verbose)
{
    struct attack mine = *a;
    struct hc h;
    struct outcome o;
    int quiet;
    int rc;

    alarm(a->stage & (STAGE_FREED | STAGE_GONE) ? HUNT_TIMEOUT_S
                                                : RUN_TIMEOUT_S);
    if (!verbose) {
        quiet = open("/dev/null", O_WRONLY | O_CLOEXEC);
        if (quiet >= 0)
            dup2(quiet, STDERR_FILENO);
    }
    rc = hc_open(&h);
    if (rc < 0) {
        o = out_error("no hypercalls", -rc);
    } else {
        mine.h = &h;
        o = a->row->attack(&mine);
    }
    if (write(fd, &o, sizeof(o)) != (ssize_t)sizeof(o))
        _exit(1);
    hc_close(&h);
    _exit(0);
}

static struct outcome out_of_death(int status)
{
    char text[64];

    if (WIFSIGNALED(status))
        snprintf(text, sizeof(text), "the attempt died: %s",
                 strsignal(WTERMSIG(status)));
    else
        snprintf(text, sizeof(text), "the attempt left no word");
    return out_error(text, 0);
}

/* An attempt that died may have left domains behind. */
static void sweep(pid_t pid)
{
    struct hc h;

    if (hc_open(&h) < 0)
        return;
    acc_sweep(&h, pid);
    hc_close(&h);
}

struct outcome run_attempt(const struct attack *a, int verbose)
{
    struct outcome o;
    int fd[2], status = 0;
    ssize_t got;
    pid_t pid;

    fflush(NULL);
    if (pipe2(fd, O_CLOEXEC) < 0)
        return out_error("pipe", errno);
    pid = fork();
    if (pid < 0) {
        close(fd[0]);
        close(fd[1]);
        return out_error("fork", errno);
    }
    if (pid == 0) {
        close(fd[0]);
        attempt(a, fd[1], verbose);
    }
    close(fd[1]);
    do
        got = read(fd[0], &o, sizeof(o));
    while (got < 0 && errno == EINTR);
    close(fd[0]);
    while (waitpid(pid, &status, 0) < 0 && errno == EINTR)
        ;
    if (got == (ssize_t)sizeof(o))
        return o;
    sweep(pid);
    return out_of_death(status);
}
