/* SPDX-License-Identifier: MIT */
/*
 * loop.h - one queue's thread: what it waits for, and what runs then
 *
 * How this works: everything is a request of one io_uring: reads and writes of
 * the store, readiness of descriptors, timers.  Each carries a struct
 * loop_event, whose fn runs when it completes.  One system call submits what
 * was prepared and waits.  The ring may do nothing but that: opening and
 * connecting are forbidden in it (IORING_REGISTER_RESTRICTIONS), as seccomp
 * forbids them outside.
 *
 * One thread alone uses a loop.
 */
#ifndef LOOP_H
#define LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct iovec;
struct loop;

struct loop_event { /* embedded in whoever waits */
    void (*fn)(struct loop_event *ev, int res);
    bool busy; /* something is under way with it */
    /* The loop's own. */
    uint8_t kind;
    struct {
        long long tv_sec, tv_nsec;
    } ts; /* struct __kernel_timespec */
};

/*
 * In the thread that uses it.  fixed[]: descriptors that the ring keeps for as
 * long as I/O of it is under way; reads and writes go to fixed[0].
 */
int loop_open(struct loop **out, uint32_t entries, const int *fixed,
              uint32_t nr_fixed, struct err *e);
void loop_close(struct loop *l); /* NULL: no-op; nothing is busy */

/*
 * Submit what was prepared, wait until at least one event is there (wait), and
 * run all that are.  Returns how many ran.
 */
uint32_t loop_turn(struct loop *l, bool wait);

/*
 * May loop_turn() have something to run now?  Without a system call, for who
 * looks for a while before he waits.  On Linux before 6.1 it does not know of
 * all: what it misses is there when he waits.
 */
bool loop_has(const struct loop *l);

/* fn runs once, with poll(2)'s events or a negative errno. */
void loop_poll(struct loop *l, int fd, short events, struct loop_event *ev);
/* fn runs with -ETIME, or -ECANCELED after loop_cancel(). */
void loop_timer(struct loop *l, uint64_t after_ns, struct loop_event *ev);
/* fn of a poll, timer, read or write still runs, soon; a no-op on one that is
   not busy. */
void loop_cancel(struct loop *l, struct loop_event *ev);

/* Of the store, fixed[0]: fn runs with the count or a negative errno. */
void loop_read(struct loop *l, void *to, uint32_t len_bytes, uint64_t off,
               struct loop_event *ev);
void loop_write(struct loop *l, const void *from, uint32_t len_bytes,
                uint64_t off, struct loop_event *ev);
/* The same in pieces: iov and what it points to stay until fn runs. */
void loop_readv(struct loop *l, const struct iovec *iov, uint32_t nr,
                uint64_t off, struct loop_event *ev);
void loop_writev(struct loop *l, const struct iovec *iov, uint32_t nr,
                 uint64_t off, struct loop_event *ev);
void loop_fdatasync(struct loop *l, struct loop_event *ev);
void loop_fallocate(struct loop *l, int mode, uint64_t off, uint64_t len_bytes,
                    struct loop_event *ev);

uint64_t loop_now_ns(void); /* CLOCK_MONOTONIC */

#endif
