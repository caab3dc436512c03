/* SPDX-License-Identifier: MIT */
/*
 * watch.h - follow what happens to guests: those there are, and those to come
 */
#ifndef WATCH_H
#define WATCH_H

#include <stdbool.h>

struct err;
struct json_object;

/*
 * What happened to a guest.  Besides the supervisor's own events
 * (guest_info.c):
 *
 *   is        how it is now, as its info tells: first of all, and again when
 *             events were missed or another supervisor took over
 *   absent    at the start: it was named, and is not there
 *   appears   it was made since; with its info
 *   silent    its supervisor does not answer; it may later
 *   lost      its supervisor died; `freehold run` takes it over
 *   gone      nothing of it is left
 */
struct watch_event {
    const char *name, *what;
    struct json_object *detail; /* NULL: no more to say */
};

struct watch_options {
    const char *base; /* where the guests' directories are */
    int nr_names;     /* 0: every guest */
    char **names;
    int timeout_ms; /* -1: for ever */
    int peer_fd;    /* end when nobody reads it any more; -1: none */
    /* Returns false to end.  What it gets lasts until it returns. */
    bool (*happened)(void *arg, const struct watch_event *v);
    void *arg;
};

/*
 * Returns 0 when happened() wanted it, or nobody reads peer_fd.
 *
 *   -ETIMEDOUT  without words
 */
int watch_guests(const struct watch_options *o, struct err *e);

#endif
