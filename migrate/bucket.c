/* SPDX-License-Identifier: MIT */
/*
 * bucket.c - no more bytes a second than somebody said
 */
#include "migrate/bucket.h"

#include "abi/steward_abi.h"
#include "common/checked.h"

#define US_PER_S 1000000u

static int64_t holds(const struct bucket *b)
{
    uint64_t some = b->bytes_per_s / 1000 * BUCKET_MS;

    return (int64_t)MAX_OF(some, (uint64_t)FH_FRAME_LONG_BYTES);
}

void bucket_set(struct bucket *b, uint64_t bytes_per_s, uint64_t now_us)
{
    /* Above 1 TB/s nobody would notice, and nothing here overflows. */
    *b = (struct bucket){ .bytes_per_s = MIN_OF(bytes_per_s, 1ull << 40),
                          .then_us = now_us };
    b->has_bytes = b->bytes_per_s ? holds(b) : 0;
}

static void refill(struct bucket *b, uint64_t now_us)
{
    /* What is missing fills up in some seconds: more is the same. */
    uint64_t gone_us = MIN_OF(now_us - b->then_us, 10ull * US_PER_S);
    uint64_t more = b->bytes_per_s * gone_us / US_PER_S;

    if (more == 0)
        return; /* then_us stays: slow rates add up, too */
    b->then_us = now_us;
    b->has_bytes = MIN_OF(b->has_bytes + (int64_t)more, holds(b));
}

bool bucket_take(struct bucket *b, uint32_t len_bytes, uint64_t now_us,
                 uint64_t *wait_ms)
{
    if (b->bytes_per_s == 0)
        return true;
    refill(b, now_us);
    if (b->has_bytes > 0) {
        b->has_bytes -= len_bytes;
        return true;
    }
    *wait_ms = (uint64_t)(1 - b->has_bytes) * 1000 / b->bytes_per_s + 1;
    return false;
}
