/* SPDX-License-Identifier: MIT */
/*
 * bucket.h - no more bytes a second than somebody said
 *
 * A token bucket that holds BUCKET_MS of its rate, or one frame if that is
 * more.  Who asks pays when it is let through, in whole frames: the bucket may
 * go below zero by one.
 */
#ifndef MIGRATE_BUCKET_H
#define MIGRATE_BUCKET_H

#include <stdbool.h>
#include <stdint.h>

#define BUCKET_MS 50u
#define BUCKET_RATE_MIN                                                        \
    65536u /* a second: a frame goes long before MOVE_STALL_MS */

struct bucket { /* all zero: no limit */
    uint64_t bytes_per_s;
    int64_t has_bytes;
    uint64_t then_us;
};

/* 0: no limit from now on. */
void bucket_set(struct bucket *b, uint64_t bytes_per_s, uint64_t now_us);

/*
 * May len_bytes go now?  true: paid.  false: ask again in *wait_ms, 1 at
 * least.
 */
bool bucket_take(struct bucket *b, uint32_t len_bytes, uint64_t now_us,
                 uint64_t *wait_ms);

#endif
