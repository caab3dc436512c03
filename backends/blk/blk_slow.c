/* SPDX-License-Identifier: MIT */
/*
 * blk_slow.c - calls that take long and that io_uring does not know
 */
#include "backends/blk/blk_slow.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"

struct blk_slow {
    pthread_t thread;
    pthread_mutex_t lock; /* of everything below, and of each done list */
    pthread_cond_t work;
    struct blk_slow_job *first, **tail;
    bool quit;
};

static void on_done(struct loop_event *ev, int res);

static void give_back(struct blk_slow *s, struct blk_slow_job *job)
{
    struct blk_slow_done *d = job->to;

    pthread_mutex_lock(&s->lock);
    job->next = d->first;
    d->first = job;
    pthread_mutex_unlock(&s->lock);
    eventfd_write(d->fd, 1);
}

static struct blk_slow_job *next_job(struct blk_slow *s)
{
    struct blk_slow_job *job;

    pthread_mutex_lock(&s->lock);
    while (!s->first && !s->quit)
        pthread_cond_wait(&s->work, &s->lock);
    job = s->first;
    if (job) {
        s->first = job->next;
        if (!s->first)
            s->tail = &s->first;
    }
    pthread_mutex_unlock(&s->lock);
    return job;
}

static void *run(void *arg)
{
    struct blk_slow *s = arg;
    struct blk_slow_job *job;

    while ((job = next_job(s))) {
        job->rc = ioctl(job->fd, job->request, job->range) ? -errno : 0;
        give_back(s, job);
    }
    return NULL;
}

int blk_slow_open(struct blk_slow **out, struct err *e)
{
    struct blk_slow *s = calloc(1, sizeof(*s));
    int r;

    if (!s)
        return fail(e, -ENOMEM, "slow calls: no memory");
    s->tail = &s->first;
    pthread_mutex_init(&s->lock, NULL);
    pthread_cond_init(&s->work, NULL);
    r = pthread_create(&s->thread, NULL, run, s);
    if (r) {
        free(s);
        return fail(e, -r, "slow calls: start a thread: %s", strerror(r));
    }
    *out = s;
    return 0;
}

void blk_slow_close(struct blk_slow *s)
{
    if (!s)
        return;
    pthread_mutex_lock(&s->lock);
    s->quit = true;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_cond_destroy(&s->work);
    pthread_mutex_destroy(&s->lock);
    free(s);
}

int blk_slow_attach(struct blk_slow *s, struct loop *loop,
                    struct blk_slow_done *d, struct err *e)
{
    *d = (struct blk_slow_done){ .slow = s, .loop = loop, .ev.fn = on_done };
    d->fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    if (d->fd < 0)
        return fail(e, -errno, "slow calls: eventfd: %s", strerror(errno));
    loop_poll(loop, d->fd, POLLIN, &d->ev);
    return 0;
}

void blk_slow_detach(struct blk_slow_done *d)
{
    close(d->fd);
}

void blk_slow_start(struct blk_slow_done *d, struct blk_slow_job *job)
{
    struct blk_slow *s = d->slow;

    job->to = d;
    job->next = NULL;
    pthread_mutex_lock(&s->lock);
    *s->tail = job;
    s->tail = &job->next;
    pthread_cond_signal(&s->work);
    pthread_mutex_unlock(&s->lock);
}

static void on_done(struct loop_event *ev, int res)
{
    struct blk_slow_done *d = CONTAINER_OF(ev, struct blk_slow_done, ev);
    struct blk_slow_job *job, *next;
    eventfd_t nr;

    if (res < 0) /* the loop closes */
        return;
    eventfd_read(d->fd, &nr);
    pthread_mutex_lock(&d->slow->lock);
    job = d->first;
    d->first = NULL;
    pthread_mutex_unlock(&d->slow->lock);
    loop_poll(d->loop, d->fd, POLLIN, &d->ev);
    for (; job; job = next) {
        next = job->next;
        job->done(job, job->rc);
    }
}
