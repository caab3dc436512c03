/* SPDX-License-Identifier: MIT */
/*
 * blk_rings.c - the rings and event channels of all queues of a disk
 */
#include "backends/blk/blk_rings.h"

#include <errno.h>

#include "backends/blk/blk_journal.h"
#include "backends/blk/blk_ring.h"
#include "common/err.h"
#include "common/evt.h"
#include "common/shm.h"

int blk_rings_open(struct blk_rings *r, uint16_t domid, uint32_t nr_queues,
                   struct err *e)
{
    int rc;

    *r = (struct blk_rings){ .domid = domid, .nr_queues = nr_queues };
    rc = gnt_open(&r->gnt, e);
    for (uint32_t i = 0; rc == 0 && i < nr_queues; i++)
        rc = evt_open(domid, &r->evt[i], e);
    return rc;
}

void blk_rings_close(struct blk_rings *r)
{
    blk_rings_unlink(r);
    for (uint32_t i = 0; i < r->nr_queues; i++)
        evt_close(r->evt[i]);
    gnt_close(r->gnt);
    *r = (struct blk_rings){ 0 };
}

static int check_numbers(const struct blk_rings *r, const struct blk_wiring *w,
                         struct err *e)
{
    uint32_t pages = w->ring_pages;

    if (w->nr_queues == 0 || w->nr_queues > r->nr_queues)
        return fail(e, -EINVAL, "multi-queue-num-queues: %u, want 1..%u",
                    w->nr_queues, r->nr_queues);
    if (pages == 0 || pages > BLK_RING_PAGES_MAX || (pages & (pages - 1)))
        return fail(e, -EINVAL, "ring-page-order: %u pages, want 1, 2, .. %u",
                    pages, BLK_RING_PAGES_MAX);
    if (w->abi >= BLK_ABIS)
        return fail(e, -EINVAL, "protocol: %u, want 0..%u", w->abi,
                    BLK_ABIS - 1);
    return 0;
}

static int link_one(struct blk_rings *r, const struct blk_wiring *w, uint32_t i,
                    struct err *e)
{
    struct blk_link *l = &r->link[i];
    int rc = gnt_map_pages(r->gnt, r->domid, w->queue[i].ref, w->ring_pages,
                           &r->map[i], e);

    *l = (struct blk_link){
        .evt = r->evt[i],
        .ring = r->map[i].va,
        .ring_pages = w->ring_pages,
        .abi = w->abi,
    };
    if (rc == 0)
        rc = evt_bind(r->evt[i], w->queue[i].port, &l->port, e);
    return rc;
}

int blk_rings_link(struct blk_rings *r, const struct blk_wiring *w,
                   struct err *e)
{
    int rc = check_numbers(r, w, e);

    for (uint32_t i = 0; rc == 0 && i < w->nr_queues; i++)
        rc = link_one(r, w, i, e);
    if (rc < 0)
        blk_rings_unlink(r);
    else
        r->nr_linked = w->nr_queues;
    return rc;
}

void blk_rings_begin(const struct blk_rings *r, struct blk_journal *j)
{
    for (uint32_t i = 0; i < r->nr_linked; i++)
        blk_ring_begin(r->link[i].ring, &j->queue[i]);
    shm_wmb();
    shm_set_u32(&j->connected, 1);
}

void blk_rings_unlink(struct blk_rings *r)
{
    for (uint32_t i = 0; i < r->nr_queues; i++) {
        if (r->link[i].port)
            evt_unbind(r->evt[i], r->link[i].port);
        r->link[i] = (struct blk_link){ 0 };
        gnt_unmap(r->gnt, &r->map[i]);
    }
    r->nr_linked = 0;
}
