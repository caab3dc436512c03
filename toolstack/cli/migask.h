/* SPDX-License-Identifier: MIT */
/*
 * migask.h - have a supervisor begin a transfer, and hear what comes of it
 *
 * How this works: on one connection we subscribe and then ask, so that an end
 * that is told before the answer is an older transfer's, and is dropped with
 * all else that is.  To cancel there is another one, where nothing is.
 */
#ifndef MIGASK_H
#define MIGASK_H

#include <stdbool.h>
#include <stdint.h>

#include "toolstack/cli/miglink.h"

struct client;
struct err;
struct json_object;

struct migask {
    const char *base, *name; /* where its supervisor listens */
    int stop_fd;             /* readable: cancel; again: leave.  -1: none */
    /* An event, "migration" or "migration-end"; o lasts until it returns. */
    void (*told)(void *arg, const char *method, struct json_object *o);
    /* It was asked to; refused (NULL: it is not): with that. */
    void (*cancelling)(void *arg, const struct err *refused);
    void *arg;

    struct client *events;
};

enum migask_end { /* how it ended */
                  MIGASK_MOVED,
                  MIGASK_STAYED,
                  MIGASK_CHECKED,
                  MIGASK_FENCED,
                  MIGASK_STUCK,
                  MIGASK_RUNS,
                  MIGASK_READY,
                  MIGASK_POISONED,
                  MIGASK_REFUSED,
                  MIGASK_ENDS
};
const char *migask_end_name(enum migask_end end);

struct migask_result {
    enum migask_end end;
    char why[512], session[40];
    uint64_t total_ms, downtime_ms, bytes, epochs;
};

/* "migrate" and "resolve": what they are asked with, the caller's to put. */
struct json_object *migask_migrate(const struct migopts *o,
                                   const struct miglink *l);
struct json_object *migask_resolve(const struct migopts *o,
                                   const struct miglink *l);

/*
 * Takes params.  migask_close() also after an error.
 *
 *   -ESRCH      no supervisor listens
 *   whatever the supervisor refuses it with
 */
int migask_begin(struct migask *a, const char *method,
                 struct json_object *params, struct err *e);

/* Give up the one that goes on; migask_follow() then hears its end. */
int migask_cancel(struct migask *a, struct err *e);

/*
 * Hear until it ends, timeout_ms at most (-1: for ever).
 *
 *   -EINTR       stop_fd, twice
 *   -ETIMEDOUT   it goes on
 *   -EINPROGRESS the supervisor went away, or its word of the end was missed
 *   -EPROTO      what it says of the end is none
 */
int migask_follow(struct migask *a, int timeout_ms, struct migask_result *out,
                  struct err *e);
void migask_close(struct migask *a);

#endif
