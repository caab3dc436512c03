/* SPDX-License-Identifier: MIT */
/*
 * blob.c - a file's bytes, straight from the page cache
 */
#include "toolstack/supervisor/blob.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

/* Anonymous memory, rounded up to pages. */
static int reserve(struct blob *b, uint64_t len_bytes, struct err *e)
{
    size_t mapped_bytes = pages_of(len_bytes) * PAGE_BYTES;
    void *va = mmap(NULL, mapped_bytes, PROT_READ | PROT_WRITE,
                    MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (va == MAP_FAILED)
        return fail(e, -ENOMEM, "memory: reserve %zu bytes: %s", mapped_bytes,
                    strerror(errno));
    *b = (struct blob){ va, len_bytes, mapped_bytes };
    return 0;
}

/* For a file system that cannot map: read it once. */
static int read_whole(struct blob *b, int fd, uint64_t len_bytes,
                      const char *what, const char *path, struct err *e)
{
    uint64_t used = 0;
    int rc = reserve(b, len_bytes, e);

    while (rc == 0 && used < len_bytes) {
        ssize_t r = pread(fd, (char *)b->va + used, len_bytes - used, used);

        if (r < 0 && errno == EINTR)
            continue;
        if (r <= 0)
            rc = fail(e, r ? -errno : -EIO, "%s %s: read: %s", what, path,
                      r ? strerror(errno) : "it became shorter");
        else
            used += r;
    }
    return rc;
}

static int map_file(struct blob *b, int fd, const char *what, const char *path,
                    uint64_t max_bytes, struct err *e)
{
    struct stat st;
    void *va;

    if (fstat(fd, &st))
        return fail(e, -errno, "%s %s: stat: %s", what, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return fail(e, -EINVAL, "%s %s: open: not a regular file", what, path);
    if (st.st_size == 0)
        return fail(e, -EINVAL, "%s %s: open: it is empty", what, path);
    if ((uint64_t)st.st_size > max_bytes)
        return fail(e, -EFBIG, "%s %s: got %llu MiB, want at most %llu MiB",
                    what, path, (unsigned long long)st.st_size >> 20,
                    (unsigned long long)max_bytes >> 20);
    va = mmap(NULL, st.st_size, PROT_READ, MAP_SHARED, fd, 0);
    if (va == MAP_FAILED)
        return read_whole(b, fd, st.st_size, what, path, e);
    *b = (struct blob){ va, st.st_size, st.st_size };
    return 0;
}

int blob_open(struct blob *b, const char *what, const char *path,
              uint64_t max_bytes, struct err *e)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), rc;

    *b = (struct blob){ 0 };
    if (fd < 0)
        return fail(e, -errno, "%s %s: open: %s", what, path, strerror(errno));
    rc = map_file(b, fd, what, path, max_bytes, e);
    close(fd);
    if (rc < 0)
        blob_close(b);
    return rc;
}

int blob_from_text(struct blob *b, const char *text, struct err *e)
{
    size_t len_bytes = strlen(text);
    int rc;

    *b = (struct blob){ 0 };
    if (len_bytes == 0)
        return 0;
    rc = reserve(b, len_bytes, e);
    if (rc == 0)
        memcpy((void *)b->va, text, len_bytes);
    return rc;
}

void blob_close(struct blob *b)
{
    if (b->mapped_bytes)
        munmap((void *)b->va, b->mapped_bytes);
    *b = (struct blob){ 0 };
}
