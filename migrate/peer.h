/* SPDX-License-Identifier: MIT */
/*
 * peer.h - one connection to the other freehold-migrate, on libuv
 *
 * ssh's two pipes, a TCP or a UNIX socket: one descriptor for both ways, or one
 * each.  Frames are written from where they are, with their unit's head before
 * them, one at a time; everything else is copied, PEER_QUEUE_BYTES at most.
 * A peer that does not read is one that is lost.
 *
 * TCP_NODELAY is whoever's who opened the socket: a sealed process cannot ask
 * what it is.
 *
 * A callback may close any peer.  The struct is freed when libuv is done.
 */
#ifndef MIGRATE_PEER_H
#define MIGRATE_PEER_H

#include <uv.h>

#include "migrate/intake.h"

#define PEER_QUEUE_BYTES (4u << 20)

struct peer;

struct peer_ops { /* intake.h has the first three */
    int (*hello)(void *arg, struct peer *p, const struct wire_hello *h,
                 struct err *e);
    void *(*room)(void *arg, struct peer *p, const struct wire_unit *u,
                  bool *mine);
    int (*unit)(void *arg, struct peer *p, const struct wire_unit *u,
                const void *bytes, struct err *e);
    /* The frame is out, its memory ours again. */
    void (*sent)(void *arg, struct peer *p, uint32_t len_bytes);
    /* Once, unless it was closed; nothing comes any more. */
    void (*lost)(void *arg, struct peer *p, const char *why);
};

/*
 * from: what the other end is.  The descriptors are the peer's from here on,
 * also when this fails.
 */
int peer_open(struct peer **out, uv_loop_t *loop, int read_fd, int write_fd,
              enum wire_side from, const struct peer_ops *ops, void *arg,
              struct err *e);
/*
 * What was said still goes out, for so long as the other end takes it; force:
 * or it does not.  Twice: no-op.  NULL: no-op.
 */
void peer_close(struct peer *p, bool force);

void peer_set_stream(struct peer *p, uint16_t stream);
uint16_t peer_stream(const struct peer *p);

void peer_say_hello(struct peer *p, const struct wire_hello *h);
void peer_say(struct peer *p, uint32_t kind, uint64_t n, const void *bytes,
              uint32_t len_bytes);
/* One at a time: not while peer_is_sending(). */
void peer_frame(struct peer *p, uint32_t kind, void *frame, uint32_t len_bytes);
bool peer_is_sending(const struct peer *p);
/* There is room again for what waits. */
void peer_retry(struct peer *p);

#endif
