/* SPDX-License-Identifier: MIT */
/*
 * worker.h - the thread of a queue, and how the main thread wakes it
 *
 * What the two tell each other is the queue's own, under `lock`; whoever has
 * written an order there wakes the thread by order_fd, which it polls.
 */
#ifndef WORKER_H
#define WORKER_H

#include <pthread.h>
#include <stdint.h>

struct err;

struct worker {
    pthread_mutex_t lock;
    int order_fd; /* eventfd */
    uint32_t number;
    /* Of the start alone. */
    pthread_t thread;
    pthread_cond_t opened;
    int open_rc; /* 1: not yet */
    struct err *open_err;
};

/*
 * number: of the queue, for words.
 *
 *   -EMFILE ..  no eventfd is left; worker_free() is due also then
 */
int worker_init(struct worker *w, uint32_t number, struct err *e);
void worker_free(struct worker *w); /* the thread is gone */

/*
 * Start run(arg), and wait until it says how its opening went: it fills
 * w->open_err if badly, calls worker_opened() once, and ends if that was an
 * error, which this returns.
 */
int worker_start(struct worker *w, void *(*run)(void *arg), void *arg,
                 struct err *e);
void worker_opened(struct worker *w, int rc);

void worker_wake(struct worker *w);  /* there is an order */
void worker_woken(struct worker *w); /* in the thread, before it looks */
void worker_join(struct worker *w);  /* one that was started, and was to quit */

#endif
