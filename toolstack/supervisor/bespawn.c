/* SPDX-License-Identifier: MIT */
/*
 * bespawn.c - start a backend's process with what it is to have
 */
#include "toolstack/supervisor/bespawn.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/beproc.h"

#define BACKLOG 4
#define FD_LISTEN 3 /* of the process, whatever its kind */
#define FD_JOURNAL 4

extern char **environ;

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
        r = posix_spawn_file_actions_adddup2(&files, listen_fd, FD_LISTEN);
    if (r == 0)
        r = posix_spawn_file_actions_adddup2(&files, journal_fd, FD_JOURNAL);
    if (r == 0)
        r = posix_spawn_file_actions_addclosefrom_np(&files, FD_JOURNAL + 1);
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
        rc = spawn_with(program, (char **)argv, listen_fd, journal_fd, pid);
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
