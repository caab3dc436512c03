/* SPDX-License-Identifier: MIT */
/*
 * xsdaemon.c - which xenstore daemon serves this host
 *
 * How this works: the kernel tells who listens on xenstored's socket, and
 * /proc tells that process' program.  A daemon that forked after listen() has
 * left the pid of its dead parent there; then the processes of /proc are
 * looked through.
 */
#include "toolstack/supervisor/xsdaemon.h"

#include <ctype.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"

#define SOCKET_PATH "/run/xenstored/socket"

/* The pid that listens on xenstored's socket, or a negative errno. */
static int listener_pid(void)
{
    struct sockaddr_un where = { .sun_family = AF_UNIX,
                                 .sun_path = SOCKET_PATH };
    struct ucred who;
    socklen_t who_bytes = sizeof(who);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    int rc;

    if (fd < 0)
        return -errno;
    if (connect(fd, (struct sockaddr *)&where, sizeof(where)) ||
        getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &who, &who_bytes))
        rc = -errno;
    else
        rc = who.pid;
    close(fd);
    return rc;
}

/* The program that pid runs; 0, or -ENOENT. */
static int program_of(int pid, char *out, uint32_t out_bytes)
{
    char path[64];
    FILE *f;
    int rc = -ENOENT;

    snprintf(path, sizeof(path), "/proc/%d/comm", pid);
    f = fopen(path, "re");
    if (!f)
        return rc;
    if (fgets(out, out_bytes, f)) {
        out[strcspn(out, "\n")] = 0;
        rc = 0;
    }
    fclose(f);
    return rc;
}

static int is_xenstored(const char *name)
{
    return strcmp(name, "xenstored") == 0 || strcmp(name, "oxenstored") == 0;
}

/* The pid, or -ENOENT. */
static int search_proc(char *out, uint32_t out_bytes)
{
    DIR *dir = opendir("/proc");
    struct dirent *d;
    int rc = -ENOENT;

    if (!dir)
        return rc;
    while (rc < 0 && (d = readdir(dir)))
        if (isdigit((unsigned char)d->d_name[0]) &&
            program_of(atoi(d->d_name), out, out_bytes) == 0 &&
            is_xenstored(out))
            rc = atoi(d->d_name);
    closedir(dir);
    return rc;
}

int xsdaemon_name(char *out, uint32_t out_bytes, int *pid, struct err *e)
{
    int listener = listener_pid(), found = listener;

    if (listener < 0)
        return fail(e, -ENOENT,
                    "xenstored: connect to " SOCKET_PATH ": %s; start the C "
                    "xenstored",
                    strerror(-listener));
    if (program_of(listener, out, out_bytes) < 0 || !is_xenstored(out))
        found = search_proc(out, out_bytes);
    if (found < 0)
        return fail(e, -ENOENT,
                    "xenstored: check which one runs: pid %d is neither "
                    "xenstored nor oxenstored",
                    listener);
    if (pid)
        *pid = found;
    return 0;
}
