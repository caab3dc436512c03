/* SPDX-License-Identifier: MIT */
/*
 * talk.h - a backend's end of what it says to its supervisor
 *
 * How this works: a poll(2) loop over a listening socket, the one connection
 * that came of it last, and an eventfd by which the queues' threads say that
 * they have news.  A message is one struct, whole, with at most one descriptor.
 * Without a supervisor nothing is said, and everything else goes on.
 *
 * The main thread's alone, but for the eventfd.
 */
#ifndef TALK_H
#define TALK_H

#include <stddef.h>

struct err;

struct talk_ops {
    /* Somebody connected; the one before has been dropped. */
    void (*caller)(void *arg);
    /* A message of message_bytes came; fd is the callee's, -1: none. */
    void (*message)(void *arg, const void *message, int fd);
    /* Somebody has written to news_fd, which was read. */
    void (*news)(void *arg);
};

struct talk {
    const char *name; /* of the device, for the log */
    const struct talk_ops *ops;
    void *arg;
    size_t message_bytes;
    int listen_fd, conn_fd; /* conn_fd -1: no supervisor */
    int news_fd;            /* eventfd */
};

#define TALK_BYTES_MAX 2048u /* of a message */

/* Sets news_fd; the caller has set all above conn_fd. */
int talk_open(struct talk *t, struct err *e);
/* The listening socket stays the caller's.  Twice: no-op. */
void talk_close(struct talk *t);

/* Wait for something, and let it be heard. */
void talk_turn(struct talk *t);
/* message_bytes of it; it may be lost. */
void talk_say(struct talk *t, const void *message);

#endif
