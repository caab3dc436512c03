/* SPDX-License-Identifier: MIT */
/*
 * bespawn.c - start a backend's process with what it is to have
 */
#include "toolstack/supervisor/bespawn.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/beproc.h"
#include "toolstack/supervisor/spawn.h"

#define BACKLOG 4

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
    char path[BE_BASE_BYTES + 16];
    int fd;

    snprintf(path, sizeof(path), "%s.journal", base);
    fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0 ? fail(e, -errno, "%s: open: %s", path, strerror(errno)) : fd;
}

int bespawn_connect(const char *base, struct err *e)
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

int bespawn(const struct beproc_kind *kind, const char *program,
            const char *name, const char *base, pid_t *pid, struct err *e)
{
    const char *argv[4] = { kind->argv0 };
    int listen_fd = -1, journal_fd, nr = 1, rc;

    if (log_level() >= LOG_LEVEL_DEBUG)
        argv[nr++] = "-v";
    argv[nr] = name;
    rc = journal_fd = move_up(open_journal(base, e));
    if (rc >= 0)
        rc = listen_fd = move_up(make_listener(base, e));
    if (rc >= 0) {
        const int fd[] = { listen_fd, journal_fd };

        rc = spawn_with(program, (char **)argv, STDOUT_FILENO, fd,
                        ARRAY_SIZE(fd), pid);
        if (rc < 0)
            fail(e, rc, "%s %s: start %s: %s", kind->what, name, program,
                 strerror(-rc));
    } else if (!e || !e->rc) {
        rc = fail(e, -EMFILE, "%s %s: no descriptor is left", kind->what, name);
    } else {
        rc = e->rc;
    }
    /* Ours would keep the journal locked, and the socket alive. */
    close_fd(&listen_fd);
    close_fd(&journal_fd);
    return rc;
}
