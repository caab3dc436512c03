/* SPDX-License-Identifier: MIT */
/*
 * blk_parts.c - what serves one disk: its store, its rings, its queues
 */
#include "backends/blk/blk_parts.h"

#include <linux/fs.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "backends/base/sandbox.h"
#include "backends/blk/blk_store.h"
#include "common/checked.h"
#include "common/err.h"

static const unsigned long ioctls[] = { BLKGETSIZE64, BLKDISCARD,
                                        BLKSECDISCARD };

/* From a queue's thread: it needs a new connection to its NBD server. */
static void on_want(void *arg, uint32_t queue)
{
    struct blk_parts *p = arg;

    atomic_fetch_or(&p->wanted, BIT(queue));
    eventfd_write(p->disk.news_fd, 1);
}

static int open_store(struct blk_parts *p, const struct blk_open *o, int fd,
                      struct err *e)
{
    int rc;

    if (o->kind == BLK_STORE_NBD)
        rc = blk_nbd_open(fd, o, on_want, p, &p->disk.store, e);
    else
        rc = blk_raw_open(fd, o, &p->disk.store, e);
    if (rc < 0)
        close(fd);
    return rc;
}

static int open_queues(struct blk_parts *p, struct err *e)
{
    int rc = 0;

    for (uint32_t i = 0; rc == 0 && i < p->nr_queues; i++)
        rc = blk_queue_open(&p->disk, i, &p->queue[i], e);
    return rc;
}

static void set_rules(struct blk_parts *p, const struct blk_open *o)
{
    const struct blk_store_info *i = &p->disk.store->info;

    p->disk.rules = (struct blk_disk_rules){
        .readonly = o->readonly || i->readonly,
        .flush = i->flush,
        .discard = i->discard_bytes > 0,
        .secure_discard = i->secure_discard,
    };
    atomic_store(&p->disk.size_bytes, i->size_bytes);
    blk_limit_init(&p->disk.limit, &o->limits);
    p->nr_queues = MIN_OF(o->nr_queues, i->nr_queues);
}

int blk_parts_open(struct blk_parts *p, const struct blk_open *o, int fd,
                   struct err *e)
{
    int rc = open_store(p, o, fd, e);

    if (rc < 0)
        return rc;
    set_rules(p, o);
    rc = blk_rings_open(&p->rings, p->disk.domid, p->nr_queues, e);
    p->disk.gnt = p->rings.gnt;
    if (rc == 0)
        rc = sandbox_leave_host(
            sandbox_uid(SANDBOX_DISK, p->disk.domid, o->devid), e);
    if (rc == 0)
        rc = open_queues(p, e);
    if (rc == 0)
        rc = sandbox_seal(ioctls, ARRAY_SIZE(ioctls), e);
    return rc;
}

void blk_parts_connect(struct blk_parts *p, bool resume)
{
    for (uint32_t i = 0; i < p->rings.nr_linked; i++) {
        struct blk_link link = p->rings.link[i];

        link.resume = resume;
        blk_queue_connect(p->queue[i], &link);
    }
}

void blk_parts_disconnect(struct blk_parts *p)
{
    for (uint32_t i = 0; i < p->rings.nr_linked; i++)
        blk_queue_disconnect(p->queue[i]);
}

bool blk_parts_idle(struct blk_parts *p)
{
    char why[BLK_TEXT];

    for (uint32_t i = 0; i < p->rings.nr_linked; i++)
        if (blk_queue_state(p->queue[i], why) != BLK_QUEUE_IDLE)
            return false;
    return true;
}

void blk_parts_close(struct blk_parts *p)
{
    for (uint32_t i = 0; i < BLK_QUEUES_MAX; i++)
        blk_queue_close(p->queue[i]);
    blk_rings_close(&p->rings);
    if (p->disk.store)
        p->disk.store->ops->close(p->disk.store);
    blk_journal_unmap(p->disk.journal);
}
