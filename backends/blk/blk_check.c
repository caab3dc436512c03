/* SPDX-License-Identifier: MIT */
/*
 * blk_check.c - wire in, checked out
 *
 * A flush carries no data.  Linux's backend would write a flush's segments
 * behind it, which no frontend is known to ask for and blkif.h does not say; to
 * ignore them would lose a write, so they are refused.
 */
#include "backends/blk/blk_check.h"

#include <errno.h>

#include "common/checked.h"

#define PAGE_SECTORS (PAGE_BYTES / BLK_SECTOR)
#define PAGE_SEGS (PAGE_BYTES / sizeof(struct blk_wire_seg))

static int add_seg(struct blk_req *q, uint32_t i, const struct blk_wire_seg *s)
{
    uint32_t nr = s->last - s->first + 1u;

    if (s->first > s->last || s->last >= PAGE_SECTORS)
        return -EINVAL;
    q->seg[i] = (struct blk_seg){
        .ref = s->ref,
        .off = (uint16_t)(s->first * BLK_SECTOR),
        .len = (uint16_t)(nr * BLK_SECTOR),
    };
    q->len += nr * BLK_SECTOR;
    return 0;
}

static int inside(const struct blk_disk_rules *d, const struct blk_req *q)
{
    return range_inside(q->off, q->len, d->size_bytes) ? 0 : -ERANGE;
}

static int check_direct(const struct blk_disk_rules *d,
                        const struct blk_wire *w, struct blk_req *q)
{
    if (w->nr_segs == 0 || w->nr_segs > ARRAY_SIZE(w->u.seg))
        return -EINVAL;
    q->nr_segs = w->nr_segs;
    for (uint32_t i = 0; i < w->nr_segs; i++)
        if (add_seg(q, i, &w->u.seg[i]))
            return -EINVAL;
    return inside(d, q);
}

/* Whatever the segments will say, the request must begin inside the disk. */
static int check_before_pages(const struct blk_disk_rules *d,
                              const struct blk_wire *w, struct blk_req *q)
{
    if (w->nr_segs == 0 || w->nr_segs > BLK_INDIRECT_SEGS_MAX)
        return -EINVAL;
    q->nr_segs = w->nr_segs;
    q->nr_indirect = (uint16_t)((w->nr_segs + PAGE_SEGS - 1) / PAGE_SEGS);
    return inside(d, q) ? -ERANGE : 1;
}

static int check_discard(const struct blk_disk_rules *d,
                         const struct blk_wire *w, struct blk_req *q)
{
    if (w->nr_sectors == 0)
        return -EINVAL;
    if (mul_overflow(w->nr_sectors, BLK_SECTOR, &q->len))
        return -ERANGE;
    /* The header: ignored if the backend does not have it. */
    q->secure = d->secure_discard && (w->flag & BLKIF_DISCARD_SECURE);
    return inside(d, q);
}

/* Which of the store's operations it is. */
static int find_op(const struct blk_disk_rules *d, const struct blk_wire *w,
                   enum blk_op *op)
{
    uint8_t asked = w->op;

    if (asked == BLKIF_OP_INDIRECT) {
        if (w->inner != BLKIF_OP_READ && w->inner != BLKIF_OP_WRITE)
            return -EINVAL;
        asked = w->inner;
    }
    switch (asked) {
    case BLKIF_OP_READ:
        *op = BLK_READ;
        return 0;
    case BLKIF_OP_WRITE:
        *op = BLK_WRITE;
        return 0;
    case BLKIF_OP_FLUSH_DISKCACHE:
        *op = BLK_FLUSH;
        return d->flush ? 0 : -EOPNOTSUPP;
    case BLKIF_OP_DISCARD:
        *op = BLK_DISCARD;
        return d->discard ? 0 : -EOPNOTSUPP;
    default: /* a barrier, too: it is not offered */
        return -EOPNOTSUPP;
    }
}

int blk_check(const struct blk_disk_rules *d, const struct blk_wire *w,
              struct blk_req *out)
{
    int rc;

    *out = (struct blk_req){ .seg = out->seg };
    rc = find_op(d, w, &out->op);
    if (rc < 0)
        return rc;
    if ((out->op == BLK_WRITE || out->op == BLK_DISCARD) && d->readonly)
        return -EROFS;
    if (out->op == BLK_FLUSH)
        return w->nr_segs ? -EINVAL : 0;
    if (mul_overflow(w->sector, BLK_SECTOR, &out->off))
        return -ERANGE;
    if (out->op == BLK_DISCARD)
        return check_discard(d, w, out);
    if (w->op == BLKIF_OP_INDIRECT)
        return check_before_pages(d, w, out);
    return check_direct(d, w, out);
}

int blk_check_indirect(const struct blk_disk_rules *d, const void *pages,
                       struct blk_req *out)
{
    const struct blk_wire_seg *seg = pages;

    out->len = 0;
    for (uint32_t i = 0; i < out->nr_segs; i++)
        if (add_seg(out, i, &seg[i]))
            return -EINVAL;
    out->nr_indirect = 0;
    return inside(d, out);
}

int16_t blk_status(int rc)
{
    if (rc == 0)
        return BLKIF_RSP_OKAY;
    return rc == -EOPNOTSUPP ? BLKIF_RSP_EOPNOTSUPP : BLKIF_RSP_ERROR;
}

uint8_t blk_answer_op(const struct blk_wire *w)
{
    if (w->op == BLKIF_OP_INDIRECT &&
        (w->inner == BLKIF_OP_READ || w->inner == BLKIF_OP_WRITE))
        return w->inner;
    return w->op;
}
