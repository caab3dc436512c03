/* SPDX-License-Identifier: MIT */
/*
 * conread.h - whoever is attached to a console
 *
 * Each reader hears the scrollback from its start and then goes on with what
 * is added, at his own pace, and may type.  One who shuts his side of the
 * socket down wants what there is by then, and no more.
 */
#ifndef CONREAD_H
#define CONREAD_H

#include <stdint.h>

#include <uv.h>

struct conread;
struct err;
struct scroll;

struct conread_host {
    /* A reader typed.  Returns how many bytes found room. */
    uint32_t (*typed)(void *arg, const char *in, uint32_t in_bytes);
    void (*gone)(void *arg); /* after conread_close(), when all is freed */
    void *arg;
};

/*
 * Listen on socket_path, whose file is the caller's to remove.  The scrollback
 * is the caller's, and must last until gone().  After an error gone() is not
 * called.
 */
int conread_open(uv_loop_t *loop, const char *name, const char *socket_path,
                 const struct scroll *scroll, const struct conread_host *host,
                 struct conread **out, struct err *e);

/*
 * Take no more readers, and let go of those there are when they have heard
 * everything, or after two seconds.
 */
void conread_close(struct conread *r);

/* The scrollback has more to tell. */
void conread_feed(struct conread *r);

/* There may be room for what was typed. */
void conread_retry(struct conread *r);

#endif
