/* SPDX-License-Identifier: MIT */
/*
 * netfigures.c - what a network backend's journal tells whoever shows it
 */
#include "toolstack/supervisor/netfigures.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "common/checked.h"
#include "toolstack/supervisor/beproc.h"

#define NUMBERS (sizeof(struct net_stats) / sizeof(uint64_t))

_Static_assert(sizeof(struct net_stats) % sizeof(uint64_t) == 0,
               "net_stats has numbers alone");

static void add(struct net_stats *sum, const struct net_stats *one)
{
    uint64_t *to = (uint64_t *)sum;
    const uint64_t *from = (const uint64_t *)one;

    for (uint32_t i = 0; i < NUMBERS; i++)
        to[i] += from[i];
}

static bool read_head(int fd, struct netfigures *out)
{
    struct { /* as far as we need it */
        uint32_t magic, version, connected, reserved;
        struct net_wiring wiring;
    } head;

    _Static_assert(offsetof(struct net_journal, wiring) == 16, "head");
    if (pread(fd, &head, sizeof(head), 0) != sizeof(head) ||
        head.magic != NET_JOURNAL_MAGIC || head.version != NET_JOURNAL_VERSION)
        return false;
    out->connected = head.connected != 0;
    out->wiring = head.wiring;
    out->wiring.nr_queues = MIN_OF(head.wiring.nr_queues, NET_QUEUES_MAX);
    return true;
}

int netfigures_read(const char *base, struct netfigures *out)
{
    char path[BE_BASE_BYTES + 16];
    bool good;
    int fd;

    *out = (struct netfigures){ 0 };
    snprintf(path, sizeof(path), "%s.journal", base);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -ENOENT;
    good = read_head(fd, out);
    for (uint32_t i = 0; good && i < NET_QUEUES_MAX; i++) {
        struct net_stats one;
        off_t at = offsetof(struct net_journal, queue) +
                   (off_t)i * sizeof(struct net_journal_queue) +
                   offsetof(struct net_journal_queue, stats);

        good = pread(fd, &one, sizeof(one), at) == sizeof(one);
        if (good)
            add(&out->sum, &one);
    }
    close(fd);
    return good ? 0 : -ENOENT;
}
