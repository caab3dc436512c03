/* SPDX-License-Identifier: MIT */
/*
 * loop.c - one queue's thread: what it waits for, and what runs then
 */
#include "backends/base/loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <liburing.h>

#include "common/checked.h"
#include "common/err.h"

struct loop {
    struct io_uring ring;
    bool ring_open;
};

/* All that this ring may ever do: see loop.h. */
static const uint8_t allowed[] = {
    IORING_OP_READ,      IORING_OP_WRITE,          IORING_OP_FSYNC,
    IORING_OP_POLL_ADD,  IORING_OP_POLL_REMOVE,    IORING_OP_TIMEOUT,
    IORING_OP_FALLOCATE, IORING_OP_TIMEOUT_REMOVE, IORING_OP_READV,
    IORING_OP_WRITEV,    IORING_OP_ASYNC_CANCEL,
};

/* How what is under way with an event is cancelled. */
enum { KIND_IO, KIND_POLL, KIND_TIMER };

static int restrict_ring(struct loop *l, struct err *e)
{
    struct io_uring_restriction rule[ARRAY_SIZE(allowed) + 1];
    int r;

    memset(rule, 0, sizeof(rule));
    for (uint32_t i = 0; i < ARRAY_SIZE(allowed); i++) {
        rule[i].opcode = IORING_RESTRICTION_SQE_OP;
        rule[i].sqe_op = allowed[i];
    }
    rule[ARRAY_SIZE(allowed)].opcode = IORING_RESTRICTION_SQE_FLAGS_ALLOWED;
    rule[ARRAY_SIZE(allowed)].sqe_flags = IOSQE_FIXED_FILE;
    r = io_uring_register_restrictions(&l->ring, rule, ARRAY_SIZE(rule));
    if (r == 0)
        r = io_uring_enable_rings(&l->ring);
    return r < 0 ? fail(e, r, "io_uring: restrict it: %s", strerror(-r)) : 0;
}

static int open_ring(struct loop *l, uint32_t entries, struct err *e)
{
    /* The first needs Linux 6.1; without it completions only cost more. */
    static const uint32_t flags[] = {
        IORING_SETUP_R_DISABLED | IORING_SETUP_SINGLE_ISSUER |
            IORING_SETUP_DEFER_TASKRUN | IORING_SETUP_TASKRUN_FLAG,
        IORING_SETUP_R_DISABLED,
    };
    int r = -EINVAL;

    for (uint32_t i = 0; i < ARRAY_SIZE(flags) && r == -EINVAL; i++)
        r = io_uring_queue_init(entries, &l->ring, flags[i]);
    if (r == -EPERM)
        return fail(e, r,
                    "io_uring: it is disabled on this host; allow it: sysctl "
                    "kernel.io_uring_disabled=0");
    if (r < 0)
        return fail(e, r, "io_uring: open one of %u entries: %s", entries,
                    strerror(-r));
    l->ring_open = true;
    return 0;
}

int loop_open(struct loop **out, uint32_t entries, const int *fixed,
              uint32_t nr_fixed, struct err *e)
{
    struct loop *l = calloc(1, sizeof(*l));
    int rc, r = 0;

    if (!l)
        return fail(e, -ENOMEM, "io_uring: no memory");
    rc = open_ring(l, entries, e);
    if (rc == 0 && nr_fixed > 0)
        r = io_uring_register_files(&l->ring, fixed, nr_fixed);
    if (r < 0)
        rc = fail(e, r, "io_uring: register %u files: %s", nr_fixed,
                  strerror(-r));
    if (rc == 0)
        rc = restrict_ring(l, e);
    if (rc < 0) {
        loop_close(l);
        return rc;
    }
    *out = l;
    return 0;
}

void loop_close(struct loop *l)
{
    if (!l)
        return;
    if (l->ring_open)
        io_uring_queue_exit(&l->ring);
    free(l);
}

/* A place for one more request; when there is none, what is there goes out. */
static struct io_uring_sqe *prepare(struct loop *l, struct loop_event *ev)
{
    struct io_uring_sqe *sqe;

    while (!(sqe = io_uring_get_sqe(&l->ring)))
        io_uring_submit(&l->ring);
    if (ev)
        ev->busy = true;
    return sqe;
}

/* A request that was prepared is one of fixed[0]. */
static void of_store(struct io_uring_sqe *sqe, struct loop_event *ev)
{
    ev->kind = KIND_IO;
    io_uring_sqe_set_flags(sqe, IOSQE_FIXED_FILE);
    io_uring_sqe_set_data(sqe, ev);
}

uint32_t loop_turn(struct loop *l, bool wait)
{
    struct io_uring_cqe *cqe;
    uint32_t nr = 0;

    if (wait)
        io_uring_submit_and_wait(&l->ring, 1);
    else
        io_uring_submit_and_get_events(&l->ring);
    while (io_uring_peek_cqe(&l->ring, &cqe) == 0 && cqe) {
        struct loop_event *ev = io_uring_cqe_get_data(cqe);
        int res = cqe->res;

        io_uring_cqe_seen(&l->ring, cqe);
        nr++;
        if (!ev) /* the answer to a cancel */
            continue;
        ev->busy = false;
        ev->fn(ev, res);
    }
    return nr;
}

/* Completions that are there, or that the kernel makes when it is entered. */
bool loop_has(const struct loop *l)
{
    return io_uring_cq_ready(&l->ring) > 0 ||
           (IO_URING_READ_ONCE(*l->ring.sq.kflags) & IORING_SQ_TASKRUN);
}

void loop_poll(struct loop *l, int fd, short events, struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_poll_add(sqe, fd, (uint16_t)events);
    io_uring_sqe_set_data(sqe, ev);
    ev->kind = KIND_POLL;
}

void loop_timer(struct loop *l, uint64_t after_ns, struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    ev->ts.tv_sec = (long long)(after_ns / 1000000000u);
    ev->ts.tv_nsec = (long long)(after_ns % 1000000000u);
    io_uring_prep_timeout(sqe, (struct __kernel_timespec *)&ev->ts, 0, 0);
    io_uring_sqe_set_data(sqe, ev);
    ev->kind = KIND_TIMER;
}

void loop_cancel(struct loop *l, struct loop_event *ev)
{
    struct io_uring_sqe *sqe;

    if (!ev->busy)
        return;
    sqe = prepare(l, NULL);
    if (ev->kind == KIND_TIMER)
        io_uring_prep_timeout_remove(sqe, (uint64_t)(uintptr_t)ev, 0);
    else if (ev->kind == KIND_POLL)
        io_uring_prep_poll_remove(sqe, (uint64_t)(uintptr_t)ev);
    else
        io_uring_prep_cancel64(sqe, (uint64_t)(uintptr_t)ev, 0);
    io_uring_sqe_set_data(sqe, NULL);
}

void loop_read(struct loop *l, void *to, uint32_t len_bytes, uint64_t off,
               struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_read(sqe, 0, to, len_bytes, off);
    of_store(sqe, ev);
}

void loop_write(struct loop *l, const void *from, uint32_t len_bytes,
                uint64_t off, struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_write(sqe, 0, from, len_bytes, off);
    of_store(sqe, ev);
}

void loop_readv(struct loop *l, const struct iovec *iov, uint32_t nr,
                uint64_t off, struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_readv(sqe, 0, iov, nr, off);
    of_store(sqe, ev);
}

void loop_writev(struct loop *l, const struct iovec *iov, uint32_t nr,
                 uint64_t off, struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_writev(sqe, 0, iov, nr, off);
    of_store(sqe, ev);
}

void loop_fdatasync(struct loop *l, struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_fsync(sqe, 0, IORING_FSYNC_DATASYNC);
    of_store(sqe, ev);
}

void loop_fallocate(struct loop *l, int mode, uint64_t off, uint64_t len_bytes,
                    struct loop_event *ev)
{
    struct io_uring_sqe *sqe = prepare(l, ev);

    io_uring_prep_fallocate(sqe, 0, mode, off, len_bytes);
    of_store(sqe, ev);
}

uint64_t loop_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec;
}
