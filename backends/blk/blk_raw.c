/* SPDX-License-Identifier: MIT */
/*
 * blk_raw.c - a store that is a file or a block device
 *
 * How this works: reads, writes and flushes are requests of the queue's own
 * io_uring; what comes in parts goes on where it stopped.  A write beyond the
 * size that the store was opened with cannot come: blk_check() knows the size.
 *
 * A device with sectors of more than 512 bytes is used through the page cache,
 * which reads, modifies and writes what a guest's 512-byte sectors ask of it.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/fs.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/stat.h>
#include <sys/sysmacros.h>
#include <unistd.h>

#include "backends/blk/blk_slow.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"
#include "common/log.h"

/* One transfer of io_uring: 2 GiB - 4 KiB is the kernel's own limit. */
#define IO_BYTES_MAX (1u << 30)

struct raw {
    struct blk_store store;
    int fd;
    bool is_device;
    struct blk_slow *slow; /* NULL: nothing needs it */
};

struct blk_store_queue {
    struct raw *raw;
    struct loop *loop;
    struct blk_slow_done slow;
};

static void on_io(struct loop_event *ev, int res);
static void on_discarded(struct blk_slow_job *job, int rc);
static void submit(struct blk_store_queue *q, struct blk_io *io);

static struct raw *raw_of(struct blk_store *s)
{
    return CONTAINER_OF(s, struct raw, store);
}

/* What sysfs says of the device's queue; empty: nothing. */
static void queue_word(dev_t dev, const char *name, char out[32])
{
    static const char *const where[] = { "queue", "../queue" }; /* partition */

    out[0] = 0;
    for (uint32_t i = 0; i < ARRAY_SIZE(where) && !out[0]; i++) {
        char path[128];
        FILE *f;

        snprintf(path, sizeof(path), "/sys/dev/block/%u:%u/%s/%s", major(dev),
                 minor(dev), where[i], name);
        f = fopen(path, "re");
        if (!f)
            continue;
        if (!fgets(out, 32, f))
            out[0] = 0;
        fclose(f);
    }
}

/* -1: not known. */
static long long queue_figure(dev_t dev, const char *name)
{
    long long value;
    char word[32];

    queue_word(dev, name, word);
    return sscanf(word, "%lld", &value) == 1 ? value : -1;
}

static bool writes_through(dev_t dev)
{
    char word[32];

    queue_word(dev, "write_cache", word);
    return strncmp(word, "write through", 13) == 0;
}

static int look(struct blk_store *s, struct blk_store_info *out, struct err *e)
{
    struct raw *r = raw_of(s);
    uint64_t size = 0;
    struct stat st;

    if (fstat(r->fd, &st))
        return fail(e, -errno, "store: fstat: %s", strerror(errno));
    if (!r->is_device)
        size = (uint64_t)st.st_size;
    else if (ioctl(r->fd, BLKGETSIZE64, &size))
        return fail(e, -errno, "store: its size: %s", strerror(errno));
    size -= size % BLK_SECTOR;
    if (size == 0)
        return fail(e, -EINVAL,
                    "store: its size is %llu bytes, want at least "
                    "%u",
                    (unsigned long long)size, BLK_SECTOR);
    s->info.size_bytes = size;
    *out = s->info;
    return 0;
}

/* BLKSECDISCARD looks whether it can before it looks at the range. */
static bool erases(int fd)
{
    uint64_t range[2] = { 1, 1 };

    return ioctl(fd, BLKSECDISCARD, range) && errno == EINVAL;
}

static void look_at_device(struct raw *r, const struct blk_open *o,
                           const struct stat *st, int *logical)
{
    struct blk_store_info *i = &r->store.info;
    unsigned physical = BLK_SECTOR;
    long long granularity = queue_figure(st->st_rdev, "discard_granularity");
    long long most = queue_figure(st->st_rdev, "discard_max_bytes");
    long long align = queue_figure(st->st_rdev, "discard_alignment");

    if (ioctl(r->fd, BLKSSZGET, logical))
        *logical = BLK_SECTOR;
    if (ioctl(r->fd, BLKPBSZGET, &physical) == 0 && physical >= BLK_SECTOR)
        i->physical_bytes = physical;
    i->rotational = queue_figure(st->st_rdev, "rotational") == 1;
    i->flush =
        !(o->direct && *logical == BLK_SECTOR && writes_through(st->st_rdev));
    if (o->discard && !i->readonly && most > 0) {
        i->discard_bytes = MAX_OF((uint32_t)MAX_OF(granularity, 0), BLK_SECTOR);
        i->discard_align_bytes = align > 0 ? (uint32_t)align : 0;
        i->secure_discard = erases(r->fd);
    }
}

static void look_at_file(struct raw *r, const struct blk_open *o,
                         const struct stat *st)
{
    struct blk_store_info *i = &r->store.info;

    if (st->st_blksize > BLK_SECTOR && st->st_blksize <= 4096)
        i->physical_bytes = (uint32_t)st->st_blksize;
    else if (st->st_blksize > 4096)
        i->physical_bytes = 4096;
    i->flush = 1;
    if (o->discard && !i->readonly)
        i->discard_bytes = i->physical_bytes;
}

/* What cannot be had directly is had through the page cache. */
static void set_direct(int fd)
{
    int flags = fcntl(fd, F_GETFL);

    if (flags < 0 || fcntl(fd, F_SETFL, flags | O_DIRECT))
        log_info("store: no O_DIRECT (%s): the page cache is used",
                 strerror(errno));
}

static bool takes_sectors_directly(int fd)
{
    struct statx x;

    if (statx(fd, "", AT_EMPTY_PATH, STATX_DIOALIGN, &x))
        return false;
    if (!(x.stx_mask & STATX_DIOALIGN)) /* an old kernel, or file system */
        return true;
    return x.stx_dio_offset_align > 0 && x.stx_dio_offset_align <= BLK_SECTOR;
}

static int inspect(struct raw *r, const struct blk_open *o, struct err *e)
{
    struct blk_store_info ignored;
    int flags = fcntl(r->fd, F_GETFL), logical = BLK_SECTOR;
    struct stat st;

    if (flags < 0 || fstat(r->fd, &st))
        return fail(e, -errno, "store: look at it: %s", strerror(errno));
    r->is_device = S_ISBLK(st.st_mode);
    if (!r->is_device && !S_ISREG(st.st_mode))
        return fail(e, -EINVAL, "store: mode %o, want a file or block device",
                    st.st_mode & S_IFMT);
    r->store.info = (struct blk_store_info){
        .physical_bytes = BLK_SECTOR,
        .readonly = o->readonly || (flags & O_ACCMODE) == O_RDONLY,
        .nr_queues = o->nr_queues,
    };
    if (r->is_device)
        look_at_device(r, o, &st, &logical);
    else
        look_at_file(r, o, &st);
    if (o->direct && logical == BLK_SECTOR && takes_sectors_directly(r->fd))
        set_direct(r->fd);
    return look(&r->store, &ignored, e);
}

static int fixed(struct blk_store *s, uint32_t queue, int fd[4])
{
    (void)queue;
    fd[0] = raw_of(s)->fd;
    return 1;
}

static int attach(struct blk_store *s, uint32_t queue, struct loop *loop,
                  struct blk_store_queue **out, struct err *e)
{
    struct blk_store_queue *q = calloc(1, sizeof(*q));
    struct raw *r = raw_of(s);
    int rc = 0;

    (void)queue;
    if (!q)
        return fail(e, -ENOMEM, "store: no memory");
    q->raw = r;
    q->loop = loop;
    /* Its thread starts in the sandbox, as the queues' do. */
    if (r->is_device && r->store.info.discard_bytes && !r->slow)
        rc = blk_slow_open(&r->slow, e);
    if (rc == 0 && r->slow)
        rc = blk_slow_attach(r->slow, loop, &q->slow, e);
    if (rc < 0) {
        free(q);
        return rc;
    }
    *out = q;
    return 0;
}

/* Start it, or what is left of it. */
static void transfer(struct blk_io *io)
{
    uint64_t left = io->len - io->done_bytes;
    uint32_t len = (uint32_t)MIN_OF(left, IO_BYTES_MAX);
    uint8_t *at = (uint8_t *)io->buf + io->done_bytes;
    uint64_t off = io->off + io->done_bytes;

    io->ev.fn = on_io;
    if (io->op == BLK_READ)
        loop_read(io->queue->loop, at, len, off, &io->ev);
    else
        loop_write(io->queue->loop, at, len, off, &io->ev);
}

static void on_io(struct loop_event *ev, int res)
{
    struct blk_io *io = CONTAINER_OF(ev, struct blk_io, ev);

    bool has_data = io->op == BLK_READ || io->op == BLK_WRITE;

    if (res == -EINTR || res == -EAGAIN) {
        if (has_data)
            transfer(io);
        else
            submit(io->queue, io); /* a flush is no write of nothing */
        return;
    }
    if (!has_data) {
        io->done(io, res < 0 ? res : 0);
        return;
    }
    if (res > 0)
        io->done_bytes += (uint64_t)res;
    if (res > 0 && io->done_bytes < io->len)
        transfer(io);
    else if (res == 0 && io->len > 0) /* the file was cut behind our back */
        io->done(io, -EIO);
    else
        io->done(io, MIN_OF(res, 0));
}

struct discard { /* a job of its own: rare, and of devices alone */
    struct blk_slow_job job;
    struct blk_io *io;
};

static void discard(struct blk_store_queue *q, struct blk_io *io)
{
    struct discard *d;

    io->ev.fn = on_io;
    if (!q->raw->is_device) {
        loop_fallocate(q->loop, FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE,
                       io->off, io->len, &io->ev);
        return;
    }
    d = calloc(1, sizeof(*d));
    if (!d) {
        io->done(io, -ENOMEM);
        return;
    }
    d->io = io;
    d->job = (struct blk_slow_job){
        .done = on_discarded,
        .fd = q->raw->fd,
        .request = io->secure ? BLKSECDISCARD : BLKDISCARD,
        .range = { io->off, io->len },
    };
    blk_slow_start(&q->slow, &d->job);
}

static void on_discarded(struct blk_slow_job *job, int rc)
{
    struct discard *d = CONTAINER_OF(job, struct discard, job);
    struct blk_io *io = d->io;

    free(d);
    io->done(io, rc);
}

static void submit(struct blk_store_queue *q, struct blk_io *io)
{
    io->queue = q;
    io->done_bytes = 0;
    switch (io->op) {
    case BLK_READ:
    case BLK_WRITE:
        transfer(io);
        return;
    case BLK_FLUSH:
        io->ev.fn = on_io;
        loop_fdatasync(q->loop, &io->ev);
        return;
    default:
        discard(q, io);
        return;
    }
}

static void detach(struct blk_store_queue *q)
{
    if (q->raw->slow)
        blk_slow_detach(&q->slow);
    free(q);
}

static void nothing(struct blk_store_queue *q)
{
    (void)q;
}

static void no_end(struct blk_store_queue *q, uint64_t until_ns)
{
    (void)q, (void)until_ns;
}

static void no_socket(struct blk_store_queue *q, int fd)
{
    (void)q;
    close(fd);
}

static void raw_close(struct blk_store *s)
{
    struct raw *r = raw_of(s);

    blk_slow_close(r->slow);
    close(r->fd);
    free(r);
}

static const struct blk_store_ops ops = {
    .look = look,
    .fixed = fixed,
    .attach = attach,
    .detach = detach,
    .submit = submit,
    .flush = nothing,
    .give_up = no_end, /* no I/O can be taken back from the kernel */
    .reconnect = no_socket,
    .close = raw_close,
};

int blk_raw_open(int fd, const struct blk_open *o, struct blk_store **out,
                 struct err *e)
{
    struct raw *r = calloc(1, sizeof(*r));
    int rc;

    if (!r)
        return fail(e, -ENOMEM, "store: no memory");
    r->store.ops = &ops;
    r->fd = fd;
    rc = inspect(r, o, e);
    if (rc < 0) {
        free(r); /* fd stays the caller's */
        return rc;
    }
    *out = &r->store;
    return 0;
}
