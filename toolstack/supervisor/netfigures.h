/* SPDX-License-Identifier: MIT */
/*
 * netfigures.h - what a network backend's journal tells whoever shows it
 *
 * As blkfigures.h: read like any file and not mapped; nothing but figures comes
 * of it, and what the guest negotiated.
 */
#ifndef NETFIGURES_H
#define NETFIGURES_H

#include <stdbool.h>

#include "backends/net/net_journal.h"

struct netfigures {
    bool connected;           /* it has a guest's wiring to go on by */
    struct net_wiring wiring; /* of that; nr_queues is within its limit */
    struct net_stats sum;     /* of all queues */
};

/* base.journal; -ENOENT without words when it is not there, or too short. */
int netfigures_read(const char *base, struct netfigures *out);

#endif
