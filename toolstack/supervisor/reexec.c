/* SPDX-License-Identifier: MIT */
/*
 * reexec.c - replace this process by the program as it is installed now
 *
 * How this works: /proc/self/exe is where we came from; after an upgrade it
 * says so with a suffix, and the new program has that path.
 */
#include "toolstack/supervisor/reexec.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"

#define DELETED " (deleted)"

int reexec_program(char out[PATH_MAX], struct err *e)
{
    ssize_t nr = readlink("/proc/self/exe", out, PATH_MAX - 1);
    size_t suffix = strlen(DELETED);

    if (nr < 0)
        return fail(e, -errno, "reload: /proc/self/exe: %s", strerror(errno));
    out[nr] = 0;
    if ((size_t)nr > suffix && strcmp(out + nr - suffix, DELETED) == 0)
        out[nr - suffix] = 0;
    return 0;
}

int reexec_check(struct err *e)
{
    char path[PATH_MAX];
    int rc = reexec_program(path, e);

    if (rc == 0 && access(path, X_OK))
        rc = fail(e, -errno, "reload: %s: %s", path, strerror(errno));
    return rc;
}

int reexec(const char *name, int lock_fd, uint32_t stop_timeout_s,
           struct err *e)
{
    char path[PATH_MAX], fd[16], timeout[16];
    const char *argv[12] = { "freehold" };
    int nr = 1, rc;

    rc = reexec_program(path, e);
    if (rc < 0)
        return rc;
    snprintf(fd, sizeof(fd), "%d", lock_fd);
    snprintf(timeout, sizeof(timeout), "%u", stop_timeout_s);
    if (log_level() >= LOG_LEVEL_DEBUG)
        argv[nr++] = "-v";
    argv[nr++] = "run";
    argv[nr++] = "--lock-fd";
    argv[nr++] = fd;
    argv[nr++] = "--stop-timeout";
    argv[nr++] = timeout;
    argv[nr++] = name;
    if (fcntl(lock_fd, F_SETFD, 0))
        return fail(e, -errno, "reload: keep the lock: %s", strerror(errno));
    execv(path, (char **)argv);
    rc = fail(e, -errno, "reload: start %s: %s", path, strerror(errno));
    fcntl(lock_fd, F_SETFD, FD_CLOEXEC);
    return rc;
}
