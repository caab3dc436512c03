/* SPDX-License-Identifier: MIT */
/*
 * worker.c - the thread of a queue, and how the main thread wakes it
 */
#include "backends/base/worker.h"

#include <errno.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/err.h"

int worker_init(struct worker *w, uint32_t number, struct err *e)
{
    w->number = number;
    w->open_rc = 1;
    pthread_mutex_init(&w->lock, NULL);
    pthread_cond_init(&w->opened, NULL);
    w->order_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    return w->order_fd < 0 ? fail(e, -errno, "queue %u: eventfd: %s", number,
                                  strerror(errno))
                           : 0;
}

void worker_free(struct worker *w)
{
    if (w->order_fd >= 0)
        close(w->order_fd);
    pthread_cond_destroy(&w->opened);
    pthread_mutex_destroy(&w->lock);
}

int worker_start(struct worker *w, void *(*run)(void *arg), void *arg,
                 struct err *e)
{
    int r;

    w->open_err = e;
    r = pthread_create(&w->thread, NULL, run, arg);
    if (r)
        return fail(e, -r, "queue %u: start its thread: %s", w->number,
                    strerror(r));
    pthread_mutex_lock(&w->lock);
    while (w->open_rc > 0)
        pthread_cond_wait(&w->opened, &w->lock);
    pthread_mutex_unlock(&w->lock);
    if (w->open_rc < 0)
        pthread_join(w->thread, NULL);
    return w->open_rc;
}

void worker_opened(struct worker *w, int rc)
{
    pthread_mutex_lock(&w->lock);
    w->open_rc = rc;
    pthread_cond_signal(&w->opened);
    pthread_mutex_unlock(&w->lock);
}

void worker_wake(struct worker *w)
{
    eventfd_write(w->order_fd, 1);
}

void worker_woken(struct worker *w)
{
    eventfd_t nr;

    eventfd_read(w->order_fd, &nr);
}

void worker_join(struct worker *w)
{
    pthread_join(w->thread, NULL);
}
