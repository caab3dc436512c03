/* SPDX-License-Identifier: MIT */
/*
 * blk_limit.c - so many requests and bytes a second, of all queues of a disk
 */
#include "backends/blk/blk_limit.h"

#include "common/checked.h"

void blk_limit_init(struct blk_limit *l, const struct blk_limits *rate)
{
    pthread_mutex_init(&l->lock, NULL);
    l->rate = *rate;
    l->iops_paid_ns = l->bps_paid_ns = 0;
}

void blk_limit_set(struct blk_limit *l, const struct blk_limits *rate)
{
    pthread_mutex_lock(&l->lock);
    l->rate = *rate;
    l->iops_paid_ns = l->bps_paid_ns = 0;
    pthread_mutex_unlock(&l->lock);
}

/* What amount costs at rate a second, ns. */
static uint64_t price_ns(uint64_t amount, uint64_t rate)
{
    return rate ? (uint64_t)((unsigned __int128)amount * 1000000000u / rate)
                : 0;
}

static uint64_t owed_ns(uint64_t *paid_ns, uint64_t now_ns)
{
    uint64_t oldest =
        now_ns > BLK_LIMIT_BURST_NS ? now_ns - BLK_LIMIT_BURST_NS : 0;

    *paid_ns = MAX_OF(*paid_ns, oldest);
    return *paid_ns > now_ns ? *paid_ns - now_ns : 0;
}

uint64_t blk_limit_take(struct blk_limit *l, uint64_t bytes, uint64_t now_ns)
{
    uint64_t wait_ns, more_ns;

    pthread_mutex_lock(&l->lock);
    wait_ns = owed_ns(&l->iops_paid_ns, now_ns);
    more_ns = owed_ns(&l->bps_paid_ns, now_ns);
    wait_ns = MAX_OF(wait_ns, more_ns);
    if (wait_ns == 0) {
        l->iops_paid_ns += price_ns(1, l->rate.iops);
        l->bps_paid_ns += price_ns(bytes, l->rate.bps);
    }
    pthread_mutex_unlock(&l->lock);
    return wait_ns;
}
