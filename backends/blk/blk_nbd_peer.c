/* SPDX-License-Identifier: MIT */
/*
 * blk_nbd_peer.c - one connection to an NBD server, and what it says it has
 */
#include "backends/blk/blk_nbd_peer.h"

#include <errno.h>
#include <poll.h>
#include <stddef.h>
#include <string.h>
#include <unistd.h>

#include <libnbd.h>

#include "backends/base/loop.h"
#include "backends/blk/blk_ctl.h"
#include "common/checked.h"
#include "common/err.h"

/* A server that names no limit takes this much: the protocol says so. */
#define REQUEST_BYTES_MAX (32u << 20)
#define PHYSICAL_BYTES_MAX 4096u

int blk_nbd_peer_fail(struct err *e, const char *what)
{
    const char *why = nbd_get_error();
    int number = nbd_get_errno();

    return fail(e, number > 0 ? -number : -ECONNABORTED, "nbd: %s: %.300s",
                what, why ? why : "no reason is known");
}

static int set_up(struct nbd_handle *h, const char *export)
{
    return nbd_set_export_name(h, export) ||
           nbd_set_tls(h, LIBNBD_TLS_DISABLE) ||
           nbd_set_request_extended_headers(h, false) ||
           nbd_set_request_structured_replies(h, false) ||
           nbd_set_request_meta_context(h, false) ||
           nbd_set_pread_initialize(h, false); /* the guest's own bytes */
}

int blk_nbd_peer_start(int fd, const char *export, struct nbd_handle **out,
                       struct err *e)
{
    struct nbd_handle *h = nbd_create();
    int rc;

    if (!h || set_up(h, export)) {
        rc = blk_nbd_peer_fail(e, "set up");
        close(fd);
        nbd_close(h);
        return rc;
    }
    if (nbd_aio_connect_socket(h, fd)) { /* has closed it */
        rc = blk_nbd_peer_fail(e, "handshake");
        nbd_close(h);
        return rc;
    }
    *out = h;
    return 0;
}

/* One step, when the socket is ready for it. */
static int step(struct nbd_handle *h, uint64_t until_ns)
{
    int want = nbd_aio_get_direction(h), fd = nbd_aio_get_fd(h);
    uint64_t now = loop_now_ns();
    struct pollfd p = { .fd = fd };
    int r;

    if (now >= until_ns)
        return -ETIMEDOUT;
    if (want & LIBNBD_AIO_DIRECTION_READ)
        p.events |= POLLIN;
    if (want & LIBNBD_AIO_DIRECTION_WRITE)
        p.events |= POLLOUT;
    r = poll(&p, 1, (int)((until_ns - now) / 1000000u) + 1);
    if (r <= 0)
        return r < 0 && errno != EINTR ? -errno : 0;
    if ((want & LIBNBD_AIO_DIRECTION_WRITE) && (p.revents & POLLOUT))
        return nbd_aio_notify_write(h);
    if (want & LIBNBD_AIO_DIRECTION_READ)
        return nbd_aio_notify_read(h);
    return nbd_aio_notify_write(h); /* fails, and says why */
}

int blk_nbd_peer_wait(struct nbd_handle *h, uint32_t timeout_ms, struct err *e)
{
    uint64_t until = loop_now_ns() + timeout_ms * 1000000ull;

    while (!nbd_aio_is_ready(h)) {
        int r;

        if (nbd_aio_is_dead(h) || nbd_aio_is_closed(h))
            return fail(e, -ECONNABORTED, "nbd: handshake: the server hung up");
        r = step(h, until);
        if (r == -1)
            return blk_nbd_peer_fail(e, "handshake");
        if (r == -ETIMEDOUT)
            return fail(e, r, "nbd: handshake: no answer within %u ms",
                        timeout_ms);
        if (r < 0)
            return fail(e, r, "nbd: handshake: %s", strerror(-r));
    }
    return 0;
}

/* A power of 2 that is no larger, within what a sector can be. */
static uint32_t physical_of(int64_t preferred)
{
    uint32_t bytes = BLK_SECTOR;

    while (bytes < PHYSICAL_BYTES_MAX && bytes * 2 <= preferred)
        bytes *= 2;
    return bytes;
}

int blk_nbd_peer_look(struct nbd_handle *h, struct blk_nbd_export *out,
                      struct err *e)
{
    int64_t size = nbd_get_size(h);
    int64_t min = nbd_get_block_size(h, LIBNBD_SIZE_MINIMUM);
    int64_t preferred = nbd_get_block_size(h, LIBNBD_SIZE_PREFERRED);
    int64_t max = nbd_get_block_size(h, LIBNBD_SIZE_MAXIMUM);

    if (size < 0 || min < 0 || preferred < 0 || max < 0)
        return blk_nbd_peer_fail(e, "what it exports");
    if (size < (int64_t)BLK_SECTOR)
        return fail(e, -EINVAL,
                    "nbd: the export's size is %lld bytes, want "
                    "at least %u",
                    (long long)size, BLK_SECTOR);
    if (min > (int64_t)BLK_SECTOR)
        return fail(e, -EINVAL,
                    "nbd: the server's smallest request is %lld "
                    "bytes, want at most %u: guests have such sectors",
                    (long long)min, BLK_SECTOR);
    if (max && max < (int64_t)BLK_SECTOR)
        return fail(e, -EINVAL,
                    "nbd: the server's largest request is %lld "
                    "bytes, want at least %u",
                    (long long)max, BLK_SECTOR);
    *out = (struct blk_nbd_export){
        .size_bytes = (uint64_t)size - (uint64_t)size % BLK_SECTOR,
        .physical_bytes = physical_of(preferred),
        .max_bytes = REQUEST_BYTES_MAX,
        .readonly = nbd_is_read_only(h) != 0,
        .flush = nbd_can_flush(h) == 1,
        .trim = nbd_can_trim(h) == 1,
        .multi_conn = nbd_can_multi_conn(h) == 1,
    };
    if (max && max < (int64_t)REQUEST_BYTES_MAX)
        out->max_bytes = (uint32_t)(max - max % (int64_t)BLK_SECTOR);
    return 0;
}
