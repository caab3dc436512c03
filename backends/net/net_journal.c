/* SPDX-License-Identifier: MIT */
/*
 * net_journal.c - what must outlive a network backend
 *
 * The entries of queues are written by net_ring.c; here is the file.
 */
#include "backends/net/net_journal.h"

#include <errno.h>
#include <fcntl.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/checked.h"
#include "common/err.h"
#include "common/shm.h"

int net_journal_map(int fd, struct net_journal **out, struct err *e)
{
    struct net_journal *j;
    struct stat st;
    int r;

    if (fstat(fd, &st))
        return fail(e, -errno, "journal: stat: %s", strerror(errno));
    if (st.st_size != sizeof(*j) && ftruncate(fd, sizeof(*j)))
        return fail(e, -errno, "journal: make it %zu bytes: %s", sizeof(*j),
                    strerror(errno));
    /* Pages that tmpfs has not made yet may not be there when touched. */
    r = posix_fallocate(fd, 0, sizeof(*j));
    if (r)
        return fail(e, -r, "journal: reserve %zu bytes: %s", sizeof(*j),
                    strerror(r));
    j = mmap(NULL, sizeof(*j), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    if (j == MAP_FAILED)
        return fail(e, -errno, "journal: map: %s", strerror(errno));
    if (st.st_size == 0) {
        j->version = NET_JOURNAL_VERSION;
        j->magic = NET_JOURNAL_MAGIC;
    }
    *out = j;
    return 0;
}

void net_journal_unmap(struct net_journal *j)
{
    if (j)
        munmap(j, sizeof(*j));
}

static bool sound_head(const struct net_journal *j)
{
    return j->magic == NET_JOURNAL_MAGIC && j->version == NET_JOURNAL_VERSION;
}

void net_journal_reset(struct net_journal *j)
{
    struct net_stats stats;

    shm_set_u32(&j->connected, 0);
    shm_wmb();
    for (uint32_t i = 0; i < NET_QUEUES_MAX; i++) {
        struct net_journal_queue *q = &j->queue[i];

        stats = sound_head(j) ? q->stats : (struct net_stats){ 0 };
        memset(q, 0, sizeof(*q));
        q->stats = stats;
    }
    j->reserved = 0;
    j->wiring = (struct net_wiring){ 0 };
    shm_set_u32(&j->version, NET_JOURNAL_VERSION);
    shm_wmb();
    shm_set_u32(&j->magic, NET_JOURNAL_MAGIC);
}

static bool sound_queue(const struct net_journal_queue *q)
{
    if (q->tx_cons - q->tx_prod > NET_RING_SLOTS ||
        q->rx_cons - q->rx_prod > NET_RING_SLOTS)
        return false;
    for (uint32_t i = q->tx_prod; i != q->tx_cons; i++)
        if (q->tx[i % NET_RING_SLOTS].is_extra > 1)
            return false;
    return true;
}

int net_journal_check(const struct net_journal *j, struct err *e)
{
    const struct net_wiring *w = &j->wiring;

    if (!sound_head(j))
        return fail(e, -EINVAL, "journal: magic %#x, version %u, want %#x, %u",
                    j->magic, j->version, NET_JOURNAL_MAGIC,
                    NET_JOURNAL_VERSION);
    if (j->connected > 1)
        return fail(e, -EINVAL, "journal: connected %u, want 0 or 1",
                    j->connected);
    if (!j->connected)
        return 0;
    if (w->nr_queues == 0 || w->nr_queues > NET_QUEUES_MAX)
        return fail(e, -EINVAL, "journal: wiring: %u queues, want 1..%u",
                    w->nr_queues, NET_QUEUES_MAX);
    if (w->headroom >= PAGE_BYTES)
        return fail(e, -EINVAL, "journal: wiring: headroom %u, want below %u",
                    w->headroom, PAGE_BYTES);
    for (uint32_t i = 0; i < w->nr_queues; i++) {
        const struct net_journal_queue *q = &j->queue[i];

        if (!sound_queue(q))
            return fail(e, -EINVAL,
                        "journal: queue %u: transmit %u..%u, receive %u..%u: "
                        "more than %u slots, or one of no known kind",
                        i, q->tx_prod, q->tx_cons, q->rx_prod, q->rx_cons,
                        NET_RING_SLOTS);
    }
    return 0;
}
