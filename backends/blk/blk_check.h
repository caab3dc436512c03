/* SPDX-License-Identifier: MIT */
/*
 * blk_check.h - wire in, checked out: the only type that stores accept
 */
#ifndef BLK_CHECK_H
#define BLK_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_wire.h"

enum blk_op { BLK_READ, BLK_WRITE, BLK_FLUSH, BLK_DISCARD, BLK_OPS };

struct blk_seg {
    uint32_t ref;
    uint16_t off, len; /* bytes within the granted page; len >= 512 */
};

struct blk_req { /* checked, but for the segments of an indirect one */
    enum blk_op op;
    bool secure;          /* discard */
    uint16_t nr_segs;     /* of seg[]; 0 for a flush or discard */
    uint16_t nr_indirect; /* > 0: segments are still in so many pages */
    uint64_t off;         /* bytes into the disk, a multiple of 512 */
    uint64_t len;         /* bytes: sum of seg[].len; of a discard its range */
    struct blk_seg *seg;  /* the caller's, BLK_INDIRECT_SEGS_MAX of them */
};

struct blk_disk_rules {
    uint64_t size_bytes;
    bool readonly, flush, discard, secure_discard;
};

/*
 * Check one request; out->seg is set by the caller before.
 *
 *   1           segments are in out->nr_indirect pages, u.indirect[] of the
 *               wire request: fetch them, then blk_check_indirect()
 *   0           it can be done
 *   -EOPNOTSUPP unknown operation (a barrier is one: it is not offered), or
 *               one that the store has not
 *   -EROFS      anything but a read of a read-only disk
 *   -EINVAL     no or too many segments, one that is no part of a page, a
 *               discard of nothing, a flush with data, an indirect request
 *               that is neither read nor write
 *   -ERANGE     not wholly inside the disk
 *
 * Secure discard where it is not offered is a discard, as blkif.h says.
 */
int blk_check(const struct blk_disk_rules *d, const struct blk_wire *w,
              struct blk_req *out);

/*
 * out: as blk_check() left it when it returned 1.  pages: private copies of its
 * nr_indirect pages, packed, 4096 bytes each, aligned to 4.  0, -EINVAL or
 * -ERANGE; after 0 out->nr_indirect is 0.
 */
int blk_check_indirect(const struct blk_disk_rules *d, const void *pages,
                       struct blk_req *out);

/* BLKIF_RSP_* for what a check or a store returned: 0 or a negative errno. */
int16_t blk_status(int rc);

/* The operation a response must name: the inner one for reads and writes. */
uint8_t blk_answer_op(const struct blk_wire *w);

#endif
