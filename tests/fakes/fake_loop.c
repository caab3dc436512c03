/* SPDX-License-Identifier: MIT */
/*
 * fake_loop.c - loop.h over poll(2), for stores that need no more of it
 */
#include "tests/fakes/fake_loop.h"

#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <time.h>

#include "backends/base/loop.h"
#include "common/err.h"

#define WAITS_MAX 64u

struct wait {
    struct loop_event *ev; /* NULL: free */
    int fd;                /* -1: a timer */
    short events;
    uint64_t until_ns;
    bool cancelled;
};

struct loop {
    struct wait wait[WAITS_MAX];
};

static uint64_t passed_ns;

void fake_loop_pass(uint32_t ms)
{
    passed_ns += ms * 1000000ull;
}

uint64_t loop_now_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (uint64_t)t.tv_sec * 1000000000u + (uint64_t)t.tv_nsec + passed_ns;
}

int loop_open(struct loop **out, uint32_t entries, const int *fixed,
              uint32_t nr_fixed, struct err *e)
{
    (void)entries, (void)fixed, (void)nr_fixed, (void)e;
    *out = calloc(1, sizeof(**out));
    return *out ? 0 : -ENOMEM;
}

void loop_close(struct loop *l)
{
    free(l);
}

static void add(struct loop *l, struct wait w)
{
    if (w.ev->busy) /* it would be lost */
        abort();
    w.ev->busy = true;
    for (uint32_t i = 0; i < WAITS_MAX; i++)
        if (!l->wait[i].ev) {
            l->wait[i] = w;
            return;
        }
    abort();
}

void loop_poll(struct loop *l, int fd, short events, struct loop_event *ev)
{
    add(l, (struct wait){
               .ev = ev, .fd = fd, .events = events, .until_ns = UINT64_MAX });
}

void loop_timer(struct loop *l, uint64_t after_ns, struct loop_event *ev)
{
    add(l, (struct wait){
               .ev = ev, .fd = -1, .until_ns = loop_now_ns() + after_ns });
}

void loop_cancel(struct loop *l, struct loop_event *ev)
{
    for (uint32_t i = 0; i < WAITS_MAX; i++)
        if (l->wait[i].ev == ev) {
            l->wait[i].cancelled = true;
            l->wait[i].fd = -1; /* it may be closed at once */
        }
}

/* What is there for it; 0: nothing yet. */
static int result_of(const struct wait *w, short revents)
{
    if (w->cancelled)
        return -ECANCELED;
    if (w->fd >= 0)
        return revents;
    return loop_now_ns() >= w->until_ns ? -ETIME : 0;
}

static int wait_ms(const struct loop *l)
{
    uint64_t now = loop_now_ns(), until = now + 60000000000u;

    for (uint32_t i = 0; i < WAITS_MAX; i++) {
        if (l->wait[i].ev && l->wait[i].cancelled)
            return 0;
        if (l->wait[i].ev && l->wait[i].until_ns < until)
            until = l->wait[i].until_ns;
    }
    return until <= now ? 0 : (int)((until - now) / 1000000u) + 1;
}

uint32_t loop_turn(struct loop *l, bool wait)
{
    struct pollfd p[WAITS_MAX];
    struct wait was[WAITS_MAX];
    uint32_t nr = 0;

    for (uint32_t i = 0; i < WAITS_MAX; i++)
        p[i] = (struct pollfd){ .fd = l->wait[i].ev ? l->wait[i].fd : -1,
                                .events = l->wait[i].events };
    poll(p, WAITS_MAX, wait ? wait_ms(l) : 0);
    for (uint32_t i = 0; i < WAITS_MAX; i++)
        was[i] = l->wait[i];
    for (uint32_t i = 0; i < WAITS_MAX; i++) {
        int res = was[i].ev ? result_of(&was[i], p[i].revents) : 0;

        /* An earlier one of this turn may have cancelled it: the next turn. */
        if (!res || l->wait[i].ev != was[i].ev ||
            l->wait[i].cancelled != was[i].cancelled)
            continue;
        l->wait[i].ev = NULL;
        was[i].ev->busy = false;
        was[i].ev->fn(was[i].ev, res);
        nr++;
    }
    return nr;
}
