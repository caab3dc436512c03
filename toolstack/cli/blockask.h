/* SPDX-License-Identifier: MIT */
/*
 * blockask.h - have a supervisor attach or detach a disk, and wait for it
 *
 * How this works: the supervisor answers at once that it will, and tells by
 * `block` events how that went.  So we subscribe first, ask, and hear.
 */
#ifndef BLOCKASK_H
#define BLOCKASK_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct err;
struct json_object;

#define BLOCK_ATTACH_MS 30000
#define BLOCK_DETACH_MS 10000

/*
 * The words of `block-attach` as one specification: to be freed; NULL: no
 * memory.  xl reads each word by itself, so a `target=`, which takes all that
 * is behind it, is put last.
 */
char *block_spec(int nr, char **words);

/* `iops=N` and `bps=N`, N from 0 up; what is not said stays untouched. */
struct block_limits {
    bool has_iops, has_bps;
    uint64_t iops, bps;
};
/* -EINVAL: it is neither, or twice. */
int block_limits_parse(int nr, char **words, struct block_limits *out,
                       struct err *e);

/*
 * *out (may be NULL): {"vdev", "devid", "state"}, the caller's to put.
 *
 *   -EIO        the disk failed, with the reason; it was taken away again
 *   -ETIMEDOUT  it is not there in timeout_ms; it may still come
 *   whatever the supervisor refuses it with
 */
int block_attach(struct client *c, const char *spec, const char *limits,
                 int timeout_ms, struct json_object **out, struct err *e);

/*
 * vdev: a name or a number, as in a configuration.
 *
 *   -EINVAL     it is no vdev
 *   -ETIMEDOUT  the guest keeps it; the request stands
 *   -EIO        it could not be taken away, with the reason
 */
int block_detach(struct client *c, const char *vdev, bool force, int timeout_ms,
                 struct err *e);

#endif
