/* SPDX-License-Identifier: MIT */
/*
 * blockask.h - what is asked of a supervisor about a disk
 */
#ifndef BLOCKASK_H
#define BLOCKASK_H

#include <stdbool.h>
#include <stdint.h>

struct client;
struct err;
struct json_object;

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

/* As devask_attach(); *out: {"vdev", "devid", "state"}. */
int block_attach(struct client *c, const char *spec, const char *limits,
                 int timeout_ms, struct json_object **out, struct err *e);

/*
 * As devask_detach().  vdev: a name or a number, as in a configuration.
 *
 *   -EINVAL     it is no vdev
 */
int block_detach(struct client *c, const char *vdev, bool force, int timeout_ms,
                 struct err *e);

#endif
