/* SPDX-License-Identifier: MIT */
/*
 * watch_priv.h - the insides of watch*.c
 */
#ifndef WATCH_PRIV_H
#define WATCH_PRIV_H

#include <limits.h>
#include <poll.h>
#include <stdint.h>
#include <sys/types.h>

#include "toolstack/cli/watch.h"
#include "toolstack/supervisor/vmcfg.h"

struct seen { /* a guest */
    char name[VM_NAME_MAX + 1];
    int wd;                /* the watch on its directory; -1: none */
    int pid_fd;            /* of the supervisor that hung up; -1: none */
    pid_t pid;             /* of the last one; 0: none yet */
    struct client *client; /* NULL: nobody listens */
    uint64_t due_ms;       /* answer by, or try again at; 0: neither */
    bool is_new;           /* it came after the start */
    bool answered;         /* this client's `subscribe` */
    bool told;             /* it was ever told of */
    bool lost, deleted;
};

struct watch {
    const struct watch_options *o;
    int inotify, base_wd;
    char moved_to[NAME_MAX + 1]; /* a move's second half, told with its first */
    struct seen **list;
    int nr, first; /* who is looked at first */
    struct pollfd *polled;
    uint64_t end_ms; /* 0: never */
    bool over;
    struct err *e;
};

uint64_t watch_now_ms(void); /* CLOCK_MONOTONIC */

/* watch_guest.c: the list of guests. */
bool watch_wants(const struct watch *w, const char *name);
struct seen *watch_find(const struct watch *w, const char *name); /* or NULL */
void watch_forget(struct watch *w, struct seen *s);
bool watch_is_there(struct watch *w, const struct seen *s);

/* Its directory is there: follow it; a no-op for one that is followed. */
void watch_begin(struct watch *w, const char *name, bool is_new);
/* Its directory is gone, or has another name. */
void watch_end(struct watch *w, struct seen *s);
void watch_connect(struct watch *w, struct seen *s);

/* Its socket is readable, its supervisor is dead, its time is over. */
void watch_input(struct watch *w, struct seen *s);
void watch_dead(struct watch *w, struct seen *s);
void watch_due(struct watch *w, struct seen *s);

/* watch.c: do what inotify has to tell; a no-op when that is nothing. */
void watch_inotify(struct watch *w);

#endif
