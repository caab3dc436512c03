/* SPDX-License-Identifier: MIT */
/*
 * blk_pool.h - the buffers of one queue, a fixed number of pages
 *
 * A request's buffer is one piece, page aligned, and private: nothing of the
 * guest is ever mapped.  Pages that were never used cost nothing.
 */
#ifndef BLK_POOL_H
#define BLK_POOL_H

#include <stdint.h>

#define BLK_POOL_PAGES 1024u /* 4 MiB: 32 requests of 128 KiB */

struct err;

struct blk_pool { /* all zero: closed */
    uint8_t *base;
    uint64_t taken[BLK_POOL_PAGES / 64];
    uint32_t nr_free;
    uint32_t touched; /* pages below this one may be in memory */
};

int blk_pool_open(struct blk_pool *p, struct err *e);
void blk_pool_close(struct blk_pool *p); /* twice: no-op */

/* nr pages in one piece, the lowest there are; NULL: not now. */
void *blk_pool_get(struct blk_pool *p, uint32_t nr);
void blk_pool_put(struct blk_pool *p, void *buf, uint32_t nr);

/* Give memory that was used back to the host, but for the first keep pages. */
void blk_pool_trim(struct blk_pool *p, uint32_t keep);

#endif
