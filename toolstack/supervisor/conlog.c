/* SPDX-License-Identifier: MIT */
/*
 * conlog.c - a console's log file
 *
 * How this works: l->at is the log's place in the scrollback, and moves by
 * what write() took, so a full disk neither loses nor repeats a byte.  When
 * the scrollback has dropped what the log still wants, the file says how much
 * that was, in its place, before it goes on.  A file that cannot be rotated
 * is treated as a full disk: the bound on what a guest can fill holds.
 */
#include "toolstack/supervisor/conlog.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"
#include "toolstack/supervisor/scroll.h"

struct conlog {
    const struct scroll *scroll;
    uint64_t at;         /* in the scrollback */
    uint64_t lost_bytes; /* dropped by it, and not yet said in the file */
    uint64_t file_bytes;
    int fd;
    bool failing; /* and it was said */
    char name[64];
    char path[PATH_MAX];
};

int conlog_open(const char *name, const char *path, const struct scroll *scroll,
                struct conlog **out, struct err *e)
{
    struct conlog *l = calloc(1, sizeof(*l));
    struct stat st;
    int rc;

    if (!l)
        return fail(e, -ENOMEM, "console %s: no memory", name);
    snprintf(l->name, sizeof(l->name), "%s", name);
    snprintf(l->path, sizeof(l->path), "%s", path);
    l->scroll = scroll;
    l->at = scroll_end(scroll);
    l->fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
    if (l->fd < 0) {
        rc = fail(e, -errno, "console %s: open %s: %s", name, path,
                  strerror(errno));
        free(l);
        return rc;
    }
    if (fstat(l->fd, &st) == 0)
        l->file_bytes = (uint64_t)st.st_size;
    *out = l;
    return 0;
}

/* The last most_bytes of a file, or what it has; returns how many. */
static uint64_t recall_file(const char *path, uint64_t most_bytes,
                            struct scroll *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    char bytes[4096];
    struct stat st;
    uint64_t at, done = 0;
    ssize_t r;

    if (fd < 0)
        return 0;
    if (fstat(fd, &st) == 0) {
        at = st.st_size - MIN_OF((uint64_t)st.st_size, most_bytes);
        while ((r = pread(fd, bytes, sizeof(bytes), at + done)) > 0) {
            scroll_add(out, bytes, r);
            done += r;
        }
    }
    close(fd);
    return done;
}

void conlog_recall(const char *path, struct scroll *out)
{
    char old[PATH_MAX + 8];
    struct stat st;

    if (stat(path, &st))
        return;
    snprintf(old, sizeof(old), "%s.1", path);
    if (st.st_size < SCROLL_BYTES)
        recall_file(old, SCROLL_BYTES - st.st_size, out);
    recall_file(path, SCROLL_BYTES, out);
}

/*
 * The new file is there before the old one gives up its name, and the old
 * name is gone already when an earlier try came only so far.
 */
static int rotate(struct conlog *l)
{
    char old[PATH_MAX + 8], new[PATH_MAX + 8];
    int fd, rc;

    snprintf(old, sizeof(old), "%s.1", l->path);
    snprintf(new, sizeof(new), "%s.new", l->path);
    fd = open(new, O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC, 0640);
    if (fd < 0)
        return -errno;
    if ((rename(l->path, old) && errno != ENOENT) || rename(new, l->path)) {
        rc = -errno;
        unlink(new);
        close(fd);
        return rc;
    }
    close(l->fd);
    l->fd = fd;
    l->file_bytes = 0;
    return 0;
}

/* Returns how many bytes were written, at least 1. */
static ssize_t append(struct conlog *l, const char *in, size_t in_bytes)
{
    ssize_t r;

    do
        r = write(l->fd, in, in_bytes);
    while (r < 0 && errno == EINTR);
    if (r <= 0)
        return r < 0 ? -errno : -EIO;
    l->file_bytes += (uint64_t)r;
    return r;
}

/* Whole or not at all. */
static int note_loss(struct conlog *l)
{
    uint64_t before = l->file_bytes;
    char note[64];
    int nr = snprintf(note, sizeof(note), "\n[%llu bytes of output lost]\n",
                      (unsigned long long)l->lost_bytes);
    ssize_t r = append(l, note, (size_t)nr);

    if (r == nr) {
        log_warn("console %s: %s: %llu bytes of output are lost", l->name,
                 l->path, (unsigned long long)l->lost_bytes);
        l->lost_bytes = 0;
        return 0;
    }
    if (r > 0 && ftruncate(l->fd, (off_t)before) == 0)
        l->file_bytes = before;
    return r < 0 ? (int)r : -ENOSPC;
}

/* Returns 0 when all is written, 1 when there is more, or a negative errno. */
static int feed_once(struct conlog *l)
{
    uint64_t oldest = scroll_oldest(l->scroll);
    const char *bytes;
    size_t nr;
    ssize_t r;
    int rc = 0;

    if (l->at < oldest) {
        l->lost_bytes += oldest - l->at;
        l->at = oldest;
    }
    nr = scroll_peek(l->scroll, &l->at, &bytes);
    if (nr == 0)
        return 0;
    if (l->file_bytes >= CONLOG_BYTES_MAX)
        rc = rotate(l);
    if (rc == 0 && l->lost_bytes > 0)
        rc = note_loss(l);
    if (rc < 0)
        return rc;
    if (l->file_bytes < CONLOG_BYTES_MAX)
        nr = MIN_OF(nr, CONLOG_BYTES_MAX - l->file_bytes);
    r = append(l, bytes, nr);
    if (r < 0)
        return (int)r;
    l->at += (uint64_t)r;
    return 1;
}

int conlog_feed(struct conlog *l)
{
    int rc;

    do
        rc = feed_once(l);
    while (rc > 0);
    if (rc < 0 && !l->failing)
        log_err("console %s: write %s: %s; output waits in memory, the last "
                "%u KiB of it",
                l->name, l->path, strerror(-rc), SCROLL_BYTES >> 10);
    else if (rc == 0 && l->failing)
        log_warn("console %s: %s is written again", l->name, l->path);
    l->failing = rc < 0;
    return rc;
}

/* Open what lies there already. */
static int switch_to(struct conlog *l, const char *path)
{
    struct stat st;
    int fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);

    if (fd < 0)
        return -1;
    close(l->fd);
    l->fd = fd;
    l->file_bytes = fstat(fd, &st) == 0 ? (uint64_t)st.st_size : 0;
    return 0;
}

void conlog_rename(struct conlog *l, const char *name, const char *path)
{
    char old[PATH_MAX + 8], new[PATH_MAX + 8];
    int r = renameat2(AT_FDCWD, l->path, AT_FDCWD, path, RENAME_NOREPLACE);

    if (r && (errno == EEXIST || errno == ENOENT))
        r = switch_to(l, path);
    if (r) {
        log_err("console %s: %s: go on in %s: %s", name, l->path, path,
                strerror(errno));
        return;
    }
    snprintf(old, sizeof(old), "%s.1", l->path);
    snprintf(new, sizeof(new), "%s.1", path);
    renameat2(AT_FDCWD, old, AT_FDCWD, new, RENAME_NOREPLACE);
    snprintf(l->name, sizeof(l->name), "%s", name);
    snprintf(l->path, sizeof(l->path), "%s", path);
}

void conlog_close(struct conlog *l)
{
    uint64_t left;

    if (!l)
        return;
    left = l->lost_bytes + scroll_end(l->scroll) - l->at;
    if (left > 0)
        log_err("console %s: %s: %llu bytes of output are lost", l->name,
                l->path, (unsigned long long)left);
    close(l->fd);
    free(l);
}
