/* SPDX-License-Identifier: MIT */
/*
 * disksource.c - what stands behind a disk, opened or connected for a backend
 */
#include "toolstack/supervisor/disksource.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

struct disk_source {
    uv_loop_t *loop;
    enum blk_store_kind kind;
    bool writable;
    char vdev[32];
    char path[PATH_MAX];
    int fd; /* RAW: open and locked, or -1 */
    struct err why;
};

/* ---- files and devices ---- */

/* As xl has it: a relative target is a device below /dev. */
static int find_path(struct disk_source *s, const char *target, struct err *e)
{
    const char *below = target[0] == '/' ? "" : "/dev/";

    if (snprintf(s->path, sizeof(s->path), "%s%s", below, target) >=
        (int)sizeof(s->path))
        return fail(e, -ENAMETOOLONG,
                    "disk %s: %.200s...: the path is too long", s->vdev,
                    target);
    return 0;
}

static const char *kind_of(mode_t mode)
{
    return S_ISDIR(mode)    ? "a directory"
           : S_ISCHR(mode)  ? "a character device"
           : S_ISFIFO(mode) ? "a pipe"
           : S_ISSOCK(mode) ? "a socket"
                            : "something else";
}

/* Before open(2), which may wait for a pipe's other end, and after it. */
static int check_kind(const struct disk_source *s, const struct stat *st,
                      struct err *e)
{
    if (S_ISREG(st->st_mode) || S_ISBLK(st->st_mode))
        return 0;
    return fail(e, -EINVAL,
                "disk %s: %.400s: got %s, want a file or block device", s->vdev,
                s->path, kind_of(st->st_mode));
}

static int look_at(const struct disk_source *s, struct err *e)
{
    struct stat st;

    if (stat(s->path, &st))
        return fail(e, -errno, "disk %s: %.400s: %s", s->vdev, s->path,
                    strerror(errno));
    return check_kind(s, &st, e);
}

static int open_locked(struct disk_source *s, struct err *e)
{
    int flags = s->writable ? O_RDWR : O_RDONLY, fd, rc;
    struct stat st;

    fd = open(s->path, flags | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
    if (fd < 0)
        return fail(e, -errno, "disk %s: %.400s: open to %s: %s", s->vdev,
                    s->path, s->writable ? "write" : "read", strerror(errno));
    if (fstat(fd, &st))
        rc = fail(e, -errno, "disk %s: %.400s: %s", s->vdev, s->path,
                  strerror(errno));
    else
        rc = check_kind(s, &st, e);
    if (rc == 0 && flock(fd, (s->writable ? LOCK_EX : LOCK_SH) | LOCK_NB))
        rc = errno == EWOULDBLOCK
                 ? fail(e, -EBUSY,
                        "disk %s: %.400s: it is in use by another guest",
                        s->vdev, s->path)
                 : fail(e, -errno, "disk %s: %.400s: lock: %s", s->vdev,
                        s->path, strerror(errno));
    if (rc == 0 && fcntl(fd, F_SETFL, fcntl(fd, F_GETFL) & ~O_NONBLOCK))
        rc = fail(e, -errno, "disk %s: %.400s: %s", s->vdev, s->path,
                  strerror(errno));
    if (rc == 0)
        return fd;
    close(fd);
    return rc;
}

int disk_source_fd(struct disk_source *s)
{
    int fd;

    s->why = (struct err){ 0 };
    if (s->kind != BLK_STORE_RAW)
        return fail(&s->why, -ENOTSUP, "disk %s: it has no descriptor",
                    s->vdev);
    if (s->fd < 0) {
        fd = open_locked(s, &s->why);
        if (fd < 0)
            return fd;
        s->fd = fd;
    }
    fd = fcntl(s->fd, F_DUPFD_CLOEXEC, 0);
    if (fd < 0)
        return fail(&s->why, -errno, "disk %s: %.400s: %s", s->vdev, s->path,
                    strerror(errno));
    return fd;
}

const char *disk_source_why(const struct disk_source *s)
{
    return s->why.text;
}

/* ---- any ---- */

int disk_source_open(uv_loop_t *loop, const struct vm_disk *d, const char *base,
                     struct disk_source **out, struct err *e)
{
    struct disk_source *s;
    int rc;

    (void)base;
    if (!d->target || !d->target[0] || d->format == VM_DISK_EMPTY)
        return fail(e, -ENOMEDIUM,
                    "disk %s: target: got none, want a file, a "
                    "device or an address",
                    d->vdev);
    s = calloc(1, sizeof(*s));
    if (!s)
        return fail(e, -ENOMEM, "disk %s: no memory", d->vdev);
    s->loop = loop;
    s->fd = -1;
    s->writable = d->writable;
    snprintf(s->vdev, sizeof(s->vdev), "%s", d->vdev);
    rc = find_path(s, d->target, e);
    if (rc == 0 && d->format != VM_DISK_RAW)
        rc = fail(e, -ENOTSUP, "disk %s: format %s: it is not served yet",
                  s->vdev, vmdisk_format_name(d->format));
    if (rc == 0)
        rc = look_at(s, e);
    if (rc == 0)
        *out = s;
    else
        disk_source_close(s);
    return rc;
}

enum blk_store_kind disk_source_kind(const struct disk_source *s)
{
    return s->kind;
}

const char *disk_source_export(const struct disk_source *s)
{
    (void)s;
    return "";
}

int disk_source_connect(struct disk_source *s, disk_source_done *done,
                        void *arg, struct err *e)
{
    (void)done, (void)arg;
    return fail(e, -ENOTSUP, "disk %s: it is no NBD server", s->vdev);
}

void disk_source_close(struct disk_source *s)
{
    if (!s)
        return;
    if (s->fd >= 0)
        close(s->fd);
    free(s);
}
