/* SPDX-License-Identifier: MIT */
/*
 * await.c - wait for a supervisor to write something into its run directory
 */
#include "toolstack/cli/await.h"

#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/inotify.h>
#include <unistd.h>

#include "common/err.h"
#include "toolstack/supervisor/rundir.h"

int await_open(const char *name, int *fd, struct err *e)
{
    char dir[PATH_MAX];
    int rc;

    snprintf(dir, sizeof(dir), RUNDIR_BASE "/%s", name);
    *fd = inotify_init1(IN_CLOEXEC);
    if (*fd >= 0 && inotify_add_watch(*fd, dir, IN_MOVED_TO) >= 0)
        return 0;
    rc = fail(e, -errno, "%s: watch: %s", dir, strerror(errno));
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
    return rc;
}

/* 1: one of the events is the member's; 0: none; -ENOENT. */
static int look_for(const char *member, const char *events, ssize_t nr)
{
    const struct inotify_event *i;

    for (ssize_t at = 0; at < nr; at += (ssize_t)(sizeof(*i) + i->len)) {
        i = (const void *)(events + at);
        if (i->mask & IN_IGNORED)
            return -ENOENT;
        if (i->len && strcmp(i->name, member) == 0)
            return 1;
    }
    return 0;
}

int await_member(int fd, const char *name, const char *member, int timeout_ms,
                 struct err *e)
{
    char events[4096] __attribute__((aligned(8)));
    struct pollfd p = { .fd = fd, .events = POLLIN };
    int found = 0;

    while (found == 0) {
        int r = poll(&p, 1, timeout_ms);
        ssize_t nr = r > 0 ? read(fd, events, sizeof(events)) : 0;

        if (r == 0)
            return fail(e, -ETIMEDOUT,
                        "guest %s: wait for its supervisor: none took it over "
                        "in %d s; freehold run %s does",
                        name, timeout_ms / 1000, name);
        if ((r < 0 || nr < 0) && errno != EINTR)
            return fail(e, -errno, "guest %s: wait for its supervisor: %s",
                        name, strerror(errno));
        found = look_for(member, events, nr);
    }
    if (found < 0)
        return fail(e, found, "guest %s: wait for its supervisor: it is gone",
                    name);
    return 0;
}
