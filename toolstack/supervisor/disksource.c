/* SPDX-License-Identifier: MIT */
/*
 * disksource.c - what stands behind a disk, opened or connected for a backend
 *
 * How an image is connected to: whoever listens on base.nbd serves it, also one
 * that a supervisor before us started.  Nobody there: the image is locked, a
 * server started, and connected to.  One that ends while we knock is gone, and
 * the next one is started, once its lock is free; all within CONNECT_MS.
 *
 *   IDLE ──connect──▶ DIALLING ──a greeting──▶ IDLE, and the next one in turn
 *                       ▲    └──nobody there──▶ WAITING (for the old server to
 *                       └───started a server────┘        end, or for its lock)
 */
#include "toolstack/supervisor/disksource.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <linux/magic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "toolstack/supervisor/nbddial.h"
#include "toolstack/supervisor/qemunbd.h"

#define CONNECT_MS 10000u
#define LOCK_RETRY_MS 20u /* nobody tells when a lock is free */
#define PROGRAM FREEHOLD_LIBEXECDIR "/freehold-image"

struct request { /* one disk_source_connect() */
    struct request *next;
    disk_source_done *done;
    void *arg;
};

struct disk_source {
    uv_loop_t *loop;
    enum blk_store_kind kind;
    enum vm_disk_format format;
    bool writable, direct;
    char vdev[32];
    char name[48]; /* `disk xvda` */
    char title[96];
    char path[PATH_MAX]; /* of file, device or image */
    int fd;              /* of it, open and locked, or -1 */
    struct err why;

    struct nbd_uri uri; /* NBD; of an image: its server's socket */
    struct request *first, **tail;
    struct nbd_dial *dial;
    struct qemunbd *server; /* ours, that runs */
    bool was_used;          /* somebody got a connection to it */
    bool is_closed;
    uint64_t until_ms; /* of the first request */
    uv_timer_t timer;
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

/*
 * qemu-nbd locks ranges of an image itself.  NFS makes one lock of those and of
 * flock(2), and would keep it out of what we have locked for it.
 */
static bool locks_itself(const struct disk_source *s, int fd)
{
    struct statfs fs;

    return s->format != VM_DISK_RAW && fstatfs(fd, &fs) == 0 &&
           fs.f_type == NFS_SUPER_MAGIC;
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
    if (rc == 0 && !locks_itself(s, fd) &&
        flock(fd, (s->writable ? LOCK_EX : LOCK_SH) | LOCK_NB))
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

/* ---- connections ---- */

static void dial(struct disk_source *s);
static void on_dialled(void *arg, int fd, const struct err *failed);
static void on_ended(void *arg, const struct err *why);
static void on_timer(uv_timer_t *t);

static bool is_image(const struct disk_source *s)
{
    return s->format != VM_DISK_RAW;
}

/* The first request is answered; the next one's turn. */
static void answer(struct disk_source *s, int fd, const struct err *failed)
{
    struct request *r = s->first;
    disk_source_done *done = r->done;
    void *arg = r->arg;

    s->first = r->next;
    if (!s->first)
        s->tail = &s->first;
    free(r);
    uv_timer_stop(&s->timer);
    if (s->first) { /* from the loop: done() may close us */
        s->until_ms = uv_now(s->loop) + CONNECT_MS;
        uv_timer_start(&s->timer, on_timer, 0, 0);
    }
    done(arg, fd, failed);
}

static void refuse(struct disk_source *s, const struct err *why)
{
    struct err copy;

    fail(&copy, why->rc, "disk %s: %s", s->vdev, why->text);
    answer(s, -1, &copy);
}

static void dial(struct disk_source *s)
{
    uint64_t now = uv_now(s->loop);
    struct err e;

    if (now >= s->until_ms) {
        fail(&e, -ETIMEDOUT, "%.300s: no answer within %u ms",
             is_image(s) ? s->path : s->uri.host, CONNECT_MS);
        refuse(s, &e);
        return;
    }
    if (nbd_dial(s->loop, &s->uri, (uint32_t)(s->until_ms - now), on_dialled, s,
                 &s->dial, &e) < 0)
        refuse(s, &e);
}

static void start_server(struct disk_source *s)
{
    const struct qemunbd_order o = {
        .program = PROGRAM,
        .name = s->name,
        .title = s->title,
        .image = s->path,
        .socket = s->uri.path,
        .format = s->format,
        .writable = s->writable,
        .direct = s->direct,
        .locked_fd = s->fd,
    };
    struct err e;

    s->was_used = false;
    if (qemunbd_start(s->loop, &o, on_ended, s, &s->server, &e) < 0)
        answer(s, -1, &e);
    else
        dial(s);
}

/* Nobody serves the image: the lock says whether one still ends. */
static void serve_image(struct disk_source *s)
{
    struct err e;
    int fd;

    if (s->fd < 0) {
        fd = open_locked(s, &e);
        if (fd == -EBUSY && uv_now(s->loop) < s->until_ms) {
            uv_timer_start(&s->timer, on_timer, LOCK_RETRY_MS, 0);
            return;
        }
        if (fd < 0) {
            answer(s, -1, &e);
            return;
        }
        s->fd = fd;
    }
    start_server(s);
}

static bool is_nobody(int rc)
{
    return rc == -ECONNREFUSED || rc == -ENOENT || rc == -ECONNRESET;
}

static void on_dialled(void *arg, int fd, const struct err *failed)
{
    struct disk_source *s = arg;

    s->dial = NULL;
    if (fd >= 0) {
        s->was_used = true;
        answer(s, fd, NULL);
    } else if (!is_image(s) || !is_nobody(failed->rc)) {
        refuse(s, failed);
    } else if (!s->server) {
        serve_image(s);
    } else { /* it ends: on_ended(), or never */
        uv_timer_start(&s->timer, on_timer,
                       s->until_ms - MIN_OF(uv_now(s->loop), s->until_ms), 0);
    }
}

/* A server that ended while somebody waits for it: its own words, or again. */
static void on_ended(void *arg, const struct err *why)
{
    struct disk_source *s = arg;

    s->server = NULL;
    if (!s->first)
        return;
    if (why->rc < 0 && !s->was_used) {
        nbd_dial_stop(s->dial);
        s->dial = NULL;
        answer(s, -1, why);
    } else if (!s->dial) {
        uv_timer_stop(&s->timer);
        serve_image(s);
    } /* else the dial finds nobody, and starts the next */
}

static void on_timer(uv_timer_t *t)
{
    dial(t->data);
}

int disk_source_connect(struct disk_source *s, disk_source_done *done,
                        void *arg, struct err *e)
{
    struct request *r;

    if (s->kind != BLK_STORE_NBD)
        return fail(e, -ENOTSUP, "disk %s: it is no NBD server", s->vdev);
    r = calloc(1, sizeof(*r));
    if (!r)
        return fail(e, -ENOMEM, "disk %s: no memory", s->vdev);
    *r = (struct request){ .done = done, .arg = arg };
    *s->tail = r;
    s->tail = &r->next;
    if (s->first == r) {
        s->until_ms = uv_now(s->loop) + CONNECT_MS;
        uv_timer_start(&s->timer, on_timer, 0, 0);
    }
    return 0;
}

void disk_source_renew(struct disk_source *s)
{
    if (is_image(s))
        unlink(s->uri.path);
}

/* ---- any ---- */

static int find_server(struct disk_source *s, const struct vm_disk *d,
                       struct err *e)
{
    struct err why;
    int rc = nbduri_parse(d->target, &s->uri, &why);

    if (rc < 0)
        return fail(e, rc, "disk %s: %s", s->vdev, why.text);
    if (d->format != VM_DISK_RAW)
        return fail(e, -EINVAL,
                    "disk %s: format: got %s, want raw: the NBD "
                    "server knows what it serves",
                    s->vdev, vmdisk_format_name(d->format));
    s->kind = BLK_STORE_NBD;
    return 0;
}

static int find_image(struct disk_source *s, const char *base, struct err *e)
{
    s->kind = BLK_STORE_NBD;
    s->uri.is_unix = true;
    if (snprintf(s->uri.path, sizeof(s->uri.path), "%s.nbd", base) >=
        (int)sizeof(s->uri.path))
        return fail(e, -ENAMETOOLONG,
                    "disk %s: %.300s.nbd: the path is too "
                    "long",
                    s->vdev, base);
    return 0;
}

/* base is .../NAME/vbd-DEVID: NAME/VDEV says it to who reads ps. */
static void set_names(struct disk_source *s, const struct vm_disk *d,
                      const char *base)
{
    const char *end = strrchr(base, '/'), *start = end;

    while (start && start > base && start[-1] != '/')
        start--;
    snprintf(s->vdev, sizeof(s->vdev), "%s", d->vdev);
    snprintf(s->name, sizeof(s->name), "disk %s", s->vdev);
    snprintf(s->title, sizeof(s->title), "%.*s/%s",
             start ? (int)(end - start) : 0, start ? start : "", s->vdev);
}

static int find(struct disk_source *s, const struct vm_disk *d,
                const char *base, struct err *e)
{
    int rc;

    if (nbduri_is(d->target))
        return find_server(s, d, e);
    rc = find_path(s, d->target, e);
    if (rc == 0)
        rc = look_at(s, e);
    if (rc == 0 && d->format != VM_DISK_RAW)
        rc = find_image(s, base, e);
    return rc;
}

int disk_source_open(uv_loop_t *loop, const struct vm_disk *d, const char *base,
                     struct disk_source **out, struct err *e)
{
    struct disk_source *s;
    int rc;

    if (!d->target || !d->target[0] || d->format == VM_DISK_EMPTY)
        return fail(e, -ENOMEDIUM,
                    "disk %s: target: got none, want a file, a "
                    "device or an address",
                    d->vdev);
    s = calloc(1, sizeof(*s));
    if (!s)
        return fail(e, -ENOMEM, "disk %s: no memory", d->vdev);
    *s = (struct disk_source){ .loop = loop,
                               .fd = -1,
                               .format = d->format,
                               .writable = d->writable,
                               .direct = d->direct_io_safe };
    s->tail = &s->first;
    set_names(s, d, base);
    uv_timer_init(loop, &s->timer);
    s->timer.data = s;
    rc = find(s, d, base, e);
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
    return s->uri.export;
}

static void on_closed(uv_handle_t *h)
{
    free(h->data);
}

void disk_source_close(struct disk_source *s)
{
    if (!s || s->is_closed)
        return;
    s->is_closed = true;
    nbd_dial_stop(s->dial);
    qemunbd_forget(s->server, !s->was_used);
    while (s->first) {
        struct request *r = s->first;

        s->first = r->next;
        free(r);
    }
    if (s->fd >= 0)
        close(s->fd);
    uv_close((uv_handle_t *)&s->timer, on_closed);
}
