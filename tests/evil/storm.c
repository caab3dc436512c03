/* SPDX-License-Identifier: MIT */
/*
 * storm.c - do one thing over and over, in a thread of its own
 */
#include "tests/evil/storm.h"

#include <errno.h>
#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/err.h"

struct storm {
    pthread_t thread;
    struct evil *evil;
    void (*blow)(struct evil *v);
    atomic_bool stop;
};

static void *rage(void *arg)
{
    struct storm *s = arg;

    while (!atomic_load(&s->stop)) {
        s->blow(s->evil);
        sched_yield(); /* the host has few CPUs, and the steward wants one */
    }
    return NULL;
}

int storm_start(struct evil *v, void (*blow)(struct evil *v),
                struct storm **out, struct err *e)
{
    struct storm *s = calloc(1, sizeof(*s));
    int r;

    if (!s)
        return fail(e, -ENOMEM, "storm: no memory");
    s->evil = v;
    s->blow = blow;
    r = pthread_create(&s->thread, NULL, rage, s);
    if (r) {
        free(s);
        return fail(e, -r, "storm: start a thread: %s", strerror(r));
    }
    *out = s;
    return 0;
}

void storm_stop(struct storm *s)
{
    if (!s)
        return;
    atomic_store(&s->stop, true);
    pthread_join(s->thread, NULL);
    free(s);
}
