/* SPDX-License-Identifier: MIT */
/*
 * blkfigures.c - what a backend's journal tells whoever shows it
 */
#include "toolstack/supervisor/blkfigures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/checked.h"
#include "toolstack/supervisor/beproc.h"

#define NUMBERS (sizeof(struct blk_stats) / sizeof(uint64_t))

_Static_assert(sizeof(struct blk_stats) % sizeof(uint64_t) == 0,
               "blk_stats has numbers alone");

static void add(struct blk_stats *sum, const struct blk_stats *one)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)one;

    for (uint32_t i = 0; i < NUMBERS; i++)
        to[i] += from[i];
}

static bool read_head(int fd, struct blkfigures *out)
{
    struct { /* as far as we need it */
        uint32_t magic, version, connected, reserved;
        uint8_t abi, nr_queues;
        uint16_t ring_pages;
    } head;

    _Static_assert(offsetof(struct blk_journal, wiring) == 16, "head");
    _Static_assert(offsetof(struct blk_wiring, ring_pages) == 2, "head");
    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
        head.magic != BLK_JOURNAL_MAGIC || head.version != BLK_JOURNAL_VERSION)
        return false;
    out->connected = head.connected != 0;
    out->nr_queues = MIN_OF(head.nr_queues, BLK_QUEUES_MAX);
    out->ring_pages = MIN_OF(head.ring_pages, BLK_RING_PAGES_MAX);
    return true;
}

int blkfigures_read(const char *base, struct blkfigures *out)
{
    char path[BE_BASE_BYTES + 16];
    bool good;
    int fd;

    *out = (struct blkfigures){ 0 };
    snprintf(path, sizeof(path), "%s.journal", base);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ENOENT;
    good = read_head(fd, out);
    for (uint32_t i = 0; good && i < BLK_QUEUES_MAX; i++) {
        struct blk_stats one;
        off_t at = offsetof(struct blk_journal, queue) +
                   (off_t)i * sizeof(struct blk_journal_queue) +
                   offsetof(struct blk_journal_queue, stats);

        good = pread(fd, &one, sizeof(one), at) == sizeof(one);
        if (good)
            add(&out->sum, &one);
    }
    close(fd);
    return good ? 0 : -ENOENT;
}
