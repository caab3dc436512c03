/* SPDX-License-Identifier: MIT */
/*
 * blk_loop.h - one queue's thread: what it waits for, and what runs then
 *
 * How this works: everything is a request of one io_uring: reads and writes of
 * the store, readiness of descriptors, timers.  Each carries a struct
 * blk_event, whose fn runs when it completes.  One system call submits what was
 * prepared and waits.  The ring may do nothing but that: opening and connecting
 * are forbidden in it (IORING_REGISTER_RESTRICTIONS), as seccomp forbids them
 * outside.
 *
 * One thread alone uses a loop.
 */
#ifndef BLK_LOOP_H
#define BLK_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct blk_loop;

struct blk_event { /* embedded in whoever waits */
    void (*fn)(struct blk_event *ev, int res);
    bool busy; /* something is under way with it */
    /* The loop's own. */
    bool is_timer;
    struct {
        long long tv_sec, tv_nsec;
    } ts; /* struct __kernel_timespec */
};

/*
 * In the thread that uses it.  fixed[]: descriptors that the ring keeps for as
 * long as I/O of it is under way; reads and writes go to fixed[0].
 */
int blk_loop_open(struct blk_loop **out, uint32_t entries, const int *fixed,
                  uint32_t nr_fixed, struct err *e);
void blk_loop_close(struct blk_loop *l); /* NULL: no-op; nothing is busy */

/*
 * Submit what was prepared, wait until at least one event is there (wait), and
 * run all that are.  Returns how many ran.
 */
uint32_t blk_loop_turn(struct blk_loop *l, bool wait);

/* fn runs once, with poll(2)'s events or a negative errno. */
void blk_loop_poll(struct blk_loop *l, int fd, short events,
                   struct blk_event *ev);
/* fn runs with -ETIME, or -ECANCELED after blk_loop_cancel(). */
void blk_loop_timer(struct blk_loop *l, uint64_t after_ns,
                    struct blk_event *ev);
/* fn of a poll or timer still runs, soon; a no-op on one that is not busy. */
void blk_loop_cancel(struct blk_loop *l, struct blk_event *ev);

/* Of the store, fixed[0]: fn runs with the count or a negative errno. */
void blk_loop_read(struct blk_loop *l, void *to, uint32_t len_bytes,
                   uint64_t off, struct blk_event *ev);
void blk_loop_write(struct blk_loop *l, const void *from, uint32_t len_bytes,
                    uint64_t off, struct blk_event *ev);
void blk_loop_fdatasync(struct blk_loop *l, struct blk_event *ev);
void blk_loop_fallocate(struct blk_loop *l, int mode, uint64_t off,
                        uint64_t len_bytes, struct blk_event *ev);

uint64_t blk_now_ns(void); /* CLOCK_MONOTONIC */

#endif
