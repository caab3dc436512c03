/* SPDX-License-Identifier: MIT */
/*
 * blkfigures.h - what a backend's journal tells whoever shows it
 *
 * The backend can write there what it likes, and cut the file short, so it is
 * read like any file and not mapped; nothing but figures comes of it.
 */
#ifndef BLKFIGURES_H
#define BLKFIGURES_H

#include <stdbool.h>
#include <stdint.h>

#include "backends/blk/blk_journal.h"

struct blkfigures {
    bool connected;                 /* it has a guest's wiring to go on by */
    uint32_t nr_queues, ring_pages; /* of that; within their limits */
    struct blk_stats sum;           /* of all queues */
};

/* base.journal; -ENOENT without words when it is not there, or too short. */
int blkfigures_read(const char *base, struct blkfigures *out);

#endif
