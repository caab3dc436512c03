/* SPDX-License-Identifier: MIT */
/*
 * blk_nbd_peer.h - one connection to an NBD server, and what it says it has
 *
 * libnbd speaks over a socket that somebody else connected: it resolves and
 * connects nothing itself, and no TLS, structured replies or metadata are
 * asked for, so that the least of it meets what a hostile server sends.
 */
#ifndef BLK_NBD_PEER_H
#define BLK_NBD_PEER_H

#include <stdbool.h>
#include <stdint.h>

struct err;
struct nbd_handle;

struct blk_nbd_export {      /* checked */
    uint64_t size_bytes;     /* a multiple of BLK_SECTOR, > 0 */
    uint32_t physical_bytes; /* a power of 2, BLK_SECTOR..4096 */
    uint32_t max_bytes;      /* of one request, a multiple of BLK_SECTOR */
    bool readonly, flush, trim, multi_conn;
};

/*
 * Begin the handshake; fd, connected, is the handle's, or closed after an
 * error.  It goes on by nbd_aio_notify_*() until nbd_aio_is_ready().
 */
int blk_nbd_peer_start(int fd, const char *export, struct nbd_handle **out,
                       struct err *e);

/*
 * Do the whole handshake in this thread.
 *
 *   -ETIMEDOUT  the server did not finish it within timeout_ms
 *   -ECONNABORTED, or what libnbd makes of it: it refused, or is none
 */
int blk_nbd_peer_wait(struct nbd_handle *h, uint32_t timeout_ms, struct err *e);

/*
 * What a server that is ready says of its export.
 *
 *   -EINVAL     it cannot be a disk for a guest: no sector of it, or its
 *               smallest request is more than BLK_SECTOR
 */
int blk_nbd_peer_look(struct nbd_handle *h, struct blk_nbd_export *out,
                      struct err *e);

/* Words for what libnbd says went wrong last in this thread. */
int blk_nbd_peer_fail(struct err *e, const char *what);

#endif
